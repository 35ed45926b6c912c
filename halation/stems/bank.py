"""How syllables sound when they are spoken: the representation, and the bank that ships."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BREATH_EDGES_HZ",
    "CEPSTRA",
    "FRAME_S",
    "SPEECH_NYQUIST_HZ",
    "Spoken",
    "bank",
    "mel",
    "read_bank",
    "speakers",
    "write_bank",
]

Signal = NDArray[np.float32]

FRAME_S: Final = 0.005
SPEECH_NYQUIST_HZ: Final = 12_000.0
"""The speech that the bank was made of has 24,000 samples a second."""
CEPSTRA: Final = 40
"""Cosines over the mel axis that describe an envelope."""
BREATH_EDGES_HZ: Final = (0.0, 1_500.0, 4_000.0, 8_000.0, 12_000.0)
LEVELS: Final = 127
PATH: Final = Path(__file__).parent.parent / "data" / "voice-bank.npz"


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """One syllable or word of one speaker, pitch taken out.

    Parameters
    ----------
    cepstra : np.ndarray [shape=(frames, CEPSTRA)], float32
        Natural logarithm of the amplitude envelope, as cosines over :func:`mel`; a frame lasts
        :data:`FRAME_S`. The steady part has the mean power 1.
    breath : np.ndarray [shape=(frames, 4)], float32 in 0..1
        Share of noise in the amplitude, in the bands between :data:`BREATH_EDGES_HZ`; 1 where
        nothing is voiced.
    steady : (int, int)
        Frames of the vowel that can be held, end excluded: before it lies the onset, after it the
        release.
    """

    cepstra: Signal
    breath: Signal
    steady: tuple[int, int]

    @property
    def length_s(self) -> float:
        """How long it lasted when it was spoken."""
        return len(self.cepstra) * FRAME_S


def mel(frequency_hz: Signal) -> Signal:
    """Return the place on the mel axis, 0 at 0 Hz and 1 at :data:`SPEECH_NYQUIST_HZ`.

    References
    ----------
    O'Shaughnessy, "Speech Communication", Addison-Wesley, 1987.

    Examples
    --------
    >>> [round(float(u), 2) for u in mel(np.array([0, 1_000, 12_000], np.float32))]
    [0.0, 0.31, 1.0]
    """
    top = np.log1p(SPEECH_NYQUIST_HZ / 700.0)
    return np.asarray(np.log1p(frequency_hz / 700.0) / top, dtype=np.float32)


@cache
def bank() -> Mapping[str, Mapping[str, Spoken]]:
    """Return what ships: speaker → syllable → :class:`Spoken`.

    Examples
    --------
    >>> "la" in bank()[speakers()[0]]
    True
    """
    return read_bank(PATH)


def speakers() -> tuple[str, ...]:
    """Return the bank's speakers; a part's setting ``speaker`` counts them from 0."""
    return tuple(bank())


def write_bank(path: Path, voices: Mapping[str, Mapping[str, Spoken]]) -> None:
    """Write a bank with 8 bits a number.

    Parameters
    ----------
    path : Path
    voices : mapping of speaker to mapping of syllable to Spoken
    """
    rows = [
        (f"{speaker}/{name}", one) for speaker in voices for name, one in voices[speaker].items()
    ]
    cepstra = np.concatenate([one.cepstra for _, one in rows])
    scales = np.abs(cepstra).max(axis=0) / LEVELS
    breath = np.concatenate([one.breath for _, one in rows])
    np.savez_compressed(
        path,
        names=np.frombuffer("\n".join(name for name, _ in rows).encode(), np.uint8),
        lengths=np.array([len(one.cepstra) for _, one in rows], np.uint16),
        steady=np.array([one.steady for _, one in rows], np.uint16),
        scales=scales.astype(np.float32),
        cepstra=np.rint(cepstra / scales).astype(np.int8),
        breath=np.rint(breath * 255).astype(np.uint8),
    )


def read_bank(path: Path) -> dict[str, dict[str, Spoken]]:
    """Read what :func:`write_bank` wrote."""
    with np.load(path) as table:
        names = bytes(table["names"]).decode().split("\n")
        ends = np.cumsum(table["lengths"], dtype=np.int64)
        steady = table["steady"].tolist()
        cepstra = table["cepstra"].astype(np.float32) * table["scales"]
        breath = table["breath"].astype(np.float32) / np.float32(255)
    voices: dict[str, dict[str, Spoken]] = {}
    for name, end, (first, last), start in zip(
        names, ends.tolist(), steady, [0, *ends.tolist()[:-1]], strict=True
    ):
        speaker, _, syllable = name.partition("/")
        one = Spoken(cepstra[start:end], breath[start:end], (first, last))
        voices.setdefault(speaker, {})[syllable] = one
    return voices
