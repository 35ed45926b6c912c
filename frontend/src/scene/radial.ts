import { type Colour, css } from "../design/colour";

/** Where between centre (0) and edge (1), which colour, how opaque. */
export type Stop = readonly [at: number, colour: Colour, alpha: number];

/** Fills a round light. */
export function radial(
  pen: CanvasRenderingContext2D,
  x: number,
  y: number,
  size: number,
  stops: readonly Stop[],
): void {
  const light = pen.createRadialGradient(x, y, 0, x, y, size);
  for (const [at, colour, alpha] of stops) light.addColorStop(at, css(colour, alpha));
  pen.fillStyle = light;
  pen.fillRect(x - size, y - size, size * 2, size * 2);
}
