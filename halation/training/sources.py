"""Music as it comes: POP909, the Groove MIDI Dataset, any folder of MIDI."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from halation.training.bars import Piece, Sheet, Sound, drum_piece, pieces
from halation.types import FileError

__all__ = ["groove", "midi_folder", "pop909", "read_midi"]

STYLES: Final = {
    "hiphop": "laid-back", "soul": "laid-back", "neworleans": "laid-back", "reggae": "laid-back",
    "rock": "rock", "punk": "rock", "pop": "rock", "country": "rock", "dance": "rock",
    "funk": "funk", "gospel": "funk", "jazz": "jazz", "blues": "jazz",
    "latin": "latin", "afrocuban": "latin", "afrobeat": "latin", "highlife": "latin",
}  # fmt: skip
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


Track = tuple[str, bool, list[tuple[float, float, int, int]]]
"""Name, whether it is drums, and notes of (onset in beats, end in beats, pitch, velocity)."""


def read_midi(path: Path) -> tuple[list[Track], list[tuple[float, float]], bool]:
    """Read a MIDI file.

    Returns
    -------
    tuple of (tracks, tempi, in four)
        Tempo changes are (beats, seconds a beat); in four are files whose bars all have one, two
        or four quarters.

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
    in_four = True
    for number, track in enumerate(file.tracks):
        now = 0
        open_notes: dict[tuple[int, int], list[tuple[float, int]]] = {}
        for message in track:
            now += message.time
            beats = now / ticks
            if message.type == "time_signature":
                # One, two and four quarters fit into our bar; where nobody told, one is written.
                in_four &= 4 * message.numerator / message.denominator in (1, 2, 4)
            elif message.type == "set_tempo" and message.tempo > 0:
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
    # Of tempi at one place the last holds.
    return tracks, sorted(tempi, key=lambda t: t[0]), in_four


def seconds_of(tempi: list[tuple[float, float]]) -> Any:
    """Return the function from a file's beats to its seconds."""
    beats = np.array([b for b, _ in tempi])
    pace = np.array([p for _, p in tempi])
    at = np.concatenate(([0.0], np.cumsum(np.diff(beats) * pace[:-1])))

    def convert(when: float) -> float:
        i = max(0, int(np.searchsorted(beats, when, side="right")) - 1)
        return float(at[i] + (when - beats[i]) * pace[i])

    return convert


def pop909(folder: Path) -> Iterator[Piece]:
    """Read the songs of a POP909 folder that are in four.

    Raises
    ------
    FileError
        If the folder holds none, or a song is not as POP909's are.
    """
    songs = sorted(path.parent for path in folder.glob("*/beat_midi.txt"))
    if not songs:
        raise FileError(f"no POP909 songs in {folder} (NNN/NNN.mid with beat_midi.txt …)")
    for song in songs:
        with _as_published(song):
            yield from _pop909_song(song)


@contextmanager
def _as_published(place: Path) -> Iterator[None]:
    """Turn what a file that is not as its data set's makes the readers stumble over into one line.

    Raises
    ------
    FileError
    """
    try:
        yield
    except (OSError, LookupError, ValueError, ZeroDivisionError) as error:
        raise FileError(
            f"{place} is not as its data set has it ({type(error).__name__}: {error})"
        ) from error


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

    tracks, tempi, _ = read_midi(song / f"{song.name}.mid")
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
    yield from pieces(f"pop909/{song.name}", sheet, sorted(keys), tempo)


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
            tracks, tempi, in_four = read_midi(path)
        except FileError:
            continue
        if not in_four:
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
        yield from pieces(name, _sheet_of(pitched), [], tempo)
    if drums:
        yield from drum_piece(name + "#drums", name, drums, seconds, tempo, "other", "beat")


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
        If the folder has no ``info.csv``, or one that is not as the set's is.
    """
    table = folder / "info.csv"
    if not table.is_file():
        raise FileError(f"no Groove set in {folder} (info.csv and drummerN/…)")
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        with _as_published(table):
            yield from _performance(folder, row)


def _performance(folder: Path, row: dict[str, str]) -> Iterator[Piece]:
    path = folder / row["midi_filename"]
    if row["time_signature"] != "4-4" or not path.is_file():
        return
    tracks, tempi, _ = read_midi(path)
    notes = sorted(n for _, _, track in tracks for n in track)
    style = row["style"].partition("/")[0]
    family = f"groove/{row['style']}" if "/groove" in row["style"] else f"groove/{row['id']}"
    yield from drum_piece(
        f"groove/{row['id']}", family, notes, seconds_of(tempi), float(row["bpm"]),
        STYLES.get(style, "other"), row["beat_type"],
    )  # fmt: skip
