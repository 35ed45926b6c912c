"""What every patch must do: move inside, brighten with velocity, and be like no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations, pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from halation.stems.blocks import BLOCK_S, handed_out
from halation.stems.patches import PATCHES, patch
from halation.stems.patches.bass808 import BASSES
from halation.stems.patches.breath import BREATHS
from halation.stems.patches.pads import PADS
from halation.stems.patches.voice import Event
from halation.stems.synth import Synth
from halation.types import SAMPLE_RATE, Note, Part, Stems
from tests.synth_scores import part_of, played, score_of

Signal = NDArray[np.float32]
Values = NDArray[np.float64]

SUSTAINED = [sound.name for sound in (*PADS, *BREATHS)] + ["reese"]
BASS_NAMES = {bass.name for bass in BASSES}

STILL_DB = 0.3
"""A tone that stands still stays far below this; a fade is told apart by its evenness."""
LIVELY_DB = 1.0
BRIGHTER_DB = 2.5
TWINS_DB = 5.5


def low(name: str, pitch: int) -> int:
    return pitch - 24 if name in BASS_NAMES else pitch


def changes_db(x: Signal) -> Values:
    """Return how much the levels of a sound's bands change from half second to half second."""
    edges_hz = np.geomspace(60, 8000, 20)
    size = SAMPLE_RATE // 2
    frequency = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    power = np.abs(np.fft.rfft(x[: 12 * size].reshape(-1, size) * np.hanning(size))) ** 2
    bands = np.stack(
        [power[:, (frequency >= a) & (frequency < b)].sum(axis=1) for a, b in pairwise(edges_hz)]
    )
    levels_db = 10 * np.log10(bands + 1e-12)
    heard = levels_db.max(axis=1) > levels_db.max() - 40
    return np.asarray(np.abs(np.diff(levels_db[heard, 1:], axis=1)).mean(axis=0))


def test_a_static_tone_would_be_told() -> None:
    t = np.arange(6 * SAMPLE_RATE) / SAMPLE_RATE
    tone = sum(np.sin(2 * np.pi * 261.6 * k * t) / k for k in range(1, 12))
    assert changes_db(np.asarray(tone, np.float32)).max() < STILL_DB / 3


@pytest.mark.parametrize("name", SUSTAINED)
def test_nothing_held_stands_still_for_longer_than_a_second(name: str) -> None:
    note = Note(0.0, 12.0, low(name, 60), 85)
    changes = changes_db(played(part_of(name, note), bars=4).mean(axis=0))
    assert (changes[:-1] + changes[1:]).min() > 2 * STILL_DB
    assert changes.mean() > LIVELY_DB


@pytest.mark.parametrize("name", PATCHES)
def test_velocity_changes_the_timbre(name: str) -> None:
    pitch = low(name, 60)

    def high_db(velocity: int, seed: int) -> float:
        part = part_of(name, Note(0.0, 4.0, pitch, velocity))
        x = played(part, seed=seed).mean(axis=0)[: 2 * SAMPLE_RATE]
        power = np.abs(np.fft.rfft(x)) ** 2
        above = np.fft.rfftfreq(len(x), 1 / SAMPLE_RATE) > 3.5 * 440 * 2 ** ((pitch - 69) / 12)
        return float(10 * np.log10(power[above].sum() / power.sum()))

    opens_db = [high_db(115, seed) - high_db(45, seed) for seed in range(8)]  # it moves anyway
    assert np.mean(opens_db) > BRIGHTER_DB


def mel_db(x: Signal) -> Values:
    """Return the levels of 40 mel bands over time, 60 dB deep, of a sound at a common level."""
    size = 2048
    x = x / np.sqrt(np.mean(x**2))
    frames = np.lib.stride_tricks.sliding_window_view(x, size)[::1024] * np.hanning(size)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    frequency = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    edges = 700 * (10 ** (np.linspace(110.0, 3300.0, 42) / 2595) - 1)
    banks = [
        np.clip(np.minimum((frequency - a) / (b - a), (c - frequency) / (c - b)), 0, None)
        for a, b, c in zip(edges[:-2], edges[1:-1], edges[2:], strict=True)
    ]
    levels = 10 * np.log10(power @ np.array(banks).T + 1e-9)
    return np.asarray(np.maximum(levels, levels.max() - 60))


@cache
def looks(name: str) -> Values:
    phrase = (Note(0.0, 1.4, 57, 70), Note(1.5, 0.5, 64, 100), Note(2.0, 1.5, 72, 85),
              Note(4.0, 3.5, 60, 95))  # fmt: skip
    notes = tuple(
        Note(n.onset_beats, n.duration_beats, low(name, n.pitch), n.velocity) for n in phrase
    )
    return mel_db(played(part_of(name, *notes)).mean(axis=0))


def test_no_two_patches_are_twins() -> None:
    apart = {
        (one, other): float(np.sqrt(np.mean((looks(one) - looks(other)) ** 2)))
        for one, other in combinations(PATCHES, 2)
    }
    nearest = min(apart, key=apart.__getitem__)
    assert apart[nearest] > TWINS_DB, (nearest, apart[nearest])


@pytest.mark.parametrize(
    "pair", ["warm+glass", "fm_bell+harp", "flute+chip", "808+reese", "supersaw+hyper"]
)
def test_a_blend_lies_between_its_patches(pair: str) -> None:
    one, other = pair.split("+")
    pitch = low(one, 60)

    def spectrum(name: str, blend: float) -> Values:
        sound = played(part_of(name, Note(0.0, 6.0, pitch, 90), blend=blend))
        power = np.abs(np.fft.rfft(sound.mean(axis=0))) ** 2
        frequency = np.fft.rfftfreq(sound.shape[1], 1 / SAMPLE_RATE)
        bands = np.histogram(frequency, np.geomspace(60, 10_000, 30), weights=power)[0]
        return np.asarray(10 * np.log10(bands / bands.sum() + 1e-6))

    ends = spectrum(one, 0.5), spectrum(other, 0.5)
    for share, nearer in ((0.1, 0), (0.9, 1)):
        mixed = spectrum(pair, share)
        distance = [float(np.mean((mixed - end) ** 2)) for end in ends]
        assert distance[nearer] < distance[1 - nearer]
        assert distance[nearer] > 0


@pytest.mark.parametrize("name", ["warm", "fm_bell", "flute", "808", "warm+glass", "flute+chip"])
def test_the_borders_of_blocks_are_not_heard(name: str) -> None:
    notes = [
        Note(0.7 * i, 0.5 if i % 4 == 3 else 1.1, low(name, 50 + 5 * (i % 7)), 60 + i)
        for i in range(40)
    ]
    part = part_of(name, *notes, release_s=1.5, attack_s=0.1)
    score = score_of(part, bars=8)
    sounds = []
    for block_s in (0.37, 2.0, 100.0):
        out = np.zeros((2, score.n_samples), np.float32)
        starts = patch(name).play(part, events_of(part), out)
        blocks = list(handed_out(out, starts, end_fade_s=0.03, block_s=block_s))
        sounds.append(np.concatenate([block.samples for block in blocks], axis=1))
        assert len(blocks) > 3 or block_s > 3
    np.testing.assert_array_equal(sounds[0], sounds[1])
    np.testing.assert_array_equal(sounds[0], sounds[2])


def events_of(part: Part) -> list[Event]:
    from halation.stems.synth import events

    return events(part, score_of(part, bars=8), 7)


class Counting:
    """A patch that tells how many notes it has rendered."""

    name = "counting"
    rendered = 0

    def play(self, part: Part, events: Sequence[Event], out: Signal) -> Iterator[int]:
        for event in events:
            yield event.start
            self.rendered += 1
            out[:, event.start : event.end] += 0.1


def test_the_first_block_is_there_before_the_last_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Counting()
    monkeypatch.setattr("halation.stems.synth.patch", lambda name, share: fake)
    notes = [Note(float(i), 0.5, 60, 90) for i in range(120)]
    part = part_of("counting", *notes)
    score = score_of(part, bars=30)
    blocks = Synth()(part, score, Stems(score, ()), 7)
    first = next(blocks)
    assert first.n_samples == round(BLOCK_S * SAMPLE_RATE)
    assert 2 * BLOCK_S <= fake.rendered <= 2 * BLOCK_S + 1  # half a second a beat
    rest = list(blocks)
    assert fake.rendered == 120
    assert all(block.samples.base is first.samples.base for block in rest)
    assert first.n_samples + sum(block.n_samples for block in rest) == score.n_samples
