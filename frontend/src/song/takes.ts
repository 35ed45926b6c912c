import { askSong, type Job, type Wish, withdraw } from "../api/client";
import { follow } from "../api/follow";
import { createStore } from "../store";

/** Two songs of one wish, to choose from. */
interface Takes {
  /** Whether the next wish makes two. */
  on: boolean;
  /** The ids of the two; empty where one song was asked for. */
  ids: readonly string[];
  /** What becomes of the second. */
  second: "making" | "ready" | "failed";
}

export const takes = createStore<Takes>({ on: false, ids: [], second: "making" });

let unfollow = () => {};
let turn = 0;

/** The first take is asked for: asks for the second, of the same seed. */
export async function begin(first: Job, wish: Wish, done: () => void): Promise<void> {
  if (!takes.get().on) return;
  const mine = ++turn;
  try {
    const job = await askSong({ ...wish, seed: first.seed, take: 2 });
    if (mine !== turn) {
      void withdraw(job.id);
      return;
    }
    takes.set({ ids: [first.id, job.id], second: "making" });
    unfollow = follow(job.id, ({ kind }) => {
      if (kind === "done") {
        takes.set({ second: "ready" });
        done();
      } else if (kind === "failed" || kind === "cancelled") takes.set({ second: "failed" });
    });
  } catch {
    // The queue is full, say: one song will do.
  }
}

/** Something else is wanted; a second take that is not there yet is made no more. */
export function forget(): void {
  turn++;
  unfollow();
  const { ids, second } = takes.get();
  if (ids[1] && second === "making") void withdraw(ids[1]);
  takes.set({ ids: [], second: "making" });
}
