"""What every player has in common whose model is told in words what to play."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation import backends
from halation.backends import Description
from halation.stems.neural import sketch
from halation.stems.neural.performance import Model, perform
from halation.types import WHOLE_SONG, Audio, BackendError, Part, Score, Stems
from halation.weights import catalogue

__all__ = ["ModelPlayer"]

_DIGITS: Final = 8


class ModelPlayer(ABC):
    """A player whose sound comes from a checkpoint: one by name, or a folder.

    Parameters
    ----------
    argument : str
        What follows the player's colon: the rest of the name of a checkpoint that halation knows
        (``small`` of ``musicgen-small``), or a folder; empty for the player's first choice.

    Raises
    ------
    BackendError
        If there is no such folder, or it holds no such model.
    """

    description: Description
    family: str
    """How the names of its checkpoints begin."""
    default: str
    """The checkpoint that plays if none is named."""
    marker = "config.json"
    """The file by which a folder is known to hold such a model."""
    other_marker = ""
    """Another one, of what is laid over such a model."""

    def __init__(self, argument: str = "") -> None:
        self._argument = argument
        if argument:
            self._folder()  # says now what is wrong

    def _named(self, argument: str) -> str | None:
        """Return the name of the checkpoint that an argument means, None for a folder."""
        name = argument if argument.startswith(self.family) else f"{self.family}-{argument}"
        return name if name in catalogue.KNOWN else None

    def _folder(self) -> Path:
        """Return the folder of the checkpoint."""
        name = self._named(self._argument or self.default)
        folder = catalogue.find(name) if name else self._own()
        if not folder.is_dir():
            names = ", ".join(row for row in catalogue.KNOWN if row.startswith(self.family))
            raise BackendError(
                f"{self.family}: no folder {str(folder)!r}, and no checkpoint of that name; "
                f"there are: {names}"
            )
        if self._mark(folder) is None:
            raise BackendError(
                f"{str(folder)!r} holds no model for {self.family!r}: there is no {self.marker}"
            )
        return folder

    def _own(self) -> Path:
        """Return the folder that the argument gives, or names among the weights."""
        mine = catalogue.own(self._argument)
        return mine if mine is not None else Path(self._argument).expanduser().absolute()

    def _mark(self, folder: Path) -> Path | None:
        """Return the file by which a folder is known to hold a model, None if it has none."""
        paths = (folder / name for name in (self.marker, self.other_marker) if name)
        return next((path for path in paths if path.is_file()), None)

    @property
    def _label(self) -> str:
        """The checkpoint in words that may be written into a song's file."""
        name = self._named(self._argument or self.default)
        if name:
            return name
        folder = self._folder()
        mark = self._mark(folder) or folder / self.marker
        digest = hashlib.sha256(mark.read_bytes()).hexdigest()[:_DIGITS]
        plain = "".join(c if c.isalnum() or c in " -_." else "_" for c in folder.name)[:60]
        return f"{self.family}+{plain} #{digest}"

    def ready(self) -> None:
        """Raise BackendError if its checkpoint is not here; asked before anything is composed."""
        self._folder()

    def cast(self, part: Part) -> Part:
        """Write into a part which checkpoint plays it, without a path.

        Raises
        ------
        BackendError
            If the checkpoint is not here, or was a folder that must be given again.
        """
        plain = part.player.partition(":")[0]
        player = self
        place = "all" if part.stem == WHOLE_SONG else part.name
        if not self._argument and part.patch:  # of a song that is made again
            mine = self._mine(part.patch)
            if "+" in part.patch and mine is None:
                raise BackendError(
                    f"{part.name} was played by the model {part.patch.partition('+')[2]!r}; give "
                    f"its folder: --player {place}={plain} --model FOLDER"
                )
            player = mine or type(self)(part.patch)
        folder = player._folder()
        named = player._named(player._argument or player.default)
        argument = named or str(folder)
        return replace(part, player=f"{plain}:{argument}", patch=player._label)

    def _mine(self, label: str) -> ModelPlayer | None:
        """Return the player of the user's own model that a label means, if it is here unchanged."""
        name = label.partition("+")[2].partition(" #")[0]
        if catalogue.own(name) is None:
            return None
        player = type(self)(name)
        return player if player._label == label else None

    @abstractmethod
    def load(self, folder: Path, name: str) -> Model:
        """Return the model of a folder, ready to play."""

    def __call__(self, part: Part, score: Score, heard: Stems, seed: int) -> Iterator[Audio]:
        """Play a part; see :func:`halation.stems.neural.performance.perform`."""
        watch = backends.watch()
        folder = self._folder()
        name = self._named(self._argument or self.default) or folder.name
        watch.show(f"{part.name}: the model {name} is being loaded")
        model = self.load(folder, name)
        watch.go_on()
        try:
            yield from perform(model, part, score, seed, partial(self.source, part, score, model))
        except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())[:160]
            raise BackendError(
                f"{name} cannot play {part.name}: {type(error).__name__}: {reason}"
            ) from error

    def source(self, part: Part, score: Score, model: Model) -> NDArray[np.float32]:
        """Render what a model follows, shape (2, ``score.n_samples``) at 44.1 kHz."""
        return sketch.render(part, score, model.follows)
