import { type Colours, css, roleColour } from "../design/colour";
import type { Look } from "./look";

const HORIZON = 0.66;
const STEP_PX = 3;

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
  const count = Math.max(2, Math.min(peaks.length, Math.floor(width / STEP_PX)));
  const heights = Array.from(
    { length: count },
    (_, i) => loudest(peaks, i / count, (i + 1) / count) / 255,
  );
  const top = Math.max(0.05, ...heights);
  const horizon = height * HORIZON;

  const shore = (reach: number, sign: 1 | -1) => {
    pen.beginPath();
    pen.moveTo(0, horizon);
    heights.forEach((value, i) => {
      const x = ((i + 0.5) / count) * width;
      pen.lineTo(x, horizon + sign * Math.max(1, (value / top) ** 1.3 * reach));
    });
    pen.lineTo(width, horizon);
    pen.closePath();
  };
  pen.fillStyle = paint(pen, width, sections, duration_s, colours, lit ? 0.95 : 0.34);
  shore(horizon - 3, -1);
  pen.fill();
  pen.fillStyle = paint(pen, width, sections, duration_s, colours, lit ? 0.36 : 0.13);
  shore(height - horizon - 2, 1);
  pen.fill();
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
    gradient.addColorStop(Math.min(1, start_s / duration_s + 0.004), colour);
    gradient.addColorStop(Math.min(1, Math.max(0, end_s / duration_s - 0.004)), colour);
  }
  if (!sections.length) gradient.addColorStop(0, css(colours[3], alpha));
  return gradient;
}
