"""How far the controls move what the network writes toward the style of docs/composer.md.

``python -m halation.training.steering``: the corpus, the network with its controls open, and with
what a song asks of it; nothing is masked, so that the controls alone are measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
import numpy as np

from halation.score.learned.composer import WEIGHTS
from halation.score.learned.grid import BAR, END
from halation.score.learned.network import Draft, Network
from halation.score.learned.tokens import Bar, decode, header
from halation.seeds import rng
from halation.training import run
from halation.training.corpus import PENTATONIC, Corpus
from halation.training.evaluate import CORPUS

__all__ = ["MEASURES", "corpus_bars", "measured", "written"]

ASKED: Final[dict[tuple[str, ...], dict[str, str]]] = {
    ("chords",): {"mode": "minor", "role": "hook", "harmony": "slow"},
    ("chords", "melody"): {
        "mode": "minor", "role": "verse", "harmony": "slow", "scale": "pentatonic",
        "density": "low", "register": "mid",
    },
    ("drums",): {"tempo": "slow", "style": "laid-back", "kind": "beat", "density": "low",
                 "energy": "low"},
}  # fmt: skip
"""What a song asks for, by the parts of the sequence."""
BACKBEAT: Final = (4, 12)
N_BARS: Final = 8
LOUD: Final = 4
"""Level from which a stroke is meant to be heard."""

MEASURES: Final = {
    ("chords",): ("chords a bar", "sus and sevenths"),
    ("chords", "melody"): ("chords a bar", "notes a bar", "pentatonic", "steps"),
    ("drums",): ("strokes a bar", "snares on the half-time backbeat", "kicks a bar"),
}
"""What is measured of each; a bar is eight of a song's beats."""


def measured(bars: Sequence[Bar]) -> dict[str, float]:
    """Return all measures of some bars in a row; NaN where there is nothing to measure."""
    n = max(1, len(bars))
    sung = max(1, sum(bool(bar.melody) for bar in bars))
    chords = [c for bar in bars for c in bar.chords]
    line = [t.pitch for bar in bars for t in bar.melody]
    jumps = np.abs(np.diff(line))
    hits = [h for bar in bars for h in bar.drums]
    snares = [h.step for h in hits if h.voice == "snare" and h.level >= LOUD]
    return {
        "chords a bar": len(chords) / n,
        "sus and sevenths": _share([c.quality not in ("maj", "min", "dim") for c in chords]),
        "notes a bar": len(line) / sung,
        "pentatonic": max(_share([p % 12 in s for p in line]) for s in PENTATONIC.values()),
        "steps": _share([1 <= j <= 2 for j in jumps]),
        "strokes a bar": len(hits) / n,
        "snares on the half-time backbeat": _share([s in BACKBEAT for s in snares]),
        "kicks a bar": sum(h.voice == "kick" for h in hits) / n,
    }


def _share(truths: Sequence[bool]) -> float:
    return sum(truths) / len(truths) if truths else float("nan")


def corpus_bars(corpus: Corpus, parts: tuple[str, ...], n: int) -> list[tuple[Bar, ...]]:
    """Return stretches of the training pieces that have some parts."""
    pool = [i for i in np.flatnonzero(corpus.splits == 0) if corpus.has(int(i), parts)]
    found = []
    for i in pool[:: max(1, len(pool) // n)][:n]:
        last = min(N_BARS, int(corpus.first[i + 1] - corpus.first[i]))
        bars = decode(np.concatenate(corpus.bars(int(i), 0, last, parts)))
        found.append(bars)
    return found


def written(
    network: Network, parts: tuple[str, ...], told: dict[str, str], n: int
) -> list[tuple[Bar, ...]]:
    """Let the network write ``n`` stretches after some controls, and nothing else."""
    prompt = [*header(told, parts), BAR]
    drafts = [
        Draft(prompt, rng(i, "steering", *parts), lambda w: w.count(BAR) >= N_BARS or END in w)
        for i in range(n)
    ]
    network.write(drafts, most=420)
    return [decode([BAR, *draft.tokens])[:N_BARS] for draft in drafts]


@click.command()
@click.option("--weights", type=click.Path(exists=True, path_type=Path), default=WEIGHTS)
@click.option("--corpus", "corpus_path", type=click.Path(exists=True, path_type=Path),
              default=CORPUS)  # fmt: skip
@click.option("--drafts", default=64, show_default=True)
def main(weights: Path, corpus_path: Path, drafts: int) -> None:
    """Print a table: what was read, what is written unasked, and what is written when asked."""
    network, corpus = Network(weights), Corpus.load(corpus_path)
    click.echo(f"{'':10s}{'':34s}{'corpus':>8s}{'open':>8s}{'asked':>8s}")
    for parts, names in MEASURES.items():
        sides = [
            corpus_bars(corpus, parts, 4 * drafts),
            written(network, parts, {}, drafts),
            written(network, parts, ASKED[parts], drafts),
        ]
        for name in names:
            means = [np.nanmean([measured(bars)[name] for bars in s]) for s in sides]
            click.echo(f"{parts[-1]:10s}{name:34s}" + "".join(f"{m:8.2f}" for m in means))


if __name__ == "__main__":
    run(main)
