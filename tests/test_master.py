"""The master's figures on a song made of noise and hits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from halation import arc, master
from halation.dsp import spectrum
from halation.dsp.filters import lowpass
from halation.dsp.loudness import meter
from halation.seeds import rng
from halation.types import SAMPLE_RATE, Audio, Measures, Mix, Plan, Score, Stem, Stems
from tests.fakes import LEVELS, fake_score

Signal = NDArray[np.float32]


def song(lufs: float = -14.0, hit: float = 0.9, offset: float = 0.0, cut_hz: float = 300.0) -> Mix:
    """Dark noise louder in louder sections, with a hit each second that stands far out."""
    score = fake_score()
    brief = replace(score.form.mood.brief, loudness_lufs=lufs)
    mood = replace(score.form.mood, brief=brief)
    score = replace(score, form=replace(score.form, mood=mood))
    x = rng(1, "noise").standard_normal((2, score.n_samples), dtype=np.float32)
    x[1] = 0.6 * x[0] + 0.8 * x[1]
    x = lowpass(x, SAMPLE_RATE, cut_hz, order=1)
    x *= np.float32(0.2) / x.std()
    for section in score.form.sections:
        start, end = (
            round(score.seconds_at(b) * SAMPLE_RATE)
            for b in (section.start_beats, section.end_beats)
        )
        x[:, start:end] *= LEVELS[section.role]
    beat = hit * np.exp(-np.arange(4_000) / 400.0) * np.sin(np.arange(4_000) * 0.07)
    for start in range(8 * SAMPLE_RATE, 16 * SAMPLE_RATE, SAMPLE_RATE):
        x[:, start : start + 4_000] += beat.astype(np.float32)
    audio = Audio(x + np.float32(offset))
    rides = tuple(
        (f"{section.name}/under_hook", float(np.mean(arc.under_hook_lu(section.role, mood))))
        for section in score.form.sections
    )
    return Mix(Plan(score, (), ()), Stems(score, (Stem("keys", audio),)), audio, 0.0, rides)


def peak_dbtp(x: Signal) -> float:
    """True peak by an independent way: scipy's resampler at eight times the rate."""
    from scipy.signal import resample_poly

    return 20 * float(np.log10(np.abs(resample_poly(x.astype(np.float64), 8, 1, axis=1)).max()))


def rms_db(x: Signal) -> float:
    return 20 * float(np.log10(max(float(x.std()), 1e-9)))


@pytest.fixture(scope="module")
def finished() -> tuple[Audio, Measures]:
    return master.finish(song())


@pytest.mark.parametrize("lufs", [-14.0, -20.0, -9.0])
def test_the_loudness_is_what_was_asked_for_under_the_ceiling(lufs: float) -> None:
    audio, measures = master.finish(song(lufs))
    assert meter(audio).integrated == pytest.approx(lufs, abs=0.2)
    assert peak_dbtp(audio.samples) <= -1.4
    assert measures.loudness_lufs == pytest.approx(lufs, abs=0.2)


def test_the_limiter_does_little_work(finished: tuple[Audio, Measures]) -> None:
    assert 0.0 <= finished[1].limiter_db <= 3.0


def test_measures_tell_the_truth(finished: tuple[Audio, Measures]) -> None:
    audio, measures = finished
    x = audio.samples
    assert measures.true_peak_dbtp == pytest.approx(peak_dbtp(x), abs=0.1)
    assert measures.loudness_range_lu == pytest.approx(meter(audio).loudness_range, abs=0.01)
    assert measures.correlation == pytest.approx(float(np.asarray(np.corrcoef(x))[0, 1]), abs=0.01)
    assert dict(measures.sections_lufs).keys() == {"intro", "verse", "hook", "bridge", "outro"}


def test_the_song_starts_and_ends_in_silence_without_dc(finished: tuple[Audio, Measures]) -> None:
    x = finished[0].samples
    assert np.abs(x[:, 0]).max() == 0.0
    assert rms_db(x[:, -SAMPLE_RATE // 10 :]) < -60.0
    assert np.abs(x.mean(axis=1, dtype=np.float64)).max() < 10 ** (-70 / 20)


def test_dc_in_the_mix_is_gone() -> None:
    audio, _ = master.finish(song(offset=0.05))
    assert np.abs(audio.samples.mean(axis=1, dtype=np.float64)).max() < 10 ** (-70 / 20)


@pytest.mark.parametrize("cut_hz", [150.0, 800.0, 2_500.0])
def test_the_tilt_brings_the_spectrum_home(cut_hz: float) -> None:
    mixed = song(cut_hz=cut_hz)
    before = spectrum.slope_db_per_octave(
        *spectrum.power_spectrum(mixed.audio.samples, SAMPLE_RATE)
    )
    _, measures = master.finish(mixed)
    after = measures.spectrum_slope_db_per_octave
    assert abs(after + 4.6) < max(0.35, abs(before + 4.6) - 0.7)


def test_the_top_is_rolled_off(finished: tuple[Audio, Measures]) -> None:
    frequencies, power = spectrum.power_spectrum(finished[0].samples, SAMPLE_RATE)
    level = 10 * np.log10(power)
    assert (
        level[np.searchsorted(frequencies, 20_000)]
        < level[np.searchsorted(frequencies, 10_000)] - 20
    )


def test_the_hooks_lift_survives_the_master() -> None:
    mixed = song()
    got = dict(master.finish(mixed)[1].sections_lufs)
    assert 3.2 < got["hook"] - got["verse"] < 5.0


def test_a_peak_is_held_without_pumping() -> None:
    """Beside one hit the sound around it moves by no more than the limiter's 3 dB."""
    audio, _ = master.finish(song(hit=1.5))
    calm, _ = master.finish(song(hit=0.0))
    near, far = 12 * SAMPLE_RATE, 12 * SAMPLE_RATE + SAMPLE_RATE // 2
    moved = [
        rms_db(audio.samples[:, at - 2_000 : at - 400])
        - rms_db(calm.samples[:, at - 2_000 : at - 400])
        for at in (near, far)
    ]
    assert abs(moved[0] - moved[1]) < 3.0


def test_silence_can_be_mastered() -> None:
    mixed = song()
    score: Score = mixed.plan.score
    quiet = Audio(np.zeros((2, score.n_samples), np.float32))
    audio, measures = master.finish(replace(mixed, audio=quiet))
    assert not audio.samples.any()
    assert measures.loudness_lufs == -120.0
    assert np.isfinite(measures.spectrum_slope_db_per_octave)


def test_finishing_twice_gives_the_same_samples(finished: tuple[Audio, Measures]) -> None:
    audio, measures = master.finish(song())
    assert np.array_equal(audio.samples, finished[0].samples)
    assert measures == finished[1]


def test_a_section_yields_where_it_is_muddy_and_only_there() -> None:
    line = master.SLOPE_DB_PER_OCTAVE * np.log2(master._centres() / 1_000.0)
    inside = (master._centres() > 200.0) & (master._centres() < 400.0)
    np.testing.assert_array_equal(master._mud_db(line, line), 0.0)
    np.testing.assert_array_equal(master._mud_db(line, line - 6.0 + 8.0 * inside), 0.0)
    mud_db = master._mud_db(line, line + 4.5 * inside)
    assert 1.2 < mud_db[inside].mean() < 2.2
    assert mud_db[master._centres() > 1_000.0].max() < 0.1
    assert master._mud_db(line, line + 20.0 * inside).max() <= 3.0


def test_what_a_muddy_hook_yields_stays_in_the_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    mix = song(cut_hz=2_000.0)
    score = mix.plan.score
    hook = next(s for s in score.form.sections if s.role == "hook")
    start, end = (
        round(score.seconds_at(b) * SAMPLE_RATE) for b in (hook.start_beats, hook.end_beats)
    )
    x = mix.audio.samples.copy()
    at_s = np.arange(end - start) / SAMPLE_RATE
    for hz in (230.0, 260.0, 290.0, 330.0):
        x[:, start:end] += np.float32(0.7 * x.std()) * np.sin(2 * np.pi * hz * at_s)
    muddy = replace(mix, audio=Audio(x))

    def body_db(of: slice) -> float:
        centres, levels = spectrum.band_levels(
            *spectrum.power_spectrum(master.finish(muddy)[0].samples[:, of], SAMPLE_RATE)
        )
        inside = (centres > 200.0) & (centres < 400.0)
        return float(levels[inside].mean() - levels[(centres > 700.0) & (centres < 3_000.0)].mean())

    within, before = slice(start + SAMPLE_RATE, end), slice(0, start - SAMPLE_RATE)
    cut = body_db(within), body_db(before)
    monkeypatch.setattr(master, "_MOST_MUD_DB", 0.0)
    assert body_db(within) - cut[0] > 1.5
    assert abs(body_db(before) - cut[1]) < 0.3
