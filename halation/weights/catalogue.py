"""The weights that halation knows by name, with their licences, and where they lie on disk."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from halation.types import BackendError

__all__ = ["KNOWN", "Weights", "find", "installed", "known", "of", "own", "place", "weights_dir"]


@dataclass(frozen=True, slots=True)
class Weights:
    """A checkpoint that can be installed by name.

    Parameters
    ----------
    name : str
        Such as ``"musicgen-small"``.
    repo : str
        Where it comes from, on a Hugging Face hub.
    licence : str
        SPDX name, or the licence's own.
    commercial : bool
        Whether songs made with it may be sold.
    size_gb : float [GB]
        Of the download, about.
    memory_gb : float [GB]
        Of memory that it takes to play, about, in 32 bits.
    user : str
        The player that plays with it, or what else it is for.
    """

    name: str
    repo: str
    licence: str
    commercial: bool
    size_gb: float
    memory_gb: float
    user: str


_MUSICGEN: Final = ("CC-BY-NC-4.0", False)
_JUKEBOX: Final = ("Jukebox non-commercial", False)
_STABILITY: Final = ("Stability AI Community License", True)

KNOWN: Final = {
    row.name: row
    for row in (
        Weights("musicgen-small", "facebook/musicgen-small", *_MUSICGEN, 2.4, 4.0, "musicgen"),
        Weights("musicgen-medium", "facebook/musicgen-medium", *_MUSICGEN, 8.0, 10.0, "musicgen"),
        Weights("musicgen-large", "facebook/musicgen-large", *_MUSICGEN, 13.7, 17.0, "musicgen"),
        Weights("musicgen-melody", "facebook/musicgen-melody", *_MUSICGEN, 6.3, 10.0, "musicgen"),
        Weights(
            "musicgen-stereo-small",
            *("facebook/musicgen-stereo-small", *_MUSICGEN, 2.4, 4.0, "musicgen"),
        ),
        Weights(
            "musicgen-stereo-medium",
            *("facebook/musicgen-stereo-medium", *_MUSICGEN, 8.0, 10.0, "musicgen"),
        ),
        Weights(
            "musicgen-stereo-large",
            *("facebook/musicgen-stereo-large", *_MUSICGEN, 13.7, 17.0, "musicgen"),
        ),
        Weights(
            "musicgen-stereo-melody",
            *("facebook/musicgen-stereo-melody", *_MUSICGEN, 6.3, 10.0, "musicgen"),
        ),
        Weights(
            "ace-step-1.5",
            *("ACE-Step/acestep-v15-xl-turbo-diffusers", "MIT", True, 20.0, 24.0, "ace-step"),
        ),
        Weights(
            "ace-step-1.5-base",
            *("ACE-Step/acestep-v15-xl-base-diffusers", "MIT", True, 20.0, 24.0, "ace-step"),
        ),
        Weights(
            "stable-audio-3-medium",
            *("stabilityai/stable-audio-3-medium", *_STABILITY, 9.0, 11.0, "stable-audio"),
        ),
        Weights(
            "stable-audio-open",
            *("stabilityai/stable-audio-open-1.0", *_STABILITY, 5.3, 7.0, "stable-audio"),
        ),
        Weights(
            "riffusion-v1",
            *("riffusion/riffusion-model-v1", "CreativeML OpenRAIL-M", True, 4.3, 6.0, "riffusion"),
        ),
        Weights(
            "jukebox-1b-lyrics",
            *("openai/jukebox-1b-lyrics", *_JUKEBOX, 11.6, 6.0, "jukebox"),
        ),
        Weights(
            "jukebox-5b-lyrics",
            *("openai/jukebox-5b-lyrics", *_JUKEBOX, 30.5, 24.0, "jukebox"),
        ),
        Weights("demucs-htdemucs", "adefossez/HTDemucs", "MIT", True, 0.2, 1.0, "stem separation"),
        Weights("clap", "laion/clap-htsat-unfused", "Apache-2.0", True, 0.6, 1.0, "mood tags"),
    )
}
"""Every checkpoint by its name."""
OWN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
"""What the user may call a model of their own."""


def weights_dir() -> Path:
    """Return the folder of installed weights: ``HALATION_WEIGHTS``, or the user's data folder."""
    import platformdirs

    chosen = os.environ.get("HALATION_WEIGHTS")
    return Path(chosen or Path(platformdirs.user_data_dir("halation", False)) / "weights")


def known(name: str) -> Weights:
    """Return what is known of a checkpoint.

    Raises
    ------
    BackendError
        If there is none of that name.
    """
    if name not in KNOWN:
        raise BackendError(f"no weights named {name!r}; there are: {', '.join(KNOWN)}")
    return KNOWN[name]


def place(name: str) -> Path:
    """Return where a checkpoint lies once it is installed."""
    return weights_dir() / name


def of(name: str) -> Weights | None:
    """Return the checkpoint of a name or a repository, None if it is not known.

    Examples
    --------
    >>> of("facebook/musicgen-small") is of("musicgen-small")
    True
    """
    return next((row for row in KNOWN.values() if name in (row.name, row.repo)), None)


def own(name: str) -> Path | None:
    """Return the folder of the user's own model of a name, None if there is none among the weights.

    Examples
    --------
    >>> own("../elsewhere") is None
    True
    """
    if not OWN_NAME.fullmatch(name) or name in KNOWN or not place(name).is_dir():
        return None
    return place(name)


def installed() -> tuple[Weights, ...]:
    """Return the checkpoints that are here, the user's own last."""
    here = tuple(row for row in KNOWN.values() if place(row.name).is_dir())
    return (*here, *_own_ones())


def _own_ones() -> Iterator[Weights]:
    """Yield what was tuned here: adapters, and whole models, under the licence of their base."""
    try:
        folders = sorted(path for path in weights_dir().iterdir() if own(path.name))
    except OSError:
        return
    for folder in folders:
        adapter, config = _json(folder / "adapter_config.json"), _json(folder / "config.json")
        base = str(adapter.get("base_model_name_or_path") or "")
        if not adapter and not str(config.get("model_type", "")).startswith("musicgen"):
            continue
        told = _json(folder / "provenance.json").get("base")
        row = of(base) or of(str(told.get("name")) if isinstance(told, dict) else "")
        if adapter and not (row and place(row.name).is_dir()) and not Path(base).is_dir():
            continue  # its base is not here
        if row is None:
            row = Weights("", "", "unknown: that of its base", False, 0.0, 0.0, "musicgen")
        if row.user == "musicgen":
            yield replace(row, name=folder.name, repo="")


def _json(path: Path) -> dict[str, object]:
    """Read a JSON object; an empty one if there is none."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def find(name: str) -> Path:
    """Return the folder of an installed checkpoint; the network is never asked.

    Raises
    ------
    BackendError
        If it is not installed; the message has the command that cures it.
    """
    row = known(name)
    folder = place(name)
    if not folder.is_dir():
        raise BackendError(
            f"the weights {name} are not here ({row.licence}, {row.size_gb:g} GB): "
            f"halation backends install {name}; or, if you have them: --model FOLDER"
        )
    return folder
