"""``halation corpus``: from a folder of music to a dataset that a model can be tuned on."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from halation.cli.logs import start_logging
from halation.types import BriefError, FileError

if TYPE_CHECKING:
    from halation.corpus.layout import Corpus
    from halation.corpus.prepare import Ended
    from halation.corpus.sources import Found

corpus_option = click.option(
    "--corpus",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("corpus"),
    show_default=True,
    help="The corpus's folder.",
)
verbose_option = click.option(
    "--verbose", is_flag=True, help="Tell what happens, and all of an error."
)


@click.group()
def corpus() -> None:
    """Make a dataset of a folder of music, to tune a model on."""


@corpus.command()
@click.argument("places", nargs=-1, required=True, metavar="FOLDER_OR_FILE_OR_URL…")
@corpus_option
@click.option("--yes", is_flag=True, help="Confirm that you may use this music.")
@verbose_option
def add(places: tuple[str, ...], folder: Path, yes: bool, verbose: bool) -> None:
    """Add music: files, folders with all under them, addresses and playlists.

    Sound of any usual format, and MIDI. Nothing is copied; what is on the web is downloaded.
    """
    start_logging(verbose)
    from halation.corpus import sources
    from halation.corpus.layout import Corpus

    _confirm(yes)
    music = Corpus.begin(folder)
    counts: Counter[str] = Counter()
    with music.locked(), _Lines() as lines:
        music = music.save(rights_confirmed=datetime.now(UTC).isoformat(timespec="seconds"))
        for found in sources.add(music, places, lines.step):
            counts[found.state] += 1
            _tell_found(lines, found)
    total = music.sources()
    n_midi = sum(source.kind == "midi" for source in total)
    print(
        f"{counts['added']} added, {counts['known']} known already, {counts['skipped']} skipped; "
        f"{folder} has {len(total) - n_midi} recordings and {n_midi} MIDI files"
    )
    if not counts["added"] + counts["known"]:
        raise FileError("no music was found there")


def _confirm(yes: bool) -> None:
    """Have the user say that the music may be used."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise BriefError(
            "only music that you may use can be added (it is yours, or its licence allows it); "
            "confirm with --yes"
        )
    if not click.confirm("May you use this music to train a model (yours, or licensed so)?"):
        raise BriefError("only music that you may use can be added")


def _tell_found(lines: _Lines, found: Found) -> None:
    if found.state == "skipped":
        lines.say("skipped", f"{found.name}: {found.message}")
    elif found.state == "known" and found.message:
        lines.say("known", f"{found.name}: {found.message}")
    elif found.source is not None and found.source.url:
        lines.say(found.state, f"{found.source.name}  ({found.name})")
    else:
        lines.step(found.name)


@corpus.command()
@corpus_option
@click.option("--stems", default="no_vocals", show_default=True, metavar="NAME",
              help="What is kept of each song: no_vocals, all, drums, bass, other, vocals, "
              "no_drums …")  # fmt: skip
@click.option("--chunk-s", type=click.FloatRange(1.0, 300.0), default=30.0, show_default=True,
              help="Longest chunk; it ends on a bar.")  # fmt: skip
@click.option("--overlap", "overlap_s", type=click.FloatRange(0.0), default=0.0, show_default=True,
              metavar="SECONDS", help="So much of a chunk begins the next one.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 1_024),
              help="Processes.  [default: one a core]")  # fmt: skip
@click.option("--dask", metavar="ADDRESS", help="Scheduler of a Dask cluster to work on.")
@click.option("--demucs", type=click.Path(file_okay=False, exists=True, path_type=Path),
              help="Folder of Demucs' weights.  [default: the installed ones]")  # fmt: skip
@click.option("--clap", type=click.Path(file_okay=False, exists=True, path_type=Path),
              help="Folder of CLAP's weights, for mood tags.  [default: as above]")  # fmt: skip
@click.option("--midi", is_flag=True,
              help="Write the notes of recordings down, too, for train composer.")  # fmt: skip
@verbose_option
def prepare(
    *,
    folder: Path,
    stems: str,
    chunk_s: float,
    overlap_s: float,
    workers: int | None,
    dask: str | None,
    demucs: Path | None,
    clap: Path | None,
    midi: bool,
    verbose: bool,
) -> None:
    """Decode, take apart, cut, tag and caption what was added; the same call goes on.

    Your own tags are read from tags.csv in the corpus's folder (song; tag; tag …).
    """
    start_logging(verbose)
    if workers and dask:
        raise click.UsageError("choose either --workers or --dask")
    if overlap_s > chunk_s / 2.0:
        raise BriefError("--overlap can be half of --chunk-s at most")
    from halation import workers as elsewhere
    from halation.corpus import separate, transcribe
    from halation.corpus.layout import Corpus
    from halation.corpus.prepare import prepare as run
    from halation.corpus.steps import Wish
    from halation.corpus.tags import find_clap
    from halation.machine import cores

    music = Corpus.open(folder)
    if not any(source.kind == "audio" for source in music.sources()):
        raise FileError(f"{folder} has no recordings; halation corpus add brings some")
    if midi:
        transcribe.model()  # says what is missing before hours are spent
    separator = separate.choose(stems, demucs)
    clap = find_clap(clap)
    wish = Wish(separator, chunk_s, overlap_s, str(clap.absolute()) if clap else "")
    lend = elsewhere.dask(dask) if dask else elsewhere.local(workers or cores())
    tally = _Tally()
    with _Lines() as lines, lend as makers:
        for note in (separator.note, _strange_tags(music)):
            if note:
                lines.say("note", note)
        lines.step("listening to the sources")
        running = run(music, wish, makers)
        while True:
            try:
                ended = next(running)
            except StopIteration as stop:
                counts: dict[str, int] = stop.value
                break
            if ended.source.state != "failed" and ended.did == ("decoded",):
                lines.step(f"listened to {ended.number} of {ended.of}")
                continue
            tally.add(ended)
            lines.say(ended.source.state, tally.line(ended))
            lines.step(f"{ended.number} of {ended.of} done")
        if midi:
            _write_notes(music, lines)
    print(tally.summary())
    print(f"{counts['train']} chunks to train on, {counts['validation']} to validate with")
    print(music.dataset)


def _strange_tags(music: Corpus) -> str:
    """Say which of the user's own tags are no mood words of halation's; they are kept."""
    from halation.corpus.tags import read_own, unknown_words

    words = unknown_words(read_own(music.own_tags))
    return f"your own words, kept as they are: {', '.join(words)}" if words else ""


def _write_notes(music: Corpus, lines: _Lines) -> None:
    """Write the notes of every prepared recording into a MIDI file."""
    from halation.corpus import transcribe

    sources = [s for s in music.sources() if s.kind == "audio" and s.state == "prepared"]
    for number, source in enumerate(sources, 1):
        lines.step(f"writing down the notes of {source.name}, {number} of {len(sources)}")
        transcribe.midi_of(music, source)
    lines.say("midi", f"{len(sources)} recordings written down")


class _Tally:
    """How much was done, and how fast."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._states: Counter[str] = Counter()
        self._music_s = 0.0

    def add(self, ended: Ended) -> None:
        """Count a source."""
        self._states[ended.source.state] += 1
        self._music_s += ended.duration_s

    @property
    def _speed(self) -> float:
        return self._music_s / (time.perf_counter() - self._started)

    def line(self, ended: Ended) -> str:
        """Return what is said of a source."""
        where = f"{ended.number}/{ended.of}  {ended.source.name}"
        if ended.source.state != "prepared":
            return f"{where}: {ended.source.message}"
        return f"{where}  {ended.n_chunks} chunks  {self._speed:.1f} minutes of music a minute"

    def summary(self) -> str:
        """Return what is said at the end."""
        took_s = time.perf_counter() - self._started
        states = self._states
        if not states:
            return "everything was prepared already"
        return (
            f"{states['prepared']} songs prepared, {states['duplicate']} duplicates, "
            f"{states['failed']} failed; {self._music_s / 60.0:.1f} minutes of music in "
            f"{took_s:.0f} s: {self._speed:.1f} minutes a minute, "
            f"{60.0 * states['prepared'] / took_s:.0f} files a minute"
        )


@corpus.command()
@corpus_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and draw nothing.")
@verbose_option
def show(folder: Path, as_json: bool, verbose: bool) -> None:
    """Tell what is in a corpus, and draw a page of it."""
    start_logging(verbose)
    from halation.corpus import report
    from halation.corpus.layout import Corpus

    music = Corpus.open(folder)
    if as_json:
        print(json.dumps(report.as_json(music)))
        return
    print(report.summary(music))
    print(report.write(music))


class _Lines:
    """What happens, line by line on stderr, with what is going on now below; plain in a pipe."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._status = self._console.status("looking")

    def __enter__(self) -> _Lines:
        self._status.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._status.stop()

    def say(self, what: str, text: str) -> None:
        """Say what stays to be read."""
        from rich.markup import escape

        self._console.print(f"[bright_blue]{what:<9}[/] {escape(text)}", soft_wrap=True)

    def step(self, doing: str) -> None:
        """Say what is being done now."""
        from rich.markup import escape

        self._status.update(escape(doing))
