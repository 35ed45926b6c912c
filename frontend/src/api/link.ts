import { createStore } from "../store";

/** Whether the server answers. Once it does not, it is asked until it does again. */
export const link = createStore({ online: true });

const EVERY_MS = 2_000;
let timer = 0;

export function lost(): void {
  link.set({ online: false });
  if (!timer) timer = window.setTimeout(knock, EVERY_MS);
}

async function knock(): Promise<void> {
  try {
    const answer = await fetch("/healthz", { cache: "no-store" });
    if (!answer.ok) throw new Error(answer.statusText);
    timer = 0;
    link.set({ online: true });
  } catch {
    timer = window.setTimeout(knock, EVERY_MS);
  }
}
