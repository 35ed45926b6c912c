"""Controls, moving filters, grains, tape, echoes and spaces against closed forms."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from halation.dsp import automation, delays, filters, granular, modulation, reverbs, sweeps

RATE = 44_100
Signal = NDArray[np.float32]


def noise(n: int, channels: int = 2, seed: int = 0) -> Signal:
    return np.random.default_rng(seed).standard_normal((channels, n)).astype(np.float32)


def sine(hz: float, n: int, rate: int = RATE) -> Signal:
    return np.sin(2 * np.pi * hz * np.arange(n) / rate, dtype=np.float32)[None]


def level_db(x: Signal) -> float:
    return 20 * float(np.log10(np.sqrt(np.mean(np.square(x, dtype=np.float64))) + 1e-12))


def test_a_gain_follows_its_curve_on_straight_lines() -> None:
    n = 70_001  # more than one block, and no multiple of the hop
    control = automation.values((0.0, n / RATE), (0.0, 1.0), n)
    x = np.ones((2, n), np.float32)
    automation.apply_gain(x, control)
    np.testing.assert_allclose(x[1, :-256], np.arange(n - 256) / n, atol=1e-4)


def test_silence_is_nothing_at_all() -> None:
    x = noise(5_000)
    automation.apply_gain(x, automation.decibels(np.full(21, -90.0, np.float32)))
    assert not x.any()


def test_ducking_falls_and_comes_back_without_a_jump() -> None:
    gain = automation.duck_curve([0.5, 0.6, 1.5], 2 * RATE, depth_db=5.0)
    at = np.arange(len(gain)) * automation.HOP / RATE
    assert gain[at < 0.5].min() == 1.0
    assert 20 * np.log10(gain.min()) == pytest.approx(-5.0, abs=0.05)
    assert gain[(at > 0.95) & (at < 1.5)].min() == 1.0
    assert np.abs(np.diff(gain)).max() < 0.2
    assert (automation.duck_curve([], 100) == 1.0).all()


@pytest.mark.parametrize("hz, expected_db", [(250.0, 0.0), (1_000.0, -3.0), (4_000.0, -36.9)])
def test_the_moving_filter_has_the_slope_of_a_butterworth(hz: float, expected_db: float) -> None:
    x = sine(hz, 60_000)
    y = sweeps.swept(x, RATE, np.full(236, 1_000.0, np.float32))
    assert level_db(y[:, 9_000:50_000]) - level_db(x) == pytest.approx(expected_db, abs=0.3)


def test_an_open_filter_changes_nothing_and_a_sweep_meets_it_smoothly() -> None:
    x = noise(200_000)
    cutoff = automation.values((0.0, 2.0, 2.5), (20_000.0, 20_000.0, 500.0), 200_000, log=True)
    y = sweeps.swept(x, RATE, cutoff)
    np.testing.assert_allclose(y[:, :40_000], x[:, :40_000], atol=1e-5)
    assert level_db(y[:, 130_000:]) < level_db(x) - 12


def test_stretches_that_are_filtered_side_by_side_leave_no_trace() -> None:
    x = noise(300_000)
    cutoff = automation.values((0.0, 7.0), (400.0, 18_000.0), 300_000, log=True)
    whole = sweeps.swept(x, RATE, cutoff, highpass_hz=(90.0, 150.0), side_highpass_hz=200.0)
    for start in (65_536, 131_072):  # another start, other stretches
        rest = sweeps.swept(
            np.ascontiguousarray(x[:, start:]),
            RATE,
            cutoff[start // automation.HOP :],
            highpass_hz=(90.0, 150.0),
            side_highpass_hz=200.0,
        )
        np.testing.assert_allclose(rest[:, 4_096:], whole[:, start + 4_096 :], atol=2e-5)


@pytest.mark.parametrize("hz, low_db, side_db", [(100.0, -3.0, -27.1), (200.0, -0.3, -3.3)])
def test_highpasses_of_both_channels_and_of_their_difference(
    hz: float, low_db: float, side_db: float
) -> None:
    tone, open_hz = sine(hz, 80_000), np.full(314, 20_000.0, np.float32)
    for sign, expected_db in ((1.0, low_db), (-1.0, side_db)):
        x = np.concatenate((tone, np.float32(sign) * tone))
        y = sweeps.swept(x, RATE, open_hz, highpass_hz=100.0, side_highpass_hz=200.0)
        assert level_db(y[:, 9_000:]) - level_db(x[:, 9_000:]) == pytest.approx(
            expected_db, abs=0.2
        )


def test_silence_between_two_sounds_stays_silence_after_the_ring() -> None:
    x = np.zeros((2, 400_000), np.float32)
    x[:, 10:5_000], x[:, 300_000:301_000] = noise(4_990), noise(1_000)
    y = sweeps.swept(x, RATE, np.full(1_564, 800.0, np.float32), highpass_hz=80.0)
    assert y[:, 5_000:5_500].any() and not y[:, 120_000:290_000].any()
    np.testing.assert_allclose(y[:, 299_000:300_000], 0.0, atol=1e-9)


def test_grains_raise_a_chord_by_an_octave_and_keep_its_level() -> None:
    x = sine(400.0, 60_000) + sine(630.0, 60_000)
    y = granular.octave_up(x, np.random.default_rng(2), jitter=500)
    spectrum = np.abs(np.fft.rfft(y[0, 10_000:50_000]))
    at_hz = np.fft.rfftfreq(40_000, 1 / RATE)
    for hz in (800.0, 1_260.0):
        near = spectrum[np.abs(at_hz - hz) < 25].max()
        assert near > 5 * spectrum[np.abs(at_hz - hz / 2) < 25].max()
    assert level_db(y[:, 10_000:50_000]) == pytest.approx(level_db(x), abs=6.0)
    assert np.abs(np.diff(y[0, 10_000:50_000])).max() < 0.5


@pytest.mark.parametrize("n", [1, 2, 5, 999, 70_001])
def test_half_the_rate_and_back(n: int) -> None:
    assert filters.halved(noise(n)).shape == (2, -(-n // 2))
    x = sine(1_500.0, n)
    back = filters.doubled(filters.halved(x), n)
    assert back.shape == x.shape
    np.testing.assert_allclose(back[:, 20:-20], x[:, 20:-20], atol=0.01)


def test_the_tape_wavers_by_the_cents_that_it_was_given_and_stays_in_time() -> None:
    depth = np.ones(4_000, np.float32)
    rng = np.random.default_rng(3)
    delay = modulation.tape_delay(
        rng, depth, wow_hz=0.8, wow_cents=10.0, flutter_hz=9.0, flutter_cents=0.0
    )
    cents = 1_200 * np.log2(1.0 - np.diff(delay) / automation.HOP)
    assert 7.0 < np.abs(cents).max() < 14.0
    assert np.abs(delay).max() < 0.005 * RATE


def test_a_warped_sine_is_the_sine_at_other_times() -> None:
    n = 100_000
    frames = -(-n // automation.HOP) + 1
    delay = (40 * np.sin(np.arange(frames) / 30)).astype(np.float32)
    y = modulation.warp(sine(2_000.0, n), delay)[0]
    lag = automation.ramp(delay, automation.HOP, 0, n)
    expected = np.sin(2 * np.pi * 2_000.0 * (np.arange(n) - lag) / RATE)
    np.testing.assert_allclose(y[100:-100], expected[100:-100], atol=2e-3)


def test_a_slowing_tape_plays_lower() -> None:
    n = 44_032
    delay = np.linspace(0.0, 0.5 * n, n // automation.HOP + 1).astype(np.float32)
    y = modulation.warp(sine(1_000.0, n), delay)[0]
    assert abs(np.argmax(np.abs(np.fft.rfft(y))) * RATE / n - 500.0) < 2


def test_echoes_fall_by_the_feedback_and_change_sides() -> None:
    click = np.zeros(30_000, np.float32)
    click[0] = 1.0
    left, right = delays.ping_pong(
        click, 10_000, left_s=0.5, right_s=0.7, feedback=0.5, low_hz=1.0, high_hz=4_500.0
    )
    assert [int(np.argmax(left)), int(np.argmax(right))] == [5_000, 12_000]
    energy = [np.sum(left[a : a + 500] ** 2) for a in (5_000, 17_000)]
    assert 10 * np.log10(energy[1] / energy[0]) == pytest.approx(-12.04, abs=1.5)


def test_the_reversed_delay_turns_an_attack_round() -> None:
    hit = np.exp(-np.arange(4_000) / 500, dtype=np.float32)
    x = np.concatenate([np.zeros(8_000, np.float32), hit, np.zeros(20_000, np.float32)])
    y = np.abs(delays.reversed_delay(x, 8_000))
    loudest = int(np.argmax(y))
    before, after = y[loudest - 1_000 : loudest].sum(), y[loudest : loudest + 1_000].sum()
    assert loudest > 12_000 and before > 3 * after


@pytest.mark.parametrize("t60_s", [0.8, 4.0])
def test_a_space_rings_as_long_as_it_says(t60_s: float) -> None:
    rate = 22_050
    response = reverbs.impulse_response(
        np.random.default_rng(5), rate, t60_s=t60_s, predelay_s=0.02, damping_hz=5_000.0
    )
    assert not response[:, : int(0.019 * rate)].any()
    middle = filters.filtered(response, rate, "bandpass", (400.0, 1_200.0))
    left = np.cumsum((middle**2).sum(0)[::-1])[::-1]  # Schroeder's integral
    fall_db = 10 * np.log10(left / left[0] + 1e-9)
    fast, slow = np.argmax(fall_db < -5.0), np.argmax(fall_db < -30.0)
    assert (slow - fast) / rate * 60 / 25 == pytest.approx(t60_s, rel=0.15)


def test_a_space_is_smooth_wide_and_safe_in_mono() -> None:
    response = reverbs.impulse_response(np.random.default_rng(6), 22_050, t60_s=4.0)
    left, right = response
    together = np.sum(left * right) / np.sqrt(np.sum(left**2) * np.sum(right**2))
    assert 0.1 < together < 0.5
    spectrum = np.abs(np.fft.rfft(response[0]))
    bins = len(spectrum) / 11_025
    inside = spectrum[int(400 * bins) : int(2_000 * bins)]
    assert inside.max() < 5 * np.sqrt(np.mean(inside**2)), "a single frequency rings"
    low = spectrum[int(20 * bins) : int(100 * bins)]
    assert level_db(low) < level_db(inside) - 25


def test_the_size_of_the_blocks_does_not_matter() -> None:
    x, mono = noise(30_000), noise(30_000, 1, 1)
    buses = [(x, noise(700, 2, 2)), (mono, noise(2_000, 2, 3))]
    small = reverbs.convolved(buses, 30_000, block=4_096)
    large = reverbs.convolved(buses, 30_000)
    np.testing.assert_allclose(small, large, atol=2e-3)
    direct = np.convolve(x[0], buses[0][1][0])[:30_000]
    direct += np.convolve(mono[0], buses[1][1][0])[:30_000]
    np.testing.assert_allclose(large[0], direct, atol=5e-3)


def test_a_reversed_reverb_grows() -> None:
    response = reverbs.impulse_response(np.random.default_rng(7), 22_050, t60_s=3.0)
    swell = reverbs.reverse_swell(noise(22_050), response, 60_000)
    quarters = [level_db(part) for part in np.split(swell, 4, axis=1)]
    assert quarters[0] + 6 < quarters[1] < quarters[2] < quarters[3]


@pytest.mark.parametrize("order", [1, 2, 3, 8])
@pytest.mark.parametrize(
    ("shape", "cutoff_hz"),
    [("lowpass", 500.0), ("highpass", 200.0), ("bandpass", (400.0, 3_000.0))],
)
def test_our_butterworth_is_scipys(
    order: int, shape: filters.Shape, cutoff_hz: float | tuple[float, float]
) -> None:
    from scipy.signal import butter, sosfilt

    x = np.random.default_rng(0).standard_normal((2, 4_000)).astype(np.float32)
    wanted = sosfilt(butter(order, cutoff_hz, shape, fs=44_100, output="sos"), x)
    np.testing.assert_allclose(
        filters.filtered(x, 44_100, shape, cutoff_hz, order), wanted, atol=2e-3
    )


def test_a_filter_may_write_over_what_it_reads() -> None:
    x = np.random.default_rng(1).standard_normal((2, 60_000)).astype(np.float32)
    x[:, 20_000:45_000] = 0.0
    cutoff = np.linspace(500.0, 20_000.0, 236, dtype=np.float32)
    apart = sweeps.swept(x, 44_100, cutoff, highpass_hz=150.0, side_highpass_hz=200.0)
    sweeps.swept(x, 44_100, cutoff, highpass_hz=150.0, side_highpass_hz=200.0, out=x)
    np.testing.assert_allclose(x, apart, atol=1e-5)


def test_threads_that_filter_first_at_the_same_time_all_can() -> None:
    program = """
import threading
import numpy as np
from halation.dsp.filters import lowpass

barrier, heard = threading.Barrier(8), []

def work():
    barrier.wait()
    heard.append(lowpass(np.ones((1, 64), np.float32), 44_100, 1_000.0))

threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(heard) == 8
"""
    for _ in range(3):
        subprocess.run([sys.executable, "-c", program], check=True)


def test_a_space_yields_around_its_body(monkeypatch: pytest.MonkeyPatch) -> None:
    def body_db() -> float:
        response = reverbs.impulse_response(
            np.random.default_rng(8), 22_050, t60_s=3.0, low_hz=60.0
        )
        power = (np.abs(np.fft.rfft(response)) ** 2).mean(axis=0)
        hz = np.fft.rfftfreq(response.shape[1], 1.0 / 22_050)
        body, rest = (power[(hz > a) & (hz < b)].mean() for a, b in ((260, 320), (900, 1_400)))
        return float(10.0 * np.log10(body / rest))

    cut = body_db()
    monkeypatch.setattr(reverbs, "BODY_DB", 0.0)
    assert 3.0 < body_db() - cut < 4.5
