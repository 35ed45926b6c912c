"""How well the corpus hears: tempo, key and mood of halation's own songs, which are known.

``python -m benchmarks.describe`` makes 24 songs that nothing was fitted on and describes the
masters, halves of them, and parts; where basic-pitch's network is installed, their notes are heard,
too. Some three minutes on two cores.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from numpy.typing import NDArray

from halation.corpus.describe import describe
from halation.corpus.notes import Heard, melody
from halation.corpus.tags import tagged
from halation.corpus.transcribe import model, transcribe
from halation.mood import AXES, VOCABULARY, read
from halation.pipeline import produce
from halation.types import SAMPLE_RATE, BackendError, Brief, Key, Score, Song

SONGS = 24
TRANSCRIBED = 10
FIRST_SEED = 424_200
LENGTH_S = 75.0
TOLERANCE = 0.02
PARTS = ("drums", "bass", "keys", "pads")
COLUMNS = ("exact", "octave", "relative", "fifth", "parallel", "other", "none")


def _has_network() -> bool:
    try:
        return model().is_file()
    except BackendError:
        return False


HAS_NETWORK = _has_network()

Signal = NDArray[np.float32]
Place = tuple[float, ...]
Row = tuple[str, str, str, Place]


def song(number: int) -> Song:
    """Make a song, every second one of a text, every third one without voices."""
    text = VOCABULARY[number * 7 % len(VOCABULARY)].phrases[2] if number % 2 else ""
    brief = Brief(FIRST_SEED + number, text=text, length_s=LENGTH_S, instrumental=number % 3 == 0)
    *_, made = produce(brief, workers=1)
    assert isinstance(made, Song)
    return made


def cuts(made: Song) -> Iterator[tuple[str, Signal]]:
    """Give what is listened to: the master, 30 s of its middle, the mix without drums, parts."""
    master = made.master.samples
    yield "master, 75 s", master
    middle = master.shape[1] // 2
    yield "master, 30 s", master[:, middle : middle + 30 * SAMPLE_RATE]
    stems = {stem.name: stem.audio.samples for stem in made.mix.stems.tracks}
    yield "without drums", np.sum([x for name, x in stems.items() if name != "drums"], axis=0)
    for name in PARTS:
        if name in stems and np.abs(stems[name]).max() > 0.01:
            yield f"{name} alone", stems[name]


def tempo_is(found: float | None, true: float) -> str:
    """Say how a tempo was heard."""
    if found is None:
        return "none"
    for name, times in (("exact", 1.0), ("octave", 2.0), ("octave", 0.5)):
        if abs(found / true / times - 1.0) <= TOLERANCE:
            return name
    return "other"


def key_is(found: str | None, true: Key) -> str:
    """Say how a key was heard; dorian is minor, lydian major."""
    if found is None:
        return "none"
    key = Key.parse(found)
    majors = [(k.tonic + 3 * k.minor) % 12 for k in (key, true)]
    if key.minor == true.minor:
        away = (key.tonic - true.tonic) % 12
        return {0: "exact", 5: "fifth", 7: "fifth"}.get(away, "other")
    return (
        "relative"
        if majors[0] == majors[1]
        else ("parallel" if key.tonic == true.tonic else "other")
    )


def notes_of(score: Score, stem: str) -> list[tuple[float, int]]:
    """Return onsets in seconds and pitches of a stem's notes, doublings in unison once."""
    rows = {
        (round(score.seconds_at(note.onset_beats) + note.offset_s, 1), note.pitch): (
            score.seconds_at(note.onset_beats) + note.offset_s,
            note.pitch,
        )
        for part in score.parts
        if part.stem == stem
        for note in part.notes
    }
    return sorted(rows.values())


def note_scores(heard: Iterable[Heard], true: list[tuple[float, int]]) -> tuple[float, ...]:
    """Return precision, recall and F1 of notes whose onset is right to 50 ms."""
    left = list(heard)
    n_heard = len(left)
    hits = 0
    for onset_s, pitch in true:
        near = [n for n in left if n.pitch == pitch and abs(n.onset_s - onset_s) <= 0.05]
        if near:
            left.remove(near[0])
            hits += 1
    return hits / max(1, n_heard), hits / max(1, len(true)), 2 * hits / max(1, n_heard + len(true))


def noted(made: Song) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Transcribe a song's lead, keys and bass alone, and the tune out of its whole mix."""
    for stem in ("lead", "keys", "bass"):
        true, sound = notes_of(made.score, stem), made.mix.stems.get(stem)
        if true and sound is not None:
            yield f"{stem} alone", note_scores(transcribe(sound.samples, SAMPLE_RATE), true)
    tune = melody(transcribe(made.master.samples, SAMPLE_RATE))
    yield "tune out of the master", note_scores(tune, notes_of(made.score, "lead"))


def heard(number: int) -> tuple[list[Row], Place, list[tuple[str, tuple[float, ...]]]]:
    """Make a song and describe it: rows of (cut, tempo, key, axes), the true axes, and notes."""
    made = song(number)
    form = made.score.form
    rows: list[Row] = []
    for name, x in cuts(made):
        x = np.ascontiguousarray(x)
        found = describe(x, SAMPLE_RATE)
        axes = tagged(x, SAMPLE_RATE, found).axes
        rows.append(
            (name, tempo_is(found.tempo_bpm, form.tempo_bpm), key_is(found.key, form.key), axes)
        )
    mood = read(made.brief)
    notes = list(noted(made)) if number < TRANSCRIBED and HAS_NETWORK else []
    return rows, tuple(getattr(mood, axis) for axis in AXES), notes


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    tempi, keys = defaultdict(Counter), defaultdict(Counter)  # type: ignore[var-annotated]
    places, notes = defaultdict(list), defaultdict(list)
    with ProcessPoolExecutor(given.workers) as pool:
        for rows, true, scores in pool.map(heard, range(SONGS)):
            for name, tempo, key, axes in rows:
                tempi[name][tempo] += 1
                keys[name][key] += 1
                places[name].append((axes, true))
            for name, values in scores:
                notes[name].append(values)
    for what, table in (("tempo", tempi), ("key", keys)):
        columns = [c for c in COLUMNS if any(c in row for row in table.values())]
        print(f"| {what} | songs | " + " | ".join(columns) + " |")
        print("|---" * (len(columns) + 2) + "|")
        for name, row in table.items():
            print(f"| {name} | {sum(row.values())} | " + " | ".join(str(row[c]) for c in columns)
                  + " |")  # fmt: skip
        print()
    print("| mood, correlation | " + " | ".join(AXES) + " |")
    print("|---" * (len(AXES) + 1) + "|")
    for name in ("master, 75 s", "master, 30 s"):
        pairs = np.array(places[name])
        found = [f"{np.corrcoef(pairs[:, 0, i], pairs[:, 1, i])[0, 1]:.2f}" for i in range(5)]
        print(f"| {name} | " + " | ".join(found) + " |")
    print("\n| notes, onset ±50 ms | songs | precision | recall | F1 |\n|---|---|---|---|---|")
    for name, some in notes.items():
        means = " | ".join(f"{value:.2f}" for value in np.mean(some, axis=0))
        print(f"| {name} | {len(some)} | {means} |")


if __name__ == "__main__":
    main()
