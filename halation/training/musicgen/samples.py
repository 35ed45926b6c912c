"""Lets a run be heard: a few seconds now and then, as the player would play them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from halation.backends import Watch
from halation.corpus.layout import draft, file_errors
from halation.stems.neural.musicgen import Checkpoint
from halation.stems.neural.performance import Request
from halation.types import Key, Section

__all__ = ["render"]

COUNT: Final = 2
LENGTH_S: Final = 8.0
SEED: Final = 1
"""The same for all, so that only the weights differ from one look to the next."""


def render(
    checkpoint: Checkpoint, captions: Sequence[str], out: Path, step: int, watch: Watch
) -> None:
    """Play the first captions that differ into ``samples/`` of a run.

    Parameters
    ----------
    checkpoint : Checkpoint
    captions : sequence of str
        Of held-out chunks.
    out : Path
        The run's folder; the captions are written beside the samples.
    step : int
    watch : Watch
        Is told how far it is, and may stop it.

    Raises
    ------
    FileError
        If they cannot be written.
    """
    import soundfile

    folder = out / "samples"
    chosen = list(dict.fromkeys(captions))[:COUNT]
    with file_errors(folder):
        folder.mkdir(exist_ok=True)
        text = "".join(f"{i}: {caption}\n" for i, caption in enumerate(chosen, 1))
        (folder / "captions.txt").write_text(text, "utf-8")
        for i, caption in enumerate(chosen, 1):
            path = folder / f"{step:06d}-{i}.flac"
            x = checkpoint.play(_request(caption, i, watch))
            peak = max(1.0, float(np.abs(x).max(initial=0.0)))
            hidden = draft(path)
            try:
                with hidden.open("wb") as file:
                    soundfile.write(file, (x / peak).T, checkpoint.sample_rate, format="FLAC")
                hidden.replace(path)
            finally:
                hidden.unlink(missing_ok=True)


def _request(caption: str, number: int, watch: Watch) -> Request:
    def step(share: float) -> None:
        watch.show(f"sample {number}: {share:.0%}")
        watch.go_on()

    return Request(
        prompt=caption,
        duration_s=LENGTH_S,
        overlap_s=0.0,
        before=np.zeros((1, 0), np.float32),
        source=None,
        section=Section("verse", "verse", 0.0, 16.0),
        tempo_bpm=120.0,
        key=Key(9, "aeolian"),
        seed=SEED,
        instrumental=True,
        step=step,
    )
