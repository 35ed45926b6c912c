import { knownGraph } from "./graph";

/** How the sound is now, as light needs it; all 0…1. */
export interface Levels {
  all: number;
  low: number;
  high: number;
  /** From low to high, evenly for the ear. */
  bands: Float32Array;
}

export const BANDS = 24;
const LOWEST_HZ = 40;
const HIGHEST_HZ = 9_000;
const RISE = 0.35;
const FALL = 0.08;
const SAME_FRAME_MS = 8;

const levels: Levels = { all: 0, low: 0, high: 0, bands: new Float32Array(BANDS) };
let read_ms = 0;
let bins = new Uint8Array(0);

/** Reads the analyser, and follows it softly: quick to rise, slow to fall. */
export function readLevels(sounding: boolean): Levels {
  const now = performance.now();
  if (now - read_ms < SAME_FRAME_MS) return levels;
  read_ms = now;
  const graph = knownGraph();
  if (graph && sounding) {
    const { input, context } = graph;
    if (bins.length !== input.frequencyBinCount) bins = new Uint8Array(input.frequencyBinCount);
    input.getByteFrequencyData(bins);
    const perBin = context.sampleRate / input.fftSize;
    for (let band = 0; band < BANDS; band++) {
      const from = LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** (band / BANDS);
      const to = LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** ((band + 1) / BANDS);
      const first = Math.floor(from / perBin);
      const last = Math.max(first + 1, Math.ceil(to / perBin));
      let top = 0;
      for (let bin = first; bin < last; bin++) top = Math.max(top, bins[bin] ?? 0);
      levels.bands[band] = follow(levels.bands[band] ?? 0, Math.max(0, top / 255 - 0.15) / 0.85);
    }
  } else {
    for (let band = 0; band < BANDS; band++)
      levels.bands[band] = follow(levels.bands[band] ?? 0, 0);
  }
  levels.low = mean(0, 6);
  levels.high = mean(12, BANDS);
  levels.all = mean(0, BANDS);
  return levels;
}

function follow(from: number, to: number): number {
  return from + (to - from) * (to > from ? RISE : FALL);
}

function mean(from: number, to: number): number {
  let sum = 0;
  for (let band = from; band < to; band++) sum += levels.bands[band] ?? 0;
  return sum / (to - from);
}
