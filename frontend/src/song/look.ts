import type { Job, MoodView, PartView, SectionView, SongDetail } from "../api/client";
import { type Colours, coloursOf } from "../design/colour";
import type { Progress } from "./progress";

/** What the page draws of a song, be it done or in the making. */
export interface Look {
  title: string;
  words: readonly string[];
  facts: readonly string[];
  colours: Colours;
  duration_s: number;
  sections: readonly SectionView[];
  parts: readonly PartView[];
  peaks: readonly number[];
}

function facts(tempo_bpm: number, key: string): string[] {
  return [tempo_bpm ? `${Math.round(tempo_bpm)} bpm` : "", key].filter(Boolean);
}

export function lookOf(song: SongDetail): Look {
  const { title, words, duration_s, sections, parts, peaks } = song;
  const colours = coloursOf(song.colours);
  return {
    title,
    words,
    facts: facts(song.tempo_bpm, song.key),
    colours,
    duration_s,
    sections,
    parts,
    peaks,
  };
}

export function lookOfProgress(song: Progress): Look {
  const { title, duration_s, sections, parts, peaks } = song;
  return {
    title,
    words: song.mood?.words ?? [],
    facts: facts(song.tempo_bpm, song.key),
    colours: coloursOf(song.mood?.colours),
    duration_s,
    sections,
    parts,
    peaks,
  };
}

/** A song that plays while it is made, as the player knows songs: no file of it is there yet. */
export function unfinished(job: Job, song: Progress): SongDetail {
  const { mood, title, duration_s, tempo_bpm, key, sections, parts, peaks } = song;
  return {
    ...{ id: job.id, text: job.text, seed: job.seed, radio: job.radio, created_at: job.created_at },
    ...{ title, duration_s, tempo_bpm, key, sections, parts, peaks },
    mood: mood ?? NO_MOOD,
    words: mood?.words ?? [],
    colours: mood?.colours ?? [],
    ...{ liked: false, bytes: 0, stems: [], instrument: "", commercial: true, damaged: "" },
    ...{ parent: "", change: [] },
    ...{ loudness_lufs: 0, stems_gain_db: 0, rights: "", files: [] },
  };
}

const NO_MOOD: MoodView = {
  ...{ words: [], phrase: "", understood: true, colours: [] },
  ...{ valence: 0, energy: 0, warmth: 0, density: 0, haze: 0 },
};

/** The section that sounds at a time. */
export function sectionAt(
  sections: readonly SectionView[],
  time_s: number,
): SectionView | undefined {
  return sections.findLast((section) => section.start_s <= time_s) ?? sections[0];
}
