from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from halation.dsp.envelopes import decay, expand, fade_edges, glide, swell, wander
from halation.dsp.modes import modal, string_modes
from halation.dsp.oscillators import (
    TOP_HZ,
    fm,
    hz,
    noise,
    padsynth,
    read_wavetable,
    wavetable,
)
from halation.dsp.phases import courses, phases

RATE = 44_100


def spectrum(x: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any]]:
    power = np.abs(np.fft.rfft(x.astype(np.float64))) ** 2
    return np.fft.rfftfreq(x.shape[-1], 1 / RATE), power


def test_pitch_to_frequency() -> None:
    assert hz([57, 69, 81]).tolist() == [220.0, 440.0, 880.0]


def test_a_padsynth_table_has_its_bands_where_they_belong() -> None:
    table = padsynth(
        [440.0, 1320.0], [1.0, 0.5], [2.0, 6.0],
        n=2**17, sample_rate=RATE, rng=np.random.default_rng(1),
    )  # fmt: skip
    frequency, power = spectrum(table[0])
    first = (frequency > 420) & (frequency < 460)
    second = (frequency > 1270) & (frequency < 1370)
    centre = np.sum(power[first] * frequency[first]) / np.sum(power[first])
    assert abs(1200 * np.log2(centre / 440.0)) < 0.2
    assert 10 * np.log10(power[second].sum() / power[first].sum()) == pytest.approx(-6.0, abs=0.1)
    assert power[~(first | second)].sum() < 1e-6 * power.sum()


def test_a_padsynth_table_is_seamless_wide_and_mono_below() -> None:
    draw = np.random.default_rng(2)
    bands = np.geomspace(50, 8000, 60)
    table = padsynth(bands, np.ones(60), bands / 20, n=2**16, sample_rate=RATE, rng=draw)
    step = np.abs(np.diff(table, axis=1)).max()
    assert np.abs(table[:, 0] - table[:, -1]).max() < step
    assert np.sqrt(np.mean(table**2, axis=1)) == pytest.approx([1.0, 1.0], abs=1e-3)
    assert abs(table.mean()) < 1e-4
    halves = np.fft.rfft(table.astype(np.float64), axis=1)
    frequency = np.fft.rfftfreq(table.shape[1], 1 / RATE)
    for inside, low, high in ((frequency < 110, 0.999, 1.001), (frequency > 500, 0.15, 0.45)):
        left, right = halves[:, inside]
        together = np.real(left @ right.conj())
        assert low < together / np.sqrt(np.sum(abs(left) ** 2) * np.sum(abs(right) ** 2)) < high


def test_a_table_without_bands_is_silent() -> None:
    table = padsynth([30_000.0], [1.0], [1.0], n=64, sample_rate=RATE, rng=np.random.default_rng(1))
    assert not table.any()


def test_modes_are_the_closed_form() -> None:
    n = 20_000
    t = np.arange(n) / RATE
    sound = modal(
        [441.0, 1000.0], [1.0, 0.3], [[1.0, 0.5], [0.2, 0.0]], [0.0, 1.0], n=n, sample_rate=RATE
    )
    first, second = (
        np.exp(-np.log(1000) * t / t60_s) * np.sin(2 * np.pi * frequency * t + phase)
        for frequency, t60_s, phase in ((441.0, 1.0, 0.0), (1000.0, 0.3, 1.0))
    )
    assert np.abs(sound[0] - (first + 0.5 * second)).max() < 1.6e-4  # 80 dB under the start
    assert np.abs(sound[1] - 0.2 * first).max() < 1.6e-4


def test_modes_above_hearing_are_left_out() -> None:
    one = ([[1.0], [1.0]], [0.0])
    assert not modal([TOP_HZ + 1], [1.0], *one, n=500, sample_rate=RATE).any()


def test_a_string_decays_as_its_loop_would() -> None:
    frequencies, t60_s, gains = string_modes(220.0, position=0.25, t60_s=3.0, loss=0.2)
    assert t60_s[0] == pytest.approx(3.0)
    # The loss of each period, worked out by hand for the third partial.
    gain = np.exp(-np.log(1000) / (3.0 * 220.0))
    gain *= (1 - 0.2 * (1 - np.cos(np.pi * 0.066))) / (1 - 0.2 * (1 - np.cos(np.pi * 0.022)))
    assert t60_s[2] == pytest.approx(-np.log(1000) / (220.0 * np.log(gain)))
    assert gains[3] == pytest.approx(0.0, abs=1e-9)
    assert frequencies.max() < TOP_HZ


def test_fm_has_the_sidebands_of_the_bessel_functions() -> None:
    from scipy.special import jv

    n = RATE
    tone = fm(1000.0, 3.0, np.full(n // 50 + 1, 1.5), hop=50, sample_rate=RATE)
    lines = 2 * np.abs(np.fft.rfft(tone.astype(np.float64))) / n
    assert lines[1000] == pytest.approx(jv(0, 1.5), abs=1e-3)
    assert lines[4000] == pytest.approx(jv(1, 1.5), abs=1e-3)
    assert lines[7000] == pytest.approx(jv(2, 1.5), abs=1e-3)


def test_fm_is_the_closed_form_while_its_index_falls() -> None:
    index = np.linspace(2.0, 0.5, 101)
    tone = fm(500.0, 2.5, index, hop=40, sample_rate=RATE, phase=0.3)
    t = np.arange(4000) / RATE
    swing = np.sin(2 * np.pi * (1250.0 * t + 0.3)) - np.sin(2 * np.pi * 0.3)
    depth = np.interp(np.arange(4000), np.arange(101) * 40, index)
    assert np.abs(tone - np.sin(2 * np.pi * 500.0 * t + depth * swing)).max() < 1e-4


def test_phases_follow_a_gliding_frequency() -> None:
    from scipy.integrate import cumulative_trapezoid

    steps = np.geomspace(0.002, 0.01, 101)
    turns = phases(courses(steps, 64, 0.25), 64)
    fine = np.interp(np.arange(6401), np.arange(101) * 64, steps)
    wanted = 0.25 + cumulative_trapezoid(fine, initial=0.0)[:-1]
    off = (turns - wanted + 0.5) % 1.0 - 0.5
    assert np.abs(off).max() < 1e-4
    assert turns.min() >= 0 and turns.max() < 1.7


def test_fm_does_not_fold_back() -> None:
    tone = fm(4000.0, 7.0, np.full(RATE // 50 + 1, 3.0), hop=50, sample_rate=RATE)
    lines = 2 * np.abs(np.fft.rfft(tone.astype(np.float64))) / RATE
    assert lines[4000] == pytest.approx(1.0, abs=1e-3)
    assert np.delete(lines, 4000).max() < 1e-3


def test_wavetables_blend_between_rows() -> None:
    table = wavetable([[1.0, 0.0], [0.0, 1.0]])
    turns = np.arange(4410, dtype=np.float64) * (441.0 / RATE)
    phase = 2 * np.pi * turns
    for row, expected in (
        (0.0, np.sin(phase)),
        (1.0, np.sin(2 * phase)),
        (0.25, 0.75 * np.sin(phase) + 0.25 * np.sin(2 * phase)),
    ):
        got = read_wavetable(table, turns.astype(np.float32), np.full(4410, row, np.float32))
        assert np.abs(got - expected).max() < 1e-4


def test_noise_keeps_to_its_band() -> None:
    hiss = noise(2**15, 1000.0, 4000.0, sample_rate=RATE, rng=np.random.default_rng(3))
    frequency, power = spectrum(hiss[0])
    inside = power[(frequency > 1200) & (frequency < 3500)].mean()
    assert power[frequency < 200].mean() < 1e-2 * inside
    assert power[frequency > 10_000].mean() < 1e-2 * inside
    assert power[frequency > TOP_HZ + 10].max() < 1e-9 * inside


def test_envelopes_reach_what_they_promise_when_they_promise_it() -> None:
    t = np.array([0.0, 0.25, 0.5, 2.0, 2.9, 3.0, 9.0])
    assert swell(t, 2.0, 0.5, 1.0).round(4).tolist() == [0.0, 0.5, 1.0, 1.0, 0.001, 0.0, 0.0]
    assert 20 * np.log10(float(decay(0.75, 1.5))) == pytest.approx(-30.0)
    assert swell([0.1], 0.1, 0.4, 1.0)[0] == pytest.approx(0.146, abs=1e-3)
    assert glide(0.05, 0.0, 0.1) == pytest.approx(0.5)


def test_wandering_never_comes_back() -> None:
    t = np.arange(0, 300, 0.25)
    walk = wander(t, 0.1, (0.1, 0.6))
    again = [np.abs(walk[:200] - walk[k : k + 200]).max() for k in range(40, 900)]
    assert min(again) > 0.05


def test_expanding_keeps_the_points_and_the_rows() -> None:
    control = np.array([[0.0, 2.0, -1.0], [5.0, 5.0, 5.0]], np.float32)
    lines = expand(control, 4)
    assert lines[0].tolist() == [0.0, 0.5, 1.0, 1.5, 2.0, 1.25, 0.5, -0.25]
    assert (lines[1] == 5.0).all()


def test_fades_longer_than_the_signal_are_shortened() -> None:
    x = np.ones((2, 5), np.float32)
    fade_edges(x, 0, 99)
    assert x[0, -1] == 0.0
    assert x[0, 0] < 1.0
