"""The drummer on a listener's own samples: ``--player drums=kit:FOLDER``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.backends import Description
from halation.dsp.filters import lowpass
from halation.stems.drums import LAYERS, REVERSED, Drums, Key
from halation.stems.kits import KITS
from halation.stems.samples import Samples, read_folder, warn_of
from halation.stems.strokes import fade
from halation.types import SAMPLE_RATE, BackendError, Part

__all__ = ["SampleKit"]

Signal = NDArray[np.float32]

KINDS: Final[dict[int, tuple[str, ...]]] = {
    36: ("kick",), 37: ("rim",), 38: ("snare",), 39: ("clap",), 40: ("snap",),
    42: ("hat",), 46: ("openhat",), 49: ("crash",), 55: ("crash",),
    75: ("perc",), 81: ("perc",), 82: ("shaker",),
}  # fmt: skip
"""What plays each drum; what the folder lacks is synthesised."""

SAME_DB: Final = 3.0
"""Files of a drum that are this near in loudness take turns at every velocity."""
SOFTEST_HZ: Final = 5_000.0
HARDEST_HZ: Final = 17_000.0
"""Low-pass of the softest and the hardest touch: a soft hit is darker, not only quieter."""
LOUDEST_S: Final = 0.05
MOST_PEAK: Final = 1.6


class SampleKit(Drums):
    """Plays drums with the samples of a folder; see :func:`halation.stems.samples.read_folder`.

    Parameters
    ----------
    folder : str
        WAV, FLAC, AIFF, MP3 or OGG files, named (or put into folders that are named) after drums.

    Raises
    ------
    BackendError
        If there is no such folder, or nothing in it can be played.
    """

    description = Description(
        "drums from a folder of your own samples: --player drums=kit:FOLDER",
        licence="the listener's own samples",
        commercial=True,
    )

    def __init__(self, folder: str = "") -> None:
        self._folder = str(Path(folder).expanduser().resolve()) if folder else ""
        self._samples: Samples | None = read_folder(folder) if folder else None

    def cast(self, part: Part) -> Part:
        """Write into a part what it plays, so that it can be told again without the folder.

        Raises
        ------
        BackendError
            If the part is not for drums.
        """
        kit, _, before = part.patch.partition("+")
        if kit not in KITS:
            raise BackendError(f"a folder of samples plays drums only, not {part.name!r}")
        if self._samples is None:
            named = (
                f"the drums of this song are samples of the folder {before.partition(' #')[0]!r}"
            )
            missing = named if before else "drums of your own samples need a folder"
            raise BackendError(f"{missing}; give it: --player drums=kit:FOLDER")
        name = "".join(c if c.isalnum() or c in " -_." else "_" for c in self._samples.name)[:60]
        player = f"{part.player.partition(':')[0]}:{self._folder}"  # wherever it is played
        return replace(part, player=player, patch=f"{kit}+{name} #{self._samples.digest}")

    def warn(self) -> None:
        """Tell what of the folder is left out."""
        if self._samples is not None:
            warn_of(self._samples)

    def sound(self, part: Part, key: Key, seed: int) -> Signal:
        """Return one hit: a sample that fits drum and velocity, or a synthesised one."""
        pitch, layer, variant, swell = key
        rows = self._rows(pitch)
        synthesised = super().sound(part, key, seed)
        if not rows:
            return synthesised
        hit = _chosen(rows, layer, variant)
        if pitch == REVERSED:
            hit = _backwards(hit, swell * SAMPLE_RATE // 100)
        strength = (layer + 0.5) / LAYERS
        cutoff_hz = SOFTEST_HZ * (HARDEST_HZ / SOFTEST_HZ) ** strength
        dark = lowpass(hit, SAMPLE_RATE, cutoff_hz, order=1)
        dark *= np.float32(_loudest(synthesised) / max(_loudest(dark), 1e-6))
        peak = float(np.abs(dark).max())
        dark *= np.float32(min(1.0, MOST_PEAK / max(peak, 1e-9)))
        fade(dark, 0.0, 0.003)
        return dark

    def _rows(self, pitch: int) -> tuple[tuple[float, Signal], ...]:
        drums = self._samples.drums if self._samples else {}
        for kind in KINDS[pitch]:
            if kind in drums:
                rows = drums[kind]
                if kind == "perc" and len(rows) > 1:  # two drums share them
                    rows = rows[::2] if pitch == 75 else rows[1::2]
                return rows
        return ()


def _chosen(rows: tuple[tuple[float, Signal], ...], layer: int, variant: int) -> Signal:
    """Return a sample by loudness; those that are about as loud take turns."""
    wanted = rows[round(layer / (LAYERS - 1) * (len(rows) - 1))][0]
    near = [sound for loudness_db, sound in rows if abs(loudness_db - wanted) < SAME_DB]
    return near[variant % len(near)]


def _backwards(hit: Signal, n: int) -> Signal:
    """Return a sound reversed so that it swells over ``n`` samples."""
    turned = hit[:, ::-1][:, -n:]
    swell = np.zeros((2, n), np.float32)
    swell[:, n - turned.shape[1] :] = turned
    fade(swell, n / SAMPLE_RATE, 0.002)
    return swell


def _loudest(x: Signal) -> float:
    """Return the RMS of the loudest twentieth of a second."""
    size = round(LOUDEST_S * SAMPLE_RATE)
    power = np.cumsum(np.pad((x**2).mean(axis=0, dtype=np.float64), (1, size)))
    return float(np.sqrt(np.max(power[size:] - power[:-size]) / size))
