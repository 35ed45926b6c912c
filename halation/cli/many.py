"""Many songs: ``halation batch`` and ``halation radio``."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from halation.cli.logs import start_logging
from halation.cli.songs import formats_option
from halation.types import LENGTH_RANGE_S, FileError

if TYPE_CHECKING:
    from halation.files import Written
    from halation.types import Song

__all__ = ["batch", "radio"]

LENGTH = click.FloatRange(*LENGTH_RANGE_S)


@click.command()
@click.argument("texts", type=click.File("r", encoding="utf-8", errors="replace"))
@click.option(
    "--count", type=click.IntRange(1, 10_000), default=1, show_default=True, help="Songs a text."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The album's folder.")
@click.option("--workers", type=click.IntRange(1, 64), help="Songs made at a time, by processes.")
@click.option("--dask", metavar="ADDRESS", help="Have them made by a Dask cluster instead.")
@click.option("--seed", type=click.IntRange(0), help="Every song's seed is drawn from it.")
@click.option("--length", "length_s", type=LENGTH, metavar="SECONDS")
@click.option("--instrumental", is_flag=True, help="Leave the voices out.")
@click.option("--stems", is_flag=True, help="Write the stems, too.")
@formats_option
@click.option("--verbose", is_flag=True, help="Tell what happens, and all of an error.")
def batch(
    *,
    texts: TextIO,
    count: int,
    out: Path,
    workers: int | None,
    dask: str | None,
    verbose: bool,
    seed: int | None,
    length_s: float | None,
    instrumental: bool,
    stems: bool,
    formats: tuple[str, ...],
) -> None:
    """Make an album: songs for every line of the file TEXTS ("-" for stdin).

    The same call again makes what is missing. What became of each song stands in results.csv.
    """
    start_logging(verbose)
    if workers and dask:
        raise click.UsageError("choose either --workers or --dask")
    from halation import workers as elsewhere
    from halation.batch import Album, read_texts

    album = Album(
        out, read_texts(texts), count=count, seed=seed, length_s=length_s,
        instrumental=instrumental, formats=formats, stems=stems,
    )  # fmt: skip
    missing = len(album.missing)
    _say(f"{missing} of {len(album.rows)} songs to make")
    if not missing:
        return
    started = time.perf_counter()
    failed = 0
    lend = elsewhere.dask(dask) if dask else elsewhere.local(workers)
    with lend as makers:
        for done, row in enumerate(album.make(makers), 1):
            failed += row.state == "failed"
            a_minute = 60.0 * done / (time.perf_counter() - started)
            what = row.message if row.state == "failed" else f"{row.title}  ({row.seconds:g} s)"
            _say(f"{done}/{missing}  {what}  {a_minute:.1f} songs a minute")
    print(out / "results.csv")
    if failed:
        raise FileError(f"{failed} songs failed; results.csv says why, the same call tries again")


@click.command()
@click.argument("text", default="")
@click.option(
    "--every",
    "every_s",
    type=click.FloatRange(1.0),
    metavar="SECONDS",
    help="From start to start.  [default: each song's own length]",
)
@click.option("--out", type=click.Path(path_type=Path), required=True)
@click.option(
    "--keep",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    help="Songs that stay, the newest; 0 keeps all.",
)
@click.option("--count", type=click.IntRange(1), help="Stop after so many songs.")
@click.option("--seed", type=click.IntRange(0), help="Another one wanders another way.")
@click.option("--length", "length_s", type=LENGTH, metavar="SECONDS")
@click.option("--instrumental", is_flag=True, help="Leave the voices out.")
@formats_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a song.")
@click.option("--verbose", is_flag=True, help="Tell what happens, and all of an error.")
def radio(
    *,
    text: str,
    every_s: float | None,
    out: Path,
    keep: int,
    count: int | None,
    seed: int | None,
    length_s: float | None,
    instrumental: bool,
    formats: tuple[str, ...],
    as_json: bool,
    verbose: bool,
) -> None:
    """Make song after song, each a little way on from the mood of TEXT, until Ctrl-C."""
    start_logging(verbose)
    from halation import files
    from halation.pipeline import produce
    from halation.radio import brief_of
    from halation.seeds import draw_seed
    from halation.types import Song

    seed = draw_seed() if seed is None else seed
    log = _Kept(out, keep)
    next_s = time.monotonic()
    warned = False
    for number in range(count) if count else _endless():
        started = time.monotonic()
        brief = brief_of(text, seed, number, length_s=length_s, instrumental=instrumental)
        needed = files.needed_bytes(length_s or 180.0, formats, stems=False)
        files.check_out(out, needed_bytes=needed)
        song: Song | None = None
        for artefact in produce(brief):
            song = artefact if isinstance(artefact, Song) else None
            del artefact
        assert song is not None
        written = files.write(song, out, formats=formats)
        log.add(written.folder)
        _tell(song, written, time.monotonic() - started, as_json)
        next_s += every_s or song.master.duration_s
        del song
        late_s = time.monotonic() - next_s
        if late_s > 0.0:
            if not warned:
                took_s = time.monotonic() - started
                _say(f"a song takes {took_s:.0f} s to make here; each comes when it is ready")
            warned, next_s = True, time.monotonic()
        elif count is None or number + 1 < count:
            time.sleep(-late_s)


def _endless() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


def _tell(song: Song, written: Written, seconds: float, as_json: bool) -> None:
    from halation import files

    if as_json:
        print(json.dumps(files.summary(song, written, {"total": seconds})), flush=True)
    else:
        print(written.folder, flush=True)


class _Kept:
    """The station's newest songs; older ones of its own making are removed."""

    def __init__(self, out: Path, keep: int) -> None:
        self._out, self._keep = out, keep
        self._path = out / "radio.txt"
        self._names: list[str] = []
        if self._path.is_file():
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
            self._names = [line for line in lines if line == Path(line).name and line[:1] != "."]

    def add(self, folder: Path) -> None:
        """Note a new song, and let the oldest go."""
        self._names.append(folder.name)
        while self._keep and len(self._names) > self._keep:
            place = self._out / self._names.pop(0)
            if (place / "song.json").is_file() and not place.is_symlink():
                shutil.rmtree(place, ignore_errors=True)
        draft = self._path.with_name(".radio.txt")
        draft.write_text("".join(f"{name}\n" for name in self._names), encoding="utf-8")
        draft.replace(self._path)


def _say(what: str) -> None:
    print(f"halation: {what}", file=sys.stderr, flush=True)
