import { useEffect, useRef } from "react";
import { onTime, player } from "../audio/player";

/** Everything that moves shares one loop, and it runs only while something sounds or changes. */
type Frame = (now_ms: number) => void;
const frames = new Set<Frame>();
let running = false;
let until_ms = 0;

const CALM_MS = 1_500;
export const reduced = window.matchMedia("(prefers-reduced-motion: reduce)");

/** Half of a screen's frames are enough for light, and leave the processor to those who make songs. */
const EVERY_MS = 30;
/** And a few a second while nothing sounds: a song may be in the making. */
const SELDOM_MS = 300;
let last_ms = 0;

function loop(now: number): void {
  if (player.get().playing && now - last_ms < EVERY_MS) {
    requestAnimationFrame(loop);
    return;
  }
  last_ms = now;
  for (const frame of [...frames]) frame(now);
  running = frames.size > 0 && (player.get().playing || now < until_ms);
  if (running) next();
}

function next(): void {
  // Between two timers the browser has nothing to draw at all; frames that change nothing cost, too.
  if (reduced.matches || !player.get().playing)
    window.setTimeout(() => requestAnimationFrame(loop), SELDOM_MS);
  else requestAnimationFrame(loop);
}

/** Keeps things moving for a moment: something has changed. */
export function stir(): void {
  until_ms = performance.now() + (reduced.matches ? 300 : CALM_MS);
  if (running) return;
  running = true;
  requestAnimationFrame(loop);
}

player.watch(stir);
onTime(stir);

export function useFrame(frame: Frame): void {
  const latest = useRef(frame);
  latest.current = frame;
  useEffect(() => {
    const call: Frame = (now) => latest.current(now);
    frames.add(call);
    stir();
    return () => {
      frames.delete(call);
    };
  }, []);
}
