import { expect, test } from "vitest";
import type { SongDetail } from "../api/client";
import { changeOf, pitchOf, shapeOf } from "./shapes";

const SONG = {
  key: "Db minor",
  tempo_bpm: 137.6,
  duration_s: 151.3,
  mood: { valence: -0.42, energy: 0.1, warmth: 0, density: 0.333, haze: 1 },
  parts: [{ name: "singer", stem: "vocals", notes: [[0, 1, 60, 90]] }],
} as unknown as SongDetail;

test("what was not moved is not changed", () => {
  expect(changeOf(SONG, shapeOf(SONG))).toEqual({});
});

test("what was moved is all that is asked for", () => {
  const wish = shapeOf(SONG);
  expect(changeOf(SONG, { ...wish, tempo_bpm: 140 })).toEqual({ tempo_bpm: 140 });
  expect(changeOf(SONG, { ...wish, mode: "major" })).toEqual({ key: "C# major" });
  const warm = { ...wish.mood, warmth: 0.4 };
  expect(changeOf(SONG, { ...wish, mood: warm, instrumental: true })).toEqual({
    mood: { warmth: 0.4 },
    instrumental: true,
  });
});

test("pitches are written as musicians do", () => {
  expect(["F#", "Bb", "C", "dorian", "B"].map(pitchOf)).toEqual(["F♯", "B♭", "C", "dorian", "B"]);
});
