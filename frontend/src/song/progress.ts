import type { JobEvent, MoodView, PartView, SectionView } from "../api/client";

export interface StemPeaks {
  name: string;
  peaks: number[];
}

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
  stems: StemPeaks[];
  stemCount: number;
  mixed: boolean;
  peaks: number[];
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
  stems: [],
  stemCount: 8,
  mixed: false,
  peaks: [],
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
      return { ...song, parts: event.parts ?? [], stemCount: event.stems ?? song.stemCount };
    case "effects":
      return { ...song, effects: event.effects ?? 0 };
    case "stem": {
      const name = event.stem ?? "";
      const others = song.stems.filter((stem) => stem.name !== name);
      return { ...song, doing: "", stems: [...others, { name, peaks: event.peaks ?? [] }] };
    }
    case "progress":
      return { ...song, doing: event.message ?? "" };
    case "note": {
      const note = event.message ?? "";
      return { ...song, notes: [...song.notes.filter((other) => other !== note), note] };
    }
    case "mix":
      return { ...song, mixed: true };
    case "master":
      return { ...song, mixed: true, peaks: event.peaks ?? [] };
    default:
      return song;
  }
}

/** How much of all artefacts exists, 0…1. */
export function share(song: Progress): number {
  const there = [song.mood, song.sections.length, song.parts.length, song.effects !== null];
  const last = [song.mixed, song.peaks.length];
  const count = [...there, ...last].filter(Boolean).length;
  const playing = Number(/(\d+)\s?%/.exec(song.doing)?.[1] ?? 0) / 100;
  const played = Math.min(song.stems.length + playing, song.stemCount);
  return (count + played) / (6 + song.stemCount);
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
  if (song.peaks.length) return "done";
  if (song.mixed) return "mastering";
  if (song.doing) return "playing";
  const next = song.stems.length + 1;
  return next > song.stemCount ? "mixing" : `playing ${next} of ${song.stemCount}`;
}
