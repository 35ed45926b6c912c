"""``halation train``: what one can make of one's own music."""

from __future__ import annotations

from pathlib import Path

import click

from halation.cli.logs import start_logging
from halation.files import check_out
from halation.types import BackendError


@click.group()
def train() -> None:
    """Tune halation on your own music."""


@train.command()
@click.option(
    "--midi",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder of MIDI files; those below it count, too.",
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
def composer(midi: Path, out: Path, steps: int, seed: int, verbose: bool) -> None:
    """Tune the composer on your MIDI; 'halation make --composer PATH' uses it."""
    start_logging(verbose)
    if out.suffix != ".onnx":
        raise click.BadParameter(f"the composer's file must end in .onnx: {out}.onnx")
    check_out(out.parent)
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
