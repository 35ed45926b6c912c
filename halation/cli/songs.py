"""One song: ``halation make``, ``remake``, ``inspect``."""

from __future__ import annotations

import functools
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from halation.cli.changes import change_of, change_options
from halation.cli.logs import start_logging
from halation.types import (
    DEFAULT_COMPOSER,
    LENGTH_RANGE_S,
    LOUDNESS_RANGE_LUFS,
    TEMPO_RANGE_BPM,
    BackendError,
    Brief,
    Key,
)

if TYPE_CHECKING:
    from halation.pipeline import Artefact
    from halation.takes import Take
    from halation.types import Score

log = logging.getLogger("halation")

FORMATS = ("wav", "mp3", "flac")
_USUAL_LENGTH_S = 160.0


def _key(_context: click.Context, _option: click.Parameter, value: str | None) -> Key | None:
    return None if value is None else Key.parse(value)


def _composer(_context: click.Context, _option: click.Parameter, value: str) -> str:
    """Read a path as the learned composer with other weights."""
    is_path = value.endswith(".onnx") or "/" in value or "\\" in value
    return f"learned:{value}" if is_path and ":" not in value[2:] else value


def _formats(_context: click.Context, _option: click.Parameter, value: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip().lower() for name in value.split(",")))
    for name in names:
        if name not in FORMATS:
            raise click.BadParameter(f"no such format: {name!r}; choose from {', '.join(FORMATS)}")
    return names


formats_option = click.option(
    "--format",
    "formats",
    default="wav,mp3",
    show_default=True,
    callback=_formats,
    help="Any of wav,mp3,flac.",
)


def _pairs(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    pairs = []
    for value in values:
        part, found, player = value.partition("=")
        if not found or not part or not player:
            raise click.BadParameter(f"write PART=PLAYER, such as pads=synth, not {value!r}")
        pairs.append((part, player))
    return tuple(pairs)


def _player_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that give parts to other players, and those their models."""

    @functools.wraps(command)
    def with_models(
        *,
        players: tuple[tuple[str, str], ...],
        model: Path | None,
        endpoint: str | None,
        **more: Any,
    ) -> None:
        command(players=_with_models(players, model, endpoint), **more)

    options = (
        click.option(
            "--player",
            "players",
            multiple=True,
            callback=_pairs,
            metavar="PART=NAME[:ARGUMENT]",
            help="Give a part, a stem or all to another player, such as drums=kit:FOLDER for drums "
            "of your own samples or all=musicgen; see halation backends.",
        ),
        click.option(
            "--model",
            type=click.Path(path_type=Path),
            help="The folder of the weights that a text-to-audio model plays with.",
        ),
        click.option(
            "--endpoint",
            metavar="URL",
            help="Your own inference endpoint, for --player all=hf.",
        ),
    )
    for option in reversed(options):
        with_models = option(with_models)
    return with_models


def _with_models(
    players: tuple[tuple[str, str], ...], model: Path | None, endpoint: str | None
) -> tuple[tuple[str, str], ...]:
    """Hand the folder and the endpoint to the players that they are meant for."""
    values = {"--model": model, "--endpoint": endpoint}
    handed: dict[str, set[str]] = {option: set() for option in values}
    pairs = []
    for part, name in players:
        option = "--endpoint" if name == "hf" else "--model"
        if values[option] is not None and _wants(name):
            handed[option].add(name)
            name = f"{name}:{values[option]}"
        pairs.append((part, name))
    for option, example in (("--model", "pads=musicgen"), ("--endpoint", "all=hf")):
        if values[option] is not None and len(handed[option]) != 1:
            named = " and ".join(sorted(handed[option])) or "none here takes it"
            raise click.UsageError(
                f"{option} is for one player that plays with it ({named}): "
                f"write that, too, such as --player {example}"
            )
    return tuple(pairs)


def _wants(player: str) -> bool:
    """Whether a player reads words and has not been told with what it plays."""
    from halation import backends
    from halation.weights import catalogue

    plain, _, argument = player.partition(":")
    try:
        if backends.describe("players", plain).reads != "words":
            return False
    except BackendError as error:
        raise click.UsageError(str(error)) from error
    known = {f"{plain}-{argument}", argument} & set(catalogue.KNOWN)
    return not known and "/" not in argument and "\\" not in argument


@dataclass(frozen=True, slots=True)
class _Output:
    """Where a song goes, and how much is told of it."""

    out: Path
    stems: bool
    formats: tuple[str, ...]
    play: bool
    as_json: bool
    verbose: bool

    def check(self, duration_s: float, songs: int = 1) -> None:
        """Make sure, before anything is made, that it can be written."""
        from halation import files

        needed_bytes = files.needed_bytes(duration_s, self.formats, stems=self.stems)
        files.check_out(self.out, needed_bytes=songs * needed_bytes)


def _output_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say where a song goes and how much is told, as one ``output``."""

    @functools.wraps(command)
    def with_output(**given: Any) -> None:
        output = _Output(**{field.name: given.pop(field.name) for field in fields(_Output)})
        command(output=output, **given)

    options = (
        click.option(
            "--out",
            type=click.Path(path_type=Path),
            default=Path("songs"),
            show_default=True,
            help="Folder that the song's own folder is put into.",
        ),
        click.option("--stems", is_flag=True, help="Write the stems and the pre-master mix, too."),
        formats_option,
        click.option("--play", is_flag=True, help="Let it sound while it is made (extra: play)."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end."),
        click.option("--verbose", is_flag=True, help="Tell what happens, and all of an error."),
    )
    for option in reversed(options):
        with_output = option(with_output)
    return with_output


@click.command()
@click.argument("text", default="")
@click.option("--seed", type=int, help="The same text and seed make the same song.")
@click.option(
    "--length",
    "length_s",
    type=float,
    metavar="SECONDS",
    help=f"{LENGTH_RANGE_S[0]:g} to {LENGTH_RANGE_S[1]:g}, tail included.",
)
@click.option(
    "--tempo",
    "tempo_bpm",
    type=float,
    metavar="BPM",
    help=f"{TEMPO_RANGE_BPM[0]:g} to {TEMPO_RANGE_BPM[1]:g}; it is felt at half.",
)
@click.option("--key", callback=_key, metavar="KEY", help='Such as "F# minor".')
@click.option("--instrumental", is_flag=True, help="Leave the voices out.")
@click.option(
    "--loudness",
    "loudness_lufs",
    type=float,
    default=-14.0,
    show_default=True,
    metavar="LUFS",
    help=f"{LOUDNESS_RANGE_LUFS[0]:g} to {LOUDNESS_RANGE_LUFS[1]:g}.",
)
@click.option(
    "--composer",
    default=DEFAULT_COMPOSER,
    show_default=True,
    callback=_composer,
    metavar="NAME|PATH",
    help="Who composes: a name (see halation backends) or a file that halation train made.",
)
@click.option(
    "--takes",
    "n_takes",
    type=click.IntRange(1, 16),
    metavar="N",
    help="Compose N songs, 1 to 16, and make the one that the critic likes best.",
)
@click.option("--all", "every", is_flag=True, help="With --takes: make all of them, best first.")
@_player_options
@_output_options
def make(
    *,
    output: _Output,
    seed: int | None,
    n_takes: int | None,
    every: bool,
    **wishes: Any,
) -> None:
    """Make a song of TEXT, a mood in free words; without it halation chooses."""
    start_logging(output.verbose)
    from halation.seeds import draw_seed

    if every and n_takes is None:
        raise click.UsageError("--all is for --takes; write how many, such as --takes 4")
    brief = Brief(seed=draw_seed() if seed is None else seed, **wishes)
    started = time.perf_counter()
    from halation import backends

    try:
        backends.composer(brief.composer)
        for _, name in brief.players:
            player = backends.player(name)
            getattr(player, "ready", lambda: None)()
    except BackendError as error:
        raise click.UsageError(str(error)) from error
    songs = n_takes if n_takes and every else 1
    output.check(brief.length_s or _USUAL_LENGTH_S, songs)
    from halation.pipeline import produce, render

    if not n_takes:
        _finish(functools.partial(produce, brief), started, output)
    for take in _ranked(brief, n_takes)[:songs] if n_takes else ():
        _finish(functools.partial(render, take.plan), started, output, take.plan.score)
        started = time.perf_counter()


def _ranked(brief: Brief, n: int) -> list[Take]:
    """Compose takes and tell what the critic says of each, a line a take."""
    from halation.takes import takes

    ranked = takes(brief, n)
    for take in ranked:
        print(f"halation: {take}", file=sys.stderr)
    return ranked


@click.command()
@click.argument("song_json", type=click.Path(exists=True, path_type=Path))
@change_options
@_player_options
@_output_options
def remake(
    *,
    song_json: Path,
    wishes: dict[str, Any],
    players: tuple[tuple[str, str], ...],
    output: _Output,
) -> None:
    """Make the very same song again from its SONG_JSON, or another one of it."""
    start_logging(output.verbose)
    started = time.perf_counter()
    from halation import files
    from halation.reshape import changed

    recipe = files.read(song_json)
    plan = changed(recipe.plan, recipe.id, change_of(wishes))
    output.check(plan.score.duration_s)
    if recipe.engine != files.ENGINE:
        print(f"halation: {files.engine_note(recipe.engine)}", file=sys.stderr)
    from halation import backends
    from halation.pipeline import replay

    for note in backends.stand_in_notes(plan.score):
        print(f"halation: {note}", file=sys.stderr)

    _finish(functools.partial(replay, plan, players), started, output, plan.score)


def _finish(
    making: Callable[..., Iterator[Artefact]],
    started: float,
    output: _Output,
    score: Score | None = None,
) -> None:
    """Watch a song come into being, write it, and say where it is."""
    from halation import files
    from halation.cli.speaker import Speaker
    from halation.progress import Progress, report
    from halation.types import Block

    stages: dict[str, float] = {}
    last = started
    with ExitStack() as stack:
        speaker = stack.enter_context(Speaker()) if output.play else None
        progress = stack.enter_context(Progress(quiet=output.as_json))

        def seen(artefact: Any) -> None:
            nonlocal last
            now = time.perf_counter()
            name = type(artefact).__name__.lower()
            name = {"block": "sound", "plan": "fx"}.get(name, name)
            if name != "song":
                stages[name] = stages.get(name, 0.0) + now - last
                last = now
            log.debug("%s after %.2f s", name, now - started)
            progress.show(artefact)
            if speaker is not None and isinstance(artefact, Block):
                speaker.take(artefact)

        artefacts = making(watch=progress.watch, keep=False, stems=output.stems)
        written, song = files.record(
            artefacts,
            output.out,
            score=score,
            seen=seen,
            formats=output.formats,
            stems=output.stems,
        )
        seconds = time.perf_counter() - started
        stages["files"] = time.perf_counter() - last
        log.info("%s: %.1f s", written.folder, seconds)
        progress.stop()
        if output.as_json:  # in ASCII, which every pipe can hold
            print(json.dumps(files.summary(song, written, stages)), flush=True)
        else:
            report(song, written, seconds)
        if speaker is not None:
            speaker.wait()


@click.command()
@click.argument("song_json", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The picture [default: inspect.png beside the song].",
)
@click.option("--verbose", is_flag=True, help="Tell what happens, and all of an error.")
def inspect(*, song_json: Path, out: Path | None, verbose: bool) -> None:
    """Draw one picture of a song: waveform, spectrogram, loudness, notes, automation, measures."""
    start_logging(verbose)
    from halation import files
    from halation.pictures import sheet

    recipe = files.read(song_json)
    folder = song_json if song_json.is_dir() else song_json.parent
    picture = out or folder / "inspect.png"
    files.check_out(picture.parent)
    master = files.find_audio(folder, recipe)
    measures = recipe.measures
    if master is None:
        from halation import remake as remake_song

        song = remake_song(song_json).song
        master, measures = song.master, song.measures
    sheet.draw(recipe.plan, master, measures, picture)
    origin = recipe.plan.origin
    if origin:
        print(f"made of {origin.title} ({origin.parent}): {'; '.join(origin.change)}")
    print(picture)
