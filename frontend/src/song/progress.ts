import type { JobEvent, MoodView, PartView, SectionView } from "../api/client";

/** What exists of a song that is being made. */
export interface Progress {
  /** Songs to be made before it; null once it has begun. */
  position: number | null;
  title: string;
  mood: MoodView | null;
  duration_s: number;
  tempo_bpm: number;
  key: string;
  sections: SectionView[];
  parts: PartView[];
  effects: number | null;
  /** Where it can be heard already, and how much of it is there. */
  sound: string;
  ready_s: number;
  /** Of what is there; whole once `mastered`. */
  peaks: number[];
  mastered: boolean;
  /** How far a model is that plays, in its own words. */
  doing: string;
  /** What a model has said that stays. */
  notes: readonly string[];
  notice: string;
}

export const NOTHING: Progress = {
  position: null,
  title: "",
  mood: null,
  duration_s: 0,
  tempo_bpm: 0,
  key: "",
  sections: [],
  parts: [],
  effects: null,
  sound: "",
  ready_s: 0,
  peaks: [],
  mastered: false,
  doing: "",
  notes: [],
  notice: "",
};

/** Adds an artefact. An event may come twice: a stream that was lost begins again. */
export function grow(song: Progress, event: JobEvent): Progress {
  switch (event.kind) {
    case "queued":
      return { ...song, position: event.position ?? 0 };
    case "started":
      return { ...NOTHING, notice: song.notice };
    case "retry":
      return { ...NOTHING, notice: event.message ?? "" };
    case "mood":
      return { ...song, position: null, title: event.title ?? "", mood: event.mood ?? null };
    case "form":
      return {
        ...song,
        duration_s: event.duration_s ?? 0,
        tempo_bpm: event.tempo_bpm ?? 0,
        key: event.key ?? "",
        sections: event.sections ?? [],
      };
    case "score":
      return { ...song, parts: event.parts ?? [] };
    case "effects":
      return { ...song, effects: event.effects ?? 0 };
    case "sounding":
      return song.mastered
        ? song
        : {
            ...song,
            doing: "",
            sound: event.sound ?? "",
            ready_s: event.ready_s ?? 0,
            peaks: filled(event.peaks ?? []),
          };
    case "progress":
      return { ...song, doing: event.message ?? "" };
    case "note": {
      const note = event.message ?? "";
      return { ...song, notes: [...song.notes.filter((other) => other !== note), note] };
    }
    case "master":
      return { ...song, doing: "", mastered: true, peaks: event.peaks ?? [] };
    default:
      return song;
  }
}

const PEAKS = 800;

/** The peaks of a whole song of which the end is not there yet. */
function filled(peaks: readonly number[]): number[] {
  return Array.from({ length: PEAKS }, (_, i) => peaks[i] ?? 0);
}

/**
 * Whether a song may begin to sound: at the pace so far, all of it will be there before it is due.
 * A model may take longer to play than its song lasts.
 */
export function mayBegin(ready_s: number, duration_s: number, elapsed_s: number): boolean {
  if (ready_s <= 0) return false;
  const left_s = ((duration_s - ready_s) / ready_s) * elapsed_s;
  return left_s <= duration_s;
}

/** What is written down before a song sounds counts for so much of it. */
const WRITTEN = 0.3;

/** How much of the song exists, 0…1. */
export function share(song: Progress): number {
  if (song.mastered) return 1;
  const there = [song.mood, song.sections.length, song.parts.length, song.effects !== null];
  const written = there.filter(Boolean).length / there.length;
  const told = Number(/(\d+)\s?%/.exec(song.doing)?.[1] ?? 0) / 100;
  const heard = song.duration_s ? Math.min(1, song.ready_s / song.duration_s) : 0;
  return WRITTEN * written + (1 - WRITTEN) * Math.max(told, heard);
}

/** What is being made now, in a word or two. */
export function step(song: Progress): string {
  if (song.position !== null && song.position > 0) {
    return song.position === 1 ? "one song before yours" : `${song.position} songs before yours`;
  }
  if (!song.mood) return "finding the mood";
  if (!song.sections.length) return "drawing the form";
  if (!song.parts.length) return "writing the notes";
  if (song.effects === null) return "drawing the effects";
  if (song.mastered) return "keeping it";
  return song.ready_s ? "making the rest" : "playing";
}
