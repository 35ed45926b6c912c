"""Small folders of music that halation's own players play, and hands that prepare them here."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from halation.backends import Player
from halation.corpus.layout import Corpus
from halation.corpus.prepare import Ended, prepare
from halation.corpus.separate import Separator
from halation.corpus.sources import Found, add
from halation.corpus.steps import Task, Wish
from halation.seeds import rng
from halation.stems.drums import Drums
from halation.stems.synth import Synth
from halation.types import SAMPLE_RATE, Brief, Form, Key, Mood, Note, Part, Score, Section, Stems
from halation.workers import Makers

__all__ = ["WISH", "Here", "added", "prepared", "song", "write"]

Signal = NDArray[np.float32]

WISH = Wish(Separator("all", "nothing"), chunk_s=4.0)


@cache
def song(seed: int, bars: int = 8, tempo_bpm: float = 120.0) -> Signal:
    """Play a beat with a bass line and chords of their own, shape (2, n)."""
    draws = rng(seed, "corpora")
    mood = Mood(Brief(seed), 0, 0, 0, 0, 0, ("calm",), "calm", True, "Calm")
    section = Section("verse", "verse", 0.0, bars * 4.0)
    form = Form(mood, "test", tempo_bpm, Key(int(draws.integers(12)), "aeolian"), (section,))
    beat = [Note(float(b), 0.2, (36, 38)[b % 2], 100) for b in range(4 * bars)]
    beat += [Note(b / 2.0, 0.1, 42, int(draws.integers(40, 90))) for b in range(8 * bars)]
    line = [Note(2.0 * b, 1.5, int(draws.integers(36, 48)), 90) for b in range(2 * bars)]
    chords = [
        Note(4.0 * b, 3.9, int(pitch), 70)
        for b in range(bars)
        for pitch in draws.choice(np.arange(52, 76), 3, replace=False)
    ]
    parts = (
        Part("drums", "drums", "drums", "soft", tuple(sorted(beat, key=lambda n: n.onset_beats))),
        Part("bass", "bass", "synth", "808", tuple(line)),
        Part("pad", "pads", "synth", "glass", tuple(chords)),
    )
    score = Score(form, (), (), parts)
    total = np.zeros((2, score.n_samples), np.float32)
    for part, gain in zip(parts, (0.5, 0.3, 0.3), strict=True):
        player: Player = Drums() if part.name == "drums" else Synth()
        blocks = list(player(part, score, Stems(score, ()), seed))
        total += gain * np.concatenate([block.samples for block in blocks], axis=1)
    total.flags.writeable = False
    return total


def write(path: Path, x: Signal, sample_rate: int = SAMPLE_RATE, **kind: str) -> Path:
    """Write a sound file, of the format that its name says or ``format``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, x.T, sample_rate, **kind)
    return path


class Here(Executor):
    """Does each task at once, in this process; notes what was done, or fails on purpose.

    Parameters
    ----------
    spoil : callable, optional
        Called with each task before it is done; may raise.
    """

    def __init__(self, spoil: Callable[[Task], None] = lambda _task: None) -> None:
        self.did: list[str] = []
        self.tasks: list[Task] = []
        self._spoil = spoil

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do a task; KeyboardInterrupt goes through, as Ctrl-C does."""
        future: Future[Any] = Future()
        self.tasks.append(args[0])
        try:
            self._spoil(args[0])
            worked = fn(*args, **kwargs)
        except Exception as error:
            future.set_exception(error)
        else:
            self.did += worked.did
            future.set_result(worked)
        return future


def added(folder: Path, *places: Path | str) -> tuple[Corpus, list[Found]]:
    """Add places to a corpus."""
    corpus = Corpus.begin(folder)
    return corpus, list(add(corpus, tuple(map(str, places))))


def prepared(
    corpus: Corpus, wish: Wish = WISH, here: Executor | None = None, *, remote: bool = False
) -> list[Ended]:
    """Prepare a corpus in this process."""
    return list(prepare(corpus, wish, Makers(here or Here(), 1, remote=remote)))
