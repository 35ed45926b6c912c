import {
  ask,
  client,
  type Job,
  Offline,
  Refused,
  type Song,
  type Wish,
  withdraw,
} from "../api/client";
import { follow } from "../api/follow";
import { createStore } from "../store";
import { grow, NOTHING, type Progress } from "./progress";

export type Phase = "idle" | "asking" | "working" | "failed" | "full";

interface Making {
  phase: Phase;
  progress: Progress;
  message: string;
  /** When the full queue may be asked again, in ms since 1970. */
  retryAt: number;
}

const IDLE: Making = { phase: "idle", progress: NOTHING, message: "", retryAt: 0 };

/** The song that the page shows coming into being. */
export const making = createStore<Making>(IDLE);

let wish: Wish = {};
let job: Job | null = null;
let unfollow: (() => void) | null = null;
let whenDone: (song: Song) => Promise<void> = async () => {};
let turn = 0;

/** Asks for a song, and follows it until it is done. */
export async function make(next: Wish, done: (song: Song) => Promise<void>): Promise<void> {
  leave();
  const mine = ++turn;
  wish = next;
  whenDone = done;
  making.set({ ...IDLE, phase: "asking" });
  try {
    const asked = await ask(client.POST("/api/songs", { body: next as never }));
    if (mine !== turn) {
      void withdraw(asked.id);
      return;
    }
    job = asked;
    take(asked);
  } catch (error) {
    if (mine === turn) refuse(error);
  }
}

function take(asked: Job): void {
  making.set({ phase: "working" });
  unfollow = follow(asked.id, (event) => {
    if (event.kind === "done" && event.song) {
      job = null;
      void finish(event.song);
    } else if (event.kind === "failed") {
      job = null;
      making.set({ phase: "failed", message: event.message ?? "The song could not be made." });
    } else if (event.kind === "cancelled") {
      job = null;
      making.set(IDLE);
    } else {
      making.set({ progress: grow(making.get().progress, event) });
    }
  });
}

/** The song in the making stays on the page until the finished one has its place. */
async function finish(song: Song): Promise<void> {
  const mine = turn;
  await whenDone(song);
  if (mine === turn) making.set({ phase: "idle" });
}

function refuse(error: unknown): void {
  if (error instanceof Offline) {
    making.set(IDLE);
  } else if (error instanceof Refused && error.status === 429) {
    const retryAt = Date.now() + 1_000 * Math.max(1, error.retryAfterS);
    making.set({ phase: "full", message: "Many songs wait already.", retryAt });
  } else {
    making.set({
      phase: "failed",
      message: error instanceof Error ? error.message : String(error),
    });
  }
}

export function retry(): void {
  void make(wish, whenDone);
}

export function cancel(): void {
  const id = job?.id;
  leave();
  if (id) void withdraw(id);
}

/** Lets a song come into being unseen: it goes into the library. */
export function letGo(then: () => void): void {
  const id = job?.id;
  leave();
  if (id) follow(id, (event) => event.kind === "done" && then());
}

/** Stops following; a job that is there goes on by itself. */
function leave(): void {
  turn++;
  unfollow?.();
  unfollow = null;
  job = null;
  making.set(IDLE);
}
