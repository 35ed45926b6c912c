from __future__ import annotations

import io
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from halation.pictures import cover, ink, lanes, light, png, sheet
from halation.types import Audio, FileError, Song
from tests.fakes import fake_audio, fake_plan, fake_score, fake_song

MOODS: tuple[dict[str, float], ...] = (
    {"valence": -0.8, "energy": -0.5, "warmth": -0.9, "density": -0.6, "haze": -0.4},
    {"valence": 0.7, "energy": 0.3, "warmth": 0.9, "density": 0.3, "haze": 0.2},
    {"valence": -0.3, "energy": -0.8, "warmth": 0.0, "density": -0.5, "haze": 0.9},
)


@pytest.fixture(scope="module")
def song() -> Song:
    return fake_song()


@pytest.fixture(scope="module")
def covers() -> list[Image.Image]:
    scores = [fake_score(20 + i, mood=mood) for i, mood in enumerate(MOODS)]
    return [cover.draw(score, fake_audio(score)) for score in scores]


def _pixels(picture: Image.Image) -> NDArray[np.float32]:
    return np.asarray(picture.resize((70, 70)), dtype=np.float32)


def test_a_cover_is_square_and_not_too_heavy(covers: list[Image.Image]) -> None:
    for picture in covers:
        assert (picture.mode, picture.size) == ("RGB", (1_400, 1_400))
        stream = io.BytesIO()
        picture.save(stream, "PNG", compress_level=3)
        assert len(stream.getvalue()) < 3_000_000


def test_a_cover_has_darkness_and_light(covers: list[Image.Image]) -> None:
    for picture in covers:
        tones = _pixels(picture).mean(axis=2)
        assert np.percentile(tones, 5) < 110
        assert np.percentile(tones, 99.5) > np.percentile(tones, 25) + 50


def test_covers_of_different_songs_differ(covers: list[Image.Image]) -> None:
    shown = [_pixels(picture) for picture in covers]
    for i, one in enumerate(shown):
        for other in shown[:i]:
            assert np.abs(one - other).mean() > 15.0


def test_icy_songs_are_bluer_than_warm_ones(covers: list[Image.Image]) -> None:
    red_minus_blue = [float(np.subtract(*_pixels(p).mean(axis=(0, 1))[[0, 2]])) for p in covers]
    assert red_minus_blue[0] < -10.0
    assert red_minus_blue[1] > 10.0


@pytest.mark.parametrize("scene", cover.SCENES)
def test_every_scene_shows_the_sound(scene: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cover, "SCENES", (scene,))
    score = fake_score()
    loud = fake_audio(score)
    faded = loud.samples * np.linspace(1.0, 0.0, loud.n_samples, dtype=np.float32)
    one, same, other = (cover.draw(score, a) for a in (loud, loud, Audio(faded)))
    assert one.tobytes() == same.tobytes()
    assert np.abs(_pixels(one) - _pixels(other)).mean() > 0.3


def test_the_motif_is_in_the_cover() -> None:
    score = fake_score()
    bent = replace(
        score, motif=tuple(replace(n, pitch=60 + 5 * i) for i, n in enumerate(score.motif))
    )
    one, other = (cover.draw(s, fake_audio(score)) for s in (score, bent))
    assert np.abs(_pixels(one) - _pixels(other)).max() > 30.0


def test_a_cover_of_next_to_nothing_is_still_drawn() -> None:
    score = replace(fake_score(), motif=(), parts=())
    silence = Audio(np.zeros((2, 44_100), np.float32))
    assert cover.draw(score, silence).size == (1_400, 1_400)


def test_a_blur_keeps_the_light_and_spreads_it_as_wide_as_asked() -> None:
    point = np.zeros((201, 201), np.float32)
    point[100, 100] = 1.0
    spread = light.blur(point, 10.0)
    x = np.arange(201) - 100.0
    assert spread.sum() == pytest.approx(1.0, abs=1e-3)
    assert np.sqrt((spread.sum(axis=0) * x**2).sum()) == pytest.approx(10.0, rel=0.05)


def test_colours_have_the_hue_that_was_asked_for() -> None:
    assert np.argmax(light.colour(0.6, 0.15, 28.0)) == 0
    assert np.argmax(light.colour(0.6, 0.15, 145.0)) == 1
    assert np.argmax(light.colour(0.6, 0.15, 262.0)) == 2


def test_the_sheet_is_a_wide_dark_picture(song: Song, tmp_path: Path) -> None:
    path = tmp_path / "inspect.png"
    sheet.draw(song.mix.plan, song.master, song.measures, path)
    picture = Image.open(path)
    assert picture.size[0] == 2_000
    assert 1_200 < picture.size[1] < 4_000
    assert np.asarray(picture.convert("L")).mean() < 100


def test_the_sheet_takes_strange_songs(song: Song, tmp_path: Path) -> None:
    score = fake_score(text="$x^{ 雨 \U0001f327 " * 40, title="$\\frac{")
    plan = replace(fake_plan(replace(score, parts=(), chords=score.chords[:1])), curves=())
    quiet = replace(song.measures, sections_lufs=(("intro", -np.inf),))
    sheet.draw(plan, Audio(np.zeros((1, 2_000), np.float32)), quiet, tmp_path / "x.png")
    assert (tmp_path / "x.png").stat().st_size > 10_000


def test_a_sheet_that_cannot_be_written_says_so(song: Song, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot write the picture"):
        sheet.draw(song.mix.plan, song.master, song.measures, tmp_path / "no" / "x.png")


def test_the_sheet_has_a_lane_for_every_curve() -> None:
    plan = fake_plan(fake_score())
    placed = lanes.columns(plan)
    drawn = [curve for column in placed for block in column for curve in block.curves]
    assert sorted(drawn, key=repr) == sorted(plan.curves, key=repr)
    for column in placed:
        for above, below in pairwise(column):
            assert above.bottom <= below.top


def test_signs_that_no_font_has_are_left_out_of_the_sheet() -> None:
    assert ink.shown("neon \U0001f327️ rain \U0001f499", 40) == "neon rain"
    assert ink.shown("été — Tränen", 40) == "été — Tränen"
    assert "\N{WHITE SQUARE}" not in ink.shown("雨の街 \U0001f327", 40)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (40, 7)])
def test_a_png_holds_every_pixel(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (*shape, 3), dtype=np.uint8)
    with Image.open(io.BytesIO(png.encode(pixels))) as picture:
        assert picture.mode == "RGB"
        assert np.asarray(picture).tolist() == pixels.tolist()
