"""Granular clouds: made of what they hear, moving, wide, over where the score says."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from halation.stems.grains import CLOUDS, Grains
from halation.testing import check_player
from halation.types import SAMPLE_RATE, Audio, BackendError, Note, Part, Score, Stem, Stems
from tests.synth_scores import score_of

BARS = 12
STRETCH = Note(8.0, 32.0, 60, 100)


def heard(score: Score, hz: float = 440.0) -> Stems:
    turns = np.arange(score.n_samples) * (hz / SAMPLE_RATE)
    tone = np.repeat(0.1 * np.sin(2 * np.pi * turns)[None], 2, axis=0)
    return Stems(score, (Stem("pads", Audio(tone.astype(np.float32))),))


def played(patch: str, *notes: Note, hz: float = 440.0, seed: int = 3) -> NDArray[np.float32]:
    part = Part("cloud", "textures", "grains", patch, notes, (), ("pads",))
    score = score_of(part, bars=BARS)
    blocks = list(Grains()(part, score, heard(score, hz), seed))
    return np.concatenate([block.samples for block in blocks], axis=1)


def peak_hz(x: NDArray[np.float32]) -> float:
    power = np.abs(np.fft.rfft(x.mean(axis=0))) ** 2
    return float(np.fft.rfftfreq(x.shape[1], 1 / SAMPLE_RATE)[power.argmax()])


@pytest.mark.parametrize("patch", CLOUDS)
def test_a_cloud_keeps_the_contract(patch: str) -> None:
    check_player("grains", patch=patch, stem="textures")


@pytest.mark.parametrize("patch", CLOUDS)
def test_a_cloud_is_made_of_what_it_hears_and_its_octaves(patch: str) -> None:
    sound = played(patch, STRETCH)
    power = np.abs(np.fft.rfft(sound.mean(axis=0))) ** 2
    frequency = np.fft.rfftfreq(sound.shape[1], 1 / SAMPLE_RATE)
    near = np.zeros(len(power), bool)
    for ratio in (0.5, 1.0, 1.5, 2.0):
        near |= np.abs(np.log2(np.maximum(frequency, 1) / (440 * ratio))) < 1 / 12
    assert power[near].sum() > 0.95 * power.sum()
    assert sum(power[(frequency > r * 430) & (frequency < r * 450)].sum() > 0.02 * power.sum()
               for r in (0.5, 1.0, 1.5, 2.0)) >= 2  # fmt: skip


def test_a_cloud_sounds_in_its_stretch_only_and_moves() -> None:
    sound = played("bloom", STRETCH)
    start, end = 4 * SAMPLE_RATE, 20 * SAMPLE_RATE
    assert not sound[:, :start].any()
    assert not sound[:, end:].any()
    whole = sound[:, start + 2 * SAMPLE_RATE : end - 2 * SAMPLE_RATE]
    levels = np.sqrt((whole.reshape(2, -1, SAMPLE_RATE // 2) ** 2).mean(axis=2))
    steps_db = np.abs(np.diff(20 * np.log10(levels), axis=1))
    assert steps_db.mean() > 1.0
    assert -0.2 < np.asarray(np.corrcoef(whole))[0, 1] < 0.8
    assert -22 < 20 * np.log10(np.abs(sound).max()) < -5


def test_patches_differ_in_register() -> None:
    def low_share(patch: str) -> float:
        power = np.abs(np.fft.rfft(played(patch, STRETCH).mean(axis=0))) ** 2
        frequency = np.fft.rfftfreq(BARS * 2 * SAMPLE_RATE, 1 / SAMPLE_RATE)
        return float(power[frequency < 330].sum() / power.sum())

    assert low_share("sink") > 3 * low_share("dust")


def test_the_same_seed_gives_the_same_cloud() -> None:
    one = played("dust", STRETCH)
    np.testing.assert_array_equal(one, played("dust", STRETCH))
    assert not np.array_equal(one, played("dust", STRETCH, seed=4))


def test_an_unknown_cloud_is_named() -> None:
    with pytest.raises(BackendError, match="no cloud named 'fog'; known: dust, bloom, sink"):
        played("fog")
