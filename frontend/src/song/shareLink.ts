/** A link that makes the same song, on the same version. */
export interface Shared {
  text: string;
  seed: number;
  /** The model that played it; empty: halation. */
  instrument: string;
}

export function linkTo(origin: string, { text, seed, instrument }: Shared): string {
  const by = instrument ? { by: instrument } : {};
  return `${origin}/?${new URLSearchParams({ text, seed: String(seed), ...by })}`;
}

/** Reads such a link; null if it is none. */
export function readLink(search: string): Shared | null {
  const params = new URLSearchParams(search);
  const seed = params.get("seed") ?? "";
  if (!/^\d{1,16}$/.test(seed) || !Number.isSafeInteger(Number(seed))) return null;
  const text = (params.get("text") ?? "").slice(0, 10_000);
  const instrument = (params.get("by") ?? "").slice(0, 100);
  return { text, seed: Number(seed), instrument };
}
