import { fileUrl, type SongDetail } from "../api/client";

export interface Controls {
  play(): void;
  pause(): void;
  seek(to_s: number): void;
  skip(by_s: number): void;
}

const SKIP_S = 10;

/** Tells the system what plays: media keys, the lock screen, a watch. */
export function announce(song: SongDetail, controls: Controls, whole = true): void {
  document.title = `${song.title} · halation`;
  if (!("mediaSession" in navigator)) return;
  const session = navigator.mediaSession;
  session.metadata = new MediaMetadata({
    title: song.title,
    artist: "halation",
    album: song.words.join(", "),
    artwork: whole ? covers(song) : [],
  });
  const actions: [MediaSessionAction, MediaSessionActionHandler][] = [
    ["play", controls.play],
    ["pause", controls.pause],
    ["stop", controls.pause],
    ["seekto", ({ seekTime }) => seekTime !== undefined && controls.seek(seekTime)],
    ["seekbackward", ({ seekOffset }) => controls.skip(-(seekOffset ?? SKIP_S))],
    ["seekforward", ({ seekOffset }) => controls.skip(seekOffset ?? SKIP_S)],
  ];
  for (const [action, handler] of actions) {
    try {
      session.setActionHandler(action, handler);
    } catch {
      // This browser does not know the action.
    }
  }
}

function covers({ id }: SongDetail): MediaImage[] {
  return [
    { src: fileUrl(id, "cover-small.jpg"), type: "image/jpeg" },
    { src: fileUrl(id, "cover.png"), sizes: "1400x1400", type: "image/png" },
  ];
}

export function announceNothing(): void {
  document.title = "halation";
  if ("mediaSession" in navigator) navigator.mediaSession.metadata = null;
}

export function announcePosition(song: SongDetail, position: number): void {
  if (!("mediaSession" in navigator) || !navigator.mediaSession.setPositionState) return;
  const duration = song.duration_s;
  navigator.mediaSession.setPositionState({
    duration,
    position: Math.min(position, duration),
    playbackRate: 1,
  });
}
