"""How a model that answers a few words with a few seconds plays a whole part.

The part's time is cut into stretches on bar lines; each is asked for with its section's words and
the end of what has sounded. Every answer is set on the beat, joined to the last one, and levelled.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from halation import backends
from halation.dsp.automation import decibels
from halation.seeds import rng
from halation.stems.neural import beat, prompts
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
LOW_CUT_HZ: Final = 20.0
"""What a model hums below hearing takes room from what is heard."""
ATTACK_S: Final = 0.01
RELEASE_S: Final = 1.2
ENDING_S: Final = 9.0
"""How long a whole song takes to fade at its end."""
TRIES: Final = 2
"""How often a stretch is asked for whose beat is too far off to be mended."""
LEVEL_DB: Final = -21.0
"""Where every stretch is levelled to; the fader of the part is the mix's."""
_WINDOW_S: Final = 3.0
_MOST_GAIN_DB: Final = 24.0
_QUIET_DB: Final = -20.0
"""Windows that much below the loudest one are rests, and are not pulled up."""
_ESTIMATE_AFTER_S: Final = 3.0
_LONG_S: Final = 20.0
"""A render that will take longer is announced."""


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
    clock = _Clock(model.name, part, sum(s.end_s - s.start_s for s in stretches))
    following = source() if source is not None and model.follows and stretches else None
    out = _Joiner(rate, score.n_samples)
    for number, stretch in enumerate(stretches):
        overlap_s = 0.0 if stretch.first else min(seam_s, stretch.start_s)
        length_s = stretch.end_s - stretch.start_s
        request = Request(
            prompt=prompts.prompt(part, score, stretch.section),
            duration_s=length_s * slack + beat_s,
            overlap_s=overlap_s,
            before=out.end(0.0 if stretch.first else model.memory_s),
            source=_cut(
                following, stretch.start_s - overlap_s, overlap_s + length_s * slack + beat_s
            ),
            section=stretch.section,
            tempo_bpm=score.form.tempo_bpm,
            key=score.form.key,
            seed=0,
            instrumental=score.form.mood.brief.instrumental,
            step=clock.stepping(stretch),
            stem=part.stem,
        )
        draws = rng(seed, "stems", part.name, "words", str(number))
        x = _in_time(model, request, draws, beat_s, stretch.start_s, clock)
        n_samples = round((overlap_s + length_s) * rate)
        x = _levelled(x[:, :n_samples], rate)
        fade_s = ENDING_S if part.stem == WHOLE_SONG and number == len(stretches) - 1 else RELEASE_S
        out.add(
            x,
            start=round((stretch.start_s - overlap_s) * rate),
            overlap=round(overlap_s * rate),
            fade_in=round(ATTACK_S * rate) if stretch.first else 0,
            fade_out=round(min(fade_s, length_s / 3.0) * rate) if stretch.last else 0,
        )
        clock.done(stretch)
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
    clock: _Clock,
) -> Signal:
    """Ask a model until its beat can be set on the grid, and set it there."""
    rate = model.sample_rate
    nearest: tuple[float, Signal, beat.Beat | None] | None = None
    for _ in range(TRIES):
        request = replace(request, seed=int(draws.integers(2**31)))
        x = _checked(model, request)
        found = beat.measure(x, rate, beat_s, start_s=start_s - request.overlap_s)
        off = abs(found.ratio - 1.0) if found else 0.0
        if nearest is None or off < nearest[0]:
            nearest = off, x, found
        if off <= beat.MOST_STRETCH:
            break
        clock.again()
    assert nearest is not None
    off, x, found = nearest
    if found is None or off > beat.MOST_STRETCH:
        clock.beat(found, None)
        return x
    length_s = request.overlap_s + request.duration_s
    y = x
    if off * length_s > 0.01:
        y = beat.stretched(x, rate, found.ratio)
    again = beat.measure(y, rate, beat_s, start_s=start_s - request.overlap_s)
    if again is not None:
        y = beat.shifted(y, round(again.offset_s * rate))
    clock.beat(found, beat.measure(y, rate, beat_s, start_s=start_s - request.overlap_s))
    need = x.shape[1]
    return np.pad(y, ((0, 0), (0, max(0, need - y.shape[1]))))


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


def _levelled(x: Signal, rate: int) -> Signal:
    """Ride a stretch so that its level neither drifts nor differs from the last one's.

    A gain a window of 3 s, smoothed over three, linear in dB between their centres.
    """
    size = round(_WINDOW_S * rate)
    count = max(1, round(x.shape[1] / size))
    edges = np.linspace(0, x.shape[1], count + 1).astype(int)
    power = np.array([np.var(x[:, a:b]) for a, b in pairwise(edges)])
    if power.max() <= 1e-12:
        return x
    levels_db = 10.0 * np.log10(power + 1e-12)
    levels_db = np.maximum(levels_db, levels_db.max() + _QUIET_DB)
    smooth = np.convolve(np.pad(levels_db, 1, mode="edge"), np.ones(3) / 3.0, mode="valid")
    gains_db = np.clip(LEVEL_DB - smooth, -_MOST_GAIN_DB, _MOST_GAIN_DB)
    centres = (edges[:-1] + edges[1:]) / 2.0
    curve_db = np.interp(np.arange(x.shape[1]), centres, gains_db)
    levelled: Signal = (x * decibels(curve_db.astype(np.float32))).astype(np.float32)
    return levelled


class _Joiner:
    """Puts stretches one after another, and hands them out as stereo at 44.1 kHz."""

    def __init__(self, rate: int, n_samples: int) -> None:
        from pedalboard.io import StreamResampler
        from scipy.signal import butter

        self._rate, self._n_samples = rate, n_samples
        self._x = np.zeros((2, 0), np.float32)
        self._start = 0  # of what is held, in samples at the model's rate
        self._handed = 0  # samples at 44.1 kHz
        self._low_cut = butter(2, LOW_CUT_HZ, "highpass", fs=SAMPLE_RATE, output="sos")
        self._low_state = np.zeros((len(self._low_cut), 2, 2))
        self._resampler = (
            None if rate == SAMPLE_RATE else StreamResampler(float(rate), float(SAMPLE_RATE), 2)
        )

    def end(self, seconds: float) -> Signal:
        """Return the last seconds of what has sounded."""
        count = min(round(seconds * self._rate), self._x.shape[1])
        return self._x[:, self._x.shape[1] - count :].copy()

    def add(self, x: Signal, *, start: int, overlap: int, fade_in: int, fade_out: int) -> None:
        """Add a stretch that begins at a sample, fading from what is there already."""
        x = np.broadcast_to(x, (2, x.shape[1])).copy()
        if fade_in:
            x[:, :fade_in] *= np.linspace(0.0, 1.0, fade_in, dtype=np.float32)
        if fade_out:
            x[:, -fade_out:] *= np.cos(np.linspace(0.0, np.pi / 2.0, fade_out)) ** 2
        held = self._start + self._x.shape[1]
        silence = max(0, start - held)
        self._x = np.pad(self._x, ((0, 0), (0, silence)))
        at = start - self._start
        overlap = min(overlap, self._x.shape[1] - at)
        if overlap > 0:
            x[:, :overlap] = _crossfaded(self._x[:, at : at + overlap], x[:, :overlap])
        self._x = np.concatenate([self._x[:, :at], x], axis=1)

    def ready(self, keep_s: float) -> Iterator[Audio]:
        """Hand out all but the last seconds, which the next stretch may still change."""
        count = self._x.shape[1] - round(keep_s * self._rate)
        if count > 0:
            yield from self._handed_out(self._x[:, :count])
            self._x = self._x[:, count:].copy()
            self._start += count

    def rest(self) -> Iterator[Audio]:
        """Hand out what is left, and silence to the song's end."""
        yield from self._handed_out(self._x)
        if self._resampler is not None:
            yield from self._at_most(self._resampler.process(None))
        if self._handed < self._n_samples:
            yield from self._at_most(np.zeros((2, self._n_samples - self._handed), np.float32))

    def _handed_out(self, x: Signal) -> Iterator[Audio]:
        y = x if self._resampler is None else self._resampler.process(np.ascontiguousarray(x))
        yield from self._at_most(y)

    def _at_most(self, y: Signal) -> Iterator[Audio]:
        from scipy.signal import sosfilt

        y = y[:, : self._n_samples - self._handed]
        if y.shape[1]:
            y, self._low_state = sosfilt(self._low_cut, y, axis=1, zi=self._low_state)
            self._handed += y.shape[1]
            yield Audio(y.astype(np.float32))


def _crossfaded(old: Signal, new: Signal) -> Signal:
    """Fade from one sound to another with the power held, alike as they may be.

    References
    ----------
    Fink, Holters & Zölzer, "Signal-Matched Power-Complementary Cross-Fading", DAFx 2016.
    """
    likeness = float(np.vdot(old, new) / (np.linalg.norm(old) * np.linalg.norm(new) + 1e-12))
    angle = np.linspace(0.0, np.pi / 2.0, old.shape[1])
    out, into = np.cos(angle), np.sin(angle)
    power = 1.0 + 2.0 * np.clip(likeness, -0.5, 1.0) * out * into
    faded: Signal = ((old * out + new * into) / np.sqrt(power)).astype(np.float32)
    return faded


class _Clock:
    """Tells those who wait how far a part is, how long it will take, and how its beat was."""

    def __init__(self, name: str, part: Part, total_s: float) -> None:
        self._watch = backends.watch()
        self._who, self._total_s = f"{part.name} by {name}", total_s
        self._began = time.monotonic()
        self._done_s = self._extra_s = 0.0
        self._estimated = False
        self._beats: list[tuple[beat.Beat, beat.Beat | None]] = []
        self._unmeasured = self._repeats = 0

    def stepping(self, stretch: _Stretch) -> Callable[[float], None]:
        """Return what a model calls while it plays a stretch."""
        length_s = stretch.end_s - stretch.start_s

        def step(share: float) -> None:
            self._watch.go_on()
            self._show(stretch.section.name, self._done_s + share * length_s)

        step(0.0)
        return step

    def done(self, stretch: _Stretch) -> None:
        """Count a finished stretch."""
        self._done_s += stretch.end_s - stretch.start_s
        self._watch.go_on()

    def again(self) -> None:
        """Count a stretch that is asked for once more."""
        self._repeats += 1

    def beat(self, found: beat.Beat | None, after: beat.Beat | None) -> None:
        """Keep what was measured, for :meth:`told`."""
        if found is None:
            self._unmeasured += 1
        else:
            self._beats.append((found, after))

    def _show(self, section: str, done_s: float) -> None:
        spent_s = time.monotonic() - self._began
        if done_s <= 0.0:
            self._watch.show(f"{self._who}: {section}")
            return
        left_s = spent_s * (self._total_s / done_s - 1.0)
        share = done_s / self._total_s
        self._watch.show(f"{self._who}: {section}, {share:.0%}, {_minutes(left_s)} left")
        if not self._estimated and spent_s > _ESTIMATE_AFTER_S:
            self._estimated = True
            if left_s > _LONG_S:
                self._watch.say(
                    f"{self._who}: about {_minutes(spent_s + left_s)} for "
                    f"{self._total_s:.0f} s of sound on this machine "
                    f"({done_s / spent_s:.2g} × real time)"
                )

    def told(self) -> None:
        """Report how far the beats were off, and are."""
        if not self._beats:
            if self._unmeasured:
                self._watch.say(f"{self._who}: no beat to measure")
            return
        stretch = max((abs(b.ratio - 1.0) for b, _ in self._beats), default=0.0)
        moved = max(abs(b.offset_s) for b, _ in self._beats)
        mended = [after for _, after in self._beats if after is not None]
        now = max((abs(after.offset_s) for after in mended), default=None)
        text = f"tempo off by up to {stretch:.1%}, beat by {1000 * moved:.0f} ms"
        if now is not None:
            text += f"; now within {1000 * now:.0f} ms of the grid"
        if len(mended) < len(self._beats):
            text += f"; {len(self._beats) - len(mended)} stretches could not be mended"
        if self._repeats:
            text += f"; asked again {self._repeats} times"
        self._watch.say(f"{self._who}: {text}")


def _minutes(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
