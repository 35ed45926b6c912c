import type { About, Instrument, Wish } from "../api/client";
import { library } from "../library/library";
import { createStore } from "../store";

const KEY = "halation-instrument";

/** Who is to play the next songs: a model by name, or nobody for halation's own players. */
export const chosen = createStore({ name: recall() });

/** Chooses who plays; kept for the next visit, unless it is a link's and not the listener's choice. */
export function choose(name: string, keep = true): void {
  chosen.set({ name });
  if (!keep) return;
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // A browser that keeps nothing plays all the same.
  }
}

function recall(): string {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

/** The model that will play; null for halation, also where the one chosen is here no more. */
export function instrumentOf(about: About | null, name: string): Instrument | null {
  return about?.instruments.find((one) => one.name === name) ?? null;
}

/** What a wish says of it. Before the server has said what is here, the choice is taken at its word. */
export function playedBy(): Pick<Wish, "instrument"> {
  const { about } = library.get();
  const { name } = chosen.get();
  const instrument = about ? (instrumentOf(about, name)?.name ?? "") : name;
  return instrument ? { instrument } : {};
}
