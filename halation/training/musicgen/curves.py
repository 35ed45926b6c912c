"""Draws a run: bits a code costs in training and held out, and each codebook's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from halation.corpus.layout import draft, file_errors
from halation.pictures.ink import FAINT, INK, NIGHT, PARTS, plain, title

__all__ = ["draw"]


def draw(lines: Sequence[dict[str, Any]], out: Path) -> None:
    """Draw the log of a run.

    Parameters
    ----------
    lines : sequence of dict
        Of its log.jsonl, the untuned look first.
    out : Path
        The PNG.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 4.2), layout="constrained", facecolor=NIGHT)
    both, books = figure.subplots(1, 2)
    steps = [line["step"] for line in lines]
    trained = [line for line in lines if line["train_bits"] is not None]
    both.axhline(lines[0]["held_out_bits"], color=FAINT, lw=0.8, ls=":", label="untuned")
    both.plot([line["step"] for line in trained], [line["train_bits"] for line in trained],
              color=PARTS[0], lw=1.4, label="training")  # fmt: skip
    both.plot(steps, [line["held_out_bits"] for line in lines], color=PARTS[1], lw=1.8,
              label="held out")  # fmt: skip
    best = min(lines, key=lambda line: line["held_out_bits"])
    both.plot(best["step"], best["held_out_bits"], "o", color=PARTS[1], ms=5)
    for book in range(len(lines[0]["by_codebook"])):
        books.plot(steps, [line["by_codebook"][book] for line in lines], lw=1.4,
                   color=PARTS[book % len(PARTS)], label=f"codebook {book + 1}")  # fmt: skip
    for axes, text in ((both, "bits a code"), (books, "bits a held-out code, by codebook")):
        plain(axes)
        axes.grid(color=FAINT, alpha=0.18, lw=0.6)
        axes.margins(y=0.16)
        axes.set_xlabel("step", color=FAINT, fontsize=8)
        title(axes, text)
        axes.legend(loc="upper right", fontsize=8, labelcolor=INK, frameon=False, ncols=2)
    hidden = draft(out)
    with file_errors(out):
        try:
            figure.savefig(hidden, dpi=110, format="png")
            hidden.replace(out)
        finally:
            hidden.unlink(missing_ok=True)
