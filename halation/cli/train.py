"""``halation train``: what one can make of one's own music."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from halation.cli.logs import start_logging
from halation.files import check_out
from halation.types import BackendError

_NEEDED: Final = ("accelerate", "peft", "torch", "transformers")
"""What tuning a MusicGen takes; looked for before hours are spent."""


@click.group()
def train() -> None:
    """Tune halation on your own music."""


@train.command()
@click.option(
    "--midi",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of MIDI files; those below it count, too.",
)
@click.option(
    "--corpus",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Or a corpus: its MIDI files, and what was transcribed of its recordings.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("composer.onnx"),
    show_default=True,
)
@click.option("--steps", type=click.IntRange(1, 100_000), default=300, show_default=True,
              help="At most; it stops when held-out pieces are known no better.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--verbose", is_flag=True, help="Tell what happens, and all of an error.")
def composer(
    *, midi: Path | None, corpus: Path | None, out: Path, steps: int, seed: int, verbose: bool
) -> None:
    """Tune the composer on your MIDI; 'halation make --composer PATH' uses it."""
    start_logging(verbose)
    if (midi is None) == (corpus is None):
        raise click.UsageError("give either --midi FOLDER or --corpus DIR")
    if out.suffix != ".onnx":
        raise click.BadParameter(f"the composer's file must end in .onnx: {out}.onnx")
    check_out(out.parent)
    if corpus is not None:
        from halation.corpus.layout import Corpus
        from halation.corpus.transcribe import midi_folder

        midi = midi_folder(Corpus.open(corpus))
    assert midi is not None
    try:
        import onnx  # noqa: F401  (all three, before hours are spent)
        import onnxscript  # noqa: F401

        from halation.training.tune import tune
    except ImportError as error:
        raise BackendError(
            f'training needs {error.name}: pip install "halation[train]" (a plain torch may bring '
            "gigabytes for graphics cards; its CPU build is enough)"
        ) from error

    def tell(step: int, found: dict[str, float]) -> None:
        told = "  ".join(f"{part} {value:.2f}" for part, value in found.items())
        click.echo(f"step {step:4d}   bits a held-out note: {told}")

    done = tune(midi, out, most_steps=steps, seed=seed, tell=tell)
    click.echo(
        f"{done.n_pieces} pieces, {done.n_held_out} of them held out; kept step {done.steps}"
    )
    for part, bits in done.before.items():
        click.echo(f"{part:8s} {bits:6.2f} → {done.after[part]:6.2f} bits a held-out note")
    click.echo(str(done.out))


@train.command()
@click.option(
    "--corpus",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("corpus"),
    show_default=True,
    help="A corpus that halation corpus has prepared.",
)
@click.option("--base", default="musicgen-small", show_default=True, metavar="NAME_OR_FOLDER",
              help="The MusicGen that is tuned; see halation backends.")  # fmt: skip
@click.option("--out", type=click.Path(file_okay=False, path_type=Path),
              help="Its folder, for: make --player all=musicgen --model FOLDER.")  # fmt: skip
@click.option("--name", metavar="NAME",
              help="Put it among the weights instead: make --player all=musicgen:NAME, and on "
              "the page.")  # fmt: skip
@click.option("--steps", type=click.IntRange(1), default=2_000, show_default=True,
              help="At most; it stops when held-out songs are known no better.")  # fmt: skip
@click.option("--batch", type=click.IntRange(1), default=4, show_default=True,
              help="Chunks a step; fewer take less memory.")  # fmt: skip
@click.option("--rate", type=click.FloatRange(0.0, 1.0, min_open=True), default=None,
              help="Of learning; 2e-4 for an adapter, 1e-5 with --full.")  # fmt: skip
@click.option("--rank", type=click.IntRange(1, 1_024), default=16, show_default=True,
              help="Of the adapter's matrices.")  # fmt: skip
@click.option("--full", is_flag=True, help="Tune the whole decoder instead of an adapter.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--every", type=click.IntRange(1), default=50, show_default=True,
              help="Steps from one look at the held-out songs to the next.")  # fmt: skip
@click.option("--samples/--no-samples", default=True, show_default=True,
              help="Render a few seconds now and then, to be heard.")  # fmt: skip
@click.option("--verbose", is_flag=True, help="Tell what happens, and all of an error.")
def musicgen(
    *,
    corpus: Path,
    base: str,
    out: Path | None,
    name: str | None,
    rate: float | None,
    verbose: bool,
    **settings: Any,
) -> None:
    """Tune a MusicGen on a corpus of your own music.

    The same command goes on where it was interrupted. Several graphics cards:
    accelerate launch -m halation train musicgen …
    """
    start_logging(verbose)
    if (out is None) == (name is None):
        raise click.UsageError("give the tuned model a place: --out FOLDER or --name NAME")
    place = out or _place(name or "")
    check_out(place)
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise BackendError(f'training needs {missing[0]}: pip install "halation[train]"')
    from halation.backends import Stopped
    from halation.training.musicgen.loop import Settings, tune

    with _watched() as watch:
        try:
            done = tune(corpus, base, place, Settings(rate=rate or 0.0, **settings), watch)
        except Stopped:
            watch.show("")
            click.echo("halation: interrupted; the same command goes on from here", err=True)
            raise SystemExit(130) from None
    if os.environ.get("RANK", "0") != "0":  # of several processes, one talks
        return
    click.echo(
        f"{done.n_chunks} chunks, {done.n_held_out} held out; kept step {done.best_step}: "
        f"{done.before:.3f} → {done.after:.3f} bits a held-out code"
    )
    use = f"all=musicgen:{name}" if name else f"all=musicgen --model {place}"
    click.echo(f"{place}\nhalation make --player {use}")


def _place(name: str) -> Path:
    """Return where a model of the user's own lies, by its name."""
    from halation.weights import catalogue

    if not catalogue.OWN_NAME.fullmatch(name) or name in catalogue.KNOWN:
        raise click.BadParameter(
            f"{name!r} cannot be the name of your model: up to 60 letters, digits, - _ and ., and "
            "none that halation backends lists"
        )
    return catalogue.place(name)


@contextmanager
def _watched() -> Iterator[Any]:
    """Show how far it is, on one line; Ctrl-C ends it after the step, twice at once."""
    from halation.backends import Watch

    asked: list[int] = []
    first = signal.getsignal(signal.SIGINT)
    terminal = sys.stderr.isatty()

    def ask(_number: int, _frame: Any) -> None:
        asked.append(1)
        signal.signal(signal.SIGINT, first)
        click.echo("\nhalation: ends after this step; once more ends it at once", err=True)

    def show(text: str) -> None:
        if terminal:
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)

    def say(text: str) -> None:
        show("")
        click.echo(text)

    signal.signal(signal.SIGINT, ask)
    try:
        yield Watch(stopped=lambda: bool(asked), say=say, show=show)
    finally:
        show("")
        signal.signal(signal.SIGINT, first)
