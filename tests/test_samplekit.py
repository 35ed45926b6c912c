"""A listener's own drum samples: named or not, short or long, at any rate, some of them broken."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

import halation
from halation import backends, files
from halation.pipeline import compose, replay
from halation.stems.samplekit import SampleKit
from halation.stems.samples import kind_by_name, kind_by_sound, read_folder
from halation.testing import check_player
from halation.types import SAMPLE_RATE, BackendError, Brief, Note, Part, Stems
from tests.synth_scores import score_of

Signal = NDArray[np.float32]


def tone(hz: float, seconds: float, rate: int = SAMPLE_RATE, fall_s: float = 0.1) -> Signal:
    t = np.arange(round(seconds * rate)) / rate
    return np.asarray(np.sin(2 * np.pi * hz * t) * np.exp(-t / fall_s), np.float32)


def hiss(seconds: float, fall_s: float, low: bool = False) -> Signal:
    draw = np.random.default_rng(1)
    n = round(seconds * SAMPLE_RATE)
    x = draw.standard_normal(n) * np.exp(-np.arange(n) / SAMPLE_RATE / fall_s)
    x = np.convolve(x, np.ones(12) / 12, "same") if low else np.diff(x, prepend=0.0)
    return np.asarray(0.3 * x, np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "My Kit"
    (path / "Hats").mkdir(parents=True)
    # A kick at another rate after a second of silence, whose pitch is that of no kit of ours.
    late = np.concatenate((np.zeros(48_000, np.float32), tone(97.0, 0.5, 48_000)))
    soundfile.write(path / "BD_01.wav", late, 48_000)
    soundfile.write(path / "Snare soft.flac", 0.1 * tone(700.0, 0.3), SAMPLE_RATE)
    soundfile.write(path / "Snare hard.flac", 0.9 * tone(1500.0, 0.3), SAMPLE_RATE)
    stereo = np.stack((tone(6000.0, 0.1), tone(6000.0, 0.1)), axis=1)
    soundfile.write(path / "Hats" / "closed 1.aiff", stereo, SAMPLE_RATE)
    (path / "clap.wav").write_bytes(b"RIFF but nothing else")
    soundfile.write(path / "rim.wav", np.zeros(4410, np.float32), SAMPLE_RATE)
    (path / "notes.txt").write_text("not a sample")
    return path


def played(folder: Path, *notes: Note) -> Signal:
    part = Part("snare", "drums", "kit", "soft", notes)
    score = score_of(part)
    kit = SampleKit(str(folder))
    blocks = list(kit(part, score, Stems(score, ()), 3))
    return np.concatenate([block.samples for block in blocks], axis=1)


def peak_hz(x: Signal) -> float:
    power = np.abs(np.fft.rfft(x.mean(axis=0))) ** 2
    return float(np.fft.rfftfreq(x.shape[1], 1 / SAMPLE_RATE)[power.argmax()])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("BD_01.wav", "kick"), ("Kick (3).wav", "kick"), ("kits/808 Kick.wav", "kick"),
        ("SD.wav", "snare"), ("Snares/one.wav", "snare"), ("CH.wav", "hat"), ("OH.wav", "openhat"),
        ("hh closed.wav", "hat"), ("hh_open.wav", "openhat"), ("HiHatOpen2.wav", "openhat"),
        ("Hi-Hat 02.wav", "hat"), ("clap.wav", "clap"), ("FingerSnap.wav", "snap"),
        ("perc 7.wav", "perc"), ("SHAKER.WAV", "shaker"), ("crash.wav", "crash"),
        ("rimshot-1.wav", "rim"), ("Side Stick.wav", "rim"), ("hardkick.wav", "kick"),
        ("untitled.wav", ""), ("chord.wav", ""),
    ],
)  # fmt: skip
def test_names_say_which_drum_a_file_is(name: str, kind: str) -> None:
    assert kind_by_name(name) == kind


def test_a_sound_without_a_name_says_it_itself() -> None:
    for sound, kind in (
        (tone(60.0, 0.5), "kick"), (hiss(0.2, 0.01), "hat"), (hiss(0.8, 0.1), "openhat"),
        (hiss(3.0, 0.6), "crash"), (hiss(0.4, 0.08, low=True), "snare"),
    ):  # fmt: skip
        assert kind_by_sound(np.stack((sound, sound))) == kind


def test_samples_are_found_trimmed_resampled_and_the_broken_left_out(folder: Path) -> None:
    found = read_folder(str(folder))
    assert {kind: len(rows) for kind, rows in found.drums.items()} == {
        "kick": 1, "snare": 2, "hat": 1,
    }  # fmt: skip
    assert len(found.problems) == 2
    assert any("clap.wav was left out" in problem for problem in found.problems)
    assert any("rim.wav was left out: it is silent" in problem for problem in found.problems)
    kick = found.drums["kick"][0][1]
    assert kick.shape[1] < 0.7 * SAMPLE_RATE  # the silence is gone
    assert peak_hz(kick) == pytest.approx(97.0, abs=4.0)


def test_the_kit_plays_samples_and_synthesises_what_is_missing(folder: Path) -> None:
    kick = played(folder, Note(1.0, 1.0, 36, 100))
    assert not kick[:, : round(0.5 * SAMPLE_RATE)].any()
    assert np.abs(kick[:, round(0.5 * SAMPLE_RATE) :][:, :441]).max() > 0.02
    assert peak_hz(kick) == pytest.approx(97.0, abs=4.0)
    assert 0.05 < np.abs(kick).max() < 0.6
    assert np.abs(played(folder, Note(1.0, 1.0, 39, 100))).max() > 0.05  # no clap in the folder


def test_velocity_chooses_the_file_and_its_brightness(folder: Path) -> None:
    soft, hard = (played(folder, Note(0.0, 1.0, 38, v)) for v in (25, 124))
    assert peak_hz(soft) == pytest.approx(700.0, abs=10.0)
    assert peak_hz(hard) == pytest.approx(1500.0, abs=10.0)
    assert np.abs(hard).max() > 3 * np.abs(soft).max()


def test_hits_end_without_a_click(folder: Path) -> None:
    for pitch in (36, 38, 42, 55):
        sound = played(folder, Note(0.0, 2.0, pitch, 110))
        last = int(np.flatnonzero(np.abs(sound).max(axis=0) > 1e-5)[-1])
        assert np.abs(sound[:, last - 20 : last + 1]).max() < 5e-3


def test_the_kit_keeps_the_contract(folder: Path) -> None:
    check_player("kit", patch="soft", stem="drums", pitches=(36, 38, 42, 46), folder=str(folder))


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_samples_says_what_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BackendError, match=r"give one, such as|put WAV, FLAC") as error:
        backends.player(f"kit:{tmp_path / name}")
    assert "\n" not in str(error.value)


def test_a_player_without_arguments_refuses_one() -> None:
    with pytest.raises(BackendError, match="'synth' takes nothing after a colon"):
        backends.player("synth:loud")


def test_a_song_keeps_no_path_and_is_made_again_with_the_folder(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.warns(UserWarning, match=r"clap\.wav was left out"):
        take = halation.make(seed=5, length_s=30, players={"drums": f"kit:{folder}"})
    written = take.write(tmp_path / "out", formats=("wav",))
    text = (written / "song.json").read_text()
    assert str(folder) not in text and str(tmp_path) not in text
    data = json.loads(text)
    assert data["brief"]["players"] == {"drums": "kit"}
    kicks = next(part for part in data["parts"] if part["name"] == "kick")
    assert kicks["player"] == "kit" and "My Kit #" in kicks["patch"]
    assert "listener's own samples" in data["rights"]["statement"]

    recipe = files.read(written)
    with pytest.raises(BackendError, match="samples of the folder 'My Kit'; give it: --player"):
        next(replay(recipe.plan))
    with pytest.warns(UserWarning, match=r"clap\.wav"):
        again = halation.remake(written, players={"drums": f"kit:{folder}"})
    drums, before = again.stems.get("drums"), take.stems.get("drums")
    assert drums is not None and before is not None
    np.testing.assert_array_equal(drums.samples, before.samples)

    soundfile.write(folder / "BD_01.wav", tone(120.0, 0.4), SAMPLE_RATE)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        next(replay(recipe.plan, (("drums", f"kit:{folder}"),)))
    assert any("it will sound different" in str(warning.message) for warning in told)


def test_samples_play_drums_only(folder: Path) -> None:
    with (
        pytest.warns(UserWarning, match=r"clap\.wav"),
        pytest.raises(BackendError, match="plays drums only, not 'pad'"),
    ):
        list(compose(Brief(seed=5, length_s=30, players=(("pads", f"kit:{folder}"),))))
