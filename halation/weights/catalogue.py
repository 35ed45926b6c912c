"""The weights that halation knows by name, with their licences, and where they lie on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from halation.types import BackendError

__all__ = ["KNOWN", "Weights", "find", "installed", "known", "place", "weights_dir"]


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


def installed() -> tuple[Weights, ...]:
    """Return the checkpoints that are here."""
    return tuple(row for row in KNOWN.values() if place(row.name).is_dir())


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
