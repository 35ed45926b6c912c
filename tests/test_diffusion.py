"""Models of diffusers as players, on tiny random pipelines of the true architectures."""

from __future__ import annotations

import functools
import json
import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from halation import backends
from halation.seeds import rng
from halation.stems.blocks import lent
from halation.stems.neural import diffusion, prompts, riffusion, sketch
from halation.stems.neural.performance import Request
from halation.testing import small_score
from halation.types import SAMPLE_RATE, WHOLE_SONG, BackendError, Key, Note, Part, Score, Stems
from tests import synth_scores, tiny_diffusion
from tests.tiny_diffusion import RATE

Signal = NDArray[np.float32]

PLAYERS = {
    "ace-step": "ace_step",
    "ace-step:cover": "ace_step",
    "ace-step:lego": "ace_step",
    "stable-audio": "stable_audio_3",
    "stable-audio (Open)": "stable_audio_open",
    "diffusion": "audioldm",
    "riffusion": "riffusion",
}
"""What is asked for, and the pipeline that plays."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of a tiny pipeline, built when it is first asked for."""
    import torch

    torch.set_num_threads(1)  # what is tiny only waits for its threads

    @functools.cache
    def built(name: str) -> Path:
        path: Path = getattr(tiny_diffusion, name)(tmp_path_factory.mktemp(name))
        return path

    return built


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diffusion, "ACE_STEP_BASE", (3, 7.0))
    monkeypatch.setattr(diffusion, "ACE_STEP_TURBO", (3, 1.0))
    monkeypatch.setattr(diffusion, "ACE_STEP_SHORTEST_S", 0.0)
    monkeypatch.setattr(diffusion, "STABLE_AUDIO_OPEN", (3, 7.0))
    monkeypatch.setattr(riffusion, "STEPS", 2)


@pytest.mark.parametrize("frames", [25.0, 50.0, 48_000 / 1_920, 21.5])
def test_ace_step_is_asked_for_whole_frames(frames: float) -> None:
    for length_s in np.arange(1.0, 60.0, 0.37):
        found = diffusion._whole_frames_s(float(length_s), frames)
        count = math.ceil(found * frames)
        assert math.ceil(count / frames * frames) == count  # as the pipeline counts a second time
        assert length_s - 1e-9 <= found < length_s + 7.0 / frames


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return what the pipelines are called with."""
    import diffusers

    calls: list[dict[str, Any]] = []

    def recording(call: Any) -> Any:
        @functools.wraps(call)
        def recorded(self: Any, **words: Any) -> Any:
            calls.append({"class": type(self).__name__, **words})
            return call(self, **words)

        return recorded

    for name in (
        *("AceStepPipeline", "StableAudio3Pipeline", "StableAudio3InpaintPipeline"),
        *("StableAudioPipeline", "StableDiffusionPipeline", "StableDiffusionInpaintPipeline"),
    ):
        kind = getattr(diffusers, name)
        monkeypatch.setattr(kind, "__call__", recording(kind.__call__))
    return calls


def player(name: str, folder: Path) -> str:
    return f"{name.partition(' ')[0]}:{folder}"


def two_sections(*, bars: int = 1, stem: str = "pads") -> Score:
    """Return a score whose pads play in two of five sections, over a bass."""
    notes = tuple(Note(4.0 * bars + i, 1.0, 57 + 3 * (i % 3), 80) for i in range(8 * bars))
    bass = Part(
        "bass", "bass", "synth", "808", tuple(Note(n.onset_beats, 0.5, 33, 90) for n in notes)
    )
    pads = Part("pads", stem, "synth", "glass", notes, description="glass pads, soft")
    score = small_score(pads, bars=bars)
    return replace(score, parts=(pads, bass))


def played(name: str, score: Score, seed: int = 1, watch: backends.Watch | None = None) -> Signal:
    with backends.watched(watch or backends.Watch()):
        blocks = backends.player(name)(score.parts[0], score, Stems(score, ()), seed)
        return np.concatenate([block.samples for block in blocks], axis=1)


@pytest.mark.parametrize("name", PLAYERS)
def test_a_model_plays_as_long_as_the_song_and_the_same_for_a_seed(
    name: str, folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(riffusion, "ITERATIONS", 3)
    monkeypatch.setattr(riffusion, "SHARPENINGS", 1)
    score, asked = two_sections(), player(name, folder(PLAYERS[name]))
    x = played(asked, score)
    assert x.shape == (2, score.n_samples)
    first = round(score.seconds_at(4.0) * SAMPLE_RATE)
    assert np.abs(x[:, : first - SAMPLE_RATE // 20]).max() < 1e-3  # at 1.6 kHz resamplers ring
    assert np.sqrt(np.mean(x[:, first : first + 2 * SAMPLE_RATE] ** 2)) > 0.003
    assert np.array_equal(x, played(asked, score))
    assert not np.array_equal(x, played(asked, score, seed=2))


@pytest.mark.parametrize("name", PLAYERS)
def test_a_model_stops_in_the_middle_when_nobody_waits(
    name: str, folder: Callable[[str], Path]
) -> None:
    shown: list[str] = []
    asked = 0

    def gone() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    with pytest.raises(backends.Stopped):
        played(
            player(name, folder(PLAYERS[name])),
            two_sections(),
            watch=backends.Watch(stopped=gone, show=shown.append),
        )
    assert asked == 4  # it was asked with every step, and no further one was made


@pytest.mark.backend("ace-step")
def test_ace_step_is_told_tempo_key_and_length(
    folder: Callable[[str], Path], told: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    score = two_sections(bars=2)
    score = replace(score, form=replace(score.form, key=Key(2, "dorian")))
    played(f"ace-step:{folder('ace_step')}", score)
    first = told[0]
    assert first["task_type"] == "text2music"
    assert first["bpm"] == 70  # at 140 BPM every second beat is felt
    assert first["keyscale"] == "D minor"
    assert first["timesignature"] == "4"
    section_s = score.seconds_at(8.0)
    assert section_s < first["audio_duration"] < 1.4 * section_s
    assert "70 BPM" in first["prompt"]
    assert first["lyrics"] == "[Instrumental]"  # a stem of pads does not sing
    calls = len(told)
    monkeypatch.setattr(diffusion, "ACE_STEP_SHORTEST_S", 10.0)
    played(f"ace-step:{folder('ace_step')}", score)
    assert told[calls]["audio_duration"] == 10.0


@pytest.mark.backend("ace-step")
def test_ace_step_goes_on_from_what_has_sounded(
    folder: Callable[[str], Path], told: list[dict[str, Any]]
) -> None:
    score = two_sections(bars=2)
    x = played(f"ace-step:{folder('ace_step')}", score)
    after = told[-1]
    assert after["task_type"] == "repaint"
    source = after["src_audio"].numpy()
    kept = round(after["repainting_start"] * RATE)
    assert kept == pytest.approx(score.seconds_at(8.0) * RATE, abs=RATE // 20)
    assert not source[:, kept:].any()
    assert source.shape[1] == pytest.approx(after["audio_duration"] * RATE, abs=1)
    assert np.abs(source[:, : RATE // 10]).max() > 1e-4  # no silence of before the part began
    # What it is given is what has just been heard, but for the hum below 20 Hz.
    end = round(score.seconds_at(16.0) * SAMPLE_RATE)
    heard = x[:, end - round(kept / RATE * SAMPLE_RATE) : end]
    assert sameness(source[:, :kept], heard) > 0.9


def sameness(low: Signal, heard: Signal) -> float:
    """Correlate a sound at :data:`RATE` with one at 44.1 kHz, wherever within 2 ms they agree."""
    from scipy.signal import correlate, resample_poly

    up = resample_poly(low[0] - low[0].mean(), SAMPLE_RATE // 100, RATE // 100)
    edge = SAMPLE_RATE // 10  # where the part fades in
    count = min(len(up), heard.shape[1]) - edge
    a, b = up[edge:count], heard[0, edge:count]
    across = correlate(a, b) / (np.linalg.norm(a) * np.linalg.norm(b))
    return float(across[len(a) - 1 - SAMPLE_RATE // 500 : len(a) + SAMPLE_RATE // 500].max())


def likeness(a: Signal, a_rate: int, b: Signal, b_rate: int) -> float:
    """Correlate the levels of two sounds, a window of 50 ms at a time."""
    curves = []
    for x, rate in ((a, a_rate), (b, b_rate)):
        size = rate // 20
        count = x.shape[1] // size
        power = np.square(x[:, : count * size], dtype=np.float64).reshape(2, count, size)
        curves.append(np.log(power.mean(axis=(0, 2)) + 1e-5))
    count = min(map(len, curves))
    return float(np.corrcoef(curves[0][:count], curves[1][:count])[0, 1])


@pytest.mark.backend("ace-step")
def test_a_cover_is_given_our_own_render(
    folder: Callable[[str], Path], told: list[dict[str, Any]]
) -> None:
    score = two_sections(bars=2)
    played(f"ace-step:cover:{folder('ace_step')}", score)
    ours = sketch.render(score.parts[0], score, "song")
    assert [words["task_type"] for words in told] == ["cover"] * len(told)
    for words, bar in ((told[0], 2), (told[-1], 4)):
        start_s = score.seconds_at(4.0 * bar) - (0.25 if bar == 4 else 0.0)
        start = round(start_s * SAMPLE_RATE)
        source = words["src_audio"].numpy()[:, : round(score.seconds_at(7.0) * RATE)]
        assert likeness(source, RATE, ours[:, start:], SAMPLE_RATE) > 0.9
    assert "reference_audio" not in told[0]
    assert told[-1]["reference_audio"].shape[1] > 3 * RATE  # it sounds on as it has sounded


@pytest.mark.backend("ace-step")
def test_lego_is_given_the_other_stems_and_the_name_of_its_own(
    folder: Callable[[str], Path], told: list[dict[str, Any]]
) -> None:
    score = two_sections(bars=2)
    played(f"ace-step:lego:{folder('ace_step')}", score)
    assert {(words["task_type"], words["track_name"]) for words in told} == {("lego", "synth")}
    start = round(score.seconds_at(8.0) * SAMPLE_RATE)
    source = told[0]["src_audio"].numpy()[:, : round(score.seconds_at(7.0) * RATE)]
    pads, bass = score.parts
    others = sketch.render(replace(pads, instead=(bass,)), score, "song")[:, start:]
    assert likeness(source, RATE, others, SAMPLE_RATE) > 0.9
    assert lowness(source, RATE) > 0.9  # the pads have nothing down there
    assert lowness(sketch.render(pads, score, "song"), SAMPLE_RATE) < 0.1


def test_a_sketch_is_drawn_on_paper_of_its_own() -> None:
    score = two_sections(bars=2)
    part = replace(score.parts[0], instead=score.parts)
    place = np.zeros((2, score.n_samples), np.float32)
    with lent(place):  # where the model's own sound is wanted
        drawn = sketch.render(part, score, "song")
    assert not place.any()
    np.testing.assert_array_equal(drawn, sketch.render(part, score, "song"))


def lowness(x: Signal, rate: int) -> float:
    """Return the share of a sound's power that lies below 150 Hz."""
    power = np.abs(np.fft.rfft(x[0])) ** 2
    return float(power[: round(150.0 * x.shape[1] / rate)].sum() / power.sum())


@pytest.mark.backend("ace-step")
def test_lego_is_refused_where_it_cannot_be(folder: Callable[[str], Path], tmp_path: Path) -> None:
    whole = two_sections(stem=WHOLE_SONG).parts[0]
    lego: Any = backends.player(f"ace-step:lego:{folder('ace_step')}")
    with pytest.raises(BackendError, match="pads=ace-step:lego"):
        lego.cast(replace(whole, player="ace-step"))
    turbo = tiny_diffusion.ace_step(tmp_path, turbo=True)
    with pytest.raises(BackendError, match="turbo checkpoint, and lego needs a base one"):
        played(f"ace-step:lego:{turbo}", two_sections())


def test_a_part_remembers_what_played_it_and_how_but_no_path(
    folder: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = two_sections().parts[0]
    cover: Any = backends.player(f"ace-step:cover:{folder('ace_step')}")
    done = cover.cast(replace(part, player="ace-step", patch=""))
    assert done.player == f"ace-step:cover:{folder('ace_step')}"
    assert done.patch.startswith("cover:ace-step+")
    assert str(folder("ace_step").parent) not in done.patch
    again: Any = backends.player("ace-step")
    with pytest.raises(BackendError, match=r"give its folder: --player pads=ace-step:cover:FOLDER"):
        again.cast(replace(done, player="ace-step"))
    monkeypatch.setenv("HALATION_WEIGHTS", str(tmp_path))
    shutil.copytree(folder("ace_step"), tmp_path / "ace-step-1.5")
    named: Any = backends.player("ace-step:cover")
    known = named.cast(replace(part, player="ace-step", patch=""))
    assert (known.player, known.patch) == ("ace-step:cover:ace-step-1.5", "cover:ace-step-1.5")
    assert again.cast(replace(known, player="ace-step")) == known
    plain = again.cast(replace(part, player="ace-step", patch=""))
    assert (plain.player, plain.patch) == ("ace-step:ace-step-1.5", "ace-step-1.5")


@pytest.mark.backend("stable-audio")
def test_stable_audio_3_goes_on_from_what_has_sounded(
    folder: Callable[[str], Path], told: list[dict[str, Any]]
) -> None:
    score = two_sections(bars=2)
    played(f"stable-audio:{folder('stable_audio_3')}", score)
    first, last = told[0], told[-1]
    assert first["class"] == "StableAudio3Pipeline"
    assert score.seconds_at(8.0) < first["duration"] < 1.4 * score.seconds_at(8.0)
    assert last["class"] == "StableAudio3InpaintPipeline"
    kept = round(last["mask_start_seconds"] * RATE)
    assert kept > 3 * RATE
    assert np.abs(last["audio"][0, :, :kept].numpy()).max() > 0.01
    assert not last["audio"][0, :, kept:].numpy().any()
    assert last["mask_end_seconds"] > last["duration"]


@pytest.mark.backend("stable-audio")
def test_stable_audio_open_is_never_asked_for_more_than_it_can(
    folder: Callable[[str], Path], told: list[dict[str, Any]]
) -> None:
    score = two_sections(bars=4)  # 6.9 s a section, and the model plays 6
    played(f"stable-audio:{folder('stable_audio_open')}", score)
    assert len(told) >= 4
    assert all(words["audio_end_in_s"] <= 6.0 for words in told)
    assert {words["negative_prompt"] for words in told} == {prompts.NEGATIVE}


@pytest.mark.parametrize("name", sorted({name.partition(" ")[0] for name in PLAYERS}))
def test_a_folder_that_holds_no_such_model_is_told_before_a_song_begins(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(BackendError, match="no folder"):
        backends.player(f"{name}:{tmp_path / 'nowhere'}")
    with pytest.raises(BackendError, match=r"there is no model_index\.json"):
        backends.player(f"{name}:{tmp_path}")
    if name != "diffusion":
        (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "WanPipeline"}))
        with pytest.raises(BackendError, match=r"holds WanPipeline, and .* plays .*Pipeline"):
            backends.player(f"{name}:{tmp_path}")


def test_a_folder_must_be_named_where_no_checkpoint_is_known() -> None:
    score = two_sections()
    with pytest.raises(BackendError, match="all=diffusion:FOLDER"):
        played("diffusion", score)


def test_pictures_are_not_taken_for_sound(folder: Callable[[str], Path]) -> None:
    with pytest.raises(BackendError, match="StableDiffusionPipeline: that makes no sound"):
        played(f"diffusion:{folder('riffusion')}", two_sections())


@pytest.mark.parametrize("damage", ["cut off", "a list", "an unknown class"])
def test_a_damaged_folder_gives_one_line(
    damage: str, folder: Callable[[str], Path], tmp_path: Path
) -> None:
    broken = tmp_path / "model"
    shutil.copytree(folder("stable_audio_open"), broken)
    weights = broken / "transformer" / "diffusion_pytorch_model.safetensors"
    if damage == "cut off":
        weights.write_bytes(weights.read_bytes()[:2000])
    elif damage == "a list":
        (broken / "model_index.json").write_text("[]")
    else:
        (broken / "model_index.json").write_text(json.dumps({"_class_name": "FuturePipeline"}))
    with pytest.raises(BackendError, match="holds no pipeline that loads") as caught:
        played(f"diffusion:{broken}", two_sections())
    assert "\n" not in str(caught.value)


class _Harm:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.backend("stable-audio")
def test_weights_as_torch_saves_them_are_loaded_where_there_are_no_others(
    folder: Callable[[str], Path], tmp_path: Path
) -> None:
    import torch
    from safetensors.torch import load_file

    same, plain = folder("stable_audio_open"), tmp_path / "model"
    shutil.copytree(same, plain)
    for path in plain.rglob("*.safetensors"):
        name = "pytorch_model.bin" if path.stem == "model" else f"{path.stem}.bin"
        torch.save(load_file(path), path.with_name(name))
        path.unlink()
    score = two_sections()
    x = played(f"stable-audio:{plain}", score)
    assert np.array_equal(x, played(f"stable-audio:{same}", score))


@pytest.mark.backend("diffusion")
def test_weights_that_are_a_program_are_not_loaded(
    folder: Callable[[str], Path], tmp_path: Path
) -> None:
    import torch

    bad = tmp_path / "model"
    shutil.copytree(folder("stable_audio_open"), bad)
    (bad / "transformer" / "diffusion_pytorch_model.safetensors").unlink()
    harm = tmp_path / "harm"
    torch.save(_Harm(harm), bad / "transformer" / "diffusion_pytorch_model.bin")
    with pytest.raises(BackendError, match="holds no pipeline that loads"):
        played(f"stable-audio:{bad}", two_sections())
    assert not harm.exists()


@pytest.mark.parametrize("name", ["ace-step", "stable-audio", "riffusion", "diffusion"])
def test_a_missing_extra_is_answered_with_its_cure(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "_importable", lambda module: module != "diffusers")
    with pytest.raises(BackendError, match=r'needs diffusers: pip install "halation\[diffusion\]"'):
        backends.player(name)


def test_a_model_works_without_a_word(
    folder: Callable[[str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    played(f"stable-audio:{folder('stable_audio_open')}", two_sections())
    assert capfd.readouterr() == ("", "")


@pytest.fixture(scope="module")
def tune() -> Iterator[Signal]:
    """Eight seconds of our own: a broken chord on glass."""
    pitches = (48, 60, 63, 67, 72, 67, 63, 60, 48, 55, 60, 63, 67, 75, 72, 60)
    notes = [Note(i * 0.5, 0.5, pitch, 90) for i, pitch in enumerate(pitches)]
    yield synth_scores.played(synth_scores.part_of("glass", *notes), bars=2).mean(axis=0)


def test_a_sound_comes_back_from_its_picture(tune: Signal) -> None:
    ink, loudest = riffusion.ink_of(tune)
    assert ink.shape == (512, len(tune) // 441)
    assert ink.min() >= 0.0
    assert ink.max() == 1.0
    nothing = np.zeros(0, np.float32)
    back = riffusion.sound_of(ink, loudest, heard=nothing, draws=rng(1, "phases"))
    assert len(back) == ink.shape[1] * 441
    level_db = 20.0 * np.log10(np.std(back) / np.std(tune))
    assert abs(level_db) < 0.5
    again, loudest_again = riffusion.ink_of(back)
    assert np.corrcoef(ink.ravel(), again.ravel())[0, 1] > 0.98
    bands, found = ink**4 * loudest, again**4 * loudest_again
    assert np.linalg.norm(found - bands) < 0.1 * np.linalg.norm(bands)


def test_low_notes_stand_at_the_bottom_of_a_picture() -> None:
    t = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    rows = [
        int(riffusion.ink_of(np.sin(2 * np.pi * hz * t).astype(np.float32))[0][:, 50].argmax())
        for hz in (55.0, 440.0, 5_000.0)
    ]
    mels = [2595.0 * np.log10(1.0 + hz / 700.0) for hz in (55.0, 440.0, 5_000.0, 10_000.0)]
    assert rows == pytest.approx([mel / mels[3] * 513 - 1 for mel in mels[:3]], abs=1.0)


@pytest.mark.backend("riffusion")
def test_a_picture_goes_on_in_phase_from_what_has_sounded(tune: Signal) -> None:
    ink, loudest = riffusion.ink_of(tune)
    heard = tune[: 2 * SAMPLE_RATE]
    x = riffusion.sound_of(ink, loudest, heard=heard, draws=rng(1, "phases"))
    last = slice(SAMPLE_RATE, 2 * SAMPLE_RATE)
    assert np.linalg.norm(x[last] - heard[last]) < 0.1 * np.linalg.norm(heard[last])
    seam = x[2 * SAMPLE_RATE - 50 : 2 * SAMPLE_RATE + 50]
    assert np.abs(np.diff(seam)).max() < np.abs(np.diff(tune)).max()


def request(duration_s: float, before: Signal, overlap_s: float) -> Request:
    score = two_sections()
    return Request(
        *("glass", duration_s, overlap_s, before, None, score.form.sections[1], 140.0),
        *(score.form.key, 5, True, lambda _share: None),
    )


@pytest.mark.backend("riffusion")
def test_pictures_are_joined_without_a_click(
    folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each picture is a tone of its own; what cannot go on must still fade into the next."""
    import diffusers

    given: list[dict[str, Any]] = []
    t = np.arange(512 * 441) / SAMPLE_RATE

    def drawn(self: Any, **words: Any) -> Any:
        tone = np.sin(2 * np.pi * (220.0 + 110.0 * len(given)) * t).astype(np.float32)
        given.append(words)
        picture = 1.0 - riffusion.ink_of(tone)[0][::-1]
        return diffusers.ImagePipelineOutput(images=np.repeat(picture[None, :, :, None], 3, axis=3))

    for name in ("StableDiffusionPipeline", "StableDiffusionInpaintPipeline"):
        monkeypatch.setattr(getattr(diffusers, name), "__call__", drawn)
    model: Any = riffusion.Riffusion(str(folder("riffusion"))).load(folder("riffusion"), "tiny")
    x = model.play(request(8.0, np.zeros((2, 0), np.float32), 0.0))[0]
    assert len(x) == 8 * SAMPLE_RATE
    assert len(given) == 2
    steepest = 2.0 * np.pi * 330.0 / SAMPLE_RATE * np.abs(x).max()
    assert np.abs(np.diff(x)).max() < 1.2 * steepest
    size = SAMPLE_RATE // 10
    power = [np.mean(x[i : i + size] ** 2) for i in range(size, len(x) - 2 * size, size)]
    assert 10.0 * np.log10(min(power) / np.median(power)) > -9.0
    # The next picture is drawn from the end of the last, which stays.
    assert "image" not in given[0]
    picture = np.asarray(given[1]["image"].convert("L"), np.float32)[::-1] / 255.0
    tone = np.sin(2 * np.pi * 220.0 * t).astype(np.float32)
    assert np.allclose(1.0 - picture[:, :120], riffusion.ink_of(tone)[0][:, 384:504], atol=0.01)
    mask = np.asarray(given[1]["mask_image"])
    assert not mask[:, :128].any()
    assert (mask[:, 128:] == 255).all()


def test_a_picture_is_sketched_in_time() -> None:
    """What is to be drawn over repeats what came whole beats before."""
    beat = 60.0 / 140.0 * 100.0
    columns = np.arange(1_000, dtype=np.float32)
    sketched = riffusion._sketched(columns[None], 128, beat)[0]
    assert np.array_equal(sketched[:128], columns[-128:])
    back = (np.arange(872, 872 + 512) - sketched)[128:] / beat
    assert back.min() > 8.5
    assert np.abs(back - np.rint(back)).max() < 0.02


@pytest.mark.backend("riffusion")
def test_an_answer_repeats_the_end_of_what_has_sounded(
    folder: Callable[[str], Path], tune: Signal
) -> None:
    model: Any = riffusion.Riffusion(str(folder("riffusion"))).load(folder("riffusion"), "tiny")
    before = np.stack([tune[: 2 * SAMPLE_RATE]] * 2)
    x = model.play(request(2.0, before, 0.5))
    assert x.shape == (1, round(2.5 * SAMPLE_RATE))
    heard = before[0, -SAMPLE_RATE // 2 :]
    size = round(0.4 * SAMPLE_RATE)
    assert np.corrcoef(x[0, :size], heard[:size])[0, 1] > 0.95
