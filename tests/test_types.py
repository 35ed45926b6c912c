"""The data itself refuses what no song can have."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from halation.types import Audio, AudioError, Brief, BriefError, Key


@pytest.mark.parametrize("seed", [-1, 2**53, 1.5, "7", True, None])
def test_a_seed_that_is_no_whole_number_in_range_is_refused(seed: object) -> None:
    with pytest.raises(BriefError, match="seed must"):
        Brief(seed=seed)  # type: ignore[arg-type]


@pytest.mark.parametrize("length", [5, 29.9, 601, 100_000, -3, float("nan"), float("inf")])
def test_a_length_outside_30_to_600_s_is_refused(length: float) -> None:
    with pytest.raises(BriefError, match="between 30 and 600 seconds"):
        Brief(seed=1, length_s=length)


def test_an_endless_text_is_refused() -> None:
    Brief(seed=1, text="a" * 10_000)
    with pytest.raises(BriefError, match="10,001 characters"):
        Brief(seed=1, text="a" * 10_001)


def test_broken_bytes_in_a_text_become_question_marks() -> None:
    assert Brief(seed=1, text="fog \udce9").text == "fog ?"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("F# minor", "F# minor"),
        ("f#m", "F# minor"),
        ("Gb major", "F# major"),
        ("Bb", "Bb major"),
        ("B♭ lydian", "Bb lydian"),
        ("bm", "B minor"),
        ("AM", "A major"),
        ("d Dorian", "D dorian"),
        ("Cb", "B major"),
    ],
)
def test_keys_are_read_as_musicians_write_them(text: str, name: str) -> None:
    assert Key.parse(text).name == name


@pytest.mark.parametrize("text", ["", "H minor", "F## minor", "minor", "C phrygian", "7"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(BriefError, match="no such key"):
        Key.parse(text)


def test_audio_is_an_owned_read_only_copy() -> None:
    mine = np.zeros((2, 8), np.float32)
    audio = Audio(mine)
    mine[:] = 1
    assert audio.samples.max() == 0
    with pytest.raises(ValueError, match="read-only"):
        audio.samples[0, 0] = 1


def test_audio_that_is_given_up_is_not_copied() -> None:
    mine = np.zeros((2, 8), np.float32)
    assert Audio.take(mine).samples is mine
    assert not mine.flags.writeable


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(8, np.float32), "shape"),
        (np.zeros((3, 8), np.float32), "shape"),
        (np.zeros((2, 8), np.int16), "floating point"),
        (np.array([[0.0, np.nan]], np.float32), "finite"),
        (np.array([[0.0, np.inf]], np.float32), "finite"),
    ],
)
def test_audio_of_the_wrong_shape_type_or_value_is_refused(
    samples: np.ndarray, message: str
) -> None:
    with pytest.raises(AudioError, match=message):
        Audio(samples)


def test_audio_survives_pickling_and_stays_read_only() -> None:
    audio = Audio(np.ones((1, 4), np.float32))
    again = pickle.loads(pickle.dumps(audio))
    assert np.array_equal(audio.samples, again.samples)
    assert not again.samples.flags.writeable
