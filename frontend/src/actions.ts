import { getSong, type Song, type SongDetail } from "./api/client";
import { close, closeStems, open, openStems, pause, player, unlock } from "./audio/player";
import * as station from "./audio/radio";
import * as library from "./library/library";
import { playedBy } from "./song/instruments";
import { cancel, letGo, make, making } from "./song/maker";
import type { Shared } from "./song/shareLink";
import * as stemsDoor from "./song/stemsDoor";

/** What a listener does, where it touches more than one part of the page. Whatever is chosen ends the radio. */

/** The one button. */
export function generate(text: string, shared: Shared | null): void {
  unlock();
  endRadio();
  pause();
  const seed = shared && shared.text === text ? { seed: shared.seed } : {};
  void make({ text: text.trim() === text ? text : text.trim(), ...seed, ...playedBy() }, show);
}

export function startRadio(text: string): void {
  unlock();
  const wish = station.start(text.trim());
  if (making.get().phase === "working" || making.get().phase === "asking") cancel();
  if (player.get().stems) closeStems();
  if (player.get().playing) {
    station.begin(); // the song that plays is the station's first
    return;
  }
  void make(wish, (song) => show(song).then(station.begin));
}

export function endRadio(): void {
  if (station.radio.get().on) station.stop();
}

/** The radio's switch: off is off at once, also while its first song is in the making. */
export function stopRadio(): void {
  endRadio();
  if (making.get().phase !== "idle") cancel();
}

async function show(song: Song): Promise<void> {
  void library.reload();
  const detail = await fetchSong(song.id);
  if (detail) await open(detail, { play: true });
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
    cancel();
  }
  const detail = await fetchSong(song.id);
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
