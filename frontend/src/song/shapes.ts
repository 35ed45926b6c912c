import type { Shape, SongDetail } from "../api/client";

export const TONICS = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"] as const;
export const MODES = ["minor", "major", "dorian", "lydian"] as const;

/** The axes of the mood, and a word for either end. */
export const AXES = [
  ["valence", "sad", "glad"],
  ["energy", "calm", "driving"],
  ["warmth", "cold", "warm"],
  ["density", "sparse", "dense"],
  ["haze", "clear", "hazy"],
] as const;
export type Axis = (typeof AXES)[number][0];

/** A song's shape as the sliders show it. */
export interface Sliders {
  tempo_bpm: number;
  length_s: number;
  mood: Record<Axis, number>;
  tonic: string;
  mode: string;
  instrumental: boolean;
}

const SAME_PITCH: Record<string, string> = {
  Db: "C#",
  "D#": "Eb",
  Gb: "F#",
  "G#": "Ab",
  "A#": "Bb",
};

export function shapeOf(song: SongDetail): Sliders {
  const [tonic = "C", mode = "minor"] = song.key.split(" ");
  const mood = Object.fromEntries(
    AXES.map(([axis]) => [axis, Math.round(song.mood[axis] * 20) / 20]),
  ) as Record<Axis, number>;
  return {
    tempo_bpm: Math.round(song.tempo_bpm),
    length_s: Math.round(song.duration_s / 5) * 5,
    mood,
    tonic: SAME_PITCH[tonic] ?? tonic,
    mode,
    instrumental: !song.parts.some((part) => part.stem === "vocals" && part.notes.length > 0),
  };
}

/** What of the sliders was moved. */
export function changeOf(song: SongDetail, wish: Sliders): Shape {
  const before = shapeOf(song);
  const change: Shape = {};
  if (wish.tempo_bpm !== before.tempo_bpm) change.tempo_bpm = wish.tempo_bpm;
  if (wish.length_s !== before.length_s) change.length_s = wish.length_s;
  if (wish.tonic !== before.tonic || wish.mode !== before.mode)
    change.key = `${wish.tonic} ${wish.mode}`;
  const moved = AXES.filter(([axis]) => wish.mood[axis] !== before.mood[axis]);
  if (moved.length)
    change.mood = Object.fromEntries(moved.map(([axis]) => [axis, wish.mood[axis]]));
  if (wish.instrumental !== before.instrumental) change.instrumental = wish.instrumental;
  return change;
}

/** “F#” → “F♯”. */
export function pitchOf(name: string): string {
  return name.replace(/^([A-G])#$/, "$1♯").replace(/^([A-G])b$/, "$1♭");
}
