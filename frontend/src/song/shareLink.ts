/** A link that makes the same song, on the same version. */
export interface Shared {
  text: string;
  seed: number;
}

export function linkTo(origin: string, { text, seed }: Shared): string {
  return `${origin}/?${new URLSearchParams({ text, seed: String(seed) })}`;
}

/** Reads such a link; null if it is none. */
export function readLink(search: string): Shared | null {
  const params = new URLSearchParams(search);
  const seed = params.get("seed") ?? "";
  if (!/^\d{1,16}$/.test(seed) || !Number.isSafeInteger(Number(seed))) return null;
  return { text: (params.get("text") ?? "").slice(0, 10_000), seed: Number(seed) };
}
