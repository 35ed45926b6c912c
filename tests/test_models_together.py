"""One song, every stem of it by another model; all are tiny and random."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from halation import backends, files, pipeline
from halation.backends import Watch
from halation.stems.neural import diffusion, riffusion
from halation.types import Brief, Song
from tests import tiny, tiny_diffusion

PLAYERS = {
    "pads": ("ace-step", tiny_diffusion.ace_step),
    "keys": ("stable-audio", tiny_diffusion.stable_audio_3),
    "lead": ("riffusion", tiny_diffusion.riffusion),
    "bass": ("diffusion", tiny_diffusion.audioldm),
    "vocals": ("musicgen", tiny.musicgen),
}


@pytest.fixture
def players(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[tuple[str, str], ...]:
    """Return who plays what; few steps, since what is random gets no better by more."""
    import torch

    torch.set_num_threads(1)  # what is tiny only waits for its threads
    monkeypatch.setattr(diffusion, "ACE_STEP_BASE", (2, 7.0))
    monkeypatch.setattr(diffusion, "ACE_STEP_TURBO", (2, 1.0))
    monkeypatch.setattr(riffusion, "STEPS", 2)
    monkeypatch.setattr(riffusion, "ITERATIONS", 2)
    monkeypatch.setattr(riffusion, "SHARPENINGS", 1)
    built = []
    for stem, (name, build) in PLAYERS.items():
        build(tmp_path / f"own {name}")
        built.append((stem, f"{name}:{tmp_path / f'own {name}'}"))
    return tuple(built)


def test_models_play_beside_one_another_and_are_in_the_mix(
    players: tuple[tuple[str, str], ...], tmp_path: Path
) -> None:
    said: list[str] = []
    wish = Brief(seed=5, length_s=30.0, players=players)
    *_, song = pipeline.produce(wish, watch=Watch(say=said.append))
    assert isinstance(song, Song)
    total = np.zeros_like(song.mix.audio.samples)
    for stem in song.mix.stems.tracks:
        assert stem.audio.n_samples == song.score.n_samples
        total += stem.audio.samples
        if stem.name in PLAYERS:
            assert np.sqrt(np.mean(stem.audio.samples**2)) > 1e-4, stem.name
    assert np.abs(total - song.mix.audio.samples).max() < 1e-4
    by_model = {part.stem for part in song.score.parts if part.instead}
    assert by_model == {part.stem for part in song.score.parts} & set(PLAYERS)
    for stem, (name, _) in PLAYERS.items():
        if stem in by_model:
            assert any(line.startswith(f"{stem} by own {name}: ") for line in said), said
    written = files.write(song, tmp_path / "songs")
    data = json.loads(written.song_json.read_text())
    made_with = {row["name"] for row in data["rights"]["made_with"]}
    assert {name for stem, (name, _) in PLAYERS.items() if stem in by_model} <= made_with
    assert str(tmp_path) not in written.song_json.read_text()
    assert backends.describe("players", "musicgen").licence in json.dumps(data["rights"])
