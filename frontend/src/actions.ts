import {
  askAgain,
  askMidi,
  askShape,
  askSong,
  getSong,
  type Job,
  type Shape,
  type Song,
  type SongDetail,
} from "./api/client";
import {
  breakOff,
  close,
  closeStems,
  complete,
  extend,
  open,
  openStems,
  pause,
  player,
  position,
  unlock,
} from "./audio/player";
import * as station from "./audio/radio";
import * as library from "./library/library";
import { playedBy } from "./song/instruments";
import { unfinished } from "./song/look";
import { cancel, type Listener, letGo, make, making } from "./song/maker";
import type { Shared } from "./song/shareLink";
import * as stemsDoor from "./song/stemsDoor";
import * as takes from "./song/takes";

/** What a listener does, where it touches more than one part of the page. Whatever is chosen ends the radio. */

/** The one button. */
export function generate(text: string, shared: Shared | null): void {
  unlock();
  endRadio();
  pause();
  const seed = shared && shared.text === text ? { seed: shared.seed } : {};
  const wish = { text: text.trim(), ...seed, ...playedBy() };
  takes.forget();
  const asked = (job: Job) => takes.begin(job, wish, () => void library.reload());
  void make(() => askSong(wish), heard({ asked }));
}

/** Makes the song no more; what of it sounds already falls silent. */
export function stopMaking(): void {
  const { sounding } = making.get();
  cancel();
  takes.forget();
  if (sounding) close();
}

export function startRadio(text: string): void {
  unlock();
  const wish = station.start(text.trim());
  if (making.get().phase === "working" || making.get().phase === "asking") stopMaking();
  if (player.get().stems) closeStems();
  if (player.get().playing) {
    station.begin(); // the song that plays is the station's first
    return;
  }
  takes.forget();
  void make(() => askSong(wish), heard({ whenDone: station.begin }));
}

export function endRadio(): void {
  if (station.radio.get().on) station.stop();
}

/** The radio's switch: off is off at once, also while its first song is in the making. */
export function stopRadio(): void {
  endRadio();
  if (making.get().phase !== "idle") stopMaking();
}

interface Hearing {
  asked?: (job: Job) => void;
  whenDone?: () => void;
  /** The place from which it is heard. */
  at_s?: number;
}

/** So much has to be there after the place from which a song is heard. */
const AHEAD_S = 2;

/** Plays a song from the moment on when it begins to exist. */
function heard({ asked = () => {}, whenDone = () => {}, at_s = 0 }: Hearing = {}): Listener {
  return {
    asked,
    sounding(job, progress) {
      const song = unfinished(job, progress);
      const { sound: url, ready_s } = progress;
      if (player.get().song?.id === job.id) extend(song, ready_s);
      else if (at_s === 0 || ready_s > at_s + AHEAD_S)
        void open(song, { play: true, at_s, live: { url, ready_s } });
    },
    async done(song) {
      await show(song, at_s);
      whenDone();
    },
    lost: breakOff,
  };
}

/** Shows a song that is done; one that plays already plays on. */
async function show(song: Song, at_s: number): Promise<void> {
  void library.reload();
  const detail = await fetchSong(song.id);
  if (!detail) return;
  if (player.get().song?.id === song.id) complete(detail);
  else await open(detail, { play: true, at_s: Math.min(at_s, detail.duration_s - 1) });
}

/** Makes a song of the one that plays, which plays on until the new one is there. */
function remake(askFor: (song: SongDetail) => Promise<Job>, at_s: number): void {
  const { song, ready_s } = player.get();
  if (!song || ready_s !== null) return;
  unlock();
  endRadio();
  if (player.get().stems) leaveStems();
  takes.forget();
  void make(() => askFor(song), heard({ at_s }));
}

/** Throws a section, a stem or the motif again; it is heard from where the difference is. */
export function throwAgain(what: string): void {
  const section = player.get().song?.sections.find(({ name }) => name === what);
  const from_s = section ? Math.max(0, section.start_s - AHEAD_S) : position();
  remake(({ id }) => askAgain(id, what), from_s);
}

export function shape(change: Shape): void {
  const sameTime = change.tempo_bpm == null && change.length_s == null;
  remake(({ id }) => askShape(id, change), sameTime ? position() : 0);
}

export function takeNotes(file: File): void {
  remake(({ id }) => askMidi(id, file), position());
}

/** Goes back to the song that this one was made of. */
export async function undoChange(): Promise<void> {
  const { song, playing } = player.get();
  if (!song?.parent) return;
  const at_s = position();
  try {
    const parent = await getSong(song.parent);
    await open(parent, { play: playing, at_s: Math.min(at_s, parent.duration_s - 1) });
  } catch {
    library.say("The song that this one was made of is gone.");
  }
}

let turn = 0;

/** Plays a song; of several that are asked for quickly, the last. */
export async function playSong(song: Song): Promise<void> {
  const mine = ++turn;
  unlock();
  if (station.radio.get().on) {
    stopRadio();
  } else if (making.get().phase === "working") {
    letGo(() => void library.reload());
    library.say("The song in the making goes on; it will be in the library.");
  } else if (making.get().phase !== "idle") {
    stopMaking();
  }
  const detail = await fetchSong(song.id);
  if (detail && mine === turn) await open(detail, { play: true });
}

/** Plays the other take of a wish. */
export async function playTake(id: string): Promise<void> {
  if (player.get().song?.id === id) return;
  const mine = ++turn;
  unlock();
  const detail = await fetchSong(id);
  if (detail && mine === turn) await open(detail, { play: true });
}

export async function like(song: Song): Promise<void> {
  await library.change(song, { liked: !song.liked });
}

export async function remove(song: Song): Promise<void> {
  if (player.get().song?.id === song.id) {
    endRadio();
    close();
  }
  await library.remove(song);
}

/** The quiet door: makes the stems if there are none, then plays them instead of the file. */
export async function enterStems(): Promise<void> {
  const { song } = player.get();
  if (!song) return;
  unlock();
  if (station.radio.get().on) {
    endRadio();
    library.say("The radio is off: stems are of one song.");
  }
  const whole = await stemsDoor.fetchStems(song);
  const wanted = () => stemsDoor.door.get().open;
  if (whole && wanted()) await openStems(whole, wanted);
}

export function leaveStems(): void {
  stemsDoor.shut();
  closeStems();
}

export async function fetchSong(id: string): Promise<SongDetail | null> {
  try {
    return await getSong(id);
  } catch (error) {
    library.say(error instanceof Error ? error.message : "");
    return null;
  }
}
