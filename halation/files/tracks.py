"""Tracks of a MIDI file that comes from somebody else: read within bounds, whatever it holds.

A reader of our own rather than mido's, which takes minutes for some megabytes of notes and lets
a track last for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from halation.types import FileError

__all__ = ["Heard", "Track", "Tracks", "read_tracks"]

MAX_BYTES: Final = 2 << 20
"""Our own export of the longest song has some hundred kilobytes."""
MAX_TRACKS: Final = 128
MAX_NOTES: Final = 100_000
MAX_TICKS: Final = 1 << 28
LENGTHS: Final = {0xC: 1, 0xD: 1}
"""Data bytes of a channel's message, where there are not two."""
SYSTEM: Final = {0xF1: 1, 0xF2: 2, 0xF3: 1}
NAME, END, TEMPO = 0x03, 0x2F, 0x51


@dataclass(frozen=True, slots=True)
class Heard:
    """A note in beats."""

    onset_beats: float
    duration_beats: float
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Track:
    """A named track; ``leads`` says that it holds the tempo and not a note."""

    name: str
    notes: tuple[Heard, ...]
    leads: bool


@dataclass(frozen=True, slots=True)
class Tracks:
    """What a MIDI file holds.

    Parameters
    ----------
    tracks : tuple of Track
    tempos_bpm : tuple of float
        Every tempo that it names; none where it names none.
    ticks_per_beat : int
        How finely it tells the time.
    """

    tracks: tuple[Track, ...]
    tempos_bpm: tuple[float, ...]
    ticks_per_beat: int


def read_tracks(raw: bytes) -> Tracks:
    """Read a MIDI file of format 1.

    Parameters
    ----------
    raw : bytes

    Raises
    ------
    FileError
        If it is none, is damaged, or holds more than a song can.
    """
    if len(raw) > MAX_BYTES:
        raise FileError(
            f"the MIDI file has {len(raw) / 1e6:.1f} MB; at most {MAX_BYTES / 1e6:.1f} MB are read"
        )
    if raw[:4] != b"MThd" or len(raw) < 14:
        raise FileError("that is no MIDI file; export one of format 1 from your program")
    size = int.from_bytes(raw[4:8])
    kind, declared, division = (int.from_bytes(raw[i : i + 2]) for i in (8, 10, 12))
    if kind == 2:
        raise FileError("the MIDI file is of format 2 (loose patterns); export format 1")
    if division & 0x8000:
        raise FileError("the MIDI file counts in SMPTE frames; export it in beats (ticks)")
    if division == 0:
        raise FileError("the MIDI file is damaged: a beat has no ticks")
    if declared > MAX_TRACKS:
        raise FileError(f"the MIDI file has {declared} tracks; at most {MAX_TRACKS} are read")
    tracks: list[Track] = []
    tempos: list[float] = []
    left = MAX_NOTES
    at = 8 + size
    while at + 8 <= len(raw) and len(tracks) <= MAX_TRACKS:
        name, size = raw[at : at + 4], int.from_bytes(raw[at + 4 : at + 8])
        if at + 8 + size > len(raw):
            raise FileError(
                "the MIDI file is cut off: a track ends before its end; export it again"
            )
        if name == b"MTrk":
            reader = _Reader(raw[at + 8 : at + 8 + size], division, left)
            tracks.append(reader.track())
            tempos += reader.tempos
            left -= len(tracks[-1].notes)
        at += 8 + size
    if len(tracks) < declared or not tracks:
        raise FileError("the MIDI file is cut off: tracks are missing; export it again")
    if kind == 0 and tracks[0].notes:
        raise FileError("the MIDI file is of format 0 (all in one track); export format 1")
    return Tracks(tuple(tracks), tuple(dict.fromkeys(tempos)), division)


@dataclass(slots=True)
class _Reader:
    """Reads one track."""

    raw: bytes
    division: int
    most: int
    tempos: list[float] = field(default_factory=list)
    at: int = 0

    def track(self) -> Track:
        try:
            return self._track()
        except IndexError:
            raise FileError(
                "the MIDI file is damaged: a message ends before its end; export it again"
            ) from None

    def _track(self) -> Track:
        name, tick, status = "", 0, 0
        sounding: dict[tuple[int, int], list[tuple[int, int]]] = {}
        notes: list[Heard] = []
        while self.at < len(self.raw):
            tick += self._number()
            if tick > MAX_TICKS:
                raise FileError("the MIDI file lasts for days; a song lasts ten minutes at most")
            byte = self.raw[self.at]
            if byte == 0xFF:
                kind = self.raw[self.at + 1]
                self.at += 2
                data = self._data()
                if kind == END:
                    break
                if kind == NAME and not name:
                    name = data[:400].decode(errors="replace").strip()
                elif kind == TEMPO and len(data) == 3 and any(data):
                    self.tempos.append(60e6 / int.from_bytes(data))
                continue
            if byte in (0xF0, 0xF7):
                self.at += 1
                self._data()
                continue
            if byte > 0xF0:
                self.at += 1 + SYSTEM.get(byte, 0)
                continue
            if byte & 0x80:
                status = byte
                self.at += 1
            self._message(status, tick, sounding, notes)
        for (_, pitch), begun in sounding.items():
            notes += [self._note(start, tick, pitch, loud) for start, loud in begun]
        notes.sort(key=lambda n: (n.onset_beats, n.pitch))
        return Track(name, tuple(notes), bool(self.tempos) and not notes)

    def _message(
        self, status: int, tick: int, sounding: dict[tuple[int, int], list[tuple[int, int]]],
        notes: list[Heard],
    ) -> None:  # fmt: skip
        if not status:
            raise FileError("the MIDI file is damaged: a message has no kind; export it again")
        kind, channel = status >> 4, status & 0xF
        first = self.raw[self.at]
        second = self.raw[self.at + 1] if kind not in LENGTHS else 0
        if (first | second) & 0x80:
            raise FileError("the MIDI file is damaged: a value is above 127; export it again")
        self.at += LENGTHS.get(kind, 2)
        if kind not in (0x8, 0x9):
            return
        begun = sounding.setdefault((channel, first), [])
        if kind == 0x9 and second:
            self.most -= 1
            if self.most < 0:
                raise FileError(
                    f"the MIDI file has more than {MAX_NOTES:,} notes; a song has fewer"
                )
            begun.append((tick, second))
        elif begun:
            start, loud = begun.pop(0)
            notes.append(self._note(start, tick, first, loud))

    def _note(self, start: int, end: int, pitch: int, velocity: int) -> Heard:
        lasts = max(1, end - start) / self.division
        return Heard(start / self.division, lasts, pitch, velocity)

    def _number(self) -> int:
        """Read a number of up to four bytes, seven bits each."""
        value = 0
        for _ in range(4):
            byte = self.raw[self.at]
            self.at += 1
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value
        raise FileError("the MIDI file is damaged: a time is too long; export it again")

    def _data(self) -> bytes:
        size = self._number()
        data = self.raw[self.at : self.at + size]
        if len(data) < size:
            raise IndexError
        self.at += size
        return data
