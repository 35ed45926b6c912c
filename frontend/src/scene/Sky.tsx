import { useEffect, useRef } from "react";
import { readLevels } from "../audio/levels";
import { player } from "../audio/player";
import { type Colour, css, mix } from "../design/colour";
import { reduced, stir, useFrame } from "../design/frames";
import { draws, lightNow } from "./light";
import { radial } from "./radial";
import "./scene.css";

/** Soft light needs few points: the browser makes it larger, and softer. */
const WIDTH = 420;
const DISCS = 15;

interface Disc {
  x: number;
  y: number;
  size: number;
  bright: number;
  speed: number;
  warm: boolean;
}

let sky: { name: string; discs: Disc[]; turn: number } = { name: "?", discs: [], turn: 0 };

function skyOf(name: string): typeof sky {
  if (sky.name === name) return sky;
  const draw = draws(name);
  const discs = Array.from({ length: DISCS }, () => ({
    x: 0.5 + (draw() - 0.5) * 1.05,
    y: 0.18 + draw() * 0.72,
    size: 0.012 + draw() ** 2 * 0.06,
    bright: 0.03 + draw() * 0.1,
    speed: 0.2 + draw(),
    warm: draw() < 0.5,
  }));
  sky = { name, discs, turn: draw() * Math.PI * 2 };
  return sky;
}

type Pen = CanvasRenderingContext2D;

/** A Gaussian in five steps: light on film has no edge. */
function glow(pen: Pen, x: number, y: number, size: number, colour: Colour, alpha: number): void {
  const stops = [0, 0.2, 0.4, 0.6, 0.8].map(
    (at) => [at, colour, alpha * Math.exp(-4.2 * at * at)] as const,
  );
  radial(pen, x, y, size, [...stops, [1, colour, 0]]);
}

function disc(pen: Pen, x: number, y: number, size: number, colour: Colour, alpha: number): void {
  radial(pen, x, y, size, [
    [0, colour, alpha * 0.55],
    [0.72, colour, alpha * 0.65],
    [0.88, colour, alpha],
    [1, colour, 0],
  ]);
}

/** The night behind everything: two lights beside the halo, a streak, discs out of focus. */
export function Sky() {
  const ref = useRef<HTMLCanvasElement>(null);
  const painted = useRef("");

  useFrame((now) => {
    const canvas = ref.current;
    if (!canvas?.clientWidth || window.scrollY > canvas.clientHeight) return;
    const height = Math.max(2, Math.round((WIDTH * canvas.clientHeight) / canvas.clientWidth));
    if (canvas.width !== WIDTH || canvas.height !== height) {
      canvas.width = WIDTH;
      canvas.height = height;
      painted.current = "";
    }
    if (!player.get().playing) {
      // A silent sky hardly moves: the processor belongs to the song that is in the making.
      const top = document.getElementById("halo")?.getBoundingClientRect().top ?? 0;
      const { colours, name } = lightNow();
      const whole = colours.map((colour) => colour.map(Math.round));
      const seen = JSON.stringify([whole, name, height, Math.round(top + window.scrollY)]);
      if (seen === painted.current) return;
      painted.current = seen;
    } else painted.current = "";
    const pen = canvas.getContext("2d", { alpha: false });
    if (pen) paint(pen, WIDTH, height, canvas, now);
  });

  useEffect(() => {
    const watch = new ResizeObserver(stir); // the halo moves when what is beneath it comes and goes
    watch.observe(document.body);
    window.addEventListener("resize", stir);
    return () => {
      watch.disconnect();
      window.removeEventListener("resize", stir);
    };
  }, []);

  return (
    <div className="sky" aria-hidden="true">
      <canvas ref={ref} />
    </div>
  );
}

function paint(pen: Pen, width: number, height: number, canvas: HTMLElement, now: number) {
  const levels = readLevels(player.get().playing);
  const { colours, name } = lightNow();
  const [night, dusk, accent, bright] = colours;
  const { discs, turn } = skyOf(name);
  const time = reduced.matches ? 0 : now / 1_000;
  const calm = reduced.matches ? 0 : 1;
  const halo = document.getElementById("halo")?.getBoundingClientRect();
  const scale = width / canvas.clientWidth;
  const x = width / 2;
  const y = halo ? (halo.top + halo.height / 2 + window.scrollY) * scale : height * 0.35;
  const reach = Math.min(Math.max(width * 0.42, height * 0.42), height * 0.95);

  pen.globalCompositeOperation = "source-over";
  pen.fillStyle = css(night);
  pen.fillRect(0, 0, width, height);
  pen.globalCompositeOperation = "lighter";

  const sway = Math.sin(time * 0.11 + turn) * 0.08;
  const low = levels.low * calm;
  const high = levels.high * calm;
  glow(pen, x, y + reach * 0.15, reach * 1.6, dusk, 0.75);
  glow(
    pen,
    x - reach * (0.62 + sway),
    y - reach * 0.05,
    reach * (0.95 + 0.2 * low),
    accent,
    0.2 + 0.12 * low,
  );
  glow(
    pen,
    x + reach * (0.66 - sway),
    y - reach * 0.1,
    reach * (0.9 + 0.2 * low),
    bright,
    0.17 + 0.1 * low,
  );
  glow(pen, x + reach * sway * 2, y + reach * 0.75, reach * 0.8, mix(accent, dusk, 0.5), 0.2);

  pen.save();
  pen.translate(x, y);
  pen.scale(1, 0.035);
  glow(pen, 0, 0, width * 0.62, mix(bright, accent, 0.3), 0.3 + 0.35 * levels.all * calm);
  pen.restore();

  for (const one of discs) {
    const drift = (one.y - time * 0.0025 * one.speed) % 1;
    const dy = (drift < 0 ? drift + 1 : drift) * height;
    const edge = Math.min(1, dy / (height * 0.15), (height - dy) / (height * 0.3));
    const alpha = one.bright * (0.7 + 0.9 * (one.warm ? low : high)) * Math.max(0, edge);
    disc(
      pen,
      one.x * width,
      dy,
      one.size * Math.max(width, height * 0.7),
      one.warm ? accent : bright,
      alpha,
    );
  }
}
