/** When the next song of the radio comes in: arithmetic alone. */
export interface Moment {
  mode: "end" | "every";
  every_s: number;
  /** Seconds since the song began, pauses left out. */
  elapsed_s: number;
  position_s: number;
  duration_s: number;
  ended: boolean;
  /** Whether the next song lies ready. */
  ready: boolean;
}

export const FADE_S = 4;
/** Asks a little early: timers in a tab that nobody looks at come up to a second late. */
const EARLY_S = 0.3;

export type Move = { act: "go"; fade_s: number } | { act: "stay"; due_s: number } | { act: "late" };

export function plan(moment: Moment): Move {
  const { mode, every_s, elapsed_s, position_s, duration_s, ended, ready } = moment;
  const left_s = ended ? 0 : Math.max(0, duration_s - position_s);
  const due_s =
    mode === "every"
      ? every_s - elapsed_s
      : ended
        ? 0
        : left_s - Math.min(FADE_S, duration_s / 2) - EARLY_S;
  if (due_s > 0) return { act: "stay", due_s };
  if (!ready) return { act: "late" };
  return { act: "go", fade_s: Math.min(FADE_S, left_s) };
}

/** How long to wait before a song is asked for again, after `failures` in a row. */
export function backoff_s(failures: number, retryAfter_s = 0): number {
  return Math.max(retryAfter_s, Math.min(60, 2 ** failures));
}
