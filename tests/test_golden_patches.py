"""Two seconds of every patch, pinned: a change of sound must be meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from halation.stems.patches import PATCHES
from halation.stems.patches.bass808 import BASSES
from halation.types import SAMPLE_RATE, Note
from tests.synth_scores import part_of, played

FOLDER = Path(__file__).parent / "golden"
PHRASE = (
    Note(0.0, 1.1, 57, 70), Note(1.0, 0.5, 64, 100), Note(1.5, 1.0, 72, 85, 0.01),
    Note(2.5, 1.0, 69, 115),
)  # fmt: skip
BASS_NAMES = {bass.name for bass in BASSES}
LEAST_CORRELATION = 0.999
MOST_DB = 0.2


def golden_sound(name: str) -> NDArray[np.float64]:
    """Return the phrase in mono at half the rate: small, and what most of the sound is."""
    from scipy.signal import resample_poly

    notes = PHRASE if name not in BASS_NAMES else tuple(
        Note(n.onset_beats, n.duration_beats, n.pitch - 24, n.velocity, n.offset_s) for n in PHRASE
    )  # fmt: skip
    sound = played(part_of(name, *notes, attack_s=0.05, release_s=0.6), bars=1)
    return np.asarray(resample_poly(sound.mean(axis=0, dtype=np.float64), 1, 2))


@pytest.mark.parametrize("name", PATCHES)
def test_a_patch_sounds_as_it_did(name: str, update_golden: bool) -> None:
    sound = golden_sound(name)
    path = FOLDER / f"{name}.flac"
    if update_golden:
        FOLDER.mkdir(exist_ok=True)
        soundfile.write(path, sound, SAMPLE_RATE // 2, subtype="PCM_16")
    assert path.exists(), f"no golden for {name}: run pytest tests --update-golden and listen to it"
    kept, _ = soundfile.read(path)
    assert len(kept) == len(sound)
    assert np.corrcoef(kept, sound)[0, 1] > LEAST_CORRELATION
    assert abs(20 * np.log10(np.std(sound) / np.std(kept))) < MOST_DB


def test_no_golden_is_left_of_a_patch_that_is_gone() -> None:
    assert {path.stem for path in FOLDER.glob("*.flac")} <= set(PATCHES)
