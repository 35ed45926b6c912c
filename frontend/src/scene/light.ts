import { player } from "../audio/player";
import { type Colours, coloursOf, css, DEFAULT, mix } from "../design/colour";
import { reduced, stir } from "../design/frames";

const NAMES = ["--night", "--dusk", "--accent", "--glow"] as const;
/** How much of the way the light goes in a frame: with a song's many, and with the few without. */
const FOLLOW = { playing: 0.035, quiet: 0.4 };

let target: Colours = DEFAULT;
let shown: Colours = DEFAULT;
let name = "";

/** Lets the page's light become that of a song; without one it is the night's own. */
export function setLight(hexes: readonly string[] | undefined, ofSong: string): void {
  target = coloursOf(hexes);
  name = ofSong;
  for (const [i, property] of NAMES.entries()) {
    document.documentElement.style.setProperty(property, css(target[i] as Colours[number]));
  }
  stir();
}

/** The light now: it goes over softly. */
export function lightNow(): { colours: Colours; name: string } {
  const share = reduced.matches ? 1 : FOLLOW[player.get().playing ? "playing" : "quiet"];
  shown = shown.map((colour, i) =>
    mix(colour, target[i] as Colours[number], share),
  ) as unknown as Colours;
  return { colours: shown, name };
}

/** Numbers 0…1 that belong to a name: every song has its own sky. */
export function draws(of: string): () => number {
  let state = 2_166_136_261;
  for (const letter of of) state = Math.imul(state ^ (letter.codePointAt(0) ?? 0), 16_777_619);
  return () => {
    state = Math.imul(state ^ (state >>> 15), 2_246_822_519);
    state = Math.imul(state ^ (state >>> 13), 3_266_489_917);
    state ^= state >>> 16;
    return (state >>> 0) / 2 ** 32;
  };
}
