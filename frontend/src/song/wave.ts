import { type Colours, css, roleColour } from "../design/colour";
import type { Look } from "./look";

const HORIZON = 0.66;
const STEP_PX = 3;
const MOST_POINTS = 360;
/** How far sections go over into one another, of the whole. */
const SOFT = 0.008;

/** Draws the loudness as a shore at night: above the horizon the song, below it its reflection. */
export function drawWave(
  pen: CanvasRenderingContext2D,
  width: number,
  height: number,
  look: Look,
  lit: boolean,
): void {
  const { peaks, sections, duration_s, colours } = look;
  if (!peaks.length) return;
  const count = Math.max(8, Math.min(peaks.length, MOST_POINTS, Math.floor(width / STEP_PX)));
  const rough = Array.from({ length: count }, (_, i) => loudest(peaks, i / count, (i + 1) / count));
  const heights = smooth(rough);
  const top = Math.max(12, ...heights);
  const horizon = height * HORIZON;

  const shore = (reach: number, sign: 1 | -1) => {
    const y = (i: number) => horizon + sign * Math.max(1, ((heights[i] ?? 0) / top) ** 1.5 * reach);
    const x = (i: number) => (i / (count - 1)) * width;
    pen.beginPath();
    pen.moveTo(0, horizon);
    pen.lineTo(0, y(0));
    for (let i = 1; i < count; i++) {
      pen.quadraticCurveTo(x(i - 1), y(i - 1), (x(i - 1) + x(i)) / 2, (y(i - 1) + y(i)) / 2);
    }
    pen.lineTo(width, y(count - 1));
    pen.lineTo(width, horizon);
    pen.closePath();
    pen.fill();
  };
  pen.fillStyle = paint(pen, width, sections, duration_s, colours, lit ? 0.92 : 0.36);
  shore(horizon - 3, -1);
  pen.fillStyle = paint(pen, width, sections, duration_s, colours, lit ? 0.3 : 0.12);
  shore(height - horizon - 2, 1);
}

/** Softens a line, and keeps half of its crests. */
function smooth(rough: readonly number[]): number[] {
  const at = (i: number) => rough[Math.max(0, Math.min(rough.length - 1, i))] ?? 0;
  return rough.map((value, i) => 0.4 * value + 0.3 * (at(i - 1) + at(i + 1)));
}

function loudest(peaks: readonly number[], from: number, to: number): number {
  const first = Math.floor(from * peaks.length);
  const end = Math.max(first + 1, Math.floor(to * peaks.length));
  return Math.max(...peaks.slice(first, end));
}

/** The colours of the sections along the song, each going over softly into the next. */
function paint(
  pen: CanvasRenderingContext2D,
  width: number,
  sections: Look["sections"],
  duration_s: number,
  colours: Colours,
  alpha: number,
): CanvasGradient {
  const gradient = pen.createLinearGradient(0, 0, width, 0);
  for (const { start_s, end_s, role } of sections) {
    const colour = css(roleColour(role, colours), alpha);
    gradient.addColorStop(Math.min(1, start_s / duration_s + SOFT), colour);
    gradient.addColorStop(Math.min(1, Math.max(0, end_s / duration_s - SOFT)), colour);
  }
  if (!sections.length) gradient.addColorStop(0, css(colours[3], alpha));
  return gradient;
}
