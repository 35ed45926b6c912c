"""The run: steps, looks at held-out chunks, what is kept, and going on after an interruption."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from halation.backends import Stopped, Watch
from halation.corpus.layout import Chunk, Corpus, draft, file_errors
from halation.seeds import rng
from halation.stems.neural import devices, musicgen
from halation.stems.neural.musicgen import Checkpoint
from halation.training.musicgen import card, curves, data, network, samples
from halation.training.musicgen.data import Example
from halation.training.musicgen.run import Settings, State, read_state, replaced, write_state
from halation.types import BackendError

__all__ = ["Settings", "Tuned", "tune"]

WARM_UP: Final = 20
"""Steps over which the rate grows from nothing."""
LEAST_RATE: Final = 0.1
"""What is left of the rate at the end, as a share."""
MOST_NORM: Final = 1.0
MOST_HELD_OUT: Final = 256
"""Chunks that are looked at; more would tell little more."""
SAMPLED_LOOKS: Final = 5
"""Samples are rendered at the first look, and at every so many."""
HOURS: Final = 12
"""How long processes wait for one another while codes are made."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a tuning did.

    Parameters
    ----------
    out : Path
    n_chunks, n_held_out : int
    before, after : float [bit]
        What a code of the held-out chunks cost on average, untuned and as it was kept.
    best_step : int
        The step that was kept.
    """

    out: Path
    n_chunks: int
    n_held_out: int
    before: float
    after: float
    best_step: int


def tune(
    corpus: Path, base: str, out: Path, settings: Settings, watch: Watch | None = None
) -> Tuned:
    """Tune a MusicGen on a corpus and keep what held-out songs like best; goes on where it was.

    Parameters
    ----------
    corpus : Path
        Prepared by ``halation corpus prepare``.
    base : str
        A MusicGen's name, or its folder.
    out : Path
        The folder of the run; what is kept lies there as soon as a look was better than untuned.
    settings : Settings
    watch : Watch, optional
        Is told how far it is, and may stop it after any step.

    Raises
    ------
    FileError
        If the corpus is empty, or something cannot be read or written.
    BackendError
        If there is no such base, it does not fit into memory, or no look was better than untuned.
    Stopped
        If the watch says so; the same call goes on.
    """
    chunks = _chunks(corpus)
    folder, name = musicgen.find(base)
    with file_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    run = _Run(corpus, chunks, folder, name, out, settings, watch or Watch())
    try:
        return run.finished()
    except RuntimeError as error:
        if "memory" not in str(error):
            raise
        raise BackendError(
            f"--batch {settings.batch} of {name or folder.name} does not fit into memory: try a "
            "smaller --batch or a smaller base"
        ) from error


def _chunks(corpus: Path) -> dict[str, list[Chunk]]:
    opened = Corpus.open(corpus)
    chunks = {split: list(opened.chunks(split)) for split in ("train", "validation")}
    data.enough(chunks["train"], "train", corpus)
    data.enough(chunks["validation"], "validation", corpus)
    return chunks


class _Run:
    """One call of :func:`tune`."""

    def __init__(
        self,
        corpus: Path,
        chunks: dict[str, list[Chunk]],
        folder: Path,
        name: str,
        out: Path,
        settings: Settings,
        watch: Watch,
    ) -> None:
        import torch

        self._out, self._settings = out, settings
        self._accelerator = _accelerator(settings.batch)
        if not self._accelerator.is_main_process:  # one of them talks
            watch = Watch(watch.stopped)
        self._watch = watch
        self._chunks = chunks
        watch.show("the base is being read")
        self._facts = card.Facts.of(corpus, chunks, folder, name)
        about = {"base": self._facts.base_digest, "corpus": self._facts.corpus_digest}
        self._about = about
        begun = read_state(out, settings, about)
        self._state, tensors = begun if begun else (State(), {})
        with devices.quiet("transformers"):
            model, tokenizer = musicgen.read(folder, torch.float32)
        self._checkpoint = Checkpoint(name or folder.name, model, tokenizer)
        self._examples = self._coded(corpus)
        repo = self._facts.base_repo or str(folder.resolve())
        self._saved = network.attach(
            model, repo, rank=settings.rank, full=settings.full, seed=settings.seed
        )
        self._weights = network.learning(model)
        optimizer = torch.optim.AdamW(
            self._weights.values(), lr=0.0, betas=(0.9, 0.95), weight_decay=0.01
        )
        if begun:
            with torch.no_grad():
                for key, weights in self._weights.items():
                    weights.copy_(tensors["weights"][key])
            optimizer.load_state_dict(tensors["optimizer"])
        self._decoder, self._optimizer = self._accelerator.prepare(model.decoder, optimizer)
        if self._accelerator.scaler is not None and "scaler" in tensors:
            self._accelerator.scaler.load_state_dict(tensors["scaler"])

    def _coded(self, corpus: Path) -> dict[str, list[Example]]:
        """Make the codes of all chunks; of several processes, each makes a share of them."""
        import torch

        accelerator, watch = self._accelerator, self._watch
        cache = corpus / "codes" / data.encoder_digest(self._checkpoint)
        count = sum(map(len, self._chunks.values()))

        def examples(chunks: Sequence[Chunk], told: Callable[[Chunk, str], None]) -> list[Example]:
            done: list[Example] = []
            for example in data.coded(chunks, self._checkpoint, cache, skipped=told):
                watch.go_on()
                watch.show(f"codes of {len(done) + 1} of {len(chunks)} chunks ({count} in all)")
                done.append(example)
            return done

        def skipped(chunk: Chunk, why: str) -> None:
            if accelerator.is_main_process:
                watch.say(f"{chunk.path.name} {why}: left out")

        with torch.inference_mode():
            if accelerator.num_processes > 1:
                everything = [chunk for split in self._chunks.values() for chunk in split]
                examples(everything[accelerator.process_index :: accelerator.num_processes],
                         lambda _chunk, _why: None)  # fmt: skip
                accelerator.wait_for_everyone()
            made = {split: examples(chunks, skipped) for split, chunks in self._chunks.items()}
        for split, found in made.items():
            data.enough(found, split, corpus)
        return made

    def finished(self) -> Tuned:
        """Run to the end."""
        state, settings = self._state, self._settings
        began_s, began_step = time.monotonic(), state.step
        if not state.lines:
            self._look(0.0)
        while not state.done:
            state.step += 1
            state.losses.append(self._step())
            per_step_s = (time.monotonic() - began_s) / (state.step - began_step)
            left_s = per_step_s * (settings.steps - state.step)
            self._watch.show(f"step {state.step} of {settings.steps}, {_spoken(left_s)} left")
            if state.step % settings.every == 0 or state.step == settings.steps:
                self._look(left_s)
            if not state.done and self._stopped():
                self._keep_state()
                raise Stopped
        return self._tuned()

    def _stopped(self) -> bool:
        """Whether to stop, agreed by all processes."""
        stopped = self._watch.stopped()
        if self._accelerator.num_processes == 1:
            return stopped
        import torch

        votes = torch.tensor(float(stopped), device=self._accelerator.device)
        return bool(self._accelerator.reduce(votes, "sum") > 0)

    def _step(self) -> float:
        """Learn from one batch; return its loss [nats a code]."""
        import torch

        state, settings, accelerator = self._state, self._settings, self._accelerator
        step, train = state.step, self._examples["train"]
        for group in self._optimizer.param_groups:
            group["lr"] = settings.learning_rate * _share(step, settings.steps)
        index, size = accelerator.process_index, accelerator.num_processes
        # What dropout draws follows from the step, so that a run can go on at any.
        draws = rng(settings.seed, "train", "musicgen", "dropout", str(step), str(index))
        torch.manual_seed(int(draws.integers(2**63)))
        chosen = data.drawn(step, settings.batch, len(train), settings.seed)
        drop = data.dropped(step, settings.batch, settings.seed)
        self._decoder.train()
        cost = self._costs([train[i] for i in chosen[index::size]], drop[index::size])
        loss = cost.loss
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(self._weights.values(), MOST_NORM)
        self._optimizer.step()
        self._optimizer.zero_grad()
        value = float(accelerator.reduce(loss.detach(), "mean"))
        if not math.isfinite(value):
            raise BackendError(
                f"step {step} brought numbers that are none: begin again with a smaller --rate and "
                "another --out"
            )
        return value

    def _costs(self, examples: Sequence[Example], drop: Sequence[bool] = ()) -> network.Costs:
        checkpoint = self._checkpoint
        empty = int(checkpoint.model.generation_config.pad_token_id)
        batch = data.stacked(examples, checkpoint.channels, empty)
        given = network.told(checkpoint, batch.captions, batch.tunes, drop)
        return network.costs(self._decoder, given, batch, self._accelerator.device)

    def _look(self, left_s: float) -> None:
        """Measure on the held-out chunks; keep what is better than before, log and draw."""
        state, settings = self._state, self._settings
        bits = self._measured()
        mean = sum(bits) / len(bits)
        best = min((line["held_out_bits"] for line in state.lines), default=math.inf)
        better = mean < best
        if better and state.step:
            self._keep(mean)
        state.best_step, state.waited = (
            (state.step, 0) if better else (state.best_step, state.waited + 1)
        )
        loss = sum(state.losses) / len(state.losses) if state.losses else None
        line = {
            "step": state.step,
            "train_bits": None if loss is None else loss / math.log(2.0),
            "held_out_bits": mean,
            "by_codebook": bits,
            "rate": settings.learning_rate * _share(state.step, settings.steps),
        }
        state.lines.append(line)
        state.losses = []
        state.done = state.step >= settings.steps or state.waited >= settings.patience
        self._keep_state()
        self._watch.say(self._told(line, left_s))
        if self._accelerator.is_main_process:
            curves.draw(state.lines, self._out / "curves.png")
            nth = (len(state.lines) - 1) % SAMPLED_LOOKS
            if settings.samples and (nth == 0 or state.done):
                captions = [example.caption for example in self._examples["validation"]]
                samples.render(self._checkpoint, captions, self._out, state.step, self._watch)
        self._accelerator.wait_for_everyone()

    def _measured(self) -> list[float]:
        """Return what a code of each codebook costs on the held-out chunks [bit]."""
        import torch

        held_out = self._examples["validation"][:MOST_HELD_OUT]
        accelerator, size = self._accelerator, max(1, self._settings.batch)
        mine = held_out[accelerator.process_index :: accelerator.num_processes]
        n_books = held_out[0].codes.shape[0]
        sums = torch.zeros(n_books, device=accelerator.device)
        counts = torch.zeros(n_books, device=accelerator.device)
        self._decoder.eval()
        with torch.no_grad():
            for start in range(0, len(mine), size):
                cost = self._costs(mine[start : start + size])
                sums += cost.sums
                counts += cost.counts
        return network.Costs(
            accelerator.reduce(sums, "sum"), accelerator.reduce(counts, "sum")
        ).bits

    def _told(self, line: dict[str, Any], left_s: float) -> str:
        step, steps = line["step"], self._settings.steps
        if not step:
            return f"untuned: {line['held_out_bits']:.3f} bits a held-out code"
        kept = " (kept)" if self._state.best_step == step else ""
        left = "" if self._state.done else f", {_spoken(left_s)} left"
        return (
            f"step {step} of {steps}: {line['train_bits']:.3f} bits a code in training, "
            f"{line['held_out_bits']:.3f} held out{kept}{left}"
        )

    def _keep(self, bits: float) -> None:
        """Put the weights, and what is to be known of them, into the folder."""
        if not self._accelerator.is_main_process:
            return
        out, before = self._out, self._state.lines[0]["held_out_bits"]
        hidden = draft(out / "weights")
        try:
            with file_errors(out):
                network.save(
                    self._saved, self._checkpoint.tokenizer, hidden, full=self._settings.full
                )
            card.write(hidden, self._facts, self._settings, self._state.step, before, bits)
            replaced(hidden, out)
        finally:
            shutil.rmtree(hidden, ignore_errors=True)

    def _keep_state(self) -> None:
        accelerator = self._accelerator
        if accelerator.is_main_process:
            tensors: dict[str, Any] = {
                "weights": {key: w.detach().cpu() for key, w in self._weights.items()},
                "optimizer": self._optimizer.state_dict(),
            }
            if accelerator.scaler is not None:
                tensors["scaler"] = accelerator.scaler.state_dict()
            write_state(self._out, self._state, tensors, self._settings, self._about)

    def _tuned(self) -> Tuned:
        by_step = {line["step"]: line["held_out_bits"] for line in self._state.lines}
        if not self._state.best_step:
            raise BackendError(
                f"no step was better on held-out songs than the untuned model ({by_step[0]:.3f} "
                "bits a code), so nothing was kept: a smaller --rate or more songs may help"
            )
        return Tuned(
            self._out,
            len(self._examples["train"]),
            len(self._examples["validation"]),
            by_step[0],
            by_step[self._state.best_step],
            self._state.best_step,
        )


def _accelerator(batch: int) -> Any:
    """Return what spreads the work over graphics cards; half precision where that is fast."""
    from datetime import timedelta

    import torch
    from accelerate import Accelerator, InitProcessGroupKwargs  # type: ignore[import-untyped]

    fast = "no"
    if devices.device() == "cuda":
        fast = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    patient = InitProcessGroupKwargs(timeout=timedelta(hours=HOURS))
    accelerator = Accelerator(mixed_precision=fast, kwargs_handlers=[patient])
    if batch % accelerator.num_processes:
        raise BackendError(
            f"--batch {batch} cannot be shared by {accelerator.num_processes} processes evenly"
        )
    return accelerator


def _share(step: int, steps: int) -> float:
    """Return the share of the rate that a step learns with: up, then down along a cosine."""
    up = min(1.0, step / WARM_UP)
    down = 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / steps)))
    return up * (LEAST_RATE + (1.0 - LEAST_RATE) * down)


def _spoken(seconds: float) -> str:
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60.0)
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"
