import { expect, test } from "vitest";
import type { JobEvent } from "../api/client";
import { grow, mayBegin, NOTHING, type Progress, share, step } from "./progress";

const MOOD = {
  words: ["foggy"],
  phrase: "fog",
  understood: true,
  colours: [],
} as unknown as NonNullable<JobEvent["mood"]>;
const SECTION = { name: "intro", role: "intro", start_s: 0, end_s: 10 } as const;
const EVENTS: JobEvent[] = [
  { kind: "queued", position: 2 },
  { kind: "queued", position: 0 },
  { kind: "started" },
  { kind: "mood", title: "Glass", mood: MOOD },
  { kind: "form", duration_s: 10, tempo_bpm: 140, key: "F# minor", sections: [SECTION] },
  { kind: "score", stems: 2, parts: [{ name: "pad", stem: "pads", notes: [[0, 1, 60, 90]] }] },
  { kind: "effects", effects: 3 },
  { kind: "sounding", sound: "/sound.mp3", ready_s: 2, peaks: [1] },
  { kind: "sounding", sound: "/sound.mp3", ready_s: 9, peaks: [1, 2] },
  { kind: "master", peaks: [3], loudness_lufs: -14 },
];
const all = (events: JobEvent[], from: Progress = NOTHING) => events.reduce(grow, from);

test("a song grows artefact by artefact", () => {
  const shares = EVENTS.map((_, count) => share(all(EVENTS.slice(0, count + 1))));
  expect(shares).toEqual([...shares].sort((a, b) => a - b));
  expect(shares.at(-1)).toBe(1);
  expect(EVENTS.map((_, count) => step(all(EVENTS.slice(0, count + 1))))).toEqual([
    "2 songs before yours",
    "finding the mood",
    "finding the mood",
    "drawing the form",
    "writing the notes",
    "drawing the effects",
    "playing",
    "making the rest",
    "making the rest",
    "keeping it",
  ]);
});

test("a stream told again from the start changes nothing", () => {
  const once = all(EVENTS);
  expect(all(EVENTS, once)).toEqual(once);
  const { ready_s, peaks } = all(EVENTS.slice(0, 8));
  expect([ready_s, peaks.length, peaks[0], peaks[1]]).toEqual([2, 800, 1, 0]);
});

test("how far a model is is shown in place of what was shown before; what it says stays", () => {
  const note: JobEvent = { kind: "note", message: "about 12 min" };
  const told: JobEvent[] = [
    ...EVENTS.slice(0, 7),
    note,
    { kind: "progress", message: "song by musicgen-small: intro, 10%, 11 min left" },
    { kind: "progress", message: "song by musicgen-small: hook, 50%, 6 min left" },
  ];
  const song = all(told);
  expect([song.doing, song.notes]).toEqual([told.at(-1)?.message, ["about 12 min"]]);
  expect(step(song)).toBe("playing");
  expect(share(song)).toBeCloseTo(0.3 + 0.7 * 0.5);
  expect(grow(song, note).notes).toEqual(["about 12 min"]); // a stream told again
  const played = grow(song, { kind: "master", peaks: [1], loudness_lufs: -14 });
  expect([played.doing, played.notes]).toEqual(["", ["about 12 min"]]);
});

test("a song begins to sound when the rest will be there in time", () => {
  expect(mayBegin(0, 150, 1)).toBe(false);
  expect(mayBegin(12, 150, 1)).toBe(true);
  expect(mayBegin(10, 150, 10)).toBe(true); // as fast as it sounds, and that much ahead
  expect(mayBegin(10, 150, 30)).toBe(false); // a model that takes three times as long
  expect(mayBegin(120, 150, 360)).toBe(true);
});

test("what a lost process had made is forgotten, and said", () => {
  const again = all([{ kind: "retry", message: "made again" }, { kind: "started" }], all(EVENTS));
  expect(again).toEqual({ ...NOTHING, notice: "made again" });
});
