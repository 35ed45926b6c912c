"""The drummer and its kits: what is heard, when, and that nothing clicks, hums or leaks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from halation.dsp.noise import coloured, moving, wander
from halation.stems.drums import Drums
from halation.stems.hits import VOICES, Touch, hit
from halation.stems.kits import KITS
from halation.types import (
    SAMPLE_RATE,
    Audio,
    BackendError,
    Brief,
    Form,
    Key,
    Mood,
    Note,
    Part,
    Score,
    Section,
    Stems,
)

BPM = 140.0


def _score(bars: int = 4) -> Score:
    mood = Mood(Brief(seed=1), 0, 0, 0, 0, 0, (), "", True, "t")
    form = Form(mood, "t", BPM, Key(9, "aeolian"), (Section("verse", "verse", 0, 4 * bars),))
    return Score(form, (), (), ())


def _played(
    notes: list[Note],
    kit: str = "soft",
    settings: tuple[tuple[str, float], ...] = (),
    seed: int = 3,
    bars: int = 4,
) -> np.ndarray:
    score = _score(bars)
    part = Part("hats", "drums", "drums", kit, tuple(notes), settings)
    blocks = list(Drums()(part, score, Stems(score, ()), seed))
    sound = np.concatenate([block.samples for block in blocks], axis=1)
    assert sound.shape == (2, score.n_samples)
    return sound


def _spectrum(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    power = np.abs(np.fft.rfft(x.mean(axis=0))) ** 2
    return np.fft.rfftfreq(x.shape[1], 1 / SAMPLE_RATE), power


def _centroid_hz(x: np.ndarray) -> float:
    frequency, power = _spectrum(x)
    return float((frequency * power).sum() / power.sum())


def _one(kit: str, pitch: int, strength: float = 0.7, **touch: float) -> np.ndarray:
    given = Touch(strength, length_s=1.0, **touch)
    return hit(pitch, KITS[kit], given, np.random.default_rng(5))


@pytest.mark.parametrize("kit", KITS)
@pytest.mark.parametrize("pitch", VOICES)
def test_every_hit_is_finite_starts_and_ends_in_silence(kit: str, pitch: int) -> None:
    sound = _one(kit, pitch)
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() == pytest.approx(1, abs=1e-5)
    assert np.abs(sound[:, 0]).max() < 0.02
    assert np.abs(sound[:, -1]).max() < 1e-3
    assert abs(sound.mean()) < 2e-3


@pytest.mark.parametrize("kit", KITS)
@pytest.mark.parametrize("pitch", [pitch for pitch in VOICES if pitch not in (55,)])
def test_a_hit_sounds_exactly_at_its_onset(kit: str, pitch: int) -> None:
    note = Note(2.0, 1.0, pitch, 100, offset_s=0.0123)
    sound = np.abs(_played([note], kit)).max(axis=0)
    onset = round(_score().onset_s(note) * SAMPLE_RATE)
    assert not sound[:onset].any()
    heard = int(np.argmax(sound > 0.1 * sound.max()))
    assert onset <= heard <= onset + 0.002 * SAMPLE_RATE


def test_levels_lie_near_the_guide() -> None:
    for pitch in (36, 38, 39):
        peak_db = 20 * np.log10(np.abs(_played([Note(0, 1, pitch, 100)])).max())
        assert peak_db == pytest.approx(-12, abs=1.5)


@pytest.mark.parametrize("kit", KITS)
def test_the_kick_is_low_and_short(kit: str) -> None:
    sound = _one(kit, 36)
    frequency, power = _spectrum(sound)
    assert 40 < frequency[power.argmax()] < 70
    energy = np.cumsum(sound[0] ** 2)
    assert np.searchsorted(energy, 0.99 * energy[-1]) < 0.3 * SAMPLE_RATE
    assert (sound[0] == sound[1]).all()


@pytest.mark.parametrize("kit", KITS)
def test_hats_shine_without_piercing(kit: str) -> None:
    for pitch in (42, 46):
        sound = _one(kit, pitch)
        frequency, power = _spectrum(sound)
        assert 5_800 < _centroid_hz(sound) < 9_000
        assert power[frequency > 12_000].sum() < 0.04 * power.sum()


@pytest.mark.parametrize("kit", KITS)
@pytest.mark.parametrize("pitch", [38, 39, 42])
def test_a_harder_hit_is_brighter_and_longer(kit: str, pitch: int) -> None:
    soft, hard = _one(kit, pitch, 0.1), _one(kit, pitch, 0.9)
    assert _centroid_hz(hard) > 1.03 * _centroid_hz(soft)
    assert hard.shape[1] > soft.shape[1]


@pytest.mark.parametrize("kit", KITS)
@pytest.mark.parametrize("pitch", [pitch for pitch in VOICES if pitch not in (49, 55)])
def test_velocity_changes_the_timbre_of_every_drum(kit: str, pitch: int) -> None:
    def high_db(strength: float) -> float:
        frequency, power = _spectrum(_one(kit, pitch, strength))
        return float(10 * np.log10(power[frequency > 3_000].sum() / power.sum()))

    brighter = _centroid_hz(_one(kit, pitch, 0.9)) / _centroid_hz(_one(kit, pitch, 0.1))
    assert brighter > 1.05 or high_db(0.9) > high_db(0.1) + 1.5


def test_the_borders_of_blocks_are_not_heard() -> None:
    notes = [Note(1.4 * i, 0.3, (36, 38, 42, 46, 55)[i % 5], 60 + i) for i in range(38)]
    part = Part("hats", "drums", "drums", "soft", tuple(notes))
    score = _score(24)
    blocks = list(Drums()(part, score, Stems(score, ()), 3))
    assert len(blocks) > 1
    whole = np.concatenate([block.samples for block in blocks], axis=1)
    assert np.array_equal(whole, Audio(np.concatenate([b.samples for b in blocks], axis=1)).samples)


def test_kits_differ_in_kind() -> None:
    """Log-spectra of the same drum from two kits differ by decibels, not by pitch alone."""
    for pitch in (38, 42, 36):
        shapes = {}
        for kit in KITS:
            frequency, power = _spectrum(
                np.pad(_one(kit, pitch), ((0, 0), (0, 60_000)))[:, :60_000]
            )
            edges = np.geomspace(40, 14_000, 29)
            bands = np.histogram(frequency, edges, weights=power)[0]
            shapes[kit] = 10 * np.log10(bands / bands.sum() + 1e-6)
        names = list(KITS)
        for i, one in enumerate(names):
            for other in names[i + 1 :]:
                apart = np.sqrt(np.mean((shapes[one] - shapes[other]) ** 2))
                assert apart > 1.5, (pitch, one, other)


def test_repeated_hats_are_never_the_same_twice_in_a_row() -> None:
    notes = [Note(float(i), 0.5, 42, 90) for i in range(8)]
    sound = _played(notes)
    starts = [round(_score().onset_s(note) * SAMPLE_RATE) for note in notes]
    hits = [sound.mean(axis=0)[start : start + 3_000] for start in starts]
    for one, other in itertools.pairwise(hits):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.9


def test_an_open_hat_is_choked_by_the_next_hat() -> None:
    free = _played([Note(0, 1, 46, 100)])
    choked = _played([Note(0, 1, 46, 100), Note(0.5, 0.5, 42, 1)])
    late = round((0.5 * 60 / BPM + 0.05) * SAMPLE_RATE)
    assert np.abs(choked[:, late:]).max() < 0.1 * np.abs(free[:, late:]).max()


def test_a_reversed_cymbal_swells_into_the_end_of_its_note() -> None:
    note = Note(4, 4, 55, 100)
    sound = np.abs(_played([note])).max(axis=0)
    end = round(8 * 60 / BPM * SAMPLE_RATE)
    start = round(4 * 60 / BPM * SAMPLE_RATE)
    assert not sound[: start - 441].any() and not sound[end:].any()
    assert sound[end - 4_410 : end].max() == sound.max()
    assert sound[start : (start + end) // 2].max() < 0.3 * sound.max()


def test_the_impact_is_a_boom_with_a_long_wash() -> None:
    sound = _one("soft", 49)
    frequency, power = _spectrum(sound)
    assert frequency[power.argmax()] < 70
    assert sound.shape[1] > 3 * SAMPLE_RATE
    assert np.abs(sound[:, 2 * SAMPLE_RATE :]).max() > 0.005


def test_settings_are_heard() -> None:
    notes = [Note(i, 0.5, 38, 100) for i in range(4)]
    dark = _played(notes, settings=(("brightness", 0.0),))
    bright = _played(notes, settings=(("brightness", 1.0),))
    assert _centroid_hz(bright) > 1.2 * _centroid_hz(dark)
    left = _played(notes, settings=(("pan", -0.8),))
    assert (left[0] ** 2).sum() > 5 * (left[1] ** 2).sum()
    short, long = (_played(notes, settings=(("decay", d),)) for d in (0.5, 2.0))
    assert (long**2).sum() > (short**2).sum()
    narrow = _played(notes, settings=(("width", 0.0),))
    np.testing.assert_allclose(narrow[0], narrow[1], atol=1e-6)


def test_same_seed_same_samples_and_other_seed_others() -> None:
    notes = [Note(i, 0.5, 42, 80) for i in range(4)]
    np.testing.assert_array_equal(_played(notes, seed=7), _played(notes, seed=7))
    assert not np.array_equal(_played(notes, seed=7), _played(notes, seed=8))


def test_a_hit_at_the_very_end_is_faded_not_cut() -> None:
    sound = _played([Note(15.9, 1, 49, 110)])
    assert np.abs(sound[:, -1]).max() < 1e-3 < np.abs(sound).max()


def test_unknown_kits_and_drums_are_named() -> None:
    with pytest.raises(BackendError, match="no drum kit named 'edm'; known: soft, glass"):
        _played([], kit="edm")
    with pytest.raises(BackendError, match="no drum at pitch 60; a kit has 36, 37"):
        _played([Note(0, 1, 60, 100)])


def test_a_part_without_notes_is_silent() -> None:
    assert not _played([]).any()


def test_coloured_noise_has_the_slope_that_is_asked_for() -> None:
    draw = np.random.default_rng(1)
    x = coloured(draw, 1, 1 << 17, SAMPLE_RATE, low_hz=20, high_hz=20_000, slope_db_per_octave=-4.5)
    frequency, power = _spectrum(x)
    octaves = [power[(frequency >= f) & (frequency < 2 * f)].mean() for f in (400, 800, 1600, 3200)]
    np.testing.assert_allclose(np.diff(10 * np.log10(octaves)), -4.5, atol=0.6)


def test_a_moving_bed_does_not_depend_on_its_blocks() -> None:
    draw = np.random.default_rng(2)
    loop = draw.standard_normal((2, 5_000)).astype(np.float32)
    gain = np.abs(draw.standard_normal((2, 60))).astype(np.float32)
    blocks = dict(moving([loop], [gain], 150_000, offset=77))
    sound = np.concatenate(list(blocks.values()), axis=1)
    places = np.arange(150_000)
    wanted = loop[:, (places + 77) % 5_000]
    wanted *= np.stack([np.interp(places / 4_096, np.arange(60), side) for side in gain])
    np.testing.assert_allclose(sound, wanted, atol=1e-5)
    assert list(blocks) == [0, 65_536, 131_072]


def test_a_walk_keeps_its_memory() -> None:
    path = wander(np.random.default_rng(4), 100_000, 50.0)
    near = np.corrcoef(path[:-10], path[10:])[0, 1]
    far = np.corrcoef(path[:-400], path[400:])[0, 1]
    assert near > 0.85 and abs(far) < 0.1
