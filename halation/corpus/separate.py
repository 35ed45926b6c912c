"""A song taken apart, and what is kept of it: without its voices, for instance.

Demucs does it where its weights are. Without them voices cannot be told from the rest: drums are
still told from what is held (harmonic–percussive separation), and a song without voices is left as
it is, voices included, and says so.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from halation.corpus.decode import blocks, flac
from halation.corpus.disk import draft
from halation.machine import cores
from halation.stems.neural.devices import device
from halation.types import SAMPLE_RATE, BackendError

__all__ = ["KEPT", "Method", "Separator", "choose", "separate"]

Signal = NDArray[np.float32]
Method = Literal["demucs", "hpss", "nothing"]

PARTS: Final = ("vocals", "drums", "bass", "other")
KEPT: Final = ("no_vocals", "all", *PARTS, "no_drums", "no_bass", "no_other")
"""What ``--stems`` may be."""

_WITH_VOICES: Final = ("no_drums", "no_bass", "no_other")

WEIGHTS: Final = "demucs-htdemucs"
BLOCK_S: Final = 60.0
SEAM_S: Final = 1.0
"""Blocks reach so far into one another, and are crossfaded there."""

_WINDOW: Final = 2_048
_HOP: Final = 512
_REACH: Final = 17  # frames and bins of a median

_CLASSES: Final = {"demucs.htdemucs.HTDemucs", "demucs.hdemucs.HDemucs", "demucs.demucs.Demucs"}


@dataclass(frozen=True, slots=True)
class Separator:
    """How songs are taken apart in one run.

    Parameters
    ----------
    kept : str
        One of :data:`KEPT`.
    method : ``"demucs"``, ``"hpss"`` or ``"nothing"``
    folder : str
        Of Demucs' weights.
    digest : str
        Of the weights, so that others are known to give other stems.
    """

    kept: str
    method: Method
    folder: str = ""
    digest: str = ""

    @property
    def voiceless(self) -> bool:
        """Whether voices have been taken out."""
        return self.method == "demucs" and self.kept not in ("all", "vocals", *_WITH_VOICES)

    @property
    def note(self) -> str:
        """What the user should know of it, empty if nothing."""
        if self.method == "demucs" or self.kept == "all":
            return ""
        cure = f"halation backends install {WEIGHTS}, or --demucs FOLDER"
        if self.method == "nothing":
            return f"Demucs' weights are not here, so vocals stay in the music ({cure})"
        return (
            f"Demucs' weights are not here: {self.kept} by harmonic–percussive separation, "
            f"which cannot tell vocals from the rest ({cure})"
        )


def choose(kept: str, folder: Path | None = None) -> Separator:
    """Choose the best way to take songs apart that is here.

    Parameters
    ----------
    kept : str
        One of :data:`KEPT`.
    folder : Path, optional
        Of Demucs' weights; by default the installed ones, if there are.

    Raises
    ------
    BackendError
        If the folder holds no weights, or what is asked for cannot be done without them.
    """
    if kept not in KEPT:
        raise BackendError(f"--stems cannot be {kept!r}; it can be {', '.join(KEPT)}")
    if kept == "all":
        return Separator(kept, "nothing")
    if folder is None:
        from halation.weights import catalogue

        with suppress(BackendError):
            folder = catalogue.find(WEIGHTS)
    if folder is not None:
        files = _files(folder)
        _network(str(folder))  # says now, rather than once a song, what is wrong with it
        sizes = [f"{path.name} {path.stat().st_size}" for path in files]
        digest = hashlib.sha256("\n".join(sizes).encode()).hexdigest()[:16]
        return Separator(kept, "demucs", str(folder.absolute()), digest)
    if kept == "no_vocals":
        return Separator(kept, "nothing")
    if kept in ("drums", "no_drums"):
        return Separator(kept, "hpss")
    raise BackendError(
        f"{kept} cannot be had without Demucs' weights: halation backends install {WEIGHTS}; "
        "or, if you have them: --demucs FOLDER"
    )


def separate(decoded: Path, out: Path, separator: Separator, *, share: int = 1) -> None:
    """Write what is kept of a song.

    Parameters
    ----------
    decoded, out : Path
        FLAC at 44.1 kHz.
    separator : Separator
    share : int > 0
        Songs taken apart at a time on the same machine.

    Raises
    ------
    BackendError
        If the weights cannot be used.
    OSError
        If the disk is full.
    """
    if separator.method == "nothing":
        _same(decoded, out)
        return
    by_demucs = separator.method == "demucs"
    change = _demucs(separator, share) if by_demucs else _hpss(separator.kept)
    channels = next(blocks(decoded, 1)).shape[0]
    with flac(out, channels) as write:
        for block in _crossfaded(decoded, change):
            write(block)


def _same(path: Path, out: Path) -> None:
    """Give a file another name without a copy, where the file system can."""
    hidden = draft(out)
    try:
        os.link(path, hidden)
    except OSError:
        shutil.copyfile(path, hidden)
    hidden.replace(out)


def _crossfaded(path: Path, change: Callable[[Signal], Signal]) -> Iterator[Signal]:
    """Yield a file, changed block by block; memory does not depend on its length."""
    step, seam = round(BLOCK_S * SAMPLE_RATE), round(SEAM_S * SAMPLE_RATE)
    rise = np.linspace(0.0, 1.0, seam, dtype=np.float32)
    source = blocks(path, step)
    held = next(source)
    tail: Signal | None = None
    while held.shape[1]:
        ahead = next(source, held[:, :0])
        whole = np.concatenate([held, ahead[:, :seam]], axis=1)
        changed = change(whole)
        if tail is not None:
            n = min(tail.shape[1], changed.shape[1])
            changed[:, :n] = rise[:n] * changed[:, :n] + (1.0 - rise[:n]) * tail[:, :n]
        yield changed[:, : held.shape[1]]
        tail, held = changed[:, held.shape[1] :], ahead


def _hpss(kept: str) -> Callable[[Signal], Signal]:
    """Return a change that keeps what is struck, or what is held.

    What is held is smooth in time, what is struck is smooth in frequency; each bin is shared out
    by how much of either is around it. Both together are the whole.

    References
    ----------
    Fitzgerald, "Harmonic/Percussive Separation Using Median Filtering", DAFx 2010.
    """
    from scipy.ndimage import median_filter
    from scipy.signal import istft, stft

    def change(x: Signal) -> Signal:
        _, _, spectra = stft(x, nperseg=_WINDOW, noverlap=_WINDOW - _HOP)
        power = np.abs(spectra).mean(axis=0, dtype=np.float32)
        held = median_filter(power, (1, _REACH)) ** 2
        struck = median_filter(power, (_REACH, 1)) ** 2
        wanted = struck if kept == "drums" else held
        mask = (wanted + 5e-13) / (held + struck + 1e-12)
        _, y = istft(spectra * mask, nperseg=_WINDOW, noverlap=_WINDOW - _HOP)
        return np.asarray(y[:, : x.shape[1]], np.float32)

    return change


def _demucs(separator: Separator, share: int) -> Callable[[Signal], Signal]:
    network = _network(separator.folder)
    import torch
    from demucs.apply import apply_model

    torch.set_num_threads(cores(share))
    names = list(network.sources)
    part = separator.kept.removeprefix("no_")
    if part not in names:
        raise BackendError(f"these weights know {', '.join(names)}, but not {part}")
    if network.samplerate != SAMPLE_RATE:
        raise BackendError(f"the weights are for {network.samplerate} Hz, not {SAMPLE_RATE} Hz")
    wanted = [name == part for name in names]
    if separator.kept.startswith("no_"):
        wanted = [not chosen for chosen in wanted]

    def change(x: Signal) -> Signal:
        both = torch.from_numpy(np.repeat(x, 2, axis=0) if len(x) == 1 else x.copy())
        middle, spread = both.mean(), both.std() + 1e-8
        with torch.no_grad():
            stems: Any = apply_model(
                network, ((both - middle) / spread)[None], shifts=0, split=True, device=device()
            )
        y = (stems[0, wanted].sum(dim=0) * spread + sum(wanted) * middle / len(names)).cpu().numpy()
        return np.asarray(y.mean(axis=0, keepdims=True) if len(x) == 1 else y, np.float32)

    return change


def _files(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".safetensors", ".th"))
    if not files:
        raise BackendError(
            f"there are no Demucs weights in {folder} (a .safetensors or .th file); "
            f"halation backends install {WEIGHTS} fetches them"
        )
    return files


@lru_cache(maxsize=1)
def _network(folder: str) -> Any:
    """Load the weights of a folder: one network, or the bag that its .yaml describes."""
    try:
        import yaml
        from demucs.apply import BagOfModels
    except ImportError as error:
        raise BackendError('Demucs needs an extra: pip install "halation[corpus]"') from error
    files = {path.stem.split("-")[0]: path for path in _files(Path(folder))}
    bags = sorted(Path(folder).rglob("*.yaml"))
    try:
        if bags:
            bag = yaml.safe_load(bags[0].read_text(encoding="utf-8"))
            networks = [_loaded(files[name]) for name in bag["models"]]
            whole: Any = BagOfModels(networks, bag.get("weights"), bag.get("segment"))
        elif len(files) > 1:
            raise BackendError(f"{folder} holds several networks, and no .yaml that says which")
        else:
            (path,) = files.values()
            whole = _loaded(path)
    except BackendError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise BackendError(f"the Demucs weights in {folder} cannot be read: {reason}") from error
    whole.eval()
    return whole


def _loaded(path: Path) -> Any:
    """Load one network; a file can bring numbers, but no code."""
    if path.suffix == ".safetensors":
        from demucs.hf import load_safetensors_model
        from safetensors import safe_open

        with safe_open(str(path), framework="pt") as file:
            described = file.metadata() or {}
        if described.get("klass") not in _CLASSES or "structure" in described:
            raise BackendError(f"{path.name} is no Demucs network that is known here")
        return load_safetensors_model(path)
    from fractions import Fraction

    import torch
    from demucs.demucs import Demucs
    from demucs.hdemucs import HDemucs
    from demucs.htdemucs import HTDemucs
    from demucs.states import load_model

    with torch.serialization.safe_globals([HTDemucs, HDemucs, Demucs, Fraction]):
        package = torch.load(path, "cpu", weights_only=True)
    if package["klass"] not in (HTDemucs, HDemucs, Demucs):
        raise BackendError(f"{path.name} is no Demucs network that is known here")
    load: Any = load_model
    return load(package)
