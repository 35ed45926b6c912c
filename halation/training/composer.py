"""Trains the composer's network on a corpus, with checkpoints that an interrupted run goes on from.

``python -m halation.training.composer --corpus corpus.npz --out FOLDER --minutes 100``
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
import torch
from torch.nn import functional as F

from halation.score.learned.tokens import CONTROLS, IDS, PITCHES, VOCABULARY
from halation.training import run
from halation.training.corpus import PART_SETS, Corpus, targets
from halation.training.model import Composer, Size
from halation.types import FileError

__all__ = ["Batches", "bits", "fit", "fixed", "learn", "load", "optimizers", "save"]

WEIGHTS: Final = (0.1, 0.36, 0.1, 0.1, 0.07, 0.27)
"""How often each of :data:`PART_SETS` is drawn."""
BLANK_ALL: Final = 0.1
BLANK: Final = 0.25
"""Chances that all controls, or each of them, are left open in a training sequence."""
OCTAVE: Final = 0.3
"""Chance that melody and counter-line move an octave; keys are normalised, so that other
transpositions would be the same sequence."""
FADE: Final = 0.25
"""Share of the run in which the learning rate falls to zero."""

_FIRST_PITCH, _LAST_PITCH = IDS[f"p{PITCHES.start}"], IDS[f"p{PITCHES.stop - 1}"]
_PAD = IDS["pad"]


class Batches:
    """Draws training batches; the same seed and step give the same batch.

    Parameters
    ----------
    corpus : Corpus
    split : int
    length : int
        Tokens of a sequence.
    """

    def __init__(self, corpus: Corpus, split: int, length: int) -> None:
        self.corpus, self.length = corpus, length
        pieces = np.flatnonzero(corpus.splits == split)
        self.pools = [[int(i) for i in pieces if corpus.has(int(i), parts)] for parts in PART_SETS]
        self.chances = [self._by_length(pool) for pool in self.pools]
        weights = np.array(WEIGHTS) * [len(pool) > 0 for pool in self.pools]
        self.weights = weights / weights.sum()

    def _by_length(self, pool: list[int]) -> np.ndarray:
        first = self.corpus.first
        bars = np.array([first[i + 1] - first[i] for i in pool], float)
        chances: np.ndarray = bars / max(bars.sum(), 1.0)
        return chances

    def batch(self, step: int, size: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return tokens and what follows them, [size, length] each; padding is −100."""
        dice = np.random.default_rng([seed, step])
        rows = np.stack([self._row(dice) for _ in range(size)]).astype(np.int64)
        x, y = torch.from_numpy(rows[:, :-1]), torch.from_numpy(rows[:, 1:]).clone()
        y[y == _PAD] = -100
        return x, y

    def _row(self, dice: np.random.Generator) -> np.ndarray:
        """Pack sequences of one part set end to end."""
        kind = int(dice.choice(len(PART_SETS), p=self.weights))
        parts, pool = PART_SETS[kind], self.pools[kind]
        row = np.full(self.length + 1, _PAD, np.int64)
        filled = 0
        while filled < self.length - 40:
            piece = pool[int(dice.choice(len(pool), p=self.chances[kind]))]
            n_bars = int(self.corpus.first[piece + 1] - self.corpus.first[piece])
            start = int(dice.integers(n_bars)) if dice.random() < 0.8 else 0
            room = self.length + 1 - filled
            end = min(n_bars, start + 24)
            told = self.corpus.controls(piece, start, end, parts)
            open_all = dice.random() < BLANK_ALL
            told = {k: v for k, v in told.items() if not open_all and dice.random() >= BLANK}
            tokens = self.corpus.sequence(piece, start, parts, room, controls=told)
            if dice.random() < OCTAVE and parts[-1] in ("melody", "counter"):
                tokens = _octave(tokens, 12 if dice.random() < 0.5 else -12)
            tokens = tokens[:room]
            row[filled : filled + len(tokens)] = tokens
            filled += len(tokens)
        return row


def _octave(tokens: np.ndarray, by: int) -> np.ndarray:
    """Move all pitches, where all of them have room; the register is then no longer told."""
    pitched = (tokens >= _FIRST_PITCH) & (tokens <= _LAST_PITCH)
    moved = np.where(pitched, tokens + by, tokens)
    if ((moved[pitched] < _FIRST_PITCH) | (moved[pitched] > _LAST_PITCH)).any():
        return tokens
    registers = [IDS[f"register:{v}"] for v in CONTROLS["register"]]
    return moved[~np.isin(moved, registers)]


def fixed(
    corpus: Corpus, split: int, length: int, most: int, parts: Sequence[str]
) -> Iterator[np.ndarray]:
    """Give the same windows of a split at every call, spread over its pieces."""
    pool = [int(i) for i in np.flatnonzero(corpus.splits == split) if corpus.has(int(i), parts)]
    for k, piece in enumerate(pool[:: max(1, len(pool) // most)][:most]):
        n_bars = int(corpus.first[piece + 1] - corpus.first[piece])
        yield corpus.sequence(piece, (7 * k) % max(1, n_bars // 2), parts, length)


@torch.no_grad()
def bits(
    model: Composer, rows: Sequence[np.ndarray], parts: Sequence[str], batch: int = 8
) -> float:
    """Return the bits that a note of the last part costs in some sequences."""
    model.eval()
    total, notes = 0.0, 0
    order = sorted(rows, key=len)
    for k in range(0, len(order), batch):
        group = order[k : k + batch]
        width = max(len(r) for r in group)
        x = torch.full((len(group), width), _PAD, dtype=torch.long)
        for i, row in enumerate(group):
            x[i, : len(row)] = torch.from_numpy(row.astype(np.int64))
        logp = F.log_softmax(model(x[:, :-1]), dim=-1)
        cost = -logp.gather(-1, x[:, 1:, None])[..., 0].numpy() / math.log(2)
        for i, row in enumerate(group):
            mask, n = targets(row, parts)
            total += float(cost[i, : len(row) - 1][mask[1:]].sum())
            notes += n
    model.train()
    return total / max(notes, 1)


def save(path: Path, model: Composer, **more: Any) -> None:
    """Write a checkpoint in one step, so that an interruption leaves the old one."""
    part = path.with_suffix(".part")
    torch.save({"size": asdict(model.size), "weights": model.state_dict(), **more}, part)
    part.replace(path)


def load(path: Path) -> tuple[Composer, dict[str, Any]]:
    """Read a checkpoint.

    Returns
    -------
    tuple of (model, what else was saved)
    """
    kept = torch.load(path, weights_only=True)
    model = Composer(Size(**kept["size"]))
    model.load_state_dict(kept["weights"])
    return model, kept


def optimizers(model: Composer, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the layers' matrices, AdamW for the rest."""
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and not n.startswith("words")]
    rest = [p for n, p in model.named_parameters() if p.ndim != 2 or n.startswith("words")]
    return [
        torch.optim.Muon(matrices, lr=rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def learn(
    model: Composer, opts: list[torch.optim.Optimizer], x: torch.Tensor, y: torch.Tensor
) -> float:
    """Take one step on a batch; return its loss in nats a token."""
    loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=-100)
    for opt in opts:
        opt.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for opt in opts:
        opt.step()
    return loss.item()


def pace(share: float, warm: float = 0.01) -> float:
    """Return the share of the learning rate when ``share`` of the run is over: up, flat, down."""
    return min(1.0, share / warm) * min(1.0, max(0.0, (1.0 - share) / FADE))


def fit(
    model: Composer, corpus: Corpus, out: Path, *, rate: float, batch: int, seed: int,
    steps: int = 10**9, minutes: float = 1e9, every: int = 250,
    state: dict[str, Any] | None = None,
) -> Composer:  # fmt: skip
    """Train until the steps or the minutes are over, going on from ``state`` where it is given.

    Writes ``checkpoint.pt`` and a line of ``log.jsonl`` every ``every`` steps; an interruption
    costs what came after the last of them. The learning rate follows whichever is nearer to its
    end; minutes are those that were really trained. The same steps on the same number of threads
    give the same network on one machine, interrupted or not.

    Raises
    ------
    FileError
        If ``state`` belongs to another corpus.
    """
    if state and state.get("corpus", corpus.digest) != corpus.digest:
        raise FileError(
            f"the run in {out} learned from another corpus; take another folder, or delete it"
        )

    def share() -> float:
        return max(step / steps, spent / (60 * minutes))

    opts = optimizers(model, rate)
    spent_before, step, tokens = 0.0, 0, 0
    if state:
        for opt, kept in zip(opts, state["optimizers"], strict=True):
            opt.load_state_dict(kept)
        spent_before, step, tokens = state["spent_s"], state["step"], state["tokens"]
        if "dice" in state:
            torch.set_rng_state(state["dice"])
    batches = Batches(corpus, 0, model.size.context)
    held = {p: list(fixed(corpus, 1, model.size.context, 24, p)) for p in PART_SETS}
    started, losses = time.monotonic(), []
    spent = spent_before
    while share() < 1.0:
        for opt in opts:
            for group in opt.param_groups:
                group["lr"] = rate * max(0.01, pace(share()))
        x, y = batches.batch(step, batch, seed)
        losses.append(learn(model, opts, x, y))
        step, tokens = step + 1, tokens + int((y >= 0).sum())
        spent = spent_before + time.monotonic() - started
        if step % every == 0 or share() >= 1.0:
            found = {p[-1]: round(bits(model, held[p], p), 4) for p in PART_SETS if held[p]}
            line = {
                "step": step, "tokens": tokens, "minutes": round(spent / 60, 2),
                "loss": round(float(np.mean(losses)), 4), "bits": found,
            }  # fmt: skip
            losses = []
            save(
                out / "checkpoint.pt", model, step=step, tokens=tokens, spent_s=spent,
                corpus=corpus.digest, dice=torch.get_rng_state(),
                optimizers=[opt.state_dict() for opt in opts],
            )  # fmt: skip
            with (out / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            draw(out / "log.jsonl", out / "curves.png")
            click.echo(line)
    return model


def draw(log: Path, out: Path) -> None:
    """Draw a run's curves: the training loss, and bits a held-out note costs."""
    from matplotlib.figure import Figure

    lines = [json.loads(line) for line in log.read_text().splitlines()]
    tokens = [line["tokens"] / 1e6 for line in lines]
    figure = Figure(figsize=(9.0, 4.0), layout="constrained")
    loss, bits_axes = figure.subplots(1, 2)
    loss.plot(tokens, [line["loss"] for line in lines], color="black")
    loss.set_ylabel("training loss, nats a token")
    for part in lines[0]["bits"]:
        bits_axes.plot(tokens, [line["bits"][part] for line in lines], label=part)
    bits_axes.set_ylabel("bits a note, held out")
    bits_axes.legend()
    for axes in (loss, bits_axes):
        axes.set_xlabel("million tokens")
        axes.grid(alpha=0.3)
    figure.savefig(out, dpi=110)


def journal(log: Path, out: Path) -> None:
    """Put a run's table of validation on top of the log of all runs."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    parts = list(lines[-1]["bits"])
    rows = [
        f"| {one['step']} | {one['tokens'] / 1e6:.1f} | {one['minutes']:.0f} | {one['loss']:.2f} | "
        + " | ".join(f"{one['bits'][part]:.2f}" for part in parts) + " |"
        for one in lines
    ]  # fmt: skip
    table = [
        f"| step | M tokens | minutes | loss | {' | '.join(parts)} |",
        "|---" * (4 + len(parts)) + "|",
        *rows,
    ]
    head, mark, older = out.read_text().partition("\n## ")
    told = f"\n## {date.today()} · the composer\n\n" + "\n".join(table) + "\n"
    out.write_text(head + told + mark + older)


@click.command()
@click.option("--corpus", "corpus_path", type=click.Path(path_type=Path), required=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--steps", default=10**9, help="Of training in all.")
@click.option("--minutes", default=1e9, help="The same by time, interruptions not counted.")
@click.option("--rate", default=6e-3, help="The highest learning rate.")
@click.option("--batch", default=8, help="Sequences a step.")
@click.option("--seed", default=1)
@click.option("--layers", default=6)
@click.option("--every", default=250, help="Steps from one checkpoint to the next.")
@click.option("--threads", default=0, help="0 takes what there is.")
@click.option("--journal", "log_md", type=click.Path(dir_okay=False, exists=True, path_type=Path),
              help="A log of all runs, on top of which this one's table is put.")  # fmt: skip
def main(
    corpus_path: Path, out: Path, steps: int, minutes: float, rate: float, batch: int, seed: int,
    layers: int, every: int, threads: int, log_md: Path | None,
) -> None:  # fmt: skip
    """Train, or go on where a run in this folder was interrupted."""
    out.mkdir(parents=True, exist_ok=True)
    if threads:
        torch.set_num_threads(threads)
    corpus = Corpus.load(corpus_path)
    torch.manual_seed(seed)
    size = replace(Size(len(VOCABULARY)), n_layers=layers)
    state = None
    if (out / "checkpoint.pt").exists():
        model, state = load(out / "checkpoint.pt")
        click.echo(f"going on from step {state['step']}")
    else:
        model = Composer(size)
    log = out / "log.jsonl"
    told = log.read_text() if log.exists() else ""
    n = sum(p.numel() for p in model.parameters())
    click.echo(f"{n / 1e6:.2f} M parameters")
    fit(
        model, corpus, out, steps=steps, minutes=minutes, rate=rate, batch=batch, seed=seed,
        every=every, state=state,
    )  # fmt: skip
    if log_md is not None and log.read_text() != told:
        journal(log, log_md)


if __name__ == "__main__":
    run(main)
