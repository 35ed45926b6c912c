"""What no song can hold, however well-formed its song.json: checked before anything is rendered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final

from halation.files.schema import CurveData, NoteData, SongData, WrittenPartData
from halation.types import BEATS_PER_BAR, LENGTH_RANGE_S

__all__ = ["check"]

MAX_DURATION_S: Final = LENGTH_RANGE_S[1] + 20.0
"""The longest song and a slow bar or two."""

MAX_NOTES: Final = 100_000
MAX_POINTS: Final = 500_000
"""Points of all curves together."""

OVERHANG_BEATS: Final = 2.0 * BEATS_PER_BAR
"""How far a note or a point may reach beyond the end of the form."""

TOLERANCE_BEATS: Final = 1e-6

BOUNDS: Final[dict[str, tuple[float, float]]] = {
    "t60_s": (0.05, 20.0),
    "predelay_s": (0.0, 1.0),
    "buildup_s": (0.0, 4.0),
    "grain_s": (0.02, 0.5),
    "loop_s": (0.05, 2.0),
    "chunk_s": (0.05, 4.0),
    "take_s": (0.05, 8.0),
    "left_s": (0.01, 4.0),
    "right_s": (0.01, 4.0),
    "attack_s": (0.001, 20.0),
    "release_s": (0.001, 30.0),
    "feedback": (0.0, 0.95),
    "bits": (2.0, 24.0),
    "hold": (1.0, 64.0),
    "final_speed": (0.05, 1.0),
    "wow_hz": (0.01, 50.0),
    "flutter_hz": (0.01, 100.0),
    "wow_cents": (0.0, 200.0),
    "flutter_cents": (0.0, 200.0),
    "wobble": (0.0, 20.0),
    "width": (0.0, 4.0),
    "send_db": (-240.0, 24.0),
    "gain_db": (-240.0, 24.0),
    "octave_db": (-240.0, 24.0),
    "duck_db": (0.0, 60.0),
    "drive_db": (-60.0, 60.0),
    "slice_beats": (0.03, 16.0),
    "pan": (-1.0, 1.0),
    "cutoff_hz": (10.0, 100_000.0),
    "damping_hz": (10.0, 100_000.0),
    "_s": (-MAX_DURATION_S, MAX_DURATION_S),
    "_ms": (-MAX_DURATION_S * 1e3, MAX_DURATION_S * 1e3),
    "_hz": (0.0, 100_000.0),
    "_db": (-240.0, 120.0),
    "_cents": (-12_000.0, 12_000.0),
    "_semitones": (-120.0, 120.0),
    "_beats": (-100.0, 2_100.0),
    "seed": (0.0, float(2**53)),
    "stream": (0.0, float(2**53)),
}
"""Least and greatest value of a drawn parameter by what its name ends with; the first that fits."""

BOUND: Final = (-1e6, 1e6)
"""The same for names without such a unit."""


def check(data: SongData) -> None:
    """Refuse what is well-formed and yet no song.

    Raises
    ------
    ValueError
        With one line that names the place.
    """
    end_beats = _check_sections(data)
    _check_chords(data, end_beats)
    names = [part.name for part in data.parts]
    if len(set(names)) < len(names):
        raise ValueError("two parts have the same name")
    rows = [row for part in data.parts for row in (part, *part.instead)]
    total = sum(len(part.notes) for part in rows)
    if total > MAX_NOTES:
        raise ValueError(f"it has {total:,} notes; a song has at most {MAX_NOTES:,}")
    _check_notes("the motif", data.motif, end_beats)
    for part in rows:
        _check_part(part, end_beats)
    for effect in data.effects:
        _check_values(f"the effect {effect.kind!r} on {effect.target!r}", effect.parameters)
    points = sum(len(curve.values) for curve in data.curves)
    if points > MAX_POINTS:
        raise ValueError(f"its curves have {points:,} points; a song's have at most {MAX_POINTS:,}")
    for curve in data.curves:
        _check_curve(curve, end_beats)


def _check_sections(data: SongData) -> float:
    now, names = 0.0, set()
    for section in data.form.sections:
        if abs(section.start_beats - now) > TOLERANCE_BEATS:
            raise ValueError(
                f"the section {section.name!r} starts at beat {section.start_beats:g}, "
                f"the one before ends at beat {now:g}"
            )
        if section.name in names:
            raise ValueError(f"two sections have the name {section.name!r}")
        names.add(section.name)
        now = section.start_beats + section.duration_beats
    duration_s = now * 60.0 / data.form.tempo_bpm
    if duration_s > MAX_DURATION_S:
        raise ValueError(
            f"it lasts {duration_s:,.0f} s; a song lasts at most {LENGTH_RANGE_S[1]:.0f} s"
        )
    return now


def _check_chords(data: SongData, end_beats: float) -> None:
    for before, after in pairwise(data.chords):
        if after.onset_beats < before.onset_beats:
            raise ValueError(f"the chord at beat {after.onset_beats:g} is out of order")
    if data.chords[-1].onset_beats > end_beats:
        raise ValueError("a chord starts after the end of the song")


def _check_part(part: WrittenPartData, end_beats: float) -> None:
    where = f"the part {part.name!r}"
    _check_values(where, part.settings)
    _check_notes(where, part.notes, end_beats)
    for before, after in pairwise(part.notes):
        if after.onset_beats < before.onset_beats:
            raise ValueError(f"{where} has a note out of order at beat {after.onset_beats:g}")


def _check_notes(where: str, notes: Iterable[NoteData], end_beats: float) -> None:
    for note in notes:
        if note.onset_beats + note.duration_beats > end_beats + OVERHANG_BEATS:
            raise ValueError(
                f"{where} has a note at beat {note.onset_beats:g} that ends after the song"
            )


def _check_values(where: str, values: Mapping[str, float]) -> None:
    for name, value in values.items():
        low, high = _bounds(name)
        if not low <= value <= high:
            raise ValueError(f"{where} has {name} = {value:g}; it must lie in {low:g} … {high:g}")


def _bounds(name: str) -> tuple[float, float]:
    return next((pair for suffix, pair in BOUNDS.items() if name.endswith(suffix)), BOUND)


def _check_curve(curve: CurveData, end_beats: float) -> None:
    where = f"the curve {curve.parameter!r} of {curve.target!r}"
    if len(curve.times_beats) != len(curve.values) or not curve.values:
        raise ValueError(
            f"{where} has {len(curve.times_beats)} times and {len(curve.values)} values"
        )
    if any(after < before for before, after in pairwise(curve.times_beats)):
        raise ValueError(f"{where} runs backwards")
    if curve.times_beats[-1] > end_beats + OVERHANG_BEATS:
        raise ValueError(f"{where} goes on after the end of the song")
    low, high = _bounds(curve.parameter)
    if not low <= min(curve.values) or not max(curve.values) <= high:
        raise ValueError(f"{where} leaves {low:g} … {high:g}")
