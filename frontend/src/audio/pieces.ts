import { RATE } from "./graph";

/** Where the pieces of stems lie, and when they sound: all in whole samples, so that none slips. */
export const PIECE_S = 5;
export const PIECE_FRAMES = PIECE_S * RATE;
/** Pieces of a stem that are kept: the one that sounds, and the next two. */
export const KEPT = 3;

export function frameAt(seconds: number): number {
  return Math.round(seconds * RATE);
}

export function pieceAt(frame: number): number {
  return Math.floor(frame / PIECE_FRAMES);
}

export function pieceCount(frames: number): number {
  return Math.ceil(frames / PIECE_FRAMES);
}

/** The pieces that are wanted while `frame` sounds. */
export function wanted(frame: number, frames: number): number[] {
  const first = pieceAt(frame);
  const end = Math.min(first + KEPT, pieceCount(frames));
  return Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
}

/** Where on the context's clock the song's first sample would lie. */
export interface Anchor {
  time_s: number;
  frame: number;
}

/** Anchors `frame` a little after now, on the grid of samples. */
export function anchorAt(now_s: number, lead_s: number, frame: number): Anchor {
  return { time_s: Math.ceil((now_s + lead_s) * RATE) / RATE, frame };
}

/** When a piece starts, and how far into itself: the first one may begin in its middle. */
export function startOf(piece: number, anchor: Anchor): { at_s: number; offset_s: number } {
  const ahead = piece * PIECE_FRAMES - anchor.frame;
  if (ahead < 0) return { at_s: anchor.time_s, offset_s: -ahead / RATE };
  return { at_s: (Math.round(anchor.time_s * RATE) + ahead) / RATE, offset_s: 0 };
}

export function frameNow(now_s: number, anchor: Anchor): number {
  return anchor.frame + Math.max(0, Math.round((now_s - anchor.time_s) * RATE));
}

/** Whether a stem is heard: where any has solo, only those; otherwise all that are not muted. */
export function isHeard(stem: string, muted: ReadonlySet<string>, solo: ReadonlySet<string>) {
  return solo.size ? solo.has(stem) : !muted.has(stem);
}
