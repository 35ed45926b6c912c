"""Loudness, loudness range and true peak, as broadcasters measure them.

One pass over the signal gives a :class:`Meter`; everything else is read from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp import loops
from halation.types import SAMPLE_RATE, Audio, AudioError, Outline

__all__ = [
    "OFFSET_LUFS",
    "SILENCE_LUFS",
    "Meter",
    "active_loudness",
    "block_peaks",
    "glimpsed",
    "glimpses",
    "integrated",
    "k_gain",
    "loudness_range",
    "meter",
    "outline",
    "true_peak",
]

Signal = NDArray[np.float32]
Values = NDArray[np.float64]

SILENCE_LUFS: Final = -120.0
"""What silence measures: a floor instead of minus infinity."""

OFFSET_LUFS: Final = -0.691
"""What a mean square of 1 measures."""

PEAK_BLOCK: Final = 32
"""Samples for which :func:`block_peaks` gives one value: 0.7 ms at 44.1 kHz."""

_GATE_LUFS = -70.0
_GATE_LU = -10.0
_RANGE_GATE_LU = -20.0
_HOP_S = 0.1
_OVERSAMPLING = 4
_HALF_TAPS = 12
_ACTIVE_FRAME = 4_096
_ACTIVE_FRAMES = 256
_ACTIVE_DB = -30.0
_FRAMES_AT_ONCE = 16
_GLIMPSE = 1_024
_OUTLINE_STEP = 256
_GLIMPSES_AT_ONCE = 64
_GOLDEN = 0.618_033_988_749_895


def _lufs(energy: Values) -> Values:
    floor = 10.0 ** ((SILENCE_LUFS - OFFSET_LUFS) / 10.0)
    return np.asarray(OFFSET_LUFS + 10.0 * np.log10(np.maximum(energy, floor)))


def _running_mean(energies: Values, count: int) -> Values:
    cumulated = np.concatenate(([0.0], np.cumsum(energies)))
    count = min(count, len(energies))
    return np.asarray((cumulated[count:] - cumulated[:-count]) / max(count, 1))


@dataclass(frozen=True, slots=True, eq=False)
class Meter:
    """The K-weighted energy of a signal in steps of 100 ms, and what is read from it.

    Parameters
    ----------
    energies : np.ndarray [shape=(steps,)], float64
        Mean squares, summed over the channels.
    hop_s : float > 0 [s]
        Duration of a step.

    References
    ----------
    ITU-R BS.1770-4, 2015; EBU Tech 3341 and 3342, 2016.
    """

    energies: Values
    hop_s: float = _HOP_S

    def between(self, start_s: float, end_s: float) -> Meter:
        """Return the meter of a stretch, to the nearest step."""
        first, last = round(start_s / self.hop_s), round(end_s / self.hop_s)
        return Meter(self.energies[max(first, 0) : max(last, first + 1)], self.hop_s)

    @property
    def momentary(self) -> Values:
        """Loudness of every 400 ms [LUFS], one value a step."""
        return _lufs(_running_mean(self.energies, round(0.4 / self.hop_s)))

    @property
    def short_term(self) -> Values:
        """Loudness of every 3 s [LUFS], one value a step."""
        return _lufs(_running_mean(self.energies, round(3.0 / self.hop_s)))

    @property
    def integrated(self) -> float:
        """Gated loudness of the whole [LUFS]."""
        if not len(self.energies):
            return SILENCE_LUFS
        blocks = _running_mean(self.energies, round(0.4 / self.hop_s))
        blocks = blocks[_lufs(blocks) >= _GATE_LUFS]
        if not len(blocks):
            return SILENCE_LUFS
        gate = _lufs(blocks.mean()) + _GATE_LU
        return float(_lufs(blocks[_lufs(blocks) >= gate].mean()))

    @property
    def loudness_range(self) -> float:
        """Spread between the quiet and the loud stretches of 3 s [LU]."""
        if not len(self.energies):
            return 0.0
        energies = _running_mean(self.energies, round(3.0 / self.hop_s))
        energies = energies[_lufs(energies) >= _GATE_LUFS]
        if not len(energies):
            return 0.0
        gate = _lufs(energies.mean()) + _RANGE_GATE_LU
        levels = _lufs(energies)
        low, high = np.percentile(levels[levels >= gate], (10.0, 95.0))
        return float(high - low)


@cache
def _k_sections(sample_rate: int) -> NDArray[np.float32]:
    """Second-order sections of the K weighting, its two analogue filters mapped to any rate."""
    shelf_hz, shelf_db, shelf_q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
    pass_hz, pass_q = 38.13547087602444, 0.5003270373238773
    k = np.tan(np.pi * shelf_hz / sample_rate)
    high = 10.0 ** (shelf_db / 20.0)
    band = high**0.4996667741545416
    norm = 1.0 + k / shelf_q + k * k
    shelf = [
        (high + band * k / shelf_q + k * k) / norm,
        2.0 * (k * k - high) / norm,
        (high - band * k / shelf_q + k * k) / norm,
        1.0,
        2.0 * (k * k - 1.0) / norm,
        (1.0 - k / shelf_q + k * k) / norm,
    ]
    k = np.tan(np.pi * pass_hz / sample_rate)
    norm = 1.0 + k / pass_q + k * k
    low_cut = [1.0, -2.0, 1.0, 1.0, 2.0 * (k * k - 1.0) / norm, (1.0 - k / pass_q + k * k) / norm]
    sections = np.array([shelf, low_cut], dtype=np.float32)
    sections.flags.writeable = False
    return sections


def k_gain(frequencies_hz: Values, sample_rate: int) -> Signal:
    """Return the power gain of the K weighting.

    Parameters
    ----------
    frequencies_hz : np.ndarray [shape=(m,)] [Hz]
    sample_rate : int [Hz]

    Returns
    -------
    np.ndarray [shape=(m,)], float32

    Examples
    --------
    >>> (10 * np.log10(k_gain(np.array([1000.0, 10000.0]), 48000))).round(1).tolist()
    [0.699999988079071, 4.0]
    """
    z = np.exp(-2j * np.pi * np.asarray(frequencies_hz) / sample_rate)
    gain = np.ones(len(z))
    for b0, b1, b2, a0, a1, a2 in _k_sections(sample_rate).astype(np.float64):
        gain *= np.abs((b0 + b1 * z + b2 * z * z) / (a0 + a1 * z + a2 * z * z)) ** 2
    return gain.astype(np.float32)


def _unpack(audio: Audio | Signal, sample_rate: int) -> tuple[Signal, int]:
    if isinstance(audio, Audio):
        return audio.samples, audio.sample_rate
    if audio.ndim != 2 or audio.dtype != np.float32:
        raise AudioError(f"a meter needs float32 (channels, n), not {audio.dtype} {audio.shape}")
    return audio, sample_rate


def meter(audio: Audio | Signal, sample_rate: int = SAMPLE_RATE) -> Meter:
    """Measure a signal.

    Parameters
    ----------
    audio : Audio, or np.ndarray [shape=(1 or 2, n)], float32
        Full scale = 1.0; both channels weigh the same.
    sample_rate : int [Hz]
        Read for an array only.

    Returns
    -------
    Meter

    Raises
    ------
    AudioError
        If an array has the wrong shape or type.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(88200) / 44100).astype(np.float32)
    >>> found = meter(0.1 * np.stack([tone, tone]))
    >>> round(found.integrated, 1), round(found.between(0.5, 1.5).integrated, 1)
    (-20.0, -20.0)
    """
    x, sample_rate = _unpack(audio, sample_rate)
    hop = round(_HOP_S * sample_rate)
    if x.shape[1] < hop:
        x = np.pad(x, ((0, 0), (0, hop - x.shape[1])))
    sections = _k_sections(sample_rate)
    sums = [loops.energies(channel, hop, sections) for channel in x]
    return Meter(np.sum(sums, axis=0) / hop)


def glimpses(x: Signal, sample_rate: int = SAMPLE_RATE) -> Signal:
    """Cut one short frame out of every step of a :class:`Meter`, never in step with the beat.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
    sample_rate : int [Hz]

    Returns
    -------
    np.ndarray [shape=(channels, steps, 1024)], float32
        A quarter of the signal, for :func:`glimpsed`; the caller's own.
    """
    hop = round(_HOP_S * sample_rate)
    if x.shape[1] < hop:
        x = np.pad(x, ((0, 0), (0, hop - x.shape[1])))
    steps = np.arange(x.shape[1] // hop)
    starts = steps * hop + (steps * _GOLDEN % 1.0 * (hop - _GLIMPSE)).astype(np.int64)
    frames = np.empty((x.shape[0], len(steps), _GLIMPSE), np.float32)
    for step, start in enumerate(starts.tolist()):
        frames[:, step] = x[:, start : start + _GLIMPSE]
    return frames


def glimpsed(frames: Signal, sample_rate: int = SAMPLE_RATE) -> Meter:
    """Estimate a signal's meter from its :func:`glimpses`, in a sixth of the time of :func:`meter`.

    Returns
    -------
    Meter
        The integrated loudness of music is right to about 0.2 LU.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(88200) / 44100).astype(np.float32)
    >>> round(glimpsed(glimpses(0.1 * np.stack([tone, tone]))).integrated, 1)
    -20.0
    """
    from scipy.fft import rfft, rfftfreq

    size = frames.shape[2]
    gain = k_gain(rfftfreq(size, 1.0 / sample_rate), sample_rate) * np.float32(2.0 / size**2)
    weights = np.repeat(gain, 2)  # of real and imaginary parts, which lie side by side

    def energies(channel: Signal) -> Values:
        found = np.empty(len(channel))
        for first in range(0, len(channel), _GLIMPSES_AT_ONCE):
            parts = rfft(channel[first : first + _GLIMPSES_AT_ONCE], axis=1).view(np.float32)
            np.square(parts, out=parts)
            found[first : first + len(parts)] = parts @ weights
        return found

    return Meter(np.sum([energies(channel) for channel in frames], axis=0))


def integrated(audio: Audio | Signal, sample_rate: int = SAMPLE_RATE) -> float:
    """Return the integrated loudness [LUFS]; see :func:`meter`.

    Examples
    --------
    >>> integrated(np.zeros((2, 44100), np.float32))
    -120.0
    """
    return meter(audio, sample_rate).integrated


def loudness_range(audio: Audio | Signal, sample_rate: int = SAMPLE_RATE) -> float:
    """Return the loudness range [LU]; see :func:`meter`.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(220500) / 44100).astype(np.float32)
    >>> round(loudness_range(0.1 * np.stack([tone, tone])), 1)
    0.0
    """
    return meter(audio, sample_rate).loudness_range


@cache
def _interpolator() -> Signal:
    """Matrix from a block and its neighbours to the points between its samples."""
    reach = np.arange(-_HALF_TAPS + 1, _HALF_TAPS + 1)
    matrix = np.zeros((PEAK_BLOCK + 2 * _HALF_TAPS - 1, (_OVERSAMPLING - 1) * PEAK_BLOCK))
    for phase in range(1, _OVERSAMPLING):
        distance = reach - phase / _OVERSAMPLING
        window = np.i0(7.0 * np.sqrt(np.maximum(1.0 - (distance / _HALF_TAPS) ** 2, 0.0)))
        kernel = np.sinc(distance) * window
        kernel /= kernel.sum()
        for sample in range(PEAK_BLOCK):
            column = sample * (_OVERSAMPLING - 1) + phase - 1
            matrix[sample : sample + 2 * _HALF_TAPS, column] = kernel
    result = matrix.astype(np.float32)
    result.flags.writeable = False
    return result


def block_peaks(x: Signal, above: float = 0.0) -> Signal:
    """Find the true peak of every 32 samples, on four times as many points.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
    above : float >= 0
        Blocks whose largest sample lies under it are not oversampled: they keep that sample.

    Returns
    -------
    np.ndarray [shape=(ceil(n / 32),)], float32
        The largest magnitude of all channels from a block's first sample up to the next block's.

    References
    ----------
    ITU-R BS.1770-4, annex 2, with a longer interpolation filter.

    Examples
    --------
    >>> x = np.sin(np.pi / 2 * np.arange(640) + np.pi / 4).astype(np.float32)[None]
    >>> bool(x.max() < 0.71), round(float(block_peaks(x)[10]), 2)
    (True, 1.0)
    """
    return np.asarray(np.max([_channel_peaks(channel, above) for channel in x], axis=0))


def _channel_peaks(x: Signal, above: float) -> Signal:
    n_samples = len(x)
    peaks = loops.peaks(x, PEAK_BLOCK)
    count = len(peaks)
    matrix = _interpolator()
    chunk = 1_024
    padded = np.empty(chunk * PEAK_BLOCK + 2 * _HALF_TAPS - 1, np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(padded, matrix.shape[0])[::PEAK_BLOCK]
    for first in range(0, count, chunk):
        last = min(first + chunk, count)
        start = first * PEAK_BLOCK - _HALF_TAPS + 1
        stop = min(start + len(padded), n_samples)
        local = peaks[first:last]
        hot = np.flatnonzero(local >= max(above, 1e-9))
        if len(hot):
            padded.fill(0.0)
            padded[max(0, -start) : stop - start] = x[max(0, start) : stop]
            between = windows[hot] @ matrix
            local[hot] = np.maximum(local[hot], loops.peaks(between.reshape(-1), matrix.shape[1]))
    return peaks


def true_peak(x: Signal, *, margin_db: float | None = None) -> float:
    """Return the true peak.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
    margin_db : float > 0 [dB], optional
        Look between the samples only where they come this near to the largest one: a few times
        faster, and the same unless a wave hides more than that between two samples (music hides
        less than 3 dB). By default everywhere.

    Returns
    -------
    float [dBTP]
        -120 or more.

    Examples
    --------
    >>> x = np.sin(np.pi / 2 * np.arange(640) + np.pi / 4) * np.hanning(640)
    >>> round(true_peak(0.5 * x.astype(np.float32)[None]), 1)
    -6.0
    """
    if not x.size:
        return SILENCE_LUFS
    above = 0.0 if margin_db is None else loops.peak(x) * 10.0 ** (-margin_db / 20.0)
    return 20.0 * float(np.log10(max(float(block_peaks(x, above).max()), 1e-6)))


def outline(x: Signal) -> Outline:
    """See a sound from afar.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32

    Examples
    --------
    >>> outline(np.array([[0.5, -1.0], [0.5, 0.0]], np.float32)).peaks.tolist()
    [1.0]
    """
    peaks = np.max([loops.peaks(row, _OUTLINE_STEP) for row in x], axis=0)
    steps = len(peaks)
    total = np.zeros(steps * _OUTLINE_STEP, np.float32)
    np.sum(x, axis=0, out=total[: x.shape[1]])
    rows = total.reshape(steps, _OUTLINE_STEP)
    return Outline(peaks, np.sqrt(np.einsum("ij,ij->i", rows, rows) / np.float32(_OUTLINE_STEP)))


def active_loudness(x: Signal, sample_rate: int = SAMPLE_RATE) -> float:
    """Measure how loud a part is while it plays; cheap, for setting levels.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
    sample_rate : int [Hz]

    Returns
    -------
    float [LUFS]
        K-weighted loudness of up to 256 of the frames of 93 ms in which something sounds, gated
        10 LU under their mean. Silence between notes does not count, so that a sparse part reads
        as loud as a busy one. For a steady sound the same as :func:`integrated`.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(88200) / 44100).astype(np.float32)
    >>> tone[40960:] = 0.0
    >>> round(active_loudness(0.1 * np.stack([tone, tone])), 1)
    -20.0
    """
    from scipy.fft import rfft, rfftfreq

    frames = _active_frames(x)
    if not frames.shape[1]:
        return SILENCE_LUFS
    size = frames.shape[2]
    gain = k_gain(rfftfreq(size, 1.0 / sample_rate), sample_rate) * (2.0 / size**2)
    loud = np.zeros(frames.shape[1])
    for first in range(0, len(loud), _FRAMES_AT_ONCE):
        spectrum = rfft(frames[:, first : first + _FRAMES_AT_ONCE], axis=2)
        power = spectrum.real**2
        power += spectrum.imag**2
        loud[first : first + _FRAMES_AT_ONCE] = (power @ gain).sum(axis=0, dtype=np.float64)
    gate = float(loud.mean()) * 10.0 ** (_GATE_LU / 10.0)
    return float(_lufs(loud[loud >= gate].mean()))


def _active_frames(x: Signal) -> Signal:
    """Pick up to 256 frames in which something sounds, evenly from all; none for silence."""
    frame = _ACTIVE_FRAME
    channels, n_samples = x.shape
    if n_samples < frame:
        x = np.pad(x, ((0, 0), (0, frame - n_samples)))
    count = x.shape[1] // frame
    rows = x[:, : count * frame].reshape(channels, count, frame)
    energies = np.einsum("cij,cij->i", rows, rows)
    floor = float(energies.max()) * 10.0 ** (_ACTIVE_DB / 10.0)
    active = np.flatnonzero(energies >= max(floor, 1e-20))
    return np.asarray(rows[:, active[:: max(1, -(-len(active) // _ACTIVE_FRAMES))]])
