import type { PartView } from "../api/client";

/** A note in the picture: times in seconds, height 0 (bottom) … 1. */
export interface Light {
  onset_s: number;
  end_s: number;
  height: number;
  strength: number;
  stem: string;
  struck: boolean;
}

const FLOOR = 0.16;

/** Places every note by its pitch; drums lie below the others, each piece on its own line. */
export function layOut(parts: readonly PartView[]): Light[] {
  const sung = parts.filter((part) => part.stem !== "drums").flatMap((part) => part.notes);
  const lowest = Math.min(...sung.map((note) => note[2]));
  const highest = Math.max(...sung.map((note) => note[2]));
  const struck = parts.filter((part) => part.stem === "drums" && part.notes.length);
  const lights = parts.flatMap((part) =>
    part.notes.map(([onset_s, duration_s, pitch, velocity]) => ({
      onset_s,
      end_s: onset_s + duration_s,
      height:
        part.stem === "drums"
          ? (FLOOR * (struck.indexOf(part) + 0.5)) / (struck.length + 0.5)
          : FLOOR + (1 - FLOOR) * ((pitch - lowest + 1) / (highest - lowest + 2)),
      strength: velocity / 127,
      stem: part.stem,
      struck: part.stem === "drums",
    })),
  );
  return lights.sort((a, b) => a.onset_s - b.onset_s);
}

/** The index of the first note that begins at `time_s` or later. */
export function firstFrom(lights: readonly Light[], time_s: number): number {
  let low = 0;
  let high = lights.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lights[middle] as Light).onset_s < time_s) low = middle + 1;
    else high = middle;
  }
  return low;
}
