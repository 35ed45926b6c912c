import type { PartView, SectionView, SongDetail } from "../api/client";
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

/** The section that sounds at a time. */
export function sectionAt(
  sections: readonly SectionView[],
  time_s: number,
): SectionView | undefined {
  return sections.findLast((section) => section.start_s <= time_s) ?? sections[0];
}
