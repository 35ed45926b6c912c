"""One song, every stem of it by another model; all are tiny and random."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from halation import backends, casting, files, fx, pipeline
from halation.backends import Watch
from halation.stems.neural import diffusion, riffusion
from halation.types import SAMPLE_RATE, WHOLE_SONG, Brief, Plan, Song
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
    for track in song.mix.stems.tracks:
        assert track.audio.n_samples == song.score.n_samples
        total += track.audio.samples
        if track.name in PLAYERS:
            assert np.sqrt(np.mean(track.audio.samples**2)) > 1e-4, track.name
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


def test_a_stem_can_be_taken_from_a_model_and_given_back(tmp_path: Path) -> None:
    """Whoever remakes a model's song with our pads wants our pads, and the model for the rest."""
    tiny.musicgen(tmp_path / "own")
    asked = f"musicgen:{tmp_path / 'own'}"
    *_, plan = pipeline.compose(Brief(seed=5, length_s=30.0, players=(("all", asked),)))
    assert isinstance(plan, Plan)
    (whole,) = plan.score.parts
    mine = casting.cast(plan.score, {"pads": "synth"})
    pads = {part.name for part in mine.parts if part.stem == "pads"}
    assert pads == {row.name for row in whole.instead if row.stem == "pads"}
    (rest,) = [part for part in mine.parts if part.stem == WHOLE_SONG]
    assert rest.player == asked
    assert {row.name for row in rest.instead} == {row.name for row in whole.instead} - pads
    assert set(mine.written) == {*rest.instead, *(p for p in mine.parts if p.stem == "pads")}
    ours = casting.cast(plan.score, {"all": "synth"})
    own = pipeline.compose(Brief(seed=5, length_s=30.0))
    *_, original = own
    assert isinstance(original, Plan)
    assert sorted(ours.parts, key=str) == sorted(original.score.parts, key=str)


def test_a_cloud_hears_the_song_of_a_model_where_there_are_no_pads(tmp_path: Path) -> None:
    tiny.musicgen(tmp_path / "own")
    players = (("all", f"musicgen:{tmp_path / 'own'}"), ("cloud", "grains"))
    *_, plan = pipeline.compose(Brief(seed=5, length_s=30.0, players=players))
    assert isinstance(plan, Plan)
    (cloud,) = [part for part in plan.score.parts if part.name == "cloud"]
    assert cloud.hears == (WHOLE_SONG,)


def test_nothing_closes_over_a_whole_song_but_its_bridges(tmp_path: Path) -> None:
    tiny.musicgen(tmp_path / "own")
    players = (("all", f"musicgen:{tmp_path / 'own'}"),)
    *_, plan = pipeline.compose(Brief(seed=5, length_s=100.0, players=players))
    assert isinstance(plan, Plan)
    sounding = {WHOLE_SONG, "space", "all", "music"}
    assert {curve.target for curve in plan.curves} <= sounding
    cutoff = plan.curve(WHOLE_SONG, "cutoff_hz")
    assert cutoff is not None
    for beats, hz in zip(cutoff.times_beats, cutoff.values, strict=True):
        near = {plan.score.form.section_at(b).role for b in (beats - 1.0, beats, beats + 1.0)}
        assert hz > 15_000.0 or "bridge" in near
    assert min(cutoff.values) < 5_000.0
    noise = np.random.default_rng(1).standard_normal((2, plan.score.n_samples), np.float32)
    x = noise.copy()
    fx.treat(x, plan.score.parts[0], plan)
    for section in plan.score.form.sections:
        span = slice(
            round(plan.score.seconds_at(section.start_beats) * SAMPLE_RATE),
            round(plan.score.seconds_at(section.end_beats) * SAMPLE_RATE),
        )
        kept = float(np.mean(x[:, span] ** 2) / np.mean(noise[:, span] ** 2))
        assert (kept > 0.8) == (section.role != "bridge"), section.name
