/** Red, green, blue, each 0…255. */
export type Colour = readonly [number, number, number];

/** Night, dusk, accent, glow: a song's light, dark to bright. */
export type Colours = readonly [Colour, Colour, Colour, Colour];

export const DEFAULT: Colours = [
  [7, 8, 15],
  [27, 27, 62],
  [214, 132, 186],
  [158, 186, 255],
];
const WHITE: Colour = [255, 255, 255];
const BLACK: Colour = [4, 5, 10];

export function parse(hex: string): Colour | null {
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(hex);
  return match
    ? ([1, 2, 3].map((i) => Number.parseInt(match[i] as string, 16)) as unknown as Colour)
    : null;
}

export function mix(a: Colour, b: Colour, share: number): Colour {
  return a.map((value, i) => value + ((b[i] as number) - value) * share) as unknown as Colour;
}

export function css(colour: Colour, alpha = 1): string {
  const [r, g, b] = colour.map(Math.round);
  return alpha === 1 ? `rgb(${r} ${g} ${b})` : `rgb(${r} ${g} ${b} / ${alpha.toFixed(3)})`;
}

/** Relative luminance, 0…1, as WCAG reckons it. */
export function luminance(colour: Colour): number {
  const [r, g, b] = colour.map((value) => {
    const v = value / 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Brings a colour's luminance to at least, or at most, the one given. */
export function lift(colour: Colour, least: number): Colour {
  let lifted = colour;
  for (let i = 0; i < 40 && luminance(lifted) < least; i++) lifted = mix(lifted, WHITE, 0.06);
  return lifted;
}
export function sink(colour: Colour, most: number): Colour {
  let sunk = colour;
  for (let i = 0; i < 60 && luminance(sunk) > most; i++) sunk = mix(sunk, BLACK, 0.08);
  return sunk;
}

/** A song's colours, made fit for light on a dark page that carries text. */
export function coloursOf(hexes: readonly string[] | undefined): Colours {
  const [night, dusk, accent, glow] = (hexes ?? []).map(parse);
  if (!night || !dusk || !accent || !glow) return DEFAULT;
  return [sink(night, 0.006), sink(dusk, 0.04), lift(accent, 0.28), lift(glow, 0.5)];
}

/** The colour of a section by its role. */
export function roleColour(role: string, [, dusk, accent, glow]: Colours): Colour {
  switch (role) {
    case "hook":
      return lift(glow, 0.6);
    case "verse":
      return accent;
    case "bridge":
      return lift(mix(accent, glow, 0.5), 0.4);
    default:
      return lift(mix(dusk, accent, 0.55), 0.2);
  }
}

/** The colour of a stem: the light's two hues and what lies between. */
export function stemColour(stem: string, [, , accent, glow]: Colours): Colour {
  switch (stem) {
    case "lead":
      return mix(glow, WHITE, 0.55);
    case "vocals":
      return mix(accent, WHITE, 0.5);
    case "keys":
      return glow;
    case "pads":
      return mix(accent, glow, 0.5);
    case "song":
      return mix(glow, WHITE, 0.3);
    case "drums":
      return mix(glow, WHITE, 0.75);
    default:
      return accent;
  }
}
