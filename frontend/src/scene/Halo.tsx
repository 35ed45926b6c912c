import { type ReactNode, useEffect, useRef } from "react";
import { BANDS, readLevels } from "../audio/levels";
import { player } from "../audio/player";
import { sized } from "../design/canvas";
import { type Colour, type Colours, css, mix } from "../design/colour";
import { reduced, stir, useFrame } from "../design/frames";
import { lightNow } from "./light";

const WHITE = [255, 255, 255] as const;
/** The canvas reaches beyond the button by this factor: light spills over. */
const SPILL = 2;
const POINTS = 144;

interface Props {
  /** How much of the song exists, 0…1; null while none is being made. */
  made: number | null;
  children: ReactNode;
}

/** The ring of light around the one button. It breathes with the sound, and closes as a song is made. */
export function Halo({ made, children }: Props) {
  const ref = useRef<HTMLCanvasElement>(null);
  const shown = useRef(1);

  useFrame((now) => {
    const canvas = ref.current;
    if (!canvas || canvas.getBoundingClientRect().bottom < 0) return;
    const goal = made ?? 1;
    const step = reduced.matches || goal < shown.current ? 1 : 0.35;
    shown.current += (goal - shown.current) * step;
    const breath = reduced.matches ? 0 : Math.sin(now / 2_600) * 0.5 + 0.5;
    sized(canvas, (pen, width, height) => {
      const arc = made === null ? 1 : shown.current;
      paint(pen, width, height, lightNow().colours, arc, breath);
    });
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: whatever is made moves the ring
  useEffect(stir, [made]);

  return (
    <div className="halo" id="halo">
      <canvas ref={ref} aria-hidden="true" />
      {children}
    </div>
  );
}

function paint(
  pen: CanvasRenderingContext2D,
  width: number,
  height: number,
  colours: Colours,
  arc: number,
  breath: number,
) {
  const [, , accent, glow] = colours;
  const levels = readLevels(player.get().playing && !reduced.matches);
  const x = width / 2;
  const y = height / 2;
  const radius = (Math.min(width, height) / SPILL / 2) * (0.92 + 0.02 * breath + 0.03 * levels.low);
  const strength = 0.75 + 0.15 * breath + 0.5 * levels.all;

  // The bloom, once for each side's colour: bright at the ring, long outside, short inside.
  pen.globalCompositeOperation = "lighter";
  for (const [side, colour] of [
    [-0.05, accent],
    [0.05, glow],
  ] as const) {
    const size = radius * 1.95;
    const bloom = pen.createRadialGradient(
      x + side * radius,
      y,
      radius * 0.55,
      x + side * radius,
      y,
      size,
    );
    const at = (r: number) => Math.max(0, Math.min(1, (r - 0.55) / (1.95 - 0.55)));
    for (const r of [0.55, 0.7, 0.82, 0.9, 0.96, 1, 1.05, 1.12, 1.22, 1.36, 1.55, 1.75, 1.95]) {
      const far = r < 1 ? (1 - r) / 0.13 : (r - 1) / 0.3;
      const edge = r === 0.55 || r === 1.95 ? 0 : 1;
      bloom.addColorStop(at(r), css(colour, Math.min(1, 0.34 * strength * Math.exp(-far)) * edge));
    }
    pen.globalAlpha = 0.35 + 0.65 * arc;
    pen.fillStyle = bloom;
    pen.fillRect(0, 0, width, height);
  }
  pen.globalAlpha = 1;

  const tint = mix(accent, glow, 0.5);
  if (arc < 1) {
    ring(pen, x, y, radius, levels.bands, 1);
    strokes(pen, radius, tint, 0.28);
  }
  if (arc > 0.002) {
    ring(pen, x, y, radius, levels.bands, arc);
    strokes(pen, radius, tint, 1);
  }
}

/** The ring as a path; the sound's bands push it outward a little, alike on both sides. */
function ring(
  pen: CanvasRenderingContext2D,
  x: number,
  y: number,
  radius: number,
  bands: Float32Array,
  arc: number,
) {
  pen.beginPath();
  const last = Math.round(POINTS * arc);
  for (let i = 0; i <= last; i++) {
    const turn = (i / POINTS) * 2;
    const height = 1 - Math.abs(1 - turn); // 0 at the top, 1 at the bottom
    const at = (1 - height) * (BANDS - 1);
    const below = Math.floor(at);
    const share = (1 - Math.cos((at - below) * Math.PI)) / 2;
    const push = near(bands, below) * (1 - share) + near(bands, below + 1) * share;
    const r = radius * (1 + 0.07 * push * push);
    const angle = turn * Math.PI - Math.PI / 2;
    pen.lineTo(x + Math.cos(angle) * r, y + Math.sin(angle) * r);
  }
  if (arc >= 1) pen.closePath();
}

/** A band and its neighbours: the ring has no corners. */
function near(bands: Float32Array, band: number): number {
  const at = (i: number) => bands[Math.max(0, Math.min(BANDS - 1, i))] ?? 0;
  return (at(band - 1) + 2 * at(band) + at(band + 1)) / 4;
}

/** Widths from the outermost glow to the white core, in radii: many thin veils make a soft edge. */
const VEILS = Array.from({ length: 12 }, (_, i) => 0.016 + 0.3 * ((11 - i) / 11) ** 2);

function strokes(pen: CanvasRenderingContext2D, radius: number, tint: Colour, strength: number) {
  pen.lineCap = "round";
  pen.lineJoin = "round";
  VEILS.forEach((width, i) => {
    const core = i / (VEILS.length - 1);
    pen.lineWidth = radius * width;
    pen.strokeStyle = css(mix(tint, WHITE, core * 0.9), strength * (0.035 + 0.85 * core ** 7));
    pen.stroke();
  });
}
