"""Music as it comes, read as bars: POP909, the Groove MIDI Dataset, any folder of MIDI.

Every reader gives :class:`Piece` objects on the grid of :mod:`halation.score.learned.tokens`.
What is lost on the way is told in ``docs/composer.md``.
"""

from __future__ import annotations

import csv
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from halation.score.learned.tokens import (
    DURATIONS,
    LATENESS,
    LEVELS,
    PITCHES,
    STEPS,
    VOICES,
    Bar,
    Harmony,
    Hit,
    Tone,
    Voicing,
)
from halation.types import FileError

__all__ = ["Piece", "groove", "midi_folder", "pop909"]

FELT_BPM: Final = 96.0
"""What is faster is felt at half: two of its bars are one of ours."""
FELT_DRUMS_BPM: Final = 150.0
"""The same for drums alone: a backbeat on two and four is what we feel at half of it."""
LEAST_BARS: Final = 4
HIGHEST_BASS: Final = 54
MOST_PAD_VOICES: Final = 5
LOWEST_PAD: Final = 43

GROOVE_VOICES: Final[dict[int, str]] = {
    36: "kick", 35: "kick", 38: "snare", 40: "snare", 39: "snare", 37: "rim",
    42: "closed", 22: "closed", 44: "closed", 46: "open", 26: "open",
    51: "ride", 53: "ride", 59: "ride", 49: "crash", 52: "crash", 55: "crash", 57: "crash",
    41: "tom", 43: "tom", 45: "tom", 47: "tom", 48: "tom", 50: "tom", 58: "tom",
}  # fmt: skip
"""General MIDI and the numbers of the Groove set's kit."""
STYLES: Final = {
    "hiphop": "laid-back", "soul": "laid-back", "neworleans": "laid-back", "reggae": "laid-back",
    "rock": "rock", "punk": "rock", "pop": "rock", "country": "rock", "dance": "rock",
    "funk": "funk", "gospel": "funk", "jazz": "jazz", "blues": "jazz",
    "latin": "latin", "afrocuban": "latin", "afrobeat": "latin", "highlife": "latin",
}  # fmt: skip
LEVEL_EDGES: Final = (24, 44, 64, 84, 106)
LATE_EDGES_S: Final = (-0.024, -0.008, 0.008, 0.024)

_SHARP: Final = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_QUALITIES: Final = {
    "maj": "maj", "min": "min", "maj7": "maj7", "min7": "min7", "7": "7", "sus2": "sus2",
    "sus4": "sus4", "dim": "dim", "maj6": "maj", "min6": "min", "sus4(b7)": "sus4",
    "hdim7": "dim", "dim7": "dim", "aug": "maj", "9": "7", "maj9": "maj7", "min9": "min7",
    "11": "7", "13": "7", "minmaj7": "min", "maj(9)": "maj", "min(9)": "min",
}  # fmt: skip
_SHAPES: Final = {
    "maj": (0, 4, 7), "min": (0, 3, 7), "maj7": (0, 4, 7, 11), "min7": (0, 3, 7, 10),
    "7": (0, 4, 7, 10), "sus2": (0, 2, 7), "sus4": (0, 5, 7), "dim": (0, 3, 6),
}  # fmt: skip
MAJOR: Final = (0, 2, 4, 5, 7, 9, 11)
MINOR: Final = (0, 2, 3, 5, 7, 8, 10)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of music in one key.

    Parameters
    ----------
    name : str
        Where it comes from; pieces of one song share what stands before ``#``.
    family : str
        Pieces of one family are never on both sides of the split.
    bars : tuple of Bar
    tempo_bpm : float
        As felt, 48 … 96.
    minor : bool or None
        None where there is no pitch.
    busy : tuple of int
        Notes of all parts in each bar.
    style, kind : str
        Of drums; empty otherwise.
    """

    name: str
    family: str
    bars: tuple[Bar, ...]
    tempo_bpm: float
    minor: bool | None
    busy: tuple[int, ...]
    style: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Sound:
    """A note of a file in felt beats of its own grid."""

    onset: float
    end: float
    pitch: int
    velocity: int


@dataclass(slots=True)
class Sheet:
    """A file's tracks in beats from its first downbeat, before bars are made of them."""

    melody: list[Sound] = field(default_factory=list)
    counter: list[Sound] = field(default_factory=list)
    piano: list[Sound] = field(default_factory=list)
    chords: list[tuple[float, int, str]] = field(default_factory=list)
    """Onset in beats, root as a pitch class (−1: none), quality."""


# ------------------------------------------------------------------ reading MIDI


def read_midi(
    path: Path,
) -> tuple[list[tuple[str, bool, list[tuple[float, float, int, int]]]], Any]:
    """Read a MIDI file.

    Returns
    -------
    tuple of (tracks, tempi)
        Each track as (name, is drums, notes of (onset in beats, end in beats, pitch, velocity)),
        and the tempo changes as (beats, seconds a beat).

    Raises
    ------
    FileError
        If it cannot be read.
    """
    import mido

    try:
        file = mido.MidiFile(str(path), clip=True)
    except Exception as error:  # mido raises what the bytes make it stumble over
        raise FileError(f"cannot read {path.name} as MIDI ({error})") from error
    ticks = file.ticks_per_beat or 480
    tempi: list[tuple[float, float]] = [(0.0, 0.5)]
    found: dict[tuple[int, int], list[tuple[float, float, int, int]]] = {}
    names: dict[int, str] = {}
    for number, track in enumerate(file.tracks):
        now = 0
        open_notes: dict[tuple[int, int], list[tuple[float, int]]] = {}
        for message in track:
            now += message.time
            beats = now / ticks
            if message.type == "set_tempo":
                tempi.append((beats, message.tempo / 1e6))
            elif message.type == "track_name":
                names[number] = message.name.strip()
            elif message.type == "note_on" and message.velocity:
                key = (message.channel, message.note)
                open_notes.setdefault(key, []).append((beats, message.velocity))
            elif message.type in ("note_on", "note_off"):
                key = (message.channel, message.note)
                if open_notes.get(key):
                    onset, velocity = open_notes[key].pop(0)
                    notes = found.setdefault((number, message.channel), [])
                    notes.append((onset, max(beats, onset + 1 / 64), message.note, velocity))
    tracks = [
        (names.get(number, ""), channel == 9, sorted(notes))
        for (number, channel), notes in sorted(found.items())
    ]
    return tracks, sorted(tempi, key=lambda t: t[0])  # the last of those at one place holds


def seconds_of(tempi: list[tuple[float, float]]) -> Any:
    """Return the function from a file's beats to its seconds."""
    beats = np.array([b for b, _ in tempi])
    pace = np.array([p for _, p in tempi])
    at = np.concatenate(([0.0], np.cumsum(np.diff(beats) * pace[:-1])))

    def convert(when: float) -> float:
        i = max(0, int(np.searchsorted(beats, when, side="right")) - 1)
        return float(at[i] + (when - beats[i]) * pace[i])

    return convert


# ------------------------------------------------------------------ sources


def pop909(folder: Path) -> Iterator[Piece]:
    """Read the songs of a POP909 folder that are in four.

    Raises
    ------
    FileError
        If the folder holds none.
    """
    songs = sorted(path.parent for path in folder.glob("*/beat_midi.txt"))
    if not songs:
        raise FileError(f"no POP909 songs in {folder} (NNN/NNN.mid with beat_midi.txt …)")
    for song in songs:
        yield from _pop909_song(song)


def _rows(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines() if line.strip()]


def _pop909_song(song: Path) -> Iterator[Piece]:
    beats = [(float(r[0]), float(r[2]) > 0) for r in _rows(song / "beat_midi.txt")]
    downs = [i for i, (_, down) in enumerate(beats) if down]
    gaps = np.diff(downs)
    if len(gaps) < 2 or np.mean(gaps == 4) < 0.9:
        return  # three, six, or lost
    times = np.array([t for t, _ in beats])
    first = downs[0]

    def place(seconds: float) -> float:
        """Return a time as beats from the first downbeat."""
        i = min(max(int(np.searchsorted(times, seconds, side="right")) - 1, 0), len(times) - 2)
        return i - first + float((seconds - times[i]) / (times[i + 1] - times[i]))

    tracks, tempi = read_midi(song / f"{song.name}.mid")
    seconds = seconds_of(tempi)
    sheet = Sheet()
    for name, _, notes in tracks:
        sounds = [Sound(place(seconds(a)), place(seconds(b)), p, v) for a, b, p, v in notes]
        if name in ("MELODY", "BRIDGE", "PIANO"):
            setattr(
                sheet, {"MELODY": "melody", "BRIDGE": "counter", "PIANO": "piano"}[name], sounds
            )
    for start, _, label in _rows(song / "chord_midi.txt"):
        sheet.chords.append((place(float(start)), *_chord(label)))
    keys = {_key(r[2]) for r in _rows(song / "key_audio.txt")}
    tempo = 60.0 / float(np.median(np.diff(times)))
    yield from _pieces(f"pop909/{song.name}", sheet, sorted(keys), tempo)


def _pitch_class(name: str) -> int:
    return (_SHARP[name[0]] + name.count("#") - name[1:].count("b")) % 12


def _chord(label: str) -> tuple[int, str]:
    root, _, kind = label.partition(":")
    if root == "N" or not root or root[0] not in _SHARP:
        return -1, ""
    kind = kind.partition("/")[0]
    return _pitch_class(root.partition("/")[0]), _QUALITIES.get(kind, "maj")


def _key(label: str) -> tuple[int, bool]:
    tonic, _, mode = label.partition(":")
    return _pitch_class(tonic), mode.startswith("min")


def midi_folder(folder: Path) -> Iterator[Piece]:
    """Read every MIDI file of a folder and those below it.

    The melody is the track so named, else the highest voice; key and chords are heard out of the
    notes; a drum track (channel 10) gives a piece of its own. A file that cannot be read, or is not
    in four, is skipped.

    Raises
    ------
    FileError
        If there is no MIDI file that can be used.
    """
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".mid", ".midi"))
    n_found = 0
    for path in paths:
        name = f"midi/{path.relative_to(folder).with_suffix('').as_posix()}"
        try:
            tracks, tempi = read_midi(path)
        except FileError:
            continue
        for piece in _midi_pieces(name, tracks, tempi):
            n_found += 1
            yield piece
    if not n_found:
        raise FileError(f"no MIDI file in {folder} has four bars of music that can be read")


def _midi_pieces(name: str, tracks: Any, tempi: list[tuple[float, float]]) -> Iterator[Piece]:
    weights = np.diff([b for b, _ in tempi] + [max([n[1] for _, _, t in tracks for n in t] or [0])])
    paces = np.array([p for _, p in tempi])
    if not tracks or weights.sum() <= 0:
        return
    tempo = 60.0 / float(paces[int(np.argmax(weights))])
    seconds = seconds_of(tempi)
    drums = [n for _, is_drums, notes in tracks for n in notes if is_drums]
    pitched = [(label, notes) for label, is_drums, notes in tracks if not is_drums]
    if pitched:
        yield from _pieces(name, _sheet_of(pitched), [], tempo)
    if drums:
        yield from _drum_piece(name + "#drums", name, drums, seconds, tempo, "other", "beat")


def _sheet_of(tracks: list[tuple[str, list[tuple[float, float, int, int]]]]) -> Sheet:
    """Tell melody from accompaniment in the tracks of any file."""
    named = [
        t for t in tracks if any(w in t[0].lower() for w in ("melod", "lead", "vocal", "voice"))
    ]
    everything = sorted(n for _, notes in tracks for n in notes)
    if named:
        melody = max(named, key=lambda t: len(t[1]))[1]
        rest = sorted(n for label, notes in tracks for n in notes if notes is not melody)
    else:
        heads: dict[int, tuple[float, float, int, int]] = {}
        for note in everything:  # the skyline
            at = round(note[0] * 8)
            if at not in heads or heads[at][2] < note[2]:
                heads[at] = note
        melody = [n for n in heads.values() if n[2] >= 57]
        kept = set(melody)
        rest = [n for n in everything if n not in kept]
    sheet = Sheet([Sound(*n) for n in melody], [], [Sound(*n) for n in rest or melody])
    end = max(n[1] for n in everything)
    for half in range(math.ceil(end / 2)):
        sheet.chords.append((2.0 * half, *_heard_chord(everything, 2.0 * half, 2.0 * half + 2.0)))
    return sheet


def _heard_chord(notes: Any, start: float, end: float) -> tuple[int, str]:
    """Match what sounds with the shapes of chords; the lowest note speaks for the root."""
    weight = np.zeros(12)
    low = 128
    for onset, over, pitch, _ in notes:
        if onset >= end:
            break
        lasts = min(over, end) - max(onset, start)
        if lasts > 0:
            weight[pitch % 12] += lasts
            low = min(low, pitch)
    if weight.sum() <= 0:
        return -1, ""
    weight[low % 12] *= 1.5
    best = (-np.inf, -1, "")
    for root in range(12):
        for quality, shape in _SHAPES.items():
            inside = sum(weight[(root + s) % 12] for s in shape)
            score = inside - 0.6 * (weight.sum() - inside) - 0.12 * weight.sum() * (len(shape) - 3)
            score += 0.2 * weight[root] - (
                0.1 * weight.sum() if quality in ("dim", "sus2", "sus4") else 0
            )
            best = max(best, (float(score), root, quality))
    return best[1], best[2]


def groove(folder: Path) -> Iterator[Piece]:
    """Read the performances in four of the Groove MIDI Dataset.

    Raises
    ------
    FileError
        If the folder has no ``info.csv``.
    """
    table = folder / "info.csv"
    if not table.is_file():
        raise FileError(f"no Groove set in {folder} (info.csv and drummerN/…)")
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        path = folder / row["midi_filename"]
        if row["time_signature"] != "4-4" or not path.is_file():
            continue
        tracks, tempi = read_midi(path)
        notes = sorted(n for _, _, track in tracks for n in track)
        style = row["style"].partition("/")[0]
        family = f"groove/{row['style']}" if "/groove" in row["style"] else f"groove/{row['id']}"
        yield from _drum_piece(
            f"groove/{row['id']}", family, notes, seconds_of(tempi), float(row["bpm"]),
            STYLES.get(style, "other"), row["beat_type"],
        )  # fmt: skip


# ------------------------------------------------------------------ bars


def felt(tempo_bpm: float, most: float = FELT_BPM) -> tuple[float, float]:
    """Return a tempo as it is felt, and how many of its beats one felt beat is."""
    ratio = 1.0
    while tempo_bpm / ratio > most:
        ratio *= 2.0
    while tempo_bpm / ratio < most / 2:
        ratio /= 2.0
    return tempo_bpm / ratio, ratio


def _drum_piece(
    name: str, family: str, notes: Any, seconds: Any, tempo: float, style: str, kind: str
) -> Iterator[Piece]:
    felt_bpm, ratio = felt(tempo, FELT_DRUMS_BPM)
    step_beats = ratio * 4 / STEPS
    bars: dict[int, dict[tuple[int, str], Hit]] = {}
    for onset, _, pitch, velocity in notes:
        voice = GROOVE_VOICES.get(pitch)
        if voice is None:
            continue
        step = round(onset / step_beats)
        late_s = seconds(onset) - seconds(step * step_beats)
        hit = Hit(
            step % STEPS,
            voice,
            bisect_right(LEVEL_EDGES, velocity),
            bisect_right(LATE_EDGES_S, late_s),
        )
        here = bars.setdefault(step // STEPS, {})
        before = here.get((hit.step, voice))
        if before is None or before.level < hit.level:
            here[hit.step, voice] = hit
    if not bars or (kind == "beat" and max(bars) + 1 < 2):
        return
    row = []
    for number in range(max(bars) + 1):
        hits = sorted(bars.get(number, {}).values(), key=lambda h: (h.step, VOICES.index(h.voice)))
        row.append(Bar(drums=tuple(hits)))
    busy = tuple(len(bar.drums) for bar in row)
    yield Piece(name, family, tuple(row), felt_bpm, None, busy, style, kind)


def _pieces(name: str, sheet: Sheet, keys: list[tuple[int, bool]], tempo: float) -> Iterator[Piece]:
    """Cut a sheet into pieces of one key each, and each piece into bars."""
    felt_bpm, ratio = felt(tempo)
    step_beats = ratio * 4 / STEPS
    last = max((s.end for s in (*sheet.melody, *sheet.piano)), default=0.0)
    n_bars = math.ceil(last / step_beats / STEPS - 0.05)  # a last note may end a hair late
    if n_bars < LEAST_BARS:
        return
    sounds = [*sheet.melody, *sheet.counter, *sheet.piano]
    weights = np.zeros((n_bars, 12))
    busy = np.zeros(n_bars, dtype=int)
    for s in sounds:
        bar = int(s.onset / step_beats / STEPS)
        if 0 <= bar < n_bars:
            weights[bar, s.pitch % 12] += min(s.end - s.onset, 2.0)
            busy[bar] += 1
    for k, (start, end, (tonic, minor)) in enumerate(_key_spans(weights, keys)):
        if end - start < LEAST_BARS:
            continue
        grid = _Grid(step_beats, start, end, -tonic if tonic <= 6 else 12 - tonic)
        bars = grid.bars(sheet)
        yield Piece(
            f"{name}#{k}", name, bars, felt_bpm, minor, tuple(int(b) for b in busy[start:end])
        )


def _key_spans(
    weights: np.ndarray, keys: list[tuple[int, bool]]
) -> list[tuple[int, int, tuple[int, bool]]]:
    """Tell where which key holds, bar by bar, changes being dear.

    Without candidates the keys whose scale and tonic triad fit best are heard out of the notes.
    """
    n = len(weights)
    options = keys or [(tonic, minor) for tonic in range(12) for minor in (False, True)]
    fit = np.zeros((n, len(options)))
    for i, (tonic, minor) in enumerate(options):
        scale = [(tonic + s) % 12 for s in (MINOR if minor else MAJOR)]
        triad = [scale[0], scale[2], scale[4]]
        fit[:, i] = (
            weights[:, scale].sum(1) + 0.4 * weights[:, triad].sum(1) + 0.2 * weights[:, tonic]
        )
    total = np.maximum(weights.sum(1), 1e-9)
    fit = fit / total[:, None] * (weights.sum(1) > 0)[:, None]
    change = 3.0 if keys else 8.0
    best = fit[0].copy()
    back = np.zeros((n, len(options)), dtype=int)
    for i in range(1, n):  # Viterbi
        stay, move = best, best.max() - change
        back[i] = np.where(stay >= move, np.arange(len(options)), int(best.argmax()))
        best = np.maximum(stay, move) + fit[i]
    path = [int(best.argmax())]
    for i in range(n - 1, 0, -1):
        path.append(int(back[i][path[-1]]))
    path.reverse()
    edges = [0, *(i for i in range(1, n) if path[i] != path[i - 1]), n]
    return [(a, b, options[path[a]]) for a, b in pairwise(edges)]


class _Grid:
    """Puts the bars ``first`` to ``last`` of a sheet on the grid, moved by ``by`` semitones."""

    def __init__(self, step_beats: float, first: int, last: int, by: int) -> None:
        self.step_beats, self.first, self.last, self.by = step_beats, first, last, by
        self.n_steps = (last - first) * STEPS

    def step(self, beats: float) -> int:
        return round(beats / self.step_beats) - self.first * STEPS

    def bars(self, sheet: Sheet) -> tuple[Bar, ...]:
        melody = self.line(sheet.melody, high=True)
        counter = self.line(sheet.counter, high=True)
        low = [s for s in sheet.piano if s.pitch + self.by <= HIGHEST_BASS]
        bass = self.line(self._lowest(low), high=False)
        chords = self.chords(sheet.chords)
        pads = self.pads(sheet.piano, chords)
        return tuple(
            Bar(
                tuple(chords[i]),
                tuple(melody[i]),
                tuple(counter[i]),
                tuple(bass[i]),
                tuple(pads[i]),
            )
            for i in range(self.last - self.first)
        )

    @staticmethod
    def _lowest(sounds: list[Sound]) -> list[Sound]:
        """Keep what begins with nothing lower sounding."""
        kept: list[Sound] = []
        sounding: list[Sound] = []
        for s in sorted(sounds, key=lambda s: (s.onset, s.pitch)):
            sounding = [o for o in sounding if o.end > s.onset + 0.05]
            if all(o.pitch >= s.pitch for o in sounding):
                kept.append(s)
            sounding.append(s)
        return kept

    def line(self, sounds: list[Sound], *, high: bool) -> list[list[Tone]]:
        """Make one voice: one note at a step, each up to the next."""
        heads: dict[int, Sound] = {}
        for s in sounds:
            at = self.step(s.onset)
            if 0 <= at < self.n_steps:
                other = heads.get(at)
                if other is None or (s.pitch > other.pitch) == high:
                    heads[at] = s
        order = sorted(heads)
        rows: list[list[Tone]] = [[] for _ in range(self.last - self.first)]
        ends = [*order[1:], self.n_steps + 2 * STEPS]
        for at, following in zip(order, ends, strict=False):
            s = heads[at]
            lasts = min(max(1, self.step(s.end) - at), following - at)
            rows[at // STEPS].append(Tone(at % STEPS, _rounded(lasts), _clipped(s.pitch + self.by)))
        return rows

    def chords(self, chords: list[tuple[float, int, str]]) -> list[list[Harmony]]:
        """Give each bar the chord that sounds, then its changes on eighths of a felt beat."""
        at = [2 * round(self.step(beats) / 2) for beats, _, _ in chords]
        rows = []
        for bar in range(self.last - self.first):
            row: list[Harmony] = []
            begin = bar * STEPS
            now = bisect_right(at, begin) - 1
            for i in range(max(now, 0), len(chords)):
                if at[i] >= begin + STEPS:
                    break
                _, root, quality = chords[i]
                root = (root + self.by) % 12 if root >= 0 else -1
                place = max(at[i] - begin, 0)
                if row and row[-1].step == place:
                    row.pop()
                if not row or (row[-1].root, row[-1].quality) != (root, quality):
                    row.append(Harmony(place, root, quality))
            if not row or row[0].step:
                row.insert(0, Harmony(0, -1))
            rows.append(row)
        return rows

    def pads(self, piano: list[Sound], chords: list[list[Harmony]]) -> list[list[Voicing]]:
        """Gather what the piano plays over each chord, the longest notes of it."""
        spans = [(bar * STEPS + c.step, c) for bar, row in enumerate(chords) for c in row]
        starts = [at for at, _ in spans]
        held: list[dict[int, float]] = [{} for _ in spans]
        for s in piano:
            pitch = s.pitch + self.by
            at = self.step(s.onset)
            i = bisect_right(starts, at) - 1
            if 0 <= at < self.n_steps and i >= 0 and pitch >= LOWEST_PAD:
                pitch = _clipped(pitch)
                held[i][pitch] = held[i].get(pitch, 0.0) + s.end - s.onset
        rows: list[list[Voicing]] = [[] for _ in chords]
        for (at, _), weights in zip(spans, held, strict=True):
            longest = sorted(weights, key=lambda p: (-weights[p], p))[:MOST_PAD_VOICES]
            if len(longest) >= 2:
                rows[at // STEPS].append(Voicing(at % STEPS, tuple(sorted(longest))))
        return rows


def _rounded(steps: int) -> int:
    """Return the nearest duration that has a token."""
    i = bisect_left(DURATIONS, steps)
    near = DURATIONS[max(0, i - 1) : i + 1]
    return min(near, key=lambda d: abs(d - steps))


def _clipped(pitch: int) -> int:
    """Bring a pitch into the range by octaves."""
    while pitch < PITCHES.start:
        pitch += 12
    while pitch >= PITCHES.stop:
        pitch -= 12
    return pitch


assert len(LEVEL_EDGES) + 1 == LEVELS and len(LATE_EDGES_S) + 1 == LATENESS
