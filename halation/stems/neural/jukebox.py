"""Jukebox as a player: ``--player all=jukebox``, ``--player all=jukebox:5b-lyrics,genre=ambient``.

It draws a recording code by code at three levels, the whole part at once and each level in windows
that go on from one another; a song takes hours. What is drawn is kept window by window, so that a
run that was ended goes on where it was.

Dhariwal et al., "Jukebox: A Generative Model for Music", 2020.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from halation import backends
from halation.backends import Description
from halation.seeds import rng
from halation.stems.neural import devices, jukebox_words
from halation.stems.neural.clock import duration
from halation.stems.neural.jukebox_checkpoint import Checkpoint, library, stepping
from halation.stems.neural.jukebox_words import Words
from halation.stems.neural.performance import Request, perform
from halation.stems.neural.player import ModelPlayer
from halation.types import SAMPLE_RATE, Audio, Part, Score, Stems

__all__ = ["Jukebox", "Recording", "cache_dir"]

log = logging.getLogger("halation")

Signal = NDArray[np.float32]
Codes = NDArray[np.int64]

TEMPERATURES: Final = (0.99, 0.99, 0.98)
"""How freely codes are drawn, the lowest level's first."""
CHUNKS: Final = (32, 32, 16)
"""How many codes that were drawn before are read at a time, when a window begins."""
DECODED_CODES: Final = 60_000
_WARM: Final = 2
_MEASURED: Final = 16
"""The first codes are slower; after so many more the pace is known."""
_SHOWN_EVERY_S: Final = 0.5
_LABEL: Final = 100
"""Characters of a patch's name that a song's file takes."""


class Jukebox(ModelPlayer):
    """Plays a stem or a whole song with a Jukebox checkpoint, singer and all.

    Parameters
    ----------
    argument : str
        A checkpoint (``5b-lyrics``) or a folder, then ``,artist=NAME`` and ``,genre=NAME`` of
        Jukebox's own vocabulary; without them both follow the mood.
    """

    description = Description(
        "Jukebox sings and plays a whole song, in hours: --player all=jukebox (1b-lyrics, "
        "5b-lyrics, or a folder after a colon, then ,artist=… ,genre=…)",
        licence="Jukebox non-commercial",
        commercial=False,
        requires=("torch", "jukebox_infer"),
        extra="jukebox",
        weights="jukebox-1b-lyrics",
        reads="words",
    )
    family = "jukebox"
    default = "jukebox-1b-lyrics"

    def __init__(self, argument: str = "") -> None:
        checkpoint, self._wishes = jukebox_words.parse(argument)
        super().__init__(checkpoint)

    def cast(self, part: Part) -> Part:
        """Write into a part which checkpoint plays it and who is to sing; errors as in ModelPlayer.

        Raises
        ------
        BackendError
            Also if Jukebox knows no such artist or genre.
        """
        wishes = self._wishes or jukebox_words.parse(part.patch)[1]
        made = super().cast(part)
        folder = type(self)(made.player.partition(":")[2])._folder()
        jukebox_words.check(wishes, newer=Checkpoint(folder, folder.name).newer)
        more = "".join(f",{key}={value}" for key, value in wishes.items())
        named, mark, digest = made.patch.partition(" #")
        named = named[: _LABEL - len(mark + digest + more)]
        return replace(made, player=made.player + more, patch=named + mark + digest + more)

    def load(self, folder: Path, name: str) -> Any:
        """Return the checkpoint of a folder; its parts are read when they are needed."""
        return Checkpoint(folder, name)

    def __call__(self, part: Part, score: Score, heard: Stems, seed: int) -> Iterator[Audio]:
        """Play a part: draw it as one recording, then set that on the grid, section by section."""
        folder = self._folder()
        name = self._named(self._argument or self.default) or folder.name
        checkpoint: Checkpoint = self.load(folder, name)
        if not part.notes:
            yield from perform(Recording(name), part, score, seed)
            return
        words = jukebox_words.choose(part, score, self._wishes, newer=checkpoint.newer)
        start_s = min(map(score.onset_s, part.notes))
        last = score.form.section_at(max(n.onset_beats for n in part.notes))
        length_s = score.seconds_at(last.end_beats) - start_s
        task = _Task(checkpoint, part.name, words, length_s, seed)
        store = _Store(task)
        with devices.fitting(name):
            drawn = task.recording(store)
        recording = np.zeros((2, score.n_samples), np.float32)
        at = round(start_s * SAMPLE_RATE)
        drawn = drawn[: score.n_samples - at]
        recording[:, at : at + len(drawn)] = drawn
        yield from perform(Recording(name), part, score, seed, lambda: recording)
        store.delete()


@dataclass(frozen=True, slots=True)
class Recording:
    """What was drawn, as a model whose every answer is a cut of it."""

    name: str
    sample_rate: int = SAMPLE_RATE
    longest_s: float = 3_600.0
    memory_s: float = 1.0
    """Above 0: each answer goes on from the last one and repeats its end."""
    follows: Literal["", "tune", "song"] = "song"

    def play(self, request: Request) -> Signal:
        """Answer with the cut that is asked for, shape (2, n)."""
        assert request.source is not None
        short = request.n_samples(self.sample_rate) - request.source.shape[1]
        return np.pad(request.source, ((0, 0), (0, max(0, short))))


def cache_dir() -> Path:
    """Return where unfinished work is kept: ``HALATION_CACHE``, or the user's cache folder."""
    import platformdirs

    return Path(os.environ.get("HALATION_CACHE") or platformdirs.user_cache_dir("halation", False))


class _Store:
    """Codes of a part that is not finished, on disk; the same part finds them again."""

    def __init__(self, task: _Task) -> None:
        folder, words = task.checkpoint.folder, task.words
        weights = sorted(p for p in folder.iterdir() if p.suffix in _WEIGHTS)
        told = [
            (folder / "config.json").read_text(encoding="utf-8"),
            [(p.name, p.stat().st_size) for p in weights],
            *(words.artist, words.genre, words.lyrics),
            *(task.part, task.length_s, task.seed, devices.device()),
        ]
        digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
        self.path = cache_dir() / "jukebox" / f"{digest}.npz"

    def read(self, levels: int) -> list[Codes]:
        """Return the codes of each level that were drawn before, none where there are none."""
        try:
            with self.path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                return [file[str(level)].astype(np.int64) for level in range(levels)]
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            log.warning("%s cannot be read (%s): begun again", self.path, error)
        return [np.zeros(0, np.int64) for _ in range(levels)]

    def write(self, codes: list[Codes]) -> None:
        """Keep codes in place of those that were kept before; never half of them."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(f".{os.getpid()}.tmp")
        rows: dict[str, Any] = {str(i): row.astype(np.uint16) for i, row in enumerate(codes)}
        try:
            with new.open("wb") as file:
                np.savez(file, **rows)
            new.replace(self.path)
        finally:
            new.unlink(missing_ok=True)

    def delete(self) -> None:
        """Forget them: the part is finished."""
        self.path.unlink(missing_ok=True)


_WEIGHTS: Final = (".safetensors", ".bin")


class _Progress:
    """Tells those who wait how long it will take, and how far it is; ends it when they go."""

    def __init__(self, who: str, checkpoint: Checkpoint, counts: list[int], folder: Path) -> None:
        self._watch = backends.watch()
        self._who, self._folder = who, folder
        # A card spends its time on layers, a processor on weights.
        cost = checkpoint.layers if devices.device() == "cuda" else checkpoint.size
        self._costs = [float(cost(level)) for level in range(checkpoint.levels)]
        self._total = sum(c * n for c, n in zip(self._costs, counts, strict=True))
        self._done = self._before = 0.0
        self._codes = 0
        self._began = self._shown = time.monotonic()

    def had(self, codes: list[Codes]) -> None:
        """Count what was drawn by an earlier run."""
        self._done = sum(c * len(z) for c, z in zip(self._costs, codes, strict=True))
        if self._done:
            self._watch.say(f"{self._who}: goes on at {self._done / self._total:.0%}")

    def stepping(self, level: int) -> Callable[[], None]:
        """Return what is called before every code of a level."""

        def step() -> None:
            self._watch.go_on()
            now = time.monotonic()
            if self._codes == _WARM:
                self._began, self._before = now, self._done
            if self._codes == _WARM + _MEASURED:
                self._watch.say(
                    f"{self._who}: about {duration(self._left_s(now))} on this machine; ended "
                    f"before that, it goes on from what is kept in {self._folder}"
                )
            if self._codes > _WARM and now - self._shown > _SHOWN_EVERY_S:
                self._shown = now
                self._watch.show(
                    f"{self._who}: level {len(self._costs) - level} of {len(self._costs)}, "
                    f"{self._done / self._total:.1%}, {duration(self._left_s(now))} left"
                )
            self._codes += 1
            self._done += self._costs[level]

        return step

    def doing(self, what: str) -> None:
        """Say what is done between levels."""
        self._watch.go_on()
        self._watch.show(f"{self._who}: {what}")

    def _left_s(self, now: float) -> float:
        pace = (now - self._began) / max(self._done - self._before, 1.0)
        return max(0.0, self._total - self._done) * pace


@dataclass(frozen=True, slots=True)
class _Task:
    """A recording to be drawn."""

    checkpoint: Checkpoint
    part: str
    words: Words
    length_s: float
    seed: int

    def recording(self, store: _Store) -> Signal:
        """Draw it, or the rest of one that was begun; at 44.1 kHz, about as long as asked for."""
        checkpoint, levels = self.checkpoint, self.checkpoint.levels
        who = f"{self.part} by {checkpoint.name}"
        backends.watch().say(
            f"{who}: Jukebox takes hours for a song, days or weeks without a graphics card; "
            f"artist {self.words.artist!r}, genre {self.words.genre!r}; an estimate follows"
        )
        counts = self.counts()
        progress = _Progress(who, checkpoint, counts, store.path.parent)
        codes = store.read(levels)
        progress.had(codes)
        progress.doing("its decoder is being loaded")
        vqvae = checkpoint.vqvae()
        for level in reversed(range(levels)):
            if len(codes[level]) < counts[level]:
                progress.doing(f"its level {levels - level} of {levels} is being loaded")
                prior = checkpoint.prior(level, vqvae)
                with stepping(progress.stepping(level)):
                    for start in self.starts(level):
                        end = min(start + checkpoint.context(level), counts[level])
                        if len(codes[level]) < end:
                            codes[level] = self.window(prior, codes, start, end)
                            store.write(codes)
                del prior  # the next one needs its room
        progress.doing("codes become sound")
        return _resampled(_decoded(checkpoint, vqvae, codes[0]), checkpoint.sample_rate)

    def counts(self) -> list[int]:
        """Return how many codes each level needs, the lowest first."""
        checkpoint, rate = self.checkpoint, self.checkpoint.sample_rate
        top = checkpoint.hops[-1]
        # Levels below the top are drawn in whole windows.
        least = max(
            checkpoint.context(i) * checkpoint.hops[i] for i in range(checkpoint.levels - 1)
        )
        count = max(-(-least // top), int(np.ceil(self.length_s * rate / top)))
        count = min(count, int(checkpoint.most_s * rate) // top)
        return [count * top // hop for hop in checkpoint.hops]

    def starts(self, level: int) -> list[int]:
        """Return where the windows of a level begin; each repeats the end of the last one."""
        context, count = self.checkpoint.context(level), self.counts()[level]
        if count <= context:
            return [0]
        hop = max(1, int(self.checkpoint.hop_fractions[level] * context))
        return [min(start, count - context) for start in range(0, count - context + hop, hop)]

    def window(self, prior: Any, codes: list[Codes], start: int, end: int) -> Codes:
        """Return the codes of one level up to the end of a window, which has its own seed."""
        import torch

        parts, level, device = library(), int(prior.level), devices.device()
        stream = rng(self.seed, "stems", self.part, "jukebox", str(level), str(start))
        with devices.seeded(int(stream.integers(2**31))):
            zs = [torch.from_numpy(row)[None].to(device) for row in codes]
            zs = parts.sample.sample_single_window(
                zs,
                prior.labeller.get_batch_labels([self.told(newer=prior.labels_v3)], device),
                {
                    "temp": TEMPERATURES[level],
                    "fp16": device == "cuda",
                    "chunk_size": CHUNKS[level],
                    "max_batch_size": 1,
                    "sample_tokens": end - start,
                },
                level,
                prior,
                start,
                parts.hparams.Hyperparams(n_samples=1),
            )
            drawn: Codes = zs[level][0].cpu().numpy().astype(np.int64)
        return drawn

    def told(self, *, newer: bool) -> dict[str, Any]:
        """Return what a level is told of the whole song."""
        checkpoint, rate = self.checkpoint, self.checkpoint.sample_rate
        length = self.counts()[-1] * checkpoint.hops[-1]
        least, most = np.ceil(checkpoint.least_s * rate), checkpoint.most_s * rate - 1
        return {
            "artist": self.words.artist,
            "genre": self.words.genre_for(newer=newer),
            "lyrics": self.words.lyrics,
            "total_length": int(np.clip(length, least, most)),
            "offset": 0,
        }


def _decoded(checkpoint: Checkpoint, vqvae: Any, codes: Codes) -> Signal:
    """Turn the lowest level's codes to sound, a piece at a time with what is heard around it."""
    import torch

    hop, around = checkpoint.hops[0], checkpoint.heard_around()
    pieces: list[Signal] = []
    with torch.inference_mode():
        for start in range(0, len(codes), DECODED_CODES):
            backends.watch().go_on()
            first = max(0, start - around)
            piece = codes[first : start + DECODED_CODES + around]
            z = torch.from_numpy(piece)[None].to(devices.device())
            x = vqvae.decode([z], start_level=0, end_level=1)[0, :, 0].float().cpu().numpy()
            pieces.append(x[(start - first) * hop :][: DECODED_CODES * hop])
    return np.concatenate(pieces)


def _resampled(x: Signal, rate: int) -> Signal:
    if rate == SAMPLE_RATE:
        return x
    from pedalboard.io import StreamResampler

    resampler = StreamResampler(float(rate), float(SAMPLE_RATE), 1)
    y: Signal = np.concatenate([resampler.process(x[None]), resampler.process(None)], axis=1)[0]
    return y
