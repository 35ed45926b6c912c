/** What survives a reload: the song, its place, the volume. Storage may be refused: then nothing does. */
export interface Memory {
  songId: string;
  position_s: number;
  volume: number;
  muted: boolean;
}

const KEY = "halation";
const EMPTY: Memory = { songId: "", position_s: 0, volume: 0.9, muted: false };

export function recall(): Memory {
  try {
    return { ...EMPTY, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Memory>) };
  } catch {
    return EMPTY;
  }
}

export function remember(memory: Memory): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(memory));
  } catch {
    // A browser that keeps nothing plays all the same.
  }
}
