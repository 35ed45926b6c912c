"""One section thrown again: every player leaves the others as they were, to the sample."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from halation import backends
from halation.stems.blocks import BLOCK_S
from halation.stems.grains import CLOUDS
from halation.stems.hits import VOICES
from halation.stems.kits import KITS
from halation.stems.patches import PATCHES
from halation.stems.weather import SKIES
from halation.types import (
    SAMPLE_RATE,
    Audio,
    Brief,
    Form,
    Key,
    Mood,
    Note,
    Part,
    Score,
    Section,
    Stem,
    Stems,
)

Signal = NDArray[np.float32]

TEMPO_BPM = 120.0
BORDERS = (0.0, 8.0, 20.0, 44.0)
"""Beats: a short section, the one that is thrown again, and one long enough for every tail."""
LONGEST_TAIL_S = 7.0
BLENDS = ("warm+glass", "celesta+fm_bell", "flute+chip", "808+rubber", "supersaw+koto")


def score_of(part: Part) -> Score:
    mood = Mood(Brief(1), 0, 0, 0, 0, 0, ("calm",), "calm", True, "Calm")
    sections = tuple(
        Section(name, "verse", start, end - start)
        for name, (start, end) in zip("abc", pairwise(BORDERS), strict=True)
    )
    return Score(Form(mood, "test", TEMPO_BPM, Key(9, "aeolian"), sections), (), (), (part,))


def played(part: Part) -> Signal:
    score = score_of(part)
    tone = 0.1 * np.sin(np.arange(score.n_samples) * (2 * np.pi * 440 / SAMPLE_RATE))
    pads = Stem("pads", Audio(np.repeat(tone[None], 2, axis=0).astype(np.float32)))
    blocks = list(backends.player(part.player)(part, score, Stems(score, (pads,)), 7))
    return np.concatenate([block.samples for block in blocks], axis=1)


def tune(first: float, last: float, pitches: Sequence[int], *, shift: int = 0) -> list[Note]:
    """A line with ties, chords, a roll and repeated notes, and other ones for another shift."""
    draw = np.random.default_rng(100 + shift)
    notes = []
    for beat in np.arange(first, last, 0.5 if shift else 1.0).tolist():
        pitch = pitches[int(draw.integers(len(pitches)))]
        length = float(draw.choice((0.2, 0.5, 1.1)))
        length = min(length, last - beat)
        velocity = int(draw.integers(40, 120))
        late_s = float(draw.uniform(0, 0.01)) if beat > first else 0.0
        notes.append(Note(beat, length, pitch, velocity, late_s, "ah"))
    return notes


def assert_only_the_middle_changes(part: Part, middle: list[Note], tail_s: float) -> None:
    start, end = (round(beats * 60 / TEMPO_BPM * SAMPLE_RATE) for beats in BORDERS[1:3])
    others = [note for note in part.notes if not BORDERS[1] <= note.onset_beats < BORDERS[2]]
    kept = [note for note in part.notes if note not in others]
    settled = end + round(tail_s * SAMPLE_RATE)
    before = played(part)
    for changed in (middle, [kept[0], *kept[2:]]):
        notes = sorted((*others, *changed), key=lambda n: (n.onset_beats, n.pitch))
        again = Part(part.name, part.stem, part.player, part.patch, tuple(notes), part.settings)
        after = played(again)
        assert not np.array_equal(after[:, start:settled], before[:, start:settled])
        # Consonants, breaths and swells begin a little before the border.
        lead = start - round(0.6 * SAMPLE_RATE)
        np.testing.assert_array_equal(after[:, :lead], before[:, :lead])
        np.testing.assert_array_equal(after[:, settled:], before[:, settled:])
        assert np.abs(before[:, settled:]).max() > 1e-3


def three_sections(pitches: Sequence[int]) -> tuple[tuple[Note, ...], list[Note]]:
    """Return notes in all of the sections, and other ones for the middle."""
    notes = [note for span in pairwise(BORDERS) for note in tune(*span, pitches)]
    return tuple(notes), tune(*BORDERS[1:3], pitches, shift=5)


@pytest.mark.parametrize("name", [*PATCHES, *BLENDS])
def test_a_patch_plays_the_other_sections_as_before(name: str) -> None:
    low = 33 if "808" in name or name in ("reese", "rubber") else 57
    notes, middle = three_sections([low + step for step in (0, 3, 7, 12)])
    part = Part("part", "keys", "synth", name, notes, (("release_s", 0.8),))
    assert_only_the_middle_changes(part, middle, LONGEST_TAIL_S)


@pytest.mark.parametrize("kit", KITS)
def test_a_kit_plays_the_other_sections_as_before(kit: str) -> None:
    notes, middle = three_sections(list(VOICES))
    roll = tuple(Note(beat / 8 + 40, 1 / 8, 42, 50 + beat) for beat in range(16))
    notes = tuple(sorted((*notes, *roll), key=lambda n: (n.onset_beats, n.pitch)))
    assert_only_the_middle_changes(
        Part("hats", "drums", "drums", kit, notes), middle, LONGEST_TAIL_S
    )


@cache
def _samples(folder: Path) -> str:
    draw = np.random.default_rng(1)
    for name, count in (("kick", 2), ("snare", 3), ("hat", 2)):
        for take in range(count):
            fall = np.exp(-np.arange(9_000) / (900 * (take + 1)))
            soundfile.write(
                folder / f"{name} {take}.wav", draw.normal(0, 0.2, 9_000) * fall, 44_100
            )
    return str(folder)


def test_a_folder_of_samples_plays_the_other_sections_as_before(tmp_path: Path) -> None:
    notes, middle = three_sections([36, 38, 42])
    part = Part("drums", "drums", f"kit:{_samples(tmp_path)}", "soft", notes)
    assert_only_the_middle_changes(part, middle, LONGEST_TAIL_S)


@pytest.mark.parametrize("patch", ["chops", "choir"])
def test_a_singer_sings_the_other_sections_as_before(patch: str) -> None:
    notes, middle = three_sections([57, 60, 64])
    part = Part("voice", "vocals", "vocals", patch, notes)
    assert_only_the_middle_changes(part, middle, LONGEST_TAIL_S)


@pytest.mark.parametrize("player, patch", [*(("weather", sky) for sky in SKIES),
                                           *(("grains", cloud) for cloud in CLOUDS)])  # fmt: skip
def test_a_texture_plays_the_other_sections_as_before(player: str, patch: str) -> None:
    notes = tuple(Note(beat, 4.0, 60, 90) for beat in np.arange(0.0, BORDERS[3], 4.0).tolist())
    part = Part("texture", "textures", player, patch, notes)
    middle = [Note(8.0, 6.0, 60, 70), Note(15.0, 4.0, 60, 120)]
    assert_only_the_middle_changes(part, middle, 0.0)


@pytest.mark.parametrize(
    "player, patch",
    [
        ("drums", "soft"), ("synth", "warm"), ("synth", "flute"), ("vocals", "chops"),
        ("vocals", "choir"), ("weather", "rain"), ("grains", "bloom"),
    ],
)  # fmt: skip
def test_what_has_been_handed_out_is_not_written_to(player: str, patch: str) -> None:
    notes, _ = three_sections([42, 46] if player == "drums" else [57, 64])
    part = Part("part", "keys", player, patch, notes)
    score = score_of(part)
    heard = Stems(score, (Stem("pads", Audio(np.zeros((2, score.n_samples), np.float32))),))
    blocks = [
        (block, block.samples.copy()) for block in backends.player(player)(part, score, heard, 7)
    ]
    assert len(blocks) >= score.n_samples / SAMPLE_RATE // BLOCK_S
    for block, then in blocks:
        np.testing.assert_array_equal(block.samples, then)
