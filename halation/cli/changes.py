"""What ``halation remake`` may change: its options."""

from __future__ import annotations

import functools
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from halation.types import LENGTH_RANGE_S, TEMPO_RANGE_BPM, FileError, Key

if TYPE_CHECKING:
    from halation.reshape import Change

__all__ = ["change_of", "change_options"]


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


_SHAPED = ("tempo_bpm", "key", "length_s", "mood", "instrumental")
_NAMES = ("again", "seed", "midi", *_SHAPED)
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


def change_of(wishes: dict[str, Any]) -> Change:
    """Return what the options ask for.

    Raises
    ------
    FileError
        If the MIDI file cannot be read.
    """
    from halation.reshape import Change
    from halation.seeds import draw_seed

    midi, seed = wishes["midi"], wishes["seed"]
    if seed is not None and not wishes["again"]:
        raise click.UsageError("--seed is for --again; write what to throw again, too")
    return Change(
        midi=_read(midi) if midi else None,
        midi_name=midi.name if midi else "",
        again=wishes["again"],
        seed=draw_seed() if seed is None else seed,
        **{name: wishes[name] for name in _SHAPED},
    )


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
