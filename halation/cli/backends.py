"""What can play and compose: ``halation backends``, and fetching weights for it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from halation.cli.logs import start_logging
from halation.types import BackendError

if TYPE_CHECKING:
    from rich.console import Console

    from halation.backends import Backend
    from halation.weights.install import Offer

__all__ = ["backends"]

_SOLD = {True: "yes", False: "no", None: "see licence"}


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.pass_context
def backends(context: click.Context, *, as_json: bool) -> None:
    """List composers, players and weights, and what the missing ones need.

    "halation backends install NAME" fetches weights; nothing else ever does.
    """
    if context.invoked_subcommand is not None:
        if as_json:
            raise click.UsageError("--json is for the list alone")
        return
    if as_json:
        print(json.dumps([*_players(), *_weights()]))
        return
    console = _console()
    _show_players(console)
    console.print()
    _show_weights(console)


def _players() -> list[dict[str, Any]]:
    from halation import backends as room

    return [
        {
            "kind": row.kind[:-1],
            "name": row.name,
            "usable": not _need(row),
            "needs": _need(row),
            "summary": row.description.summary if row.description else "",
            "licence": row.description.licence if row.description else "",
            "commercial": row.description.commercial if row.description else None,
        }
        for row in room.backends()
    ]


def _need(row: Backend) -> str:
    """Return what keeps a back end from playing now, its weights included."""
    from halation.weights import catalogue

    weights = row.description.weights if row.description else ""
    here = {known.user for known in catalogue.installed()}
    if row.problem or weights not in catalogue.KNOWN or row.name in here:
        return row.problem
    return f"needs weights: halation backends install {weights}, or --model FOLDER"


def _weights() -> list[dict[str, Any]]:
    from halation.weights import catalogue

    here = {row.name: row for row in catalogue.installed()}
    rows = catalogue.KNOWN | here  # the user's own, too
    return [
        {
            "kind": "weights",
            "name": row.name,
            "usable": row.name in here,
            "needs": "" if row.name in here else f"halation backends install {row.name}",
            "summary": f"weights for {row.user}",
            "licence": row.licence,
            "commercial": row.commercial,
            "origin": row.repo,
            "size_gb": row.size_gb,
            "memory_gb": row.memory_gb,
            "user": row.user,
        }
        for row in rows.values()
    ]


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    console = Console(highlight=False, stderr=stderr)
    if not console.is_terminal:
        console.width = 200  # a pipe has no margin to wrap at
    return console


def _show_players(console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("kind", "name", "ready", "licence", "songs may be sold", "what it is", box=None)
    for row in _players():
        ready = "yes" if row["usable"] else row["needs"]
        sold = _SOLD[row["commercial"]]
        facts = (row["kind"], row["name"], ready, row["licence"], sold, row["summary"])
        table.add_row(*(Text(str(fact)) for fact in facts))
    console.print(table)


def _show_weights(console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    heads = ("weights", "here", "licence", "songs may be sold", "download", "from", "for")
    table = Table(*heads, box=None)
    for row in _weights():
        here, sold = ("yes" if row["usable"] else "no"), _SOLD[row["commercial"]]
        facts = (row["name"], here, row["licence"], sold, f"{row['size_gb']:g} GB")
        table.add_row(*(Text(str(fact)) for fact in (*facts, row["origin"], row["user"])))
    console.print(table)
    console.print("What is not here: halation backends install NAME", markup=False)


@backends.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Agree to the licence without being asked.")
@click.option("--verbose", is_flag=True, help="Tell what happens, and all of an error.")
def install(*, name: str, yes: bool, verbose: bool) -> None:
    """Fetch the weights NAME, after showing their licence; an interrupted fetch goes on."""
    start_logging(verbose)
    from halation.weights import catalogue
    from halation.weights.install import hub
    from halation.weights.install import install as fetch

    row = catalogue.known(name)
    place = catalogue.place(name)
    if place.is_dir():
        print(f"{name} is here already: {place}")
        return
    if not yes and not sys.stdin.isatty():
        raise BackendError(
            f"{name} is under {row.licence} ({hub()}/{row.repo}) and nobody is here to agree "
            "to that: call again with --yes if you do"
        )
    console = _console(stderr=True)
    about = f"{name}: {row.licence}, about {row.size_gb:g} GB, from {hub()}/{row.repo}"
    console.print(about, markup=False, soft_wrap=True)
    try:
        with _Progress(console) as progress:
            fetch(name, agree=lambda offered: _agree(console, offered, yes), tell=progress.tell)
    except KeyboardInterrupt:
        console.print("halation: interrupted; the same command goes on from here", markup=False)
        raise SystemExit(130) from None
    print(place)


def _agree(console: Console, offered: Offer, yes: bool) -> bool:
    row = offered.row
    says = f" (its page says: {offered.licence})" if offered.licence else ""
    sold = "may" if row.commercial else "may not"
    for text in (
        f"{row.name}: weights for {row.user}",
        f"licence  {row.licence}{says}; songs made with it {sold} be sold",
        f"origin   {offered.page}",
        f"size     {offered.size_bytes / 1e9:.2g} GB",
    ):
        console.print(text, markup=False, soft_wrap=True)
    return yes or click.confirm("Do you agree to this licence, and shall it be fetched?", err=True)


class _Progress:
    """How much has arrived: a bar on a terminal, a line each tenth in a pipe."""

    def __init__(self, console: Console) -> None:
        from rich import progress

        self._console = console
        self._tenths = -1
        self._bar = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.DownloadColumn(),
            progress.TransferSpeedColumn(),
            progress.TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task: progress.TaskID | None = None

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_error: object) -> None:
        self._bar.stop()

    def tell(self, name: str, here: int, total: int) -> None:
        """Show that ``here`` of ``total`` bytes have arrived."""
        if self._task is None:  # nothing is drawn while the licence is being read
            self._task = self._bar.add_task("", total=total)
            self._bar.start()
        self._bar.update(self._task, description=name, completed=here)
        tenths = 10 * here // max(1, total)
        if self._bar.disable and tenths > self._tenths:
            self._tenths = tenths
            self._console.print(f"{10 * tenths} % of {total / 1e9:.2g} GB", markup=False)
