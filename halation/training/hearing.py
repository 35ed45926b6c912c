"""Learn to hear key and mood from halation's own songs: ``python -m halation.training.hearing``.

Makes ``halation/data/hearing.json``: songs of some 36 s are made on as many texts as halation has
moods and phrases, measured as the corpus measures recordings, and their known keys and moods give
the profiles of the two modes and a ridge regression from the measures to the five axes. Some ten
minutes on two cores; see ``runs/hearing.sh``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from halation.corpus.describe import describe
from halation.corpus.hearing import FAR, FEATURES, features
from halation.corpus.keys import PROFILES, tones
from halation.mood import AXES, PHRASES, VOCABULARY, read
from halation.pipeline import produce
from halation.types import SAMPLE_RATE, Brief, Song

FIRST_SEED: Final = 91_000
LENGTH_S: Final = 36.0
RIDGE: Final = 10.0
FOLDS: Final = 8
MOST_GAIN: Final = 2.0
"""A regression shrinks towards the mean what it does not know; places are spread again, up to so
much, until they lie as far apart as the songs' own."""
DEFAULT_OUT: Final = Path(__file__).parent.parent / "data" / "hearing.json"

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """A song: what it was meant to be and what is heard of it."""

    tonic: int
    minor: bool
    place: Values
    features: Values
    chroma: Values
    bass: Values


def texts() -> tuple[str, ...]:
    """Return what the songs are made of: every phrase of halation's and one of each mood."""
    return (*PHRASES, *(word.phrases[0] for word in VOCABULARY))


def lesson(number: int, text: str) -> Lesson:
    """Make a song, every other one without voices, and listen to it."""
    brief = Brief(FIRST_SEED + number, text=text, length_s=LENGTH_S, instrumental=bool(number % 2))
    *_, song = produce(brief, workers=1)
    assert isinstance(song, Song)
    x = song.master.samples
    form, mood = song.score.form, read(brief)
    heard = tones(x.mean(axis=0), SAMPLE_RATE)
    place = np.array([getattr(mood, axis) for axis in AXES])
    found = features(describe(x, SAMPLE_RATE))
    return Lesson(form.key.tonic, form.key.minor, place, found, heard.chroma, heard.bass)


def profiles(lessons: list[Lesson]) -> tuple[Values, Values]:
    """Return the chroma and the bass of major and minor, from the tonic up; half is published."""
    rows: list[list[Values]] = []
    for name in ("chroma", "bass"):
        turned = [
            [np.roll(getattr(row, name), -row.tonic) for row in lessons if row.minor == minor]
            for minor in (False, True)
        ]
        rows.append([np.mean(some, axis=0) for some in turned])
    published = np.array(PROFILES) / np.sum(PROFILES, axis=1, keepdims=True)
    return (np.array(rows[0]) + published) / 2.0, np.array(rows[1])


def fit(x: Values, y: Values) -> dict[str, Values]:
    """Fit a ridge regression from features (n, features) to places (n, 5)."""
    mean, deviation = np.nanmean(x, axis=0), np.nanstd(x, axis=0) + 1e-6
    z = np.nan_to_num(np.clip((x - mean) / deviation, -FAR, FAR))
    offset = y.mean(axis=0)
    gram = z.T @ z + RIDGE * np.eye(z.shape[1])
    slopes = np.linalg.solve(gram, z.T @ (y - offset))
    return {"mean": mean, "deviation": deviation, "slopes": slopes, "offset": offset}


def guesses(x: Values, y: Values) -> Values:
    """Return the place of each song by a fit that has not seen it."""
    found = np.empty_like(y)
    for fold in range(FOLDS):
        held = np.arange(len(x)) % FOLDS == fold
        known = fit(x[~held], y[~held])
        z = np.nan_to_num(np.clip((x[held] - known["mean"]) / known["deviation"], -FAR, FAR))
        found[held] = known["offset"] + z @ known["slopes"]
    return found


def _correlations(guessed: Values, y: Values) -> Values:
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(guessed.T, y.T, strict=True)])


def learn(lessons: list[Lesson]) -> tuple[dict[str, Any], Values]:
    """Return what hearing.json holds, and the held-out correlation of each axis."""
    x = np.array([row.features for row in lessons])
    y = np.array([row.place for row in lessons])
    guessed = guesses(x, y)
    fitted = fit(x, y)
    gain = np.clip(y.std(axis=0) / (guessed.std(axis=0) + 1e-9), 1.0, MOST_GAIN)
    chroma, bass = profiles(lessons)
    rows = {**fitted, "slopes": fitted["slopes"] * gain, "chroma": chroma, "bass": bass}
    return {name: np.round(value, 5).tolist() for name, value in rows.items()}, _correlations(
        guessed, y
    )


def _lessons(workers: int) -> Iterator[Lesson]:
    wanted = texts()
    with ProcessPoolExecutor(workers) as pool:
        for number, row in enumerate(pool.map(lesson, range(len(wanted)), wanted)):
            print(f"\r{number + 1} of {len(wanted)} songs", end="", flush=True)
            yield row
    print()


def main() -> None:
    """Make the songs, listen, learn, write, and tell how well held-out songs are heard."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    lessons = list(_lessons(given.workers))
    rows, correlations = learn(lessons)
    lines = ",\n".join(f" {json.dumps(k)}: {json.dumps(v)}" for k, v in rows.items())
    given.out.write_text(f"{{\n{lines}\n}}\n")
    print(f"{len(lessons)} songs, {len(FEATURES)} features; held-out correlation:")
    for axis, value in zip(AXES, correlations, strict=True):
        print(f"  {axis:8s} {value:.2f}")


if __name__ == "__main__":
    main()
