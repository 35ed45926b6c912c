"""What ``halation remake`` may change: options, and the plan that they lead to."""

from __future__ import annotations

import functools
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from halation.types import LENGTH_RANGE_S, TEMPO_RANGE_BPM, FileError, Key

if TYPE_CHECKING:
    from halation.files import SongFile
    from halation.types import Plan

__all__ = ["change_options", "changed"]


def _key(_context: click.Context, _option: click.Parameter, value: str | None) -> Key | None:
    return None if value is None else Key.parse(value)


def _axes(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    axes = {}
    for value in values:
        axis, found, number = value.partition("=")
        if not found or not axis or not number:
            raise click.BadParameter(f"write AXIS=VALUE, such as warm=+0.4, not {value[:40]!r}")
        axes[axis] = number
    return axes


def change_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that change a song; the command gets them as one mapping ``wishes``."""

    @functools.wraps(command)
    def with_wishes(**given: Any) -> None:
        wishes = {name: given.pop(name) for name in _NAMES}
        command(wishes=wishes, **given)

    for option in reversed(_OPTIONS):
        with_wishes = option(with_wishes)
    return with_wishes


_NAMES = ("again", "seed", "tempo_bpm", "key", "length_s", "mood", "instrumental", "midi")
_OPTIONS = (
    click.option(
        "--again",
        multiple=True,
        metavar="WHAT",
        help="Compose anew: a section (hook2), a stem or part (drums, bells), melody, both "
        "(verse/melody), or motif. The rest stays.",
    ),
    click.option("--seed", type=int, help="What --again draws from; none draws one."),
    click.option(
        "--tempo",
        "tempo_bpm",
        type=float,
        metavar="BPM",
        help=f"{TEMPO_RANGE_BPM[0]:g} to {TEMPO_RANGE_BPM[1]:g}; the same notes.",
    ),
    click.option("--key", callback=_key, metavar="KEY", help='Such as "E minor".'),
    click.option(
        "--length",
        "length_s",
        type=float,
        metavar="SECONDS",
        help=f"{LENGTH_RANGE_S[0]:g} to {LENGTH_RANGE_S[1]:g}, by whole bars.",
    ),
    click.option(
        "--mood",
        multiple=True,
        callback=_axes,
        metavar="AXIS=VALUE",
        help="valence, energy, warmth, density, haze (or warm, sad, hazy ...) from -1 to 1; "
        "with a sign, such as warm=+0.4, a step from where it is.",
    ),
    click.option(
        "--instrumental/--no-instrumental",
        default=None,
        help="Take the voices out, or let them in.",
    ),
    click.option(
        "--midi",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Take the notes of the song's MIDI file as you changed it, track by track.",
    ),
)


def changed(recipe: SongFile, wishes: dict[str, Any]) -> Plan:
    """Return what a song becomes by the options, or its own plan where there are none.

    Raises
    ------
    BriefError
        If something cannot be done; one line says what to do.
    FileError
        If the MIDI file cannot be used.
    """
    from halation import reshape
    from halation.seeds import draw_seed

    plan, done = recipe.plan, []
    if wishes["seed"] is not None and not wishes["again"]:
        raise click.UsageError("--seed is for --again; write what to throw again, too")
    if wishes["midi"]:
        plan = reshape.edited(plan, _read(wishes["midi"]))
        done.append(f"midi {wishes['midi'].name}")
    if wishes["again"]:
        seed = draw_seed() if wishes["seed"] is None else wishes["seed"]
        plan = reshape.again(plan, wishes["again"], seed)
        done += [f"again {name} (seed {seed})" for name in wishes["again"]]
    names = ("tempo_bpm", "key", "length_s", "mood", "instrumental")
    shaped = {name: wishes[name] for name in names}
    plan = reshape.shape(plan, **shaped)
    done += _told(**shaped)
    return reshape.child(plan, recipe.id, done) if done else plan


def _told(
    tempo_bpm: float | None, key: Key | None, length_s: float | None, mood: dict[str, str],
    instrumental: bool | None,
) -> list[str]:  # fmt: skip
    """Return what was shaped, each as it was typed."""
    told = [f"tempo {tempo_bpm:g}"] if tempo_bpm is not None else []
    told += [f"key {key.name}"] if key else []
    told += [f"length {length_s:g}"] if length_s is not None else []
    told += [f"mood {axis}={value}" for axis, value in mood.items()]
    if instrumental is not None:
        told.append("instrumental" if instrumental else "no-instrumental")
    return told


def _read(path: Path) -> bytes:
    """Read a MIDI file, no more of it than could be one."""
    from halation.files.tracks import MAX_BYTES

    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise FileError(f"{path} is not a file; give the song's MIDI file as you changed it")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}") from error
