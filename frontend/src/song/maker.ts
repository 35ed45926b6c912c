import { type Job, Offline, Refused, type Song, withdraw } from "../api/client";
import { follow } from "../api/follow";
import { createStore } from "../store";
import { grow, mayBegin, NOTHING, type Progress } from "./progress";

export type Phase = "idle" | "asking" | "working" | "failed" | "full";

interface Making {
  phase: Phase;
  progress: Progress;
  /** It plays already, while it is made. */
  sounding: boolean;
  message: string;
  /** When the full queue may be asked again, in ms since 1970. */
  retryAt: number;
}

/** Whom the song in the making concerns. */
export interface Listener {
  asked(job: Job): void;
  /** Some of it can be heard; told again as more comes. */
  sounding(job: Job, progress: Progress): void;
  done(song: Song): Promise<void>;
  /** It sounded, and there will be no more of it. */
  lost(): void;
}

const IDLE: Making = {
  phase: "idle",
  progress: NOTHING,
  sounding: false,
  message: "",
  retryAt: 0,
};

/** The song that the page shows coming into being. */
export const making = createStore<Making>(IDLE);

let askFor: () => Promise<Job>;
let job: Job | null = null;
let unfollow: (() => void) | null = null;
let listener: Listener;
let turn = 0;

/** Asks for a song, and follows it until it is done. */
export async function make(next: () => Promise<Job>, tell: Listener): Promise<void> {
  leave();
  const mine = ++turn;
  askFor = next;
  listener = tell;
  making.set({ ...IDLE, phase: "asking" });
  try {
    const asked = await askFor();
    if (mine !== turn) {
      void withdraw(asked.id);
      return;
    }
    job = asked;
    listener.asked(asked);
    take(asked);
  } catch (error) {
    if (mine === turn) refuse(error);
  }
}

function take(asked: Job): void {
  making.set({ phase: "working" });
  let began_ms = performance.now();
  unfollow = follow(asked.id, (event) => {
    if (event.kind === "done" && event.song) {
      job = null;
      void finish(event.song);
    } else if (event.kind === "failed") {
      job = null;
      breakOff();
      making.set({ phase: "failed", message: event.message ?? "The song could not be made." });
    } else if (event.kind === "cancelled") {
      job = null;
      breakOff();
      making.set(IDLE);
    } else {
      if (event.kind === "started") began_ms = performance.now();
      const progress = grow(making.get().progress, event);
      const elapsed_s = (performance.now() - began_ms) / 1_000;
      const { ready_s, duration_s } = progress;
      const sounding =
        making.get().sounding ||
        (event.kind === "sounding" && mayBegin(ready_s, duration_s, elapsed_s));
      making.set({ progress, sounding });
      if (sounding && ready_s) listener.sounding(asked, progress);
    }
  });
}

function breakOff(): void {
  if (making.get().sounding) listener.lost();
  making.set({ sounding: false });
}

/** The song in the making stays on the page until the finished one has its place. */
async function finish(song: Song): Promise<void> {
  const mine = turn;
  await listener.done(song);
  if (mine === turn) making.set({ phase: "idle", sounding: false });
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
  void make(askFor, listener);
}

export function cancel(): void {
  const id = job?.id;
  breakOff();
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
