import { useCallback, useMemo, useRef } from "react";
import { position } from "../audio/player";
import { sized, useCanvas } from "../design/canvas";
import { type Colour, css, mix, stemColour } from "../design/colour";
import { reduced, useFrame } from "../design/frames";
import { radial } from "../scene/radial";
import type { Look } from "./look";
import { firstFrom, type Light, layOut } from "./rollLayout";

const WHITE: Colour = [255, 255, 255];
const AFTERGLOW_S = 1.1;
const LONGEST_S = 8;
/** The height at which a line is drawn as thick as it says. */
const UNIT_PX = 145;

/** The notes as lights of a city far away; those that sound now bloom. */
export function Roll({ look, still = false }: { look: Look; still?: boolean }) {
  const { parts, duration_s, colours } = look;
  const lights = useMemo(() => layOut(parts), [parts]);
  const blooms = useRef<HTMLCanvasElement>(null);
  const head = useRef<HTMLDivElement>(null);

  const base = useCanvas(
    useCallback(
      (pen, width, height) => {
        pen.globalCompositeOperation = "lighter";
        const unit = height / UNIT_PX;
        for (const light of lights) {
          const colour = stemColour(light.stem, colours);
          const x = (light.onset_s / duration_s) * width;
          const y = height - light.height * height;
          const long = Math.max(unit, ((light.end_s - light.onset_s) / duration_s) * width - 0.5);
          const thick = unit * (light.struck ? 1.3 : isBroad(light) ? 2.4 : 2);
          pen.fillStyle = css(colour, 0.25 * shine(light) * light.strength);
          pen.fillRect(x - unit, y - thick * 1.7, long + 2 * unit, thick * 3.4);
          pen.fillStyle = css(colour, shine(light) * light.strength);
          pen.fillRect(x, y - thick / 2, long, thick);
        }
      },
      [lights, duration_s, colours],
    ),
  );

  useFrame(() => {
    const canvas = blooms.current;
    if (!canvas || still || !duration_s) return;
    const now = position();
    head.current?.style.setProperty("translate", `${((now / duration_s) * 100).toFixed(3)}% 0`);
    if (canvas.getBoundingClientRect().bottom < 0) return;
    sized(canvas, (pen, width, height) => {
      if (reduced.matches) return;
      pen.globalCompositeOperation = "lighter";
      for (let i = firstFrom(lights, now - LONGEST_S); i < lights.length; i++) {
        const light = lights[i] as Light;
        if (light.onset_s > now) break;
        const alpha = light.strength * afterglow(light, now);
        if (alpha < 0.02) continue;
        const x = (Math.min(now, light.end_s) / duration_s) * width;
        bloom(
          pen,
          x,
          height - light.height * height,
          (light.struck ? 9 : 22) * (height / UNIT_PX),
          stemColour(light.stem, colours),
          alpha,
        );
      }
    });
  });

  return (
    <div className="roll" data-made={lights.length > 0}>
      <canvas
        ref={base}
        role="img"
        aria-label={lights.length ? "The notes of the song, as a piano roll" : "No notes yet"}
      />
      <canvas ref={blooms} />
      <div ref={head} className="head" hidden={still} />
    </div>
  );
}

/** How bright a note lies there: what moves more than what lasts. */
function shine({ stem, struck }: Light): number {
  if (struck) return 0.32;
  return stem === "lead" || stem === "vocals" || stem === "keys"
    ? 0.72
    : stem === "textures"
      ? 0.16
      : 0.45;
}

function isBroad({ stem }: Light): boolean {
  return stem === "pads" || stem === "bass";
}

function afterglow(light: Light, now: number): number {
  const held = Math.exp(-(now - light.onset_s) / 2.5) * 0.6 + 0.4;
  return now <= light.end_s ? held : held * Math.max(0, 1 - (now - light.end_s) / AFTERGLOW_S) ** 2;
}

function bloom(
  pen: CanvasRenderingContext2D,
  x: number,
  y: number,
  size: number,
  colour: Colour,
  alpha: number,
): void {
  radial(pen, x, y, size, [
    [0, mix(colour, WHITE, 0.7), Math.min(1, alpha)],
    [0.12, mix(colour, WHITE, 0.4), alpha * 0.55],
    [0.4, colour, alpha * 0.16],
    [1, colour, 0],
  ]);
}
