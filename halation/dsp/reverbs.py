"""Spaces: impulse responses that are designed, and a convolution that is long and cheap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from halation.dsp import loops

__all__ = ["Convolution", "convolved", "impulse_response", "reverse_swell"]

BLOCK = 2**15
"""Samples that a convolution takes at a time; one of its transforms has twice as many."""

_BLOCKS_AT_ONCE = 8
"""A processor does several transforms side by side; more need more memory."""

CORRELATION = 0.25
"""Between left and right."""

PINK_BAND_HZ = (200.0, 6_000.0)

BODY_HZ, BODY_OCTAVES, BODY_DB = 290.0, 0.6, -4.0
"""A bell that is cut out of every space: what many voices leave there adds up to mud."""

_FRAME = 512

Signal = NDArray[np.float32]
Responses = Sequence[tuple[Signal, Signal]]
Spectra = NDArray[np.complex64]


def impulse_response(
    rng: np.random.Generator,
    sample_rate: int,
    *,
    t60_s: float,
    predelay_s: float = 0.03,
    buildup_s: float = 0.02,
    low_hz: float = 250.0,
    high_hz: float = 7_000.0,
    damping_hz: float = 2_500.0,
) -> Signal:
    """Design a diffuse space: noise that decays faster the higher it is.

    Parameters
    ----------
    rng : np.random.Generator
        The noise; left and right are nearly independent, so that mono loses no more than 2 dB.
    sample_rate : int [Hz]
    t60_s : float > 0 [s]
        Time for the tail between ``low_hz`` and ``damping_hz`` to fall by 60 dB.
    predelay_s : float >= 0 [s]
        Silence before the first reflection.
    buildup_s : float > 0 [s]
        Time constant with which the density rises.
    low_hz, high_hz : float > 0 [Hz]
        Where the returns are high-passed (24 dB/octave) and low-passed (12 dB/octave); between them
        they yield around :data:`BODY_HZ`.
    damping_hz : float > 0 [Hz]
        Where the decay time has fallen to 7/10 of ``t60_s``.

    Returns
    -------
    np.ndarray [shape=(2, n)], float32
        Pink noise between 200 Hz and 6 kHz comes out as loud as it went in.

    References
    ----------
    Moorer, "About this reverberation business", Computer Music Journal 3(2), 1979.

    Examples
    --------
    >>> hall = impulse_response(np.random.default_rng(0), 22050, t60_s=2.0)
    >>> hall.shape, bool((hall[:, :600] == 0).all()), bool(hall[:, 700:].any())
    ((2, 44761), True, True)
    """
    n = int(t60_s * sample_rate)
    lead = int(predelay_s * sample_rate)
    noise = rng.standard_normal((2, n), dtype=np.float32)
    noise[1] = CORRELATION * noise[0] + np.float32((1.0 - CORRELATION**2) ** 0.5) * noise[1]
    bins_hz = np.arange(_FRAME // 2 + 1) * (sample_rate / _FRAME)
    t60_by_bin = t60_s / (1.0 + (bins_hz / damping_hz) ** 1.5 * (1.0 / 0.7 - 1.0))
    at_hz = np.maximum(bins_hz, 1.0)
    shape = 1.0 / np.sqrt(1.0 + (low_hz / at_hz) ** 8) / np.sqrt(1.0 + (at_hz / high_hz) ** 4)
    from_body = np.log2(at_hz / BODY_HZ) / BODY_OCTAVES
    shape *= 10.0 ** (BODY_DB * np.exp(-(from_body**2) / 2.0) / 20.0)
    shape[0] = 0.0
    tail = _decayed(noise, sample_rate, t60_by_bin, shape)
    at_s = np.arange(n) / sample_rate
    fade = np.minimum((n - np.arange(n)) / (0.1 * n), 1.0)
    tail *= ((1.0 - np.exp(-at_s / buildup_s)) * fade).astype(np.float32)
    tail /= _pink_gain(tail, sample_rate)
    response = np.zeros((2, lead + n), np.float32)
    response[:, lead:] = tail
    return response


def _decayed(noise: Signal, sample_rate: int, t60_s: NDArray[Any], shape: NDArray[Any]) -> Signal:
    """Let noise decay in windows that overlap by half, each bin in its own time."""
    from scipy.fft import irfft, rfft

    n, hop = noise.shape[1], _FRAME // 2
    count = -(-n // hop) + 1
    padded = np.zeros((2, (count + 1) * hop), np.float32)
    padded[:, hop : hop + n] = noise
    window = np.sin(np.pi * (np.arange(_FRAME) + 0.5) / _FRAME).astype(np.float32)
    spectra = rfft(sliding_window_view(padded, _FRAME, axis=1)[:, ::hop] * window, axis=-1)
    at_s = np.arange(count) * hop / sample_rate
    spectra *= (np.exp(-6.9078 * at_s[:, None] / t60_s) * shape).astype(np.float32)
    windows = irfft(spectra, axis=-1, overwrite_x=True) * window
    out = np.zeros((2, count + 1, hop), np.float32)
    out[:, :-1] += windows[..., :hop]
    out[:, 1:] += windows[..., hop:]
    return np.ascontiguousarray(out.reshape(2, -1)[:, hop : hop + n])


def _pink_gain(response: Signal, sample_rate: int) -> np.float32:
    """Return by how much a space raises pink noise between the edges of :data:`PINK_BAND_HZ`."""
    from scipy.fft import next_fast_len, rfft

    size = next_fast_len(response.shape[1], real=True)
    spectrum = rfft(response, n=size, axis=-1)
    at_hz = np.arange(spectrum.shape[1]) * (sample_rate / size)
    weight = np.zeros(len(at_hz))
    inside = (at_hz > PINK_BAND_HZ[0]) & (at_hz < PINK_BAND_HZ[1])
    weight[inside] = 1.0 / at_hz[inside]
    power = (spectrum.real**2 + spectrum.imag**2).mean(axis=0)
    return np.float32(np.sqrt(np.sum(power * weight) / np.sum(weight)))


def convolved(buses: Responses, n_samples: int, block: int = BLOCK) -> Signal:
    """Send several signals through a space each and add what comes back.

    Parameters
    ----------
    buses : sequence of (signal [shape=(1 or 2, n)], response [shape=(2, m)]), float32
        A mono signal feeds both channels of its response, a stereo one each its own.
    n_samples : int >= 0
        Length of the result; what rings longer is cut.
    block : int > 0 [samples]
        Signals and responses are cut into pieces of this length; it has no influence on the
        result.

    Returns
    -------
    np.ndarray [shape=(2, n_samples)], float32

    References
    ----------
    Stockham, "High-speed convolution and correlation", AFIPS 28, 1966; in pieces: Gardner,
    "Efficient convolution without input-output delay", J. Audio Eng. Soc. 43(3), 1995.

    Examples
    --------
    >>> click, response = np.eye(1, 9, dtype=np.float32), np.ones((2, 3), np.float32)
    >>> convolved([(click, response)], 5)[0].round(3).tolist()
    [1.0, 1.0, 1.0, 0.0, 0.0]
    """
    from scipy.fft import next_fast_len

    out = np.zeros((2, n_samples), np.float32)
    if buses and n_samples:
        block = next_fast_len(min(block, n_samples), real=True)
        rooms = Convolution(buses, block)
        for first in range(0, n_samples, _BLOCKS_AT_ONCE * block):
            rooms.play(out, first, min(first + _BLOCKS_AT_ONCE * block, n_samples))
    return out


class Convolution:
    """The spaces of :func:`convolved`, for signals that come block by block.

    Parameters
    ----------
    buses : sequence of (signal [shape=(1 or 2, n)], response [shape=(2, m)]), float32
        As in :func:`convolved`.
    block : int > 0 [samples]
    """

    def __init__(self, buses: Responses, block: int = BLOCK) -> None:
        self.block = block
        # For each channel of the result: which source goes through which pieces of a response.
        self._ways: tuple[list[tuple[_Source, Spectra]], ...] = ([], [])
        for signal, response in buses:
            pieces = self._pieces_of(response)
            sources = [_Source(row, block, pieces.shape[1]) for row in signal]
            for way, source, through in zip(self._ways, (sources * 2)[:2], pieces, strict=True):
                way.append((source, through))

    def _pieces_of(self, response: Signal) -> Spectra:
        from scipy.fft import rfft

        count = -(-response.shape[1] // self.block)
        padded = np.zeros((2, count * self.block), np.float32)
        padded[:, : response.shape[1]] = response
        pieces = padded.reshape(2, count, self.block)
        return np.asarray(rfft(pieces, n=2 * self.block, axis=-1))

    def play(self, out: Signal, start: int, stop: int) -> None:
        """Write what comes back into ``out`` [shape=(2, n)] at its place.

        Parameters
        ----------
        out : np.ndarray [shape=(2, n)], float32
        start, stop : int [samples]
            ``start`` is where the stretch before has ended; both are whole blocks, but for the end.
            The signals must be final up to ``stop``.
        """
        blocks = range(start // self.block, -(-stop // self.block))
        every = list(dict.fromkeys(source for way in self._ways for source, _ in way))
        for source in every:
            source.take(blocks)
        for channel, row in enumerate(out):
            self._back(channel, blocks, row)

    def _back(self, channel: int, blocks: range, out: Signal) -> None:
        from scipy.fft import irfft

        block = self.block
        totals = np.zeros((len(blocks), block + 1), np.complex64)
        for total, at in zip(totals, blocks, strict=True):
            for source, pieces in self._ways[channel]:
                source.through(pieces, at, total)
        if totals.any():
            sound = irfft(totals, n=2 * block, axis=-1, overwrite_x=True)[:, block:]
            place = out[blocks.start * block : blocks.stop * block]
            place[:] = sound.reshape(-1)[: len(place)]


class _Source:
    """A signal, block by block, and the spectra of the last ``memory`` blocks."""

    def __init__(self, x: Signal, block: int, memory: int) -> None:
        self._x, self._block, self._memory = x, block, memory
        self._spectra: dict[int, Spectra] = {}

    def take(self, blocks: range) -> None:
        """Transform the next blocks, each together with the one before; silence has no spectrum."""
        from scipy.fft import rfft

        for at in [at for at in self._spectra if at <= blocks.start - self._memory]:
            del self._spectra[at]
        before = (blocks.start - 1) * self._block
        found = self._x[max(before, 0) : blocks.stop * self._block]
        if not found.any():
            return
        padded = np.zeros((len(blocks) + 1) * self._block, np.float32)
        padded[max(-before, 0) :][: len(found)] = found
        frames = sliding_window_view(padded, 2 * self._block)[:: self._block]
        self._spectra.update(zip(blocks, rfft(frames, axis=-1), strict=True))

    def through(self, pieces: Spectra, at: int, total: Spectra) -> None:
        """Add to ``total`` what a response in pieces makes of the blocks up to ``at``."""
        for age, piece in enumerate(pieces):
            spectrum = self._spectra.get(at - age)
            if spectrum is not None:
                loops.add_product(total, spectrum, piece)


def reverse_swell(x: Signal, response: Signal, length: int) -> Signal:
    """Reverberate what comes after a seam and turn it round, so that it swells into the seam.

    Parameters
    ----------
    x : np.ndarray [shape=(2, n)], float32
        The first second or two after the seam.
    response : np.ndarray [shape=(2, m)], float32
        The space.
    length : int > 0 [samples]
        Length of the swell.

    Returns
    -------
    np.ndarray [shape=(2, length)], float32
        Rises from silence; its last sample is the one before the seam.

    Examples
    --------
    >>> swell = reverse_swell(np.ones((2, 50), np.float32), np.ones((2, 50), np.float32), 80)
    >>> bool(abs(swell[0, 0]) < 1e-3), bool(abs(swell[0, -30]) > 5)
    (True, True)
    """
    n = x.shape[1]
    if not n:
        return np.zeros((2, length), np.float32)
    rise = np.minimum(np.arange(n) / max(0.05 * n, 1.0), 1.0) * np.cos(
        0.5 * np.pi * np.arange(n) / n
    )
    wet = convolved([(x * rise.astype(np.float32), response)], length)
    wet *= np.linspace(1.0, 0.0, length, dtype=np.float32) ** 2
    return np.ascontiguousarray(wet[:, ::-1])
