"""The score as MIDI files: as played, and on the grid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halation.files.folder import clean
from halation.types import BEATS_PER_BAR, Key, Note, Part, Score

if TYPE_CHECKING:
    import mido

__all__ = ["TICKS_PER_BEAT", "Event", "events", "key_signature", "write"]

TICKS_PER_BEAT: Final = 480
GRID_BEATS: Final = 0.25
"""A sixteenth: the grid of the quantised file."""

DRUM_CHANNEL: Final = 9
MELODIC_CHANNELS: Final = tuple(c for c in range(16) if c != DRUM_CHANNEL)

PROGRAMS: Final = {
    "808": 38, "synth": 38, "rubber": 39, "reese": 38,
    "bowed": 92, "machine": 51, "vapourbrass": 62, "swell": 97, "crystal": 98, "vibes": 11,
    "spring": 84, "rhodes": 4, "chip": 80, "hyper": 81, "dust": 97, "bloom": 97, "sink": 97,
    "sea": 122, "crickets": 123, "city": 122, "frost": 96,
    "glass": 92, "warm": 89, "choirpad": 91, "strings": 50, "halo": 94, "organ": 19,
    "fm_bell": 14, "ice": 98, "celesta": 8, "music_box": 10,
    "string": 25, "kalimba": 108, "harp": 46, "koto": 107,
    "flute": 73, "ocarina": 79, "airbrass": 62, "supersaw": 81,
    "chops": 54, "choir": 52,
    "rain": 96, "wind": 122, "hiss": 122, "vinyl": 120, "thunder": 127, "birds": 123,
}  # fmt: skip
"""General MIDI programs (from 0) that come nearest to each patch."""

STEM_PROGRAMS: Final = {
    "bass": 38, "pads": 89, "keys": 10, "lead": 81, "vocals": 54, "textures": 96,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """A note in ticks, and as it was."""

    start: int
    end: int
    pitch: int
    velocity: int
    note: Note


def key_signature(key: Key) -> str:
    """Return a key in the short form of MIDI and of ID3's TKEY, such as ``"F#m"``.

    Dorian is written as minor and lydian as major; C♯ and A♭ minor take the usual spelling.

    Examples
    --------
    >>> key_signature(Key(6, "aeolian")), key_signature(Key(1, "lydian"))
    ('F#m', 'Db')
    """
    names = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
    if key.minor:
        return f"{names[key.tonic]}m"
    return {1: "Db", 8: "Ab"}.get(key.tonic, names[key.tonic])


def write(path: Path, score: Score, *, quantised: bool = False) -> None:
    """Write a score as a MIDI file of format 1.

    Bar 1 is at tick 0, the tempo is the producer's, and every track ends with the song, so that the
    file lines up with the audio. Each part has a named track; drums are on channel 10.

    Parameters
    ----------
    path : Path
    score : Score
    quantised : bool
        Put notes on sixteenths and leave the human deviation out; doubles fall together.
    """
    import mido

    end = round(score.form.duration_beats * TICKS_PER_BEAT)
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT, charset="utf-8")
    file.tracks.append(_conductor(score, end))
    melodic = 0
    for part in score.written:
        channel = DRUM_CHANNEL
        if part.stem != "drums":
            channel = MELODIC_CHANNELS[melodic % len(MELODIC_CHANNELS)]
            melodic += 1
        played = events(part, score, quantised=quantised)
        file.tracks.append(_track(part, channel, played, end))
    file.save(path)


def _conductor(score: Score, end: int) -> mido.MidiTrack:
    import mido

    form = score.form
    timed = [
        (0, mido.MetaMessage("track_name", name=clean(form.mood.title))),
        (0, mido.MetaMessage("set_tempo", tempo=round(60e6 / form.tempo_bpm))),
        (0, mido.MetaMessage("time_signature", numerator=BEATS_PER_BAR, denominator=4)),
        (0, mido.MetaMessage("key_signature", key=key_signature(form.key))),
    ]
    for section in form.sections:
        tick = round(section.start_beats * TICKS_PER_BEAT)
        timed.append((tick, mido.MetaMessage("marker", text=section.name)))
    return _assembled(timed, end)


def _track(part: Part, channel: int, played: Iterable[Event], end: int) -> mido.MidiTrack:
    import mido

    head = [(0, mido.MetaMessage("track_name", name=clean(part.name)))]
    if channel != DRUM_CHANNEL:
        program = PROGRAMS.get(part.patch.partition("+")[0], STEM_PROGRAMS.get(part.stem, 0))
        head.append((0, mido.Message("program_change", channel=channel, program=program)))
    # At one tick: notes end, then words come, then notes start.
    body: list[tuple[int, int, mido.Message | mido.MetaMessage]] = []
    for event in played:
        at, pitch, loud = channel, event.pitch, event.velocity  # a Note has checked them
        on = mido.Message("note_on", skip_checks=True, channel=at, note=pitch, velocity=loud)
        off = mido.Message("note_off", skip_checks=True, channel=at, note=pitch, velocity=0)
        body += [(event.start, 2, on), (event.end, 0, off)]
        if event.note.syllable:
            text = mido.MetaMessage("lyrics", text=clean(event.note.syllable))
            body.append((event.start, 1, text))
    body.sort(key=lambda row: row[:2])
    return _assembled([*head, *((tick, message) for tick, _, message in body)], end)


def _assembled(timed: list[tuple[int, mido.Message]], end: int) -> mido.MidiTrack:
    import mido

    track, now = mido.MidiTrack(), 0
    for tick, message in timed:
        message.time = tick - now
        track.append(message)
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=end - now))
    return track


def events(part: Part, score: Score, *, quantised: bool) -> list[Event]:
    """Return a part's notes in ticks, inside the song, no two of one pitch at a time."""
    end = round(score.form.duration_beats * TICKS_PER_BEAT)
    grid = round(GRID_BEATS * TICKS_PER_BEAT)
    beats_per_s = score.form.tempo_bpm / 60.0
    found: dict[int, list[Event]] = {}
    for note in part.notes:
        if quantised:
            start = round(note.onset_beats / GRID_BEATS) * grid
            length = max(grid, round(note.duration_beats / GRID_BEATS) * grid)
        else:
            start = round((note.onset_beats + note.offset_s * beats_per_s) * TICKS_PER_BEAT)
            length = max(1, round(note.duration_beats * TICKS_PER_BEAT))
        start = max(0, start)
        if start < end:
            event = Event(start, min(end, start + length), note.pitch, note.velocity, note)
            found.setdefault(note.pitch, []).append(event)
    voices = [event for voice in found.values() for event in _untangled(voice)]
    return sorted(voices, key=lambda event: (event.start, event.pitch))


def _untangled(voice: list[Event]) -> list[Event]:
    """Let each note of one pitch end where the next starts; of two at one tick keep the louder."""
    loudest: dict[int, Event] = {}
    for event in voice:
        kept = loudest.get(event.start)
        if kept is None or (event.velocity, event.end) > (kept.velocity, kept.end):
            loudest[event.start] = event
    line = [loudest[start] for start in sorted(loudest)]
    ends = [min(a.end, b.start) for a, b in pairwise(line)]
    ends += [event.end for event in line[-1:]]
    return [
        Event(event.start, stop, event.pitch, event.velocity, event.note)
        for event, stop in zip(line, ends, strict=True)
    ]
