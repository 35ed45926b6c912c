import { fileUrl, getSong, Offline, type SongDetail } from "../api/client";
import { link, lost } from "../api/link";
import { createStore } from "../store";
import { Deck } from "./deck";
import { type Graph, knownGraph, openGraph } from "./graph";
import { announce, announceNothing, announcePosition } from "./media";
import { recall, remember } from "./memory";
import { StemsTransport } from "./stems";

/** What is played, and how. The place in the song changes all the time: ask `position()`. */
interface Playing {
  song: SongDetail | null;
  /** Whether it shall sound; it may have to wait for data. */
  playing: boolean;
  waiting: boolean;
  stems: StemsTransport | null;
  /** How much is there of a song that plays while it is made; null once it is whole. */
  ready_s: number | null;
  volume: number;
  muted: boolean;
  problem: string;
  /** A song of the last visit is being fetched. */
  recalling: boolean;
}

/** Where a song that is being made can be heard, and how much of it is there. */
export interface Live {
  url: string;
  ready_s: number;
}

const SHORT_FADE_S = 0.08;
/** So near to the end of what is there one may jump. */
const NEAR_S = 1;
const KEEP_EVERY_MS = 2_000;
const SUSPEND_AFTER_MS = 3_000;

const memory = recall();
export const player = createStore<Playing>({
  song: null,
  playing: false,
  waiting: false,
  stems: null,
  ready_s: null,
  volume: memory.volume,
  muted: memory.muted,
  problem: "",
  recalling: memory.songId !== "",
});

const decks = [new Deck(), new Deck()] as const;
let active: Deck = decks[0];
/** What plays will not be made to its end. */
let broken = false;
let recallAgain = false;
let suspend = 0;
let kept = 0;

/** Told a few times a second while a song sounds, after jumps, and at its end. */
type Listener = (what: "time" | "ended") => void;
const listeners = new Set<Listener>();
export function onTime(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
function tell(what: "time" | "ended"): void {
  for (const listener of [...listeners]) listener(what);
  keep();
}

for (const deck of decks) {
  const { element } = deck;
  const mine = () => deck === active && !deck.isEmpty && !player.get().stems;
  element.addEventListener("timeupdate", () => mine() && tell("time"));
  element.addEventListener("seeked", () => mine() && tell("time"));
  element.addEventListener("waiting", () => mine() && player.set({ waiting: true }));
  element.addEventListener("playing", () => mine() && player.set({ waiting: false, problem: "" }));
  element.addEventListener("pause", () => {
    // The system has paused it, a call for instance; our own pauses have said so before.
    if (mine() && element.paused && !element.ended && player.get().playing) setPlaying(false);
  });
  element.addEventListener("ended", () => mine() && end());
  element.addEventListener("error", () => {
    if (!mine()) return;
    setPlaying(false);
    player.set({ waiting: false });
    if (broken) return end(); // the page says why
    lost();
    player.set({ problem: "This song cannot be played just now." });
    tell("ended"); // a radio goes on with the next one
  });
}

/** Call it within a click or a key, before anything is awaited: sound may start later, then. */
export function unlock(): Graph {
  const graph = openGraph();
  window.clearTimeout(suspend);
  void graph.context.resume();
  for (const deck of decks) deck.plug(graph);
  applyVolume();
  return graph;
}

export function position(): number {
  const { song, stems } = player.get();
  if (!song) return 0;
  const at = stems ? stems.position_s : active.isEmpty ? 0 : active.element.currentTime;
  return Math.max(0, Math.min(at, song.duration_s));
}

/** Shows a song, and plays it; what sounded before falls silent, or is crossed over. */
export async function open(
  song: SongDetail,
  options: { play: boolean; at_s?: number; cross_s?: number; live?: Live },
): Promise<void> {
  const { play: start, at_s = 0, cross_s = 0, live } = options;
  const url = live?.url ?? urlOf(song);
  dropStems();
  broken = false;
  const before = active;
  active = before === decks[0] ? decks[1] : decks[0];
  if (active.element.getAttribute("src") !== url) active.load(url, at_s);
  before.quiet(cross_s || SHORT_FADE_S, true);
  const ready_s = live ? live.ready_s : null;
  player.set({ song, ready_s, playing: false, waiting: false, problem: "", recalling: false });
  announce(song, controls, live === undefined);
  tell("time");
  if (start) await play(cross_s);
}

/** More is there of the song that plays while it is made. */
export function extend(song: SongDetail, ready_s: number): void {
  if (player.get().song?.id === song.id) player.set({ song, ready_s });
}

/** The song that plays is whole now: it plays on as it does, from where it is. */
export function complete(song: SongDetail): void {
  if (player.get().song?.id !== song.id) return;
  player.set({ song, ready_s: null });
  announce(song, controls);
}

/** There will be no more of the song that plays: it ends where it does. */
export function breakOff(): void {
  const { song, ready_s } = player.get();
  if (!song || ready_s === null) return;
  broken = true;
  player.set({ song: { ...song, duration_s: ready_s } });
}

/** Loads what will be crossed to, so that it can begin at once. */
export function preload(song: SongDetail): void {
  const idle = active === decks[0] ? decks[1] : decks[0];
  if (idle.isFading) return; // what sounds there still comes first
  if (idle.element.getAttribute("src") !== urlOf(song)) idle.load(urlOf(song));
}

export async function play(fadeIn_s = 0): Promise<void> {
  const { song, stems } = player.get();
  if (!song) return;
  unlock();
  setPlaying(true);
  if (stems) {
    stems.play();
    return;
  }
  if (active.isEmpty) active.load(urlOf(song));
  try {
    await active.play(fadeIn_s);
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    if (name === "AbortError") return; // something newer was asked for
    setPlaying(false);
    if (name !== "NotAllowedError") player.set({ problem: "This song cannot be played just now." });
  }
}

export function pause(): void {
  const { stems } = player.get();
  setPlaying(false);
  if (stems) stems.pause();
  else active.quiet(SHORT_FADE_S, false);
  tell("time");
}

export function toggle(): void {
  if (player.get().playing) pause();
  else void play();
}

export function seek(to_s: number): void {
  const { song, stems, ready_s } = player.get();
  if (!song) return;
  const there_s = ready_s === null ? song.duration_s - 0.05 : ready_s - NEAR_S;
  const at = Math.max(0, Math.min(to_s, there_s));
  if (stems) stems.seek(at);
  else {
    if (active.isEmpty) active.load(urlOf(song));
    active.element.currentTime = at;
  }
  tell("time");
}

export function setVolume(volume: number): void {
  player.set({ volume: Math.max(0, Math.min(1, volume)), muted: false });
  applyVolume();
  keep(true);
}

export function setMuted(muted: boolean): void {
  player.set({ muted });
  applyVolume();
  keep(true);
}

/** Falls silent, and shows no song any more. */
export function close(): void {
  dropStems();
  for (const deck of decks) deck.quiet(SHORT_FADE_S, true);
  setPlaying(false);
  player.set({ song: null, ready_s: null, problem: "" });
  announceNothing();
  keep(true);
}

/** Goes over from the file to its stems, at the same place. */
export async function openStems(song: SongDetail, wanted: () => boolean): Promise<void> {
  const graph = unlock();
  const stems = new StemsTransport(graph, song, (what) => {
    if (player.get().stems !== stems) return;
    if (what === "ended") end();
    else if (what === "lost") {
      closeStems();
      player.set({ problem: "The stems made room for other songs; open them again." });
    } else tell(what);
  });
  const was = position();
  await stems.prepare(was);
  if (player.get().song?.id !== song.id || player.get().stems || !wanted()) {
    stems.close();
    return;
  }
  const { playing } = player.get();
  stems.seek(position());
  player.set({ song, stems });
  active.quiet(SHORT_FADE_S, false);
  if (playing) stems.play();
}

/** Goes back from the stems to the file, at the same place. */
export function closeStems(): void {
  const { playing, song } = player.get();
  if (!song || !player.get().stems) return;
  const at = position();
  dropStems();
  if (active.isEmpty) active.load(urlOf(song));
  active.element.currentTime = at;
  if (playing) void play(SHORT_FADE_S);
  tell("time");
}

/** Begins empty: another song is wanted than that of the last visit. */
export function forgetSong(): void {
  player.set({ recalling: false });
}

/** Brings back the song of the last visit, paused at its place. */
export async function recallSong(): Promise<void> {
  const { songId, position_s } = memory;
  recallAgain = false;
  if (!songId || player.get().song) return;
  try {
    const song = await getSong(songId);
    if (!player.get().song) await open(song, { play: false, at_s: position_s });
  } catch (error) {
    recallAgain = error instanceof Offline; // otherwise it is gone: the page begins empty
  }
  player.set({ recalling: false });
}

/** Takes over what has changed of the song that plays: its name, say. */
export function refresh(change: Partial<SongDetail> & { id: string }): void {
  const { song } = player.get();
  if (song?.id === change.id) player.set({ song: { ...song, ...change } });
}

const controls = {
  play: () => void play(),
  pause,
  seek,
  skip: (by_s: number) => seek(position() + by_s),
};

function urlOf(song: SongDetail): string {
  return fileUrl(song.id, "song.mp3");
}

function end(): void {
  const { stems } = player.get();
  if (stems) stems.seek(0);
  setPlaying(false);
  tell("ended");
}

function dropStems(): void {
  player.get().stems?.close();
  player.set({ stems: null });
}

function setPlaying(playing: boolean): void {
  player.set({ playing });
  if ("mediaSession" in navigator)
    navigator.mediaSession.playbackState = playing ? "playing" : "paused";
  window.clearTimeout(suspend);
  if (!playing) {
    suspend = window.setTimeout(() => void knownGraph()?.context.suspend(), SUSPEND_AFTER_MS);
  }
  keep(true);
}

function applyVolume(): void {
  const graph = knownGraph();
  const { volume, muted } = player.get();
  // Ears hear ratios: the square makes the slider feel even.
  graph?.volume.gain.setTargetAtTime(muted ? 0 : volume ** 2, graph.context.currentTime, 0.015);
}

function keep(atOnce = false): void {
  const now = Date.now();
  if (!atOnce && now - kept < KEEP_EVERY_MS) return;
  kept = now;
  const { song, volume, muted, recalling } = player.get();
  if (recalling) return;
  if (song) announcePosition(song, position());
  remember({ songId: song?.id ?? "", position_s: position(), volume, muted });
}

window.addEventListener("pagehide", () => keep(true));
link.watch(() => {
  if (!link.get().online) return;
  player.set({ problem: "" });
  if (recallAgain) void recallSong();
});
