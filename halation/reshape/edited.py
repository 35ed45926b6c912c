"""Notes that somebody changed in a MIDI file, put back into the song part by part."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from halation.files.midi import TICKS_PER_BEAT, Event, events
from halation.files.tracks import MAX_NOTES, Heard, Track, Tracks, read_tracks
from halation.mix.survey import group
from halation.reshape.lineage import without_desk
from halation.types import REVERSED, FileError, Note, Part, Plan, Score

__all__ = ["edited"]

TEMPO_SHARE: Final = 0.002
"""How far a tempo may be off: programs round it."""
SYLLABLE: Final = "ah"
"""What is sung where nothing was."""


def edited(plan: Plan, midi: bytes) -> Plan:
    """Take the notes of a MIDI file in place of a song's.

    Parameters
    ----------
    plan : Plan
    midi : bytes
        The song's own export, as played or on the grid, with some of its tracks changed. Tracks are
        known by their names; what a track did not change keeps its very notes, a track that is
        missing leaves its part alone, an empty one silences it.

    Returns
    -------
    Plan
        New notes lie where the file has them; what is sung takes the nearest old note's syllable.

    Raises
    ------
    FileError
        If the file is none, is damaged or too large, or is not of this song; one line says what to
        do.
    """
    score = plan.score
    file = read_tracks(midi)
    _check_tempo(file, score)
    tracks = _by_part(file, score)
    changed: set[str] = set()

    def put(part: Part) -> Part:
        if part.instead:
            rows = tuple(map(put, part.instead))
            if rows == part.instead:
                return part
            together = (n for row in rows for n in row.notes)
            return replace(part, instead=rows, notes=_in_order(together))
        track = tracks.get(part.name)
        notes = None if track is None else _notes(part, track, file.ticks_per_beat, score)
        if notes is None:
            return part
        changed.update((part.name, part.stem, group(part.stem)))
        return replace(part, notes=notes)

    parts = tuple(map(put, score.parts))
    if not changed:
        return plan
    if sum(len(part.notes) for part in parts) > MAX_NOTES:
        raise FileError(f"with these the song has more than {MAX_NOTES:,} notes; leave some out")
    if not any(part.notes for part in parts):
        raise FileError("every track of the MIDI file is empty: there is nothing to play")
    fresh = replace(plan, score=replace(score, parts=parts))
    return without_desk(fresh, lambda _section, what: what in changed)


def _check_tempo(file: Tracks, score: Score) -> None:
    own = score.form.tempo_bpm
    for tempo in file.tempos_bpm:
        if abs(tempo - own) > TEMPO_SHARE * own:
            raise FileError(
                f"the MIDI file's tempo is {tempo:.6g} BPM, this song's is {own:g}; set your "
                f"project to {own:g} BPM throughout and export it again"
            )


def _by_part(file: Tracks, score: Score) -> dict[str, Track]:
    """Find the part that each track is."""
    known = {part.name.strip().casefold(): part.name for part in score.written}
    found: dict[str, Track] = {}
    for i, track in enumerate(file.tracks):
        name = known.get(track.name.casefold())
        if (i == 0 and track.leads) or (name is None and not track.notes):
            continue
        if name is None:
            called = f"called {track.name[:40]!r}" if track.name else "without a name"
            raise FileError(
                f"the MIDI file has a track {called}; this song's are: {', '.join(known.values())}"
            )
        if name in found:
            raise FileError(f"the MIDI file has two tracks called {name!r}; leave one of them out")
        found[name] = track
    if not found:
        raise FileError(
            f"the MIDI file has none of this song's tracks: {', '.join(known.values())}"
        )
    return found


def _notes(part: Part, track: Track, ticks_per_beat: int, score: Score) -> tuple[Note, ...] | None:
    """Return the notes that a track gives a part, None if it is as it was written."""
    end = score.form.duration_beats
    late = next((n for n in track.notes if n.onset_beats >= end), None)
    if late:
        raise FileError(
            f"the track {part.name!r} has a note at beat {late.onset_beats:.6g}, after the song's "
            f"end at beat {end:g}; move it or take it out"
        )
    if part.player == "drums":
        _check_drums(part, track)
    rough = 1 + -(-TICKS_PER_BEAT // (2 * ticks_per_beat))  # ticks that rounding may have moved
    kept = [
        _matched(track.notes, events(part, score, quantised=quantised), rough)
        for quantised in (False, True)
    ]
    of = [events(part, score, quantised=quantised) for quantised in (False, True)]
    for match, own in zip(kept, of, strict=True):
        if len(own) == len(track.notes) and None not in match:
            return None
    best = min(kept, key=lambda match: match.count(None))
    sung = part.stem == "vocals"
    notes = [
        old or _new(heard, end, _syllable(part, heard) if sung else "")
        for heard, old in zip(track.notes, best, strict=True)
    ]
    return _in_order(notes)


def _in_order(notes: Iterable[Note]) -> tuple[Note, ...]:
    return tuple(sorted(notes, key=lambda n: (n.onset_beats, n.pitch)))


def _check_drums(part: Part, track: Track) -> None:
    from halation.stems.hits import VOICES

    strange = sorted({n.pitch for n in track.notes} - set(VOICES))
    if strange:
        raise FileError(
            f"the track {part.name!r} has a note of pitch {strange[0]}, a kit has "
            f"{', '.join(map(str, sorted(VOICES)))}; move it to one of these"
        )


def _matched(heard: tuple[Heard, ...], own: list[Event], rough: int) -> list[Note | None]:
    """Return for each note of a track the part's note that it still is."""
    there: dict[tuple[int, int], list[Event]] = {}
    for event in own:
        there.setdefault((event.pitch, event.velocity), []).append(event)
    found: list[Note | None] = []
    for note in heard:
        start = round(note.onset_beats * TICKS_PER_BEAT)
        stop = round((note.onset_beats + note.duration_beats) * TICKS_PER_BEAT)
        row = there.get((note.pitch, note.velocity), [])
        i = bisect_left(row, start - rough, key=lambda event: event.start)
        if i < len(row) and row[i].start <= start + rough and abs(row[i].end - stop) <= rough:
            found.append(row.pop(i).note)
        else:
            found.append(None)
    return found


def _new(heard: Heard, end: float, syllable: str) -> Note:
    lasts = min(heard.duration_beats, end - heard.onset_beats)
    return Note(heard.onset_beats, lasts, heard.pitch, heard.velocity, 0.0, syllable)


def _syllable(part: Part, heard: Heard) -> str:
    """Return what the nearest old note sang."""
    i = bisect_left(part.notes, heard.onset_beats, key=lambda n: n.onset_beats)
    near = part.notes[max(0, i - 1) : i + 1]
    if not near:
        return SYLLABLE
    nearest = min(near, key=lambda n: abs(n.onset_beats - heard.onset_beats))
    return nearest.syllable.removeprefix(REVERSED) or SYLLABLE
