import {
  ask,
  client,
  getSong,
  type Job,
  Refused,
  type Song,
  type SongDetail,
  withdraw,
} from "../api/client";
import { follow } from "../api/follow";
import { instrumentOf, playedBy } from "../song/instruments";
import { createStore } from "../store";
import { onTime, open, player, position, preload } from "./player";
import { backoff_s, plan } from "./radioPlan";

interface Radio {
  on: boolean;
  mode: "end" | "every";
  every_s: number;
  /** What becomes of the next song. */
  next: "none" | "making" | "ready" | "late" | "trouble";
  /** Seconds until the next one, in the mode that counts. */
  due_s: number;
  /** Seconds that a song takes to make here. */
  usual_s: number;
}

export const radio = createStore<Radio>({
  on: false,
  mode: "end",
  every_s: 90,
  next: "none",
  due_s: 0,
  usual_s: 0,
});

const TICK_MS = 500;

/** Which station, and which of its songs comes next. */
interface Station {
  seed: number;
  number: number;
}

let station: Station | null = null;
/** What it wanders from; it may be changed while it runs. */
let mood = "";
let ready: SongDetail | null = null;
let unfollow: (() => void) | null = null;
let asked: Job | null = null;
let failures = 0;
let timer = 0;
let again = 0;
let elapsed_ms = 0;
let seen_ms = 0;
let ended = false;
let crossing = false;

/** What the station's next song is asked for with. */
function wishOf({ seed, number }: Station) {
  return { text: mood, radio: { station: mood, seed, number }, ...playedBy() };
}

/** Opens a station; its first song is asked for by the page, which shows it coming. */
export function start(text: string): ReturnType<typeof wishOf> {
  stop();
  mood = text;
  station = { seed: Math.floor(Math.random() * 2 ** 53), number: 0 };
  radio.set({ on: true, next: "none" });
  return wishOf(station);
}

/** The first song plays: from now on it goes by itself. */
export function begin(): void {
  if (!station) return;
  restartClock();
  advance();
}

/** Wanders from another mood, from the next song on that is asked for. */
export function retune(text: string): void {
  mood = text.trim();
}

export function stop(): void {
  if (!station && !radio.get().on) return;
  station = null;
  ready = null;
  window.clearTimeout(timer);
  window.clearTimeout(again);
  unfollow?.();
  unfollow = null;
  if (asked) void withdraw(asked.id);
  asked = null;
  failures = 0;
  radio.set({ on: false, next: "none" });
}

function restartClock(): void {
  elapsed_ms = 0;
  seen_ms = performance.now();
  ended = false;
}

/** Asks for the station's next song. */
function advance(): void {
  if (!station) return;
  station = { ...station, number: station.number + 1 };
  ready = null;
  failures = 0;
  void request();
  tick();
}

async function request(): Promise<void> {
  const mine = station;
  if (!mine) return;
  radio.set({ next: "making" });
  try {
    const wish = wishOf(mine);
    const job = await ask(client.POST("/api/songs", { body: wish as never }));
    if (mine !== station) {
      void withdraw(job.id);
      return;
    }
    asked = job;
    unfollow = follow(job.id, (event) => {
      if (event.kind === "done" && event.song) void take(mine, event.song);
      else if (event.kind === "failed" || event.kind === "cancelled") trouble(mine, 0, true);
    });
    const about = await ask(client.GET("/api/about"));
    radio.set({ usual_s: (instrumentOf(about, wish.instrument ?? "") ?? about).usual_s });
  } catch (error) {
    if (!asked) trouble(mine, error instanceof Refused ? error.retryAfterS : 0, false);
  }
}

async function take(mine: Station, song: Song): Promise<void> {
  asked = null;
  unfollow = null;
  try {
    const detail = await getSong(song.id);
    if (mine !== station) return;
    ready = detail;
    preload(detail);
    radio.set({ next: "ready" });
    tick();
  } catch {
    trouble(mine, 0, false);
  }
}

/** Waits, and asks again; a song that cannot be made is passed over. */
function trouble(mine: Station, retryAfter_s: number, skip: boolean): void {
  if (mine !== station) return;
  asked = null;
  unfollow = null;
  if (skip) station = { ...mine, number: mine.number + 1 };
  radio.set({ next: "trouble" });
  again = window.setTimeout(() => void request(), 1_000 * backoff_s(++failures, retryAfter_s));
}

/** Looks whether the next song is due. Timers and the song's own events drive it, never frames. */
function tick(): void {
  window.clearTimeout(timer);
  if (!station || crossing) return;
  const { song, playing } = player.get();
  const now = performance.now();
  if (playing || ended) elapsed_ms += now - seen_ms;
  seen_ms = now;
  if (song && (playing || ended)) {
    const { mode, every_s } = radio.get();
    const move = plan({
      mode,
      every_s,
      elapsed_s: elapsed_ms / 1_000,
      position_s: position(),
      duration_s: song.duration_s,
      ended,
      ready: ready !== null,
    });
    if (move.act === "go" && ready) {
      void cross(ready, move.fade_s);
      return;
    }
    if (move.act === "stay") radio.set({ due_s: Math.ceil(move.due_s) });
    if (move.act === "late" && radio.get().next === "making") radio.set({ next: "late" });
  }
  timer = window.setTimeout(tick, TICK_MS);
}

async function cross(song: SongDetail, fade_s: number): Promise<void> {
  crossing = true;
  await open(song, { play: true, cross_s: fade_s });
  crossing = false;
  restartClock();
  advance();
}

onTime((what) => {
  if (!station) return;
  if (what === "ended") ended = true;
  else if (player.get().playing) ended = false;
  tick();
});
