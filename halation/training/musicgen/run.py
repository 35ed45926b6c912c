"""The state of a run on disk: what it needs to go on as if nothing had happened.

Which chunks a step learns from and every number that it draws follow from the seed and the step
(:mod:`data`), so weights, optimizer and what was logged are all there is to keep.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from halation.corpus.layout import DRAFT, draft, file_error, file_errors
from halation.types import FileError

__all__ = ["Settings", "State", "read_state", "replaced", "write_state"]

STATE: Final = "state.pt"
LOG: Final = "log.jsonl"
FREE: Final = ("steps", "samples")
"""What may be changed when a run goes on."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a MusicGen is tuned.

    Parameters
    ----------
    steps : int > 0
        At most.
    batch : int > 0
        Chunks a step, of all graphics cards together.
    rate : float > 0
        Of learning, after the first steps; 0 for what suits an adapter or a whole decoder.
    rank : int > 0
        Of the adapter.
    full : bool
        Tune the whole decoder instead of an adapter.
    seed : int
    every : int > 0
        Steps from one look at the held-out chunks to the next.
    samples : bool
        Whether a few seconds are rendered now and then, to be heard.
    patience : int > 0
        Looks without a better one after which it stops.
    """

    steps: int = 2_000
    batch: int = 4
    rate: float = 0.0
    rank: int = 16
    full: bool = False
    seed: int = 1
    every: int = 50
    samples: bool = True
    patience: int = 6

    @property
    def learning_rate(self) -> float:
        """The rate, as it was given or as it suits what learns."""
        return self.rate or (1e-5 if self.full else 2e-4)


@dataclass(slots=True)
class State:
    """How far a run is.

    Parameters
    ----------
    step : int >= 0
        Steps that are done.
    lines : list of dict
        Of the log, one a look.
    losses : list of float
        Of the steps since the last look [nats a code].
    best_step : int
        The look whose weights are in the folder.
    waited : int
        Looks since then.
    done : bool
        Whether it has come to its end.
    """

    step: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    best_step: int = 0
    waited: int = 0
    done: bool = False


def write_state(
    out: Path, state: State, tensors: dict[str, Any], settings: Settings, about: dict[str, str]
) -> None:
    """Write a run's state and its log, each whole or not at all.

    Raises
    ------
    FileError
        If the disk is full.
    """
    import torch

    content = {"state": asdict(state), "settings": asdict(settings), "about": about, **tensors}
    hidden = draft(out / STATE)
    try:
        with file_errors(out / STATE):
            torch.save(content, hidden)
            hidden.replace(out / STATE)
    except RuntimeError as error:  # what PyTorch raises where a disk is full
        raise file_error(out / STATE, _written_to(error)) from error
    finally:
        hidden.unlink(missing_ok=True)
    lines = draft(out / LOG)
    with file_errors(out / LOG):
        lines.write_text("".join(f"{json.dumps(line)}\n" for line in state.lines), "utf-8")
        lines.replace(out / LOG)


def _written_to(error: RuntimeError) -> OSError:
    import errno

    return OSError(errno.ENOSPC, str(error))


def read_state(
    out: Path, settings: Settings, about: dict[str, str]
) -> tuple[State, dict[str, Any]] | None:
    """Read the state of the run in a folder; None if none has begun there.

    Raises
    ------
    FileError
        If it cannot be read, or is that of a run with other settings.
    """
    import torch

    for rest in out.glob(f"{DRAFT}*"):
        shutil.rmtree(rest, True) if rest.is_dir() else rest.unlink(missing_ok=True)
    path = out / STATE
    if not path.exists():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        before = content["settings"] | content["about"]
        state = State(**content["state"])
    except Exception as error:  # a damaged file fails in any way
        raise FileError(f"{path} cannot be read; remove it to begin anew") from error
    now = asdict(settings) | about
    other = [name for name in now if name not in FREE and before.get(name) != now[name]]
    if other:
        raise FileError(
            f"{out} holds a run with another {', '.join(other)}: give the same again, or another "
            "--out"
        )
    if state.done and state.step < settings.steps and state.waited < settings.patience:
        state.done = False  # more steps are wanted than were
    return state, content


def replaced(folder: Path, out: Path) -> None:
    """Move what lies in a folder into another one, in place of what has the same names there."""
    with file_errors(out):
        for path in sorted(folder.iterdir()):
            path.replace(out / path.name)
