"""What a song is, in one JSON object: what ``halation make --json`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from halation.files.convert import level, levels
from halation.files.rights import rights_of
from halation.types import PITCH_CLASSES, SAMPLE_RATE, Chord, Note, Score, Section, Song

if TYPE_CHECKING:
    from halation.files import Written

__all__ = ["summary"]


def summary(
    song: Song, written: Written | None, stage_seconds: Mapping[str, float]
) -> dict[str, Any]:
    """Return what a listener or a program wants to know of a song, as plain JSON values.

    Parameters
    ----------
    song : Song
    written : Written, optional
        Where its files are; None for a song that was not written.
    stage_seconds : mapping of str to float [s]
        Wall-clock seconds that each stage took; ``"total"``, where given, is the whole run.

    Returns
    -------
    dict
        The keys stand in ``docs/song.md``.
    """
    score, form, mood = song.score, song.score.form, song.score.form.mood
    duration_s = score.n_samples / SAMPLE_RATE
    took_s = stage_seconds.get("total", sum(stage_seconds.values()))
    return {
        "title": song.title,
        "seed": song.brief.seed,
        "text": song.brief.text,
        "mood": {
            **{a: round(getattr(mood, a), 4) for a in _AXES},
            "words": list(mood.words),
            "phrase": mood.phrase,
            "understood": mood.understood,
        },
        "tempo_bpm": form.tempo_bpm,
        "key": form.key.name,
        "duration_s": duration_s,
        "form": {
            "template": form.template,
            "sections": [_section(section, score, song) for section in form.sections],
        },
        "chords": {s.name: [c.symbol for c in _chords_in(s, score)] for s in form.sections},
        "motif": [_note(note) for note in score.motif],
        "sung": [row for section in form.sections for row in _sung(section, score)],
        "parts": [
            {"name": p.name, "stem": p.stem, "player": p.player.partition(":")[0], "patch": p.patch,
             "notes": len(p.notes)}
            for p in score.parts
        ],
        **_measures(song),
        "paths": written.as_strings() if written else {},
        "stage_seconds": {name: round(float(s), 4) for name, s in stage_seconds.items()},
        "real_time_factor": round(duration_s / took_s, 2) if took_s > 0 else None,
        "rights": msgspec.to_builtins(rights_of(score)),
    }  # fmt: skip


_AXES = ("valence", "energy", "warmth", "density", "haze")


def _section(section: Section, score: Score, song: Song) -> dict[str, Any]:
    lufs = dict(song.measures.sections_lufs).get(section.name)
    return {
        "name": section.name,
        "role": section.role,
        "start_s": score.seconds_at(section.start_beats),
        "end_s": score.seconds_at(section.end_beats),
        "bars": section.bars,
        "loudness_lufs": None if lufs is None else level(lufs),
    }


def _chords_in(section: Section, score: Score) -> list[Chord]:
    """Return the chords that sound in a section, the one that was sounding before included."""
    return [
        chord
        for chord in score.chords
        if chord.onset_beats < section.end_beats - 1e-6
        and chord.onset_beats + chord.duration_beats > section.start_beats + 1e-6
    ]


def _sung(section: Section, score: Score) -> list[dict[str, Any]]:
    """Return what each part sings in a section, every syllable once, in order."""
    sung: dict[str, dict[str, None]] = {}
    for part in score.written:
        for note in part.notes:
            if note.syllable and section.start_beats <= note.onset_beats < section.end_beats:
                sung.setdefault(part.name, {})[note.syllable] = None
    return [
        {"section": section.name, "part": part, "syllables": list(syllables)}
        for part, syllables in sung.items()
    ]


def _note(note: Note) -> dict[str, Any]:
    return {
        "onset_beats": float(note.onset_beats),
        "duration_beats": float(note.duration_beats),
        "pitch": int(note.pitch),
        "name": f"{PITCH_CLASSES[note.pitch % 12]}{note.pitch // 12 - 1}",
        "velocity": int(note.velocity),
    }


def _measures(song: Song) -> dict[str, Any]:
    found = song.measures
    return {
        "loudness_lufs": level(found.loudness_lufs),
        "true_peak_dbtp": level(found.true_peak_dbtp),
        "loudness_range_lu": level(found.loudness_range_lu),
        "sections_lufs": levels(found.sections_lufs),
        "spectrum_slope_db_per_octave": level(found.spectrum_slope_db_per_octave),
        "correlation": level(found.correlation),
        "limiter_db": level(found.limiter_db),
    }
