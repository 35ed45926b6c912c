"""Where the beat of a recording lies, and how to set it on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_STRETCH", "Beat", "measure", "shifted", "stretched"]

Signal = NDArray[np.float32]
Values = NDArray[np.floating[Any]]

MOST_STRETCH: Final = 0.06
"""How far a tempo may be off to be mended by stretching; beyond that it is another tempo."""
HOP_S: Final = 0.008
CLEAR: Final = 5.0
REGULAR: Final = 0.15
"""From where on a beat is heard and not imagined: the tempo curve's peak over its spread, and
how much of the onsets' energy beats. Noise stays below 5 and 0.12, our own drums are above 15 and
0.5."""
PREFERRED: Final = 0.75
AUDIBLE: Final = 0.01
"""Rise of the log spectrum, a bin, that an onset is at least."""
_EARLY: Final = 0.75  # hops by which a window hears an onset before its centre does
_EDGE: Final = 4  # frames
_DIVISIONS: Final = (1, 2, 4)
_RATIOS: Final = np.arange(0.77, 1.3, 0.001)  # short of three quarters and four thirds


@dataclass(frozen=True, slots=True)
class Beat:
    """A measured beat.

    Parameters
    ----------
    ratio : float
        Its length over the expected one; above 1 it is slower.
    offset_s : float [s]
        How long after a line of the grid it comes; within half a beat.
    """

    ratio: float
    offset_s: float


def measure(x: Signal, sample_rate: int, beat_s: float, *, start_s: float = 0.0) -> Beat | None:
    """Measure the beat of a recording whose tempo is nearly known.

    The onset strength (rises of the log spectrum, summed) is correlated with complex exponentials
    of beat, half beat and quarter beat at tempos around the expected one.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
    sample_rate : int > 0 [Hz]
    beat_s : float > 0 [s]
        Length of a beat as it should be.
    start_s : float [s]
        Where on the grid, whose first beat is at 0, the recording begins.

    Returns
    -------
    Beat or None
        None where no beat stands out: a pad, noise, less than eight beats.

    References
    ----------
    Grosche & Müller, "Extracting Predominant Local Pulse Information", IEEE TASLP 19(6), 2011.
    """
    onsets, hop_s = _onsets(x, sample_rate)
    if len(onsets) * hop_s < 8.0 * beat_s or np.ptp(onsets) < AUDIBLE:
        return None
    times_s = (np.arange(len(onsets)) + _EARLY) * hop_s
    curve = _pulse(onsets, times_s, beat_s, _RATIOS)
    near = np.abs(_RATIOS - 1.0) <= MOST_STRETCH
    best = int(np.argmax(curve))
    if curve[near].max() > PREFERRED * curve[best]:  # a triplet's tempo may beat as clearly
        best = int(np.argmax(curve * near))
    middle = float(np.median(curve))
    spread = 1.4826 * float(np.median(np.abs(curve - middle))) + 1e-12
    regular = curve[best] / (np.linalg.norm(onsets) + 1e-12)
    if (curve[best] - middle) / spread < CLEAR or regular < REGULAR:
        return None
    fine = _RATIOS[best] + np.linspace(-1.0, 1.0, 41) * (_RATIOS[1] - _RATIOS[0])
    ratio = fine[int(np.argmax(_pulse(onsets, times_s, beat_s, fine)))]
    # The quarter of a beat places it finely, the beat says which quarter.
    length_s = beat_s * ratio
    offset_s = 0.0
    for division in _DIVISIONS:
        turn = np.angle(np.exp(-2j * np.pi * division / length_s * times_s) @ onsets)
        grid_s = length_s / division
        late_s = -turn / (2.0 * np.pi) * grid_s
        offset_s += _near(late_s - offset_s, grid_s)
    return Beat(float(ratio), float(_near(start_s + offset_s, beat_s)))


def _pulse(onsets: Values, times_s: Values, beat_s: float, ratios: Values) -> Values:
    """Return how strongly onsets beat at each tempo, all divisions together."""
    curve: Values = np.zeros(len(ratios))
    for division in _DIVISIONS:
        waves = np.exp(np.outer(1.0 / ratios, -2j * np.pi * division / beat_s * times_s))
        curve += np.abs(waves @ onsets)
    pulse: Values = curve / np.sqrt(len(onsets))
    return pulse


def _near(seconds: float, period_s: float) -> float:
    """Return a place on a circle as the nearest to 0."""
    return float((seconds + period_s / 2.0) % period_s - period_s / 2.0)


def _onsets(x: Signal, sample_rate: int) -> tuple[Values, float]:
    """Return onset strength around its mean, and the seconds between its values."""
    hop = max(1, round(HOP_S * sample_rate))
    size = 4 * hop
    mono = x.mean(axis=0)
    if mono.size < 2 * size:
        return np.zeros(0), hop / sample_rate
    padded = np.pad(mono, (size // 2, size // 2), mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)
    power = np.abs(np.fft.rfft(frames[::hop] * np.hanning(size).astype(np.float32), axis=1))
    logs = np.log1p(100.0 * power / (float(power.max()) + 1e-12))
    rises = np.maximum(np.diff(logs, axis=0, prepend=logs[:1]), 0.0).mean(axis=1)
    onsets = rises - rises.mean()
    onsets[:_EDGE] = onsets[-_EDGE:] = 0.0  # the recording's own edges are no onsets
    return onsets, hop / sample_rate


def stretched(x: Signal, sample_rate: int, ratio: float) -> Signal:
    """Make a recording whose beats last ``ratio`` times too long fit, pitch unchanged.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
    sample_rate : int > 0 [Hz]
    ratio : float > 0
        1.02 becomes 2 % shorter.

    Returns
    -------
    np.ndarray [shape=(channels, about n / ratio)], float32
    """
    import pedalboard

    fitted: Signal = pedalboard.time_stretch(
        np.ascontiguousarray(x, np.float32), float(sample_rate), stretch_factor=ratio
    )
    return fitted


def shifted(x: Signal, n_samples: int) -> Signal:
    """Move a recording earlier by so many samples (later if negative, silence first)."""
    if n_samples >= 0:
        return x[:, n_samples:]
    return np.pad(x, ((0, 0), (-n_samples, 0)))
