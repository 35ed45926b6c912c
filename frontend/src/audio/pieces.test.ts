import { expect, test } from "vitest";
import { RATE } from "./graph";
import {
  anchorAt,
  frameNow,
  isHeard,
  KEPT,
  PIECE_FRAMES,
  pieceCount,
  startOf,
  wanted,
} from "./pieces";

test("pieces lie back to back, to the sample", () => {
  const anchor = anchorAt(12.3456789, 0.08, 3 * PIECE_FRAMES + 1_234);
  const first = startOf(3, anchor);
  expect(first).toEqual({ at_s: anchor.time_s, offset_s: 1_234 / RATE });
  const starts = [4, 5, 6, 40].map((piece) => startOf(piece, anchor).at_s * RATE);
  const zero = Math.round(anchor.time_s * RATE) + PIECE_FRAMES - 1_234;
  expect(starts.map((start) => Math.round(start) - zero)).toEqual(
    [0, 1, 2, 36].map((n) => n * PIECE_FRAMES),
  );
  for (const start of starts) expect(Math.abs(start - Math.round(start))).toBeLessThan(1e-6);
});

test("an anchor lies on a sample, after now", () => {
  const { time_s } = anchorAt(1, 0.08, 0);
  expect(time_s).toBeGreaterThanOrEqual(1.08);
  expect(Math.abs(time_s * RATE - Math.round(time_s * RATE))).toBeLessThan(1e-6);
  expect(frameNow(time_s - 0.05, { time_s, frame: 7 })).toBe(7);
  expect(frameNow(time_s + 2, { time_s, frame: 7 })).toBe(7 + 2 * RATE);
});

test("only the piece that sounds and the next two are wanted", () => {
  const frames = 10.5 * PIECE_FRAMES;
  expect(wanted(0, frames)).toEqual([0, 1, 2]);
  expect(wanted(9 * PIECE_FRAMES, frames)).toEqual([9, 10]);
  expect(wanted(frames, frames)).toEqual([10]);
  expect(pieceCount(frames)).toBe(11);
  const eightStems = KEPT * 8 * PIECE_FRAMES * 2 * 4;
  expect(eightStems).toBeLessThan(150e6);
});

test("solo wins over mute", () => {
  const none = new Set<string>();
  expect(isHeard("bass", none, none)).toBe(true);
  expect(isHeard("bass", new Set(["bass"]), none)).toBe(false);
  expect(isHeard("bass", new Set(["bass"]), new Set(["bass"]))).toBe(true);
  expect(isHeard("pads", none, new Set(["bass"]))).toBe(false);
});
