import { ask, client, getSong, type SongDetail } from "../api/client";
import { follow } from "../api/follow";
import { player } from "../audio/player";
import { createStore } from "../store";

/** The panel of stems: whether it is open, and what becomes of the stems. */
interface Door {
  open: boolean;
  phase: "idle" | "making" | "failed";
  /** Stems that are written already. */
  written: readonly string[];
  count: number;
  position: number;
  /** How far a model is that plays the song once more. */
  doing: string;
  message: string;
}

const SHUT: Door = {
  open: false,
  phase: "idle",
  written: [],
  count: 8,
  position: 0,
  doing: "",
  message: "",
};

export const door = createStore<Door>(SHUT);
let leave: (() => void) | null = null;

/** Opens the door; resolves to the song with its stems, or null if it was shut meanwhile. */
export async function fetchStems(song: SongDetail, show = true): Promise<SongDetail | null> {
  leave?.();
  door.set({ ...SHUT, open: show });
  const path = { song_id: song.id };
  try {
    if (!song.stems.length) {
      door.set({ phase: "making" });
      const job = await ask(client.POST("/api/songs/{song_id}/stems", { params: { path } }));
      if (!(await written(job.id))) return null;
    }
    const whole = await getSong(song.id);
    door.set({ phase: "idle" });
    return whole;
  } catch (error) {
    door.set({ phase: "failed", message: error instanceof Error ? error.message : String(error) });
    return null;
  }
}

/** Waits for a job's stems; false if nobody waits any more. */
function written(jobId: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const unfollow = follow(jobId, (event) => {
      if (event.kind === "queued") door.set({ position: event.position ?? 0 });
      if (event.kind === "started") door.set({ written: [], position: 0, doing: "" });
      if (event.kind === "progress") door.set({ doing: event.message ?? "" });
      if (event.kind === "stem" && event.stem) {
        const names = new Set([...door.get().written, event.stem]);
        door.set({ written: [...names], count: event.stems ?? door.get().count });
      }
      if (event.kind === "done") resolve(true);
      if (event.kind === "failed")
        reject(new Error(event.message ?? "The stems could not be made."));
      if (event.kind === "cancelled") reject(new Error("The stems were not made."));
    });
    leave = () => {
      leave = null;
      unfollow();
      resolve(false);
    };
  });
}

export function shut(): void {
  leave?.();
  door.set(SHUT);
}

// Another song has other stems.
let songId = "";
let heard = false;
player.watch(() => {
  const id = player.get().song?.id ?? "";
  const hears = player.get().stems !== null;
  if (heard && !hears && door.get().open) shut(); // they were lost
  heard = hears;
  if (id === songId) return;
  songId = id;
  shut();
});
