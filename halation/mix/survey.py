"""What the stems sound like together, heard in a fifth of a second's worth of work.

Short frames spread over the song give the energy of each group of stems apart; every fader is
solved on those few numbers, and only then is a sample multiplied.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp.automation import HOP
from halation.dsp.loudness import Meter, k_gain, meter
from halation.types import SAMPLE_RATE

__all__ = ["GROUPS", "Survey", "correlation", "group", "survey", "widened"]

Values = NDArray[np.float64]

GROUPS: Final = ("drums", "bass", "vocals", "lead", "keys", "beds", "space")
"""Stems that share a fader; all but the first two are the music."""

FRAME: Final = 2_048
SPACING: Final = 7_168
"""One frame lies somewhere in every so many samples, never in step with the beat."""

LOW_HZ: Final = 120.0
MIDDLE_HZ: Final = (300.0, 5_000.0)
"""Where a melody is read."""

_SETTLED = 8_820
"""Samples after which the weighting filter has forgotten that it began."""
_FLATTENING = 1.5
_CHUNK = 16
_GOLDEN = 0.618_033_988_749_895


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """Energies of :data:`GROUPS` in frames spread over a song.

    Parameters
    ----------
    times_s : np.ndarray [shape=(frames,)]
        Centres of the frames.
    loud : np.ndarray [shape=(frames, groups)]
        K-weighted mean squares, as a :class:`~halation.dsp.loudness.Meter` takes them.
    middle : np.ndarray [shape=(frames, groups)]
        Energy in :data:`MIDDLE_HZ`, weighted so that a song's usual spectrum counts alike in every
        third of an octave.
    whole, low, body : np.ndarray [shape=(frames, groups, 3)]
        Mean squares of left, of right, and of their product; ``low`` counts below 120 Hz and
        ``body`` from 300 Hz up.
    """

    times_s: Values
    loud: Values
    middle: Values
    whole: Values
    low: Values
    body: Values

    @property
    def hop_s(self) -> float:
        """Mean distance of the frames."""
        return SPACING / SAMPLE_RATE

    def scaled(self, names: Collection[str], control: NDArray[np.float32]) -> Survey:
        """Return the survey after a gain on some groups, drawn at control rate."""
        gain = np.interp(self.times_s * SAMPLE_RATE / HOP, np.arange(len(control)), control)
        chosen = [name in names for name in GROUPS]
        power = np.where(chosen, gain[:, None] ** 2, 1.0)
        pairs = power[..., None]
        return Survey(
            self.times_s,
            self.loud * power,
            self.middle * power,
            self.whole * pairs,
            self.low * pairs,
            self.body * pairs,
        )


def survey(
    tracks: Mapping[str, NDArray[np.float32]], start: int = 0, stop: int | None = None
) -> Survey:
    """Measure the groups of a stretch of a song.

    Parameters
    ----------
    tracks : mapping of stem to np.ndarray [shape=(2, n)], float32
        All of one length, that of the song.
    start, stop : int [samples]
        Frames whose centres lie between them are looked at.

    Returns
    -------
    Survey
    """
    from scipy.fft import rfft, rfftfreq

    n_samples = next(iter(tracks.values())).shape[1]
    stop = n_samples if stop is None else stop
    starts = _starts(n_samples)
    centres = starts + FRAME // 2
    within = (centres >= start) & (centres < stop)
    starts = starts[within] if within.any() else starts[:1] * 0 + max(0, min(start, stop - FRAME))
    frequencies = rfftfreq(FRAME, 1.0 / SAMPLE_RATE)
    scale = np.full(len(frequencies), 2.0 / FRAME**2, np.float32)
    weights = np.stack([k_gain(frequencies, SAMPLE_RATE) * scale, *[scale] * 4], axis=1)
    weights[:, 1] *= _middle_weight(frequencies)
    weights[frequencies >= LOW_HZ, 3] = 0.0
    weights[frequencies < MIDDLE_HZ[0], 4] = 0.0
    heard = np.zeros((len(starts), len(GROUPS), 2))
    pairs = np.zeros((len(starts), len(GROUPS), 3, 3))

    def look(first: int) -> None:
        chosen = starts[first : first + _CHUNK]
        spectra = rfft(_gather(tracks, chosen), axis=3)
        left, right = spectra[:, 0], spectra[:, 1]
        here = slice(first, first + len(chosen))
        squares = [
            left.real**2 + left.imag**2,
            right.real**2 + right.imag**2,
            left.real * right.real + left.imag * right.imag,
        ]
        for index, square in enumerate(squares):
            sums = np.moveaxis(square @ weights, 0, 1)  # (frames, groups, weights)
            pairs[here, :, index] = sums[..., 2:]
            if index < 2:
                heard[here] += sums[..., :2]

    for place in range(0, len(starts), _CHUNK):
        look(place)
    times_s = (starts + FRAME / 2) / SAMPLE_RATE
    if "drums" in tracks:  # short and far between: a few frames do not tell how loud
        first, last = max(0, int(starts[0]) - _SETTLED), min(int(starts[-1]) + FRAME, n_samples)
        found = meter(tracks["drums"][:, first:last])
        heard[:, GROUPS.index("drums"), 0] = _between(found, times_s - first / SAMPLE_RATE)
    return Survey(times_s, *np.moveaxis(heard, 2, 0), *np.moveaxis(pairs, 3, 0))


def _between(found: Meter, times_s: Values) -> Values:
    """Return a meter's mean square about each of some times, so that nothing is left out."""
    middles = (times_s[1:] + times_s[:-1]) / 2
    end_s = len(found.energies) * found.hop_s
    edges_s = np.concatenate(([0.0], middles, [max(end_s, times_s[-1] + found.hop_s)]))
    total = np.concatenate(([0.0], np.cumsum(found.energies))) * found.hop_s
    places_s = np.arange(len(total)) * found.hop_s
    return np.asarray(np.diff(np.interp(edges_s, places_s, total)) / np.diff(edges_s))


def group(stem: str) -> str:
    """Return the group that a stem belongs to.

    Examples
    --------
    >>> group("vocals"), group("pads"), group("textures")
    ('vocals', 'beds', 'beds')
    """
    return stem if stem in GROUPS else "beds"


def _middle_weight(frequencies: Values) -> Values:
    low, high = MIDDLE_HZ
    inside = (frequencies >= low) & (frequencies < high)
    return np.where(inside, (np.maximum(frequencies, 1.0) / 1_000.0) ** (_FLATTENING - 1.0), 0.0)


def _starts(n_samples: int) -> NDArray[np.int64]:
    """Spread frames over a song, at places that never repeat and that are all as likely.

    A frame may reach into the next cell: if each kept inside its own, what falls on the cells'
    edges would hardly be seen, and at some tempi those are the drums.
    """
    cells = np.arange(max(1, n_samples // SPACING))
    places = (cells + (cells * _GOLDEN) % 1.0) * SPACING
    return np.asarray(np.minimum(places, max(0, n_samples - FRAME)).astype(np.int64))


def _gather(
    tracks: Mapping[str, NDArray[np.float32]], starts: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Sum the stems of each group; shape (groups, 2, frames, FRAME)."""
    frames = np.zeros((len(GROUPS), 2, len(starts), FRAME), np.float32)
    for name, samples in tracks.items():
        row = GROUPS.index(group(name))
        for index, start in enumerate(starts):
            piece = samples[:, start : start + FRAME]
            frames[row, :, index, : piece.shape[1]] += piece
    return frames


def correlation(pairs: Values, side: float = 1.0) -> float:
    """Return the correlation of left and right from their sums of squares.

    Parameters
    ----------
    pairs : np.ndarray [shape=(3,)]
        Energy of left, of right, and of their product.
    side : float >= 0
        What the side signal is multiplied by first.

    Returns
    -------
    float in −1..1
        1 for silence.

    Examples
    --------
    >>> correlation(np.array([1.0, 1.0, 0.5]))
    0.5
    >>> correlation(np.array([1.0, 1.0, 0.5]), side=0.0)
    1.0
    """
    left, right, product = widened(pairs, side)
    norm = float(np.sqrt(left * right))
    return float(product) / norm if norm > 1e-15 else 1.0


def widened(pairs: Values, side: float) -> Values:
    """Return the sums of squares after the side signal has been multiplied.

    Examples
    --------
    >>> widened(np.array([1.0, 1.0, 0.5]), 0.0).tolist()
    [0.75, 0.75, 0.75]
    """
    own, other = (1.0 + side) / 2.0, (1.0 - side) / 2.0
    left, right, product = pairs
    return np.array(
        [
            own**2 * left + other**2 * right + 2 * own * other * product,
            own**2 * right + other**2 * left + 2 * own * other * product,
            own * other * (left + right) + (own**2 + other**2) * product,
        ]
    )
