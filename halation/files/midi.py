"""The score as MIDI files: as played, and on the grid."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import Final

from halation.files.folder import clean
from halation.types import BEATS_PER_BAR, Key, Part, Score

__all__ = ["key_signature", "write"]

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

MAJORS: Final = ("Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#")
MINORS: Final = ("Ebm", "Bbm", "Fm", "Cm", "Gm", "Dm", "Am", "Em", "Bm", "F#m", "C#m", "G#m")
"""Keys from five (minor: six) flats to as many sharps."""

NOTE_OFF, NOTE_ON, PROGRAM, META = 0x80, 0x90, 0xC0, 0xFF
TRACK_NAME, LYRIC, MARKER, END, TEMPO, METRE, KEY = 0x03, 0x05, 0x06, 0x2F, 0x51, 0x58, 0x59
"""Kinds of messages, and of those of them that only say something."""


@dataclass(frozen=True, slots=True)
class _Event:
    """A note in ticks."""

    start: int
    end: int
    pitch: int
    velocity: int
    syllable: str


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

    References
    ----------
    "Standard MIDI Files 1.0", MIDI Manufacturers Association, 1996.
    """
    end = round(score.form.duration_beats * TICKS_PER_BEAT)
    tracks = [_conductor(score, end)]
    melodic = 0
    for part in score.parts:
        channel = DRUM_CHANNEL
        if part.stem != "drums":
            channel = MELODIC_CHANNELS[melodic % len(MELODIC_CHANNELS)]
            melodic += 1
        events = _events(part, score, end, quantised)
        tracks.append(_track(part, channel, events, end))
    head = struct.pack(">HHH", 1, len(tracks), TICKS_PER_BEAT)
    chunks = [(b"MThd", head), *((b"MTrk", track) for track in tracks)]
    path.write_bytes(b"".join(n + struct.pack(">I", len(data)) + data for n, data in chunks))


def _conductor(score: Score, end: int) -> bytes:
    form = score.form
    key = key_signature(form.key)
    sharps = MINORS.index(key) - 6 if form.key.minor else MAJORS.index(key) - 5
    tempo = round(60e6 / form.tempo_bpm).to_bytes(3, "big")  # microseconds a beat
    # A quarter is 2 to the power of −2 and has 24 clocks and 8 thirty-seconds.
    metre = bytes((BEATS_PER_BAR, 2, 24, 8))
    timed = [
        (0, _meta(TRACK_NAME, clean(form.mood.title).encode())),
        (0, _meta(TEMPO, tempo)),
        (0, _meta(METRE, metre)),
        (0, _meta(KEY, struct.pack("bb", sharps, form.key.minor))),
    ]
    for section in form.sections:
        tick = round(section.start_beats * TICKS_PER_BEAT)
        timed.append((tick, _meta(MARKER, section.name.encode())))
    return _assembled(timed, end)


def _track(part: Part, channel: int, events: Iterable[_Event], end: int) -> bytes:
    head = [(0, _meta(TRACK_NAME, clean(part.name).encode()))]
    if channel != DRUM_CHANNEL:
        program = PROGRAMS.get(part.patch.partition("+")[0], STEM_PROGRAMS.get(part.stem, 0))
        head.append((0, bytes((PROGRAM | channel, program))))
    # At one tick: notes end, then words come, then notes start.
    body: list[tuple[int, int, bytes]] = []
    for event in events:
        body.append((event.start, 2, bytes((NOTE_ON | channel, event.pitch, event.velocity))))
        body.append((event.end, 0, bytes((NOTE_OFF | channel, event.pitch, 0))))
        if event.syllable:
            body.append((event.start, 1, _meta(LYRIC, clean(event.syllable).encode())))
    body.sort(key=itemgetter(0, 1))
    return _assembled([*head, *((tick, message) for tick, _, message in body)], end)


def _meta(kind: int, data: bytes) -> bytes:
    return bytes((META, kind)) + _number(len(data)) + data


def _number(value: int) -> bytes:
    """Return a number in seven bits a byte, of which all but the last have the eighth bit set.

    Examples
    --------
    >>> _number(0).hex(), _number(127).hex(), _number(128).hex(), _number(0x3FFF).hex()
    ('00', '7f', '8100', 'ff7f')
    """
    number = bytes((value & 0x7F,))
    while value := value >> 7:
        number = bytes((value & 0x7F | 0x80,)) + number
    return number


def _assembled(timed: list[tuple[int, bytes]], end: int) -> bytes:
    """Return a track; a message of the same kind and channel as the last goes without its head."""
    track, now, last = bytearray(), 0, META
    for tick, message in timed:
        track += _number(tick - now)
        same = message[0] == last != META
        track += message[1:] if same else message
        now, last = tick, message[0]
    return bytes(track + _number(end - now) + _meta(END, b""))


def _events(part: Part, score: Score, end: int, quantised: bool) -> list[_Event]:
    """Return a part's notes in ticks, inside the song, no two of one pitch at a time."""
    grid = round(GRID_BEATS * TICKS_PER_BEAT)
    beats_per_s = score.form.tempo_bpm / 60.0
    found: dict[int, list[_Event]] = {}
    for note in part.notes:
        if quantised:
            start = round(note.onset_beats / GRID_BEATS) * grid
            length = max(grid, round(note.duration_beats / GRID_BEATS) * grid)
        else:
            start = round((note.onset_beats + note.offset_s * beats_per_s) * TICKS_PER_BEAT)
            length = max(1, round(note.duration_beats * TICKS_PER_BEAT))
        start = max(0, start)
        if start < end:
            event = _Event(
                start, min(end, start + length), note.pitch, note.velocity, note.syllable
            )
            found.setdefault(note.pitch, []).append(event)
    events = [event for voice in found.values() for event in _untangled(voice)]
    return sorted(events, key=lambda event: (event.start, event.pitch))


def _untangled(voice: list[_Event]) -> list[_Event]:
    """Let each note of one pitch end where the next starts; of two at one tick keep the louder."""
    loudest: dict[int, _Event] = {}
    for event in voice:
        kept = loudest.get(event.start)
        if kept is None or (event.velocity, event.end) > (kept.velocity, kept.end):
            loudest[event.start] = event
    line = [loudest[start] for start in sorted(loudest)]
    ends = [min(a.end, b.start) for a, b in pairwise(line)]
    ends += [event.end for event in line[-1:]]
    return [
        event if event.end == stop else replace(event, end=stop)
        for event, stop in zip(line, ends, strict=True)
    ]
