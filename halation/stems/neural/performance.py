"""How a model that answers a few words with a few seconds plays a whole part.

The part's time is cut into stretches on bar lines; each is asked for with its section's words and
the end of what has sounded. Every answer is set on the beat, joined to the last one, and levelled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from halation.seeds import rng
from halation.stems.neural import beat, prompts
from halation.stems.neural.clock import Clock
from halation.stems.neural.joining import Joiner, levelled
from halation.types import (
    BEATS_PER_BAR,
    SAMPLE_RATE,
    WHOLE_SONG,
    Audio,
    BackendError,
    Key,
    Part,
    Score,
    Section,
)

__all__ = ["Model", "Request", "perform"]

Signal = NDArray[np.float32]

SEAM_S: Final = 0.25
"""Crossfade of a stretch that goes on from the last one, which it repeats nearly."""
LONG_SEAM_S: Final = 1.5
"""Crossfade of a stretch that a model could not go on from: two sounds, one into the other."""
CLOSE_S: Final = 0.01
"""A tempo that puts the last beat off by less is right."""
ATTACK_S: Final = 0.01
RELEASE_S: Final = 1.2
ENDING_S: Final = 9.0
"""How long a whole song takes to fade at its end."""
TRIES: Final = 2
"""How often a stretch is asked for whose beat is too far off to be mended."""


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """What a model is asked to play: one stretch of a part.

    Parameters
    ----------
    prompt : str
    duration_s : float > 0 [s]
        Of the new sound.
    overlap_s : float >= 0 [s]
        How much of what came before it, its end, the answer repeats or covers first.
    before : np.ndarray [shape=(1 or 2, n)], float32
        What has sounded until now, at the model's rate, at most its ``memory_s``; n may be 0.
    source : np.ndarray [shape=(2, n)], float32, optional
        What our own synthesis plays from the overlap's beginning on, at 44.1 kHz, where the model
        wants something to follow.
    section : Section
    tempo_bpm : float [BPM]
    key : Key
    seed : int in 0..2³¹−1
    instrumental : bool
    step : function of float
        To be called often with the share that is done, 0 … 1; raises
        :class:`halation.backends.Stopped` when nobody waits any more.
    stem : str
        Which stem it is for.
    """

    prompt: str
    duration_s: float
    overlap_s: float
    before: Signal
    source: Signal | None
    section: Section
    tempo_bpm: float
    key: Key
    seed: int
    instrumental: bool
    step: Callable[[float], None]
    stem: str = WHOLE_SONG

    def n_samples(self, sample_rate: int) -> int:
        """Return how many samples an answer has at least."""
        return round((self.overlap_s + self.duration_s) * sample_rate)


class Model(Protocol):
    """A text-to-audio model, as :func:`perform` needs it."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        ...

    @property
    def sample_rate(self) -> int:
        """What it answers at [Hz]."""
        ...

    @property
    def longest_s(self) -> float:
        """What it can do in one go [s], what it goes on from included."""
        ...

    @property
    def memory_s(self) -> float:
        """How much of what came before it goes on from [s]; 0 if it cannot."""
        ...

    @property
    def follows(self) -> Literal["", "tune", "song"]:
        """What it wants of our own synthesis: nothing, the tune, or the whole song."""
        ...

    def play(self, request: Request) -> Signal:
        """Answer with ``request.n_samples`` samples or more, shape (1 or 2, n)."""
        ...


@dataclass(frozen=True, slots=True)
class _Stretch:
    section: Section
    start_s: float
    end_s: float
    first: bool
    """Whether it begins out of silence."""
    last: bool
    """Whether silence follows."""


def perform(
    model: Model,
    part: Part,
    score: Score,
    seed: int,
    source: Callable[[], Signal] | None = None,
) -> Iterator[Audio]:
    """Play a part by a model, as long as the song to the sample, silent where the part rests.

    Parameters
    ----------
    model : Model
    part : Part
    score : Score
    seed : int
    source : function, optional
        Renders what the model follows, shape (2, ``score.n_samples``); called if it follows any.

    Yields
    ------
    Audio
        Consecutive stereo blocks at 44.1 kHz.

    Raises
    ------
    BackendError
        If the model answers with too little, or with what is no sound.
    """
    rate = model.sample_rate
    seam_s = SEAM_S if model.memory_s else LONG_SEAM_S
    beat_s = score.seconds_at(1.0)
    # Room to be stretched and moved onto the grid.
    slack = 1.0 + beat.MOST_STRETCH
    most_s = (model.longest_s - max(model.memory_s, seam_s) - beat_s) / slack
    stretches = list(_stretches(part, score, most_s))
    following = source() if source is not None and model.follows and stretches else None
    clock = Clock(model.name, part, sum(s.end_s - s.start_s for s in stretches))
    out = Joiner(rate, score.n_samples, model.memory_s)
    for number, stretch in enumerate(stretches):
        overlap_s = 0.0 if stretch.first else min(seam_s, stretch.start_s)
        length_s = stretch.end_s - stretch.start_s
        request = Request(
            prompt=prompts.prompt(part, score, stretch.section),
            duration_s=length_s * slack + beat_s,
            overlap_s=overlap_s,
            before=out.memory,
            source=_cut(
                following, stretch.start_s - overlap_s, overlap_s + length_s * slack + beat_s
            ),
            section=stretch.section,
            tempo_bpm=score.form.tempo_bpm,
            key=score.form.key,
            seed=0,
            instrumental=score.form.mood.brief.instrumental,
            step=clock.stepping(stretch.section.name, length_s),
            stem=part.stem,
        )
        draws = rng(seed, "stems", part.name, "words", str(number))
        x = _in_time(model, request, draws, beat_s, stretch.start_s, clock)
        n_samples = round((overlap_s + length_s) * rate)
        x = levelled(x[:, :n_samples], rate)
        fade_s = ENDING_S if part.stem == WHOLE_SONG and number == len(stretches) - 1 else RELEASE_S
        out.add(
            x,
            start=round((stretch.start_s - overlap_s) * rate),
            overlap=round(overlap_s * rate),
            fade_in=round(ATTACK_S * rate) if stretch.first else 0,
            fade_out=round(min(fade_s, length_s / 3.0) * rate) if stretch.last else 0,
        )
        clock.done(length_s)
        yield from out.ready(keep_s=max(model.memory_s, LONG_SEAM_S) + 0.1)
    yield from out.rest()
    clock.told()


def _stretches(part: Part, score: Score, most_s: float) -> Iterator[_Stretch]:
    """Cut the time in which a part plays into what a model can play in one go."""
    spans: list[tuple[Section, float, float, bool]] = []
    sounding_until_s = -1.0
    for section in score.form.sections:
        notes = [n for n in part.notes if section.start_beats <= n.onset_beats < section.end_beats]
        if not notes:
            continue
        start_s, end_s = score.seconds_at(section.start_beats), score.seconds_at(section.end_beats)
        goes_on = abs(sounding_until_s - start_s) < 1e-6
        if not goes_on:
            start_s = min(map(score.onset_s, notes))
        last_s = max(score.onset_s(n) + score.seconds_at(n.duration_beats) for n in notes)
        rests = score.seconds_at(section.end_beats - BEATS_PER_BAR) - last_s
        sounding_until_s = end_s
        if rests > 0.0:  # it ends more than a bar before its section does
            sounding_until_s = end_s = min(end_s, last_s + RELEASE_S)
        spans.append((section, start_s, end_s, goes_on))
    for i, (section, start_s, end_s, goes_on) in enumerate(spans):
        stops = i + 1 == len(spans) or not spans[i + 1][3]
        bar_s = score.seconds_at(BEATS_PER_BAR)
        step_s = max(1, int(most_s / bar_s)) * bar_s
        count = max(1, int(np.ceil((end_s - start_s - 1e-6) / step_s)))
        bars = np.ceil((end_s - start_s - 1e-6) / bar_s / count)
        edges = [start_s + min(k * bars * bar_s, end_s - start_s) for k in range(count)] + [end_s]
        for k, (a, b) in enumerate(pairwise(edges)):
            if b - a > 1e-3:
                yield _Stretch(section, a, b, not goes_on and k == 0, stops and k == count - 1)


def _cut(following: Signal | None, start_s: float, length_s: float) -> Signal | None:
    if following is None:
        return None
    start = round(start_s * SAMPLE_RATE)
    cut = following[:, start : start + round(length_s * SAMPLE_RATE)]
    return np.pad(cut, ((0, 0), (0, max(0, round(length_s * SAMPLE_RATE) - cut.shape[1]))))


def _in_time(
    model: Model,
    request: Request,
    draws: np.random.Generator,
    beat_s: float,
    start_s: float,
    clock: Clock,
) -> Signal:
    """Ask a model until its beat can be set on the grid, and set it there."""
    rate = model.sample_rate
    nearest: tuple[float, Signal, beat.Beat | None] | None = None
    for number in range(TRIES):
        request = replace(request, seed=int(draws.integers(2**31)))
        x = _checked(model, request)
        if nearest is not None and np.array_equal(x, nearest[1]):
            break  # a recording is what it is
        if number:
            clock.again()
        found = beat.measure(x, rate, beat_s, start_s=start_s - request.overlap_s)
        off = abs(found.ratio - 1.0) if found else 0.0
        if nearest is None or off < nearest[0]:
            nearest = off, x, found
        if off <= beat.MOST_STRETCH:
            break
    assert nearest is not None
    off, x, found = nearest
    if found is None or off > beat.MOST_STRETCH:
        clock.beat(found, None)
        return x
    y, after = _mended(x, rate, found, beat_s, start_s - request.overlap_s)
    clock.beat(found, after)
    return np.pad(y, ((0, 0), (0, max(0, x.shape[1] - y.shape[1]))))


def _mended(
    x: Signal, rate: int, found: beat.Beat, beat_s: float, start_s: float
) -> tuple[Signal, beat.Beat | None]:
    """Stretch and move a recording onto the grid; return how its beat is then, too."""
    y, after, ratio = x, found, 1.0
    for _ in range(2):  # a stretch is exact to a few parts in a thousand
        if abs(after.ratio - 1.0) * x.shape[1] / rate < CLOSE_S:
            break
        ratio *= after.ratio
        y = beat.stretched(x, rate, ratio)
        again = beat.measure(y, rate, beat_s, start_s=start_s)
        if again is None:
            return y, None
        after = again
    y = beat.shifted(y, round(after.offset_s * rate))
    return y, beat.measure(y, rate, beat_s, start_s=start_s)


def _checked(model: Model, request: Request) -> Signal:
    x = np.asarray(model.play(request), np.float32)
    need = request.n_samples(model.sample_rate)
    if x.ndim != 2 or x.shape[0] not in (1, 2) or x.shape[1] < need:
        raise BackendError(
            f"{model.name} answered with shape {x.shape} where (1 or 2, {need}) was asked for"
        )
    if not np.isfinite(x).all():
        raise BackendError(f"{model.name} answered with what is no sound: its weights are broken")
    return x[:, :need]
