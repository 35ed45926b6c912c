"""A listener's own drum samples: which file is which drum, and what is fit to be played."""

from __future__ import annotations

import hashlib
import re
import warnings
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.stems.strokes import fade
from halation.types import SAMPLE_RATE, BackendError

__all__ = ["Samples", "kind_by_name", "kind_by_sound", "read_folder"]

Signal = NDArray[np.float32]

SUFFIXES: Final = (".wav", ".wave", ".flac", ".aif", ".aiff", ".aifc", ".mp3", ".ogg", ".oga")
MOST_FILES: Final = 400
LONGEST_S: Final = {"crash": 6.0, "openhat": 2.0, "hat": 1.0, "kick": 1.5}
OTHER_LONGEST_S: Final = 2.5
DIGEST_BYTES: Final = 1 << 20
STARTS_DB: Final = -46.0
ENDS_DB: Final = -60.0
"""Below its peak: what comes before is cut, and what comes after."""

_NAMES: Final = {
    "kick": "kick kicks kik kck kd bd bassdrum",
    "snare": "snare snares snr sn sd sdr",
    "clap": "clap claps clp cp handclap",
    "snap": "snap snaps snp finger fingersnap",
    "rim": "rim rims rimshot rs sidestick stick xstick crossstick",
    "openhat": "oh ohh hho openhat openhh openhihat ophat",
    "hat": "hat hats hh hihat hihats ch chh hhc closedhat closedhh cl pedalhat",
    "crash": "crash crashes cymbal cymbals cym cy splash impact",
    "shaker": "shaker shakers shk maraca maracas tamb tambourine cabasa",
    "perc": "perc percs percussion conga bongo tom toms block woodblock cowbell cb click ting "
    "triangle clave claves glass ice bell ride tabla",
}
WORDS: Final = {kind: frozenset(names.split()) for kind, names in _NAMES.items()}
"""What the drums are called in the names of files and folders."""

INSIDE: Final = (
    ("openhat", "openhat"), ("openhh", "openhat"), ("hihat", "hat"), ("kick", "kick"),
    ("snare", "snare"), ("clap", "clap"), ("snap", "snap"), ("rimshot", "rim"),
    ("crash", "crash"), ("cymbal", "crash"), ("shaker", "shaker"), ("perc", "perc"),
)  # fmt: skip
"""What is found inside longer words, too (``hardkick``)."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """A folder of samples, read.

    Parameters
    ----------
    name : str
        Of the folder.
    digest : str
        Of what is in it.
    drums : dict of kind → tuple of (loudness_db, sound)
        From the softest to the loudest; each sound has the shape (2, n) and peak 1.
    problems : tuple of str
        What could not be used, and why.
    """

    name: str
    digest: str
    drums: dict[str, tuple[tuple[float, Signal], ...]]
    problems: tuple[str, ...]


def read_folder(folder: str) -> Samples:
    """Read every sample of a folder and its sub-folders.

    Raises
    ------
    BackendError
        If there is no such folder, or nothing in it can be played.
    """
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise BackendError(
            f"there is no folder of samples at {folder!r}; give one, such as drums=kit:MyDrums"
        )
    try:
        found = sorted(
            file for file in path.rglob("*")
            if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()
        )  # fmt: skip
        state = tuple((str(file.relative_to(path)), file.stat().st_size, file.stat().st_mtime_ns)
                      for file in found)  # fmt: skip
    except OSError as error:
        raise BackendError(f"the folder {folder!r} cannot be read: {error.strerror}") from error
    if not found:
        raise BackendError(
            f"the folder {folder!r} has no samples; put WAV, FLAC, AIFF, MP3 or OGG files there"
        )
    return _read(path.resolve(), state)


@lru_cache(maxsize=4)
def _read(path: Path, state: tuple[tuple[str, int, int], ...]) -> Samples:
    drums: dict[str, list[tuple[float, Signal]]] = {}
    problems = []
    digest = hashlib.sha256()
    if len(state) > MOST_FILES:
        problems.append(f"only the first {MOST_FILES} of {len(state)} samples are used")
    for name, size, _ in state[:MOST_FILES]:
        try:
            with (path / name).open("rb") as file:
                digest.update(
                    f"{Path(name).as_posix()}\0{size}\0".encode() + file.read(DIGEST_BYTES)
                )
            kind = kind_by_name(name)
            sound = _decoded(path / name, LONGEST_S.get(kind, OTHER_LONGEST_S))
        except (OSError, ValueError) as error:
            problems.append(f"{Path(name).as_posix()} was left out: {_reason(error)}")
            continue
        kind = kind or kind_by_sound(sound)
        sound, loudness_db = _trimmed(sound, LONGEST_S.get(kind, OTHER_LONGEST_S))
        drums.setdefault(kind, []).append((loudness_db, sound))
    if not drums:
        raise BackendError(f"no sample in the folder {path.name!r} can be played; {problems[0]}")
    ordered = {kind: tuple(sorted(rows, key=lambda row: row[0])) for kind, rows in drums.items()}
    return Samples(path.name, digest.hexdigest()[:12], ordered, tuple(problems))


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(text.split()).rpartition(": ")[2][:120]


def kind_by_name(name: str) -> str:
    """Return which drum a path inside the folder names, or nothing.

    Examples
    --------
    >>> [kind_by_name(n) for n in ("BD_01.wav", "Hats/closed 3.wav", "OpenHat.aif")]
    ['kick', 'hat', 'openhat']
    >>> kind_by_name("untitled 4.wav")
    ''
    """
    path = Path(name)
    for text in (path.stem, *(parent.name for parent in path.parents if parent.name)):
        apart = re.sub(r"([a-z])([A-Z])", r"\1 \2", text)
        words = re.findall(r"[a-z]+", apart.lower())
        opened = any(word.startswith("open") for word in words)
        pairs = {a + b for a, b in pairwise(words)}
        for kind, known in WORDS.items():
            if known & {*words, *pairs}:
                return "openhat" if kind == "hat" and opened else kind
        for part, kind in INSIDE:
            if part in "".join(words):
                return "openhat" if kind == "hat" and opened else kind
    return ""


def kind_by_sound(sound: Signal) -> str:
    """Return which drum a sound is most like, by its spectrum and its decay.

    Parameters
    ----------
    sound : np.ndarray [shape=(2, n)], float32
    """
    mono = sound.mean(axis=0)
    power = np.abs(np.fft.rfft(mono)) ** 2
    frequency = np.fft.rfftfreq(len(mono), 1 / SAMPLE_RATE)
    total = float(power.sum()) + 1e-20
    centroid_hz = float((power * frequency).sum()) / total
    low = float(power[frequency < 160].sum()) / total
    late = np.cumsum(mono[::-1] ** 2)[::-1]
    decay_s = float(np.argmax(late < 0.01 * late[0])) / SAMPLE_RATE
    if low > 0.5:
        return "kick"
    if centroid_hz > 4_500:
        return "hat" if decay_s < 0.12 else "openhat" if decay_s < 0.7 else "crash"
    if centroid_hz > 900:
        return "snare" if decay_s > 0.09 else "rim"
    return "snare" if low > 0.1 and decay_s > 0.05 else "perc"


def _decoded(path: Path, longest_s: float) -> Signal:
    """Return the head of a file in stereo at our rate [shape=(2, n)].

    Raises
    ------
    ValueError, OSError
        If it is no sound, or silence.
    """
    import soundfile
    from scipy.signal import resample_poly

    try:
        with soundfile.SoundFile(path) as file:
            rate = int(file.samplerate)
            data = file.read(round((longest_s + 1.0) * rate), dtype="float32", always_2d=True).T
    except soundfile.LibsndfileError as error:
        raise ValueError(str(error)) from error
    if not data.size or not np.isfinite(data).all():
        raise ValueError("it holds no sound" if not data.size else "a sample is not finite")
    sides = data[:2] if data.shape[0] > 1 else np.repeat(data, 2, axis=0)
    if rate != SAMPLE_RATE:
        common = int(np.gcd(rate, SAMPLE_RATE))
        sides = resample_poly(sides, SAMPLE_RATE // common, rate // common, axis=1)
    sides = sides - sides.mean(axis=1, keepdims=True)
    if float(np.abs(sides).max()) < 1e-4:
        raise ValueError("it is silent")
    return np.asarray(sides, np.float32)


def _trimmed(sound: Signal, longest_s: float) -> tuple[Signal, float]:
    """Cut silence at both ends, and what is too long; return peak 1 and how loud it was."""
    loud = np.abs(sound).max(axis=0)
    peak = float(loud.max())
    first = max(0, int(np.argmax(loud > peak * 10 ** (STARTS_DB / 20))) - 32)
    last = len(loud) - int(np.argmax(loud[::-1] > peak * 10 ** (ENDS_DB / 20)))
    end = min(last, first + round(longest_s * SAMPLE_RATE))
    hit = np.ascontiguousarray(sound[:, first : max(end, first + 64)])
    fade(hit, 0.0007, 0.15 * hit.shape[1] / SAMPLE_RATE if end < last else 0.004)
    head = hit[:, : SAMPLE_RATE // 10]
    loudness_db = 10 * np.log10(float(np.mean(head**2)) + 1e-12)
    return hit / np.float32(np.abs(hit).max() + 1e-9), loudness_db


def warn_of(samples: Samples) -> None:
    """Tell what of a folder is left out, in one warning."""
    if samples.problems:
        shown = "; ".join(samples.problems[:5])
        more = len(samples.problems) - 5
        warnings.warn(f"{shown}{f'; and {more} more' if more > 0 else ''}", stacklevel=2)
