"""The compiled loops against the same arithmetic in numpy."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from halation.dsp import loops
from halation.dsp.loops.library import libraries

Signal = NDArray[np.float32]
HOP = 64
LENGTHS = [1, 2, 5, 63, 64, 65, 1_000, 5_003]


def noise(*shape: int, seed: int = 0) -> Signal:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def line(control: Signal, start: int, stop: int) -> NDArray[np.float64]:
    return np.interp(np.arange(start, stop) / HOP, np.arange(len(control)), control)


def controls(n: int, count: int = 1) -> Signal:
    return noise(count, -(-n // HOP) + 1, seed=9)


@pytest.mark.parametrize("n", LENGTHS)
def test_gains_are_straight_lines_between_their_values(n: int) -> None:
    x, control = noise(2, n), controls(n)[0]
    ridden = x.copy()
    loops.ride(ridden, control, HOP)
    np.testing.assert_allclose(ridden, x * line(control, 0, n), atol=1e-5)


@pytest.mark.parametrize("start, stop", [(0, 700), (64, 65), (77, 377), (5, 5)])
def test_peaks_bend_nearly_as_the_hyperbolic_tangent_does(start: int, stop: int) -> None:
    x, drive = noise(2, 700), 0.5 + np.abs(controls(700)[0])
    scale = line(drive, start, stop)
    bent = x.copy()
    loops.bend(bent, drive, HOP, start, stop)
    y = x[:, start:stop] * scale
    expected = y * (27 + y**2) / (27 + 9 * y**2)
    np.testing.assert_allclose(bent[:, start:stop] * scale, expected, atol=1e-5)
    soft = np.abs(y) < 2.0
    np.testing.assert_allclose(expected[soft], np.tanh(y[soft]), atol=0.03)
    bent[:, start:stop] = x[:, start:stop]
    np.testing.assert_array_equal(bent, x)


@pytest.mark.parametrize("start, length", [(0, 700), (64, 1), (77, 300), (699, 1), (5, 0)])
def test_sends_add_up_to_the_same_in_any_order(start: int, length: int) -> None:
    control, sounds = controls(700)[0], [noise(1, length, seed=seed) for seed in range(3)]
    expected = sum(x * line(control, start, start + length) for x in sounds)
    sums = [np.zeros((2, 700), np.int32) for _ in range(2)]
    for total, order in zip(sums, (sounds, sounds[::-1]), strict=True):
        for x in order:
            loops.send(total, x, control, HOP, start)
    np.testing.assert_array_equal(sums[0], sums[1])
    assert not np.delete(sums[0], range(start, start + length), axis=1).any()
    np.testing.assert_allclose(
        sums[0][:, start : start + length] / loops.STEPS, np.repeat(expected, 2, 0), atol=1e-6
    )


def test_what_is_sent_far_beyond_full_scale_is_clipped() -> None:
    sums = np.zeros((1, 4), np.int32)
    x = np.array([[1e9, -1e9, 1e30, np.nan]], np.float32)
    loops.send(sums, x, np.ones(2, np.float32), 4, 0)
    assert (np.abs(sums) == round(30 * loops.STEPS)).all() and sums[0, 1] < 0


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("length, faded", [(0, 0), (1, 1), (300, 0), (300, 77), (300, 300)])
@pytest.mark.parametrize("start", [0, 3, 399, 600, 700, 1_000])
def test_a_sound_is_placed_as_far_as_there_is_room(
    start: int, length: int, faded: int, channels: int
) -> None:
    out, x, fade = noise(2, 700), noise(channels, length, seed=1), noise(faded, seed=2)
    expected = np.pad(out, ((0, 0), (0, 1_000)))
    shape = np.concatenate((np.ones(length - faded, np.float32), fade))
    expected[:, start : start + length] += x * shape * [[0.5], [-2.0]]
    loops.place(out, x, start, (0.5, -2.0), fade)
    np.testing.assert_allclose(out, expected[:, :700], atol=1e-5)


def test_a_sound_is_placed_with_its_sides_exchanged() -> None:
    out, x = np.zeros((2, 9), np.float32), noise(2, 4)
    loops.place(out, x[::-1], 2, 3.0)
    np.testing.assert_allclose(out[:, 2:6], 3.0 * x[::-1])
    assert not out[:, :2].any() and not out[:, 6:].any()


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("place", [0, 1, 149, 1_000])
def test_a_loop_is_read_round_and_round(n: int, place: int) -> None:
    out, loop, control = noise(2, n), noise(2, 150, seed=1), controls(n)[0]
    expected = out + loop[:, (place + np.arange(n)) % 150] * line(control, 0, n)
    loops.add_loop(out, loop, place, control, HOP)
    np.testing.assert_allclose(out, expected, atol=1e-5)


@pytest.mark.parametrize("start, stop", [(0, 900), (64, 128), (70, 71), (100, 899)])
def test_two_channels_go_through_a_matrix(start: int, stop: int) -> None:
    x, ways = noise(2, 900), controls(900, 4)
    left, right = x[:, start:stop].astype(np.float64)
    a, b, c, d = (line(way, start, stop) for way in ways)
    expected = x.copy()
    expected[:, start:stop] = left * a + right * b, right * c + left * d
    loops.blend(x, ways, HOP, start, stop)
    np.testing.assert_allclose(x, expected, atol=1e-5)


def whole(x: Signal) -> NDArray[np.int32]:
    return np.zeros(x.shape, np.int32)


def spectrum(n: int, seed: int = 0) -> NDArray[np.complex64]:
    return noise(2 * n, seed=seed).view(np.complex64)


@pytest.mark.parametrize("n", LENGTHS)
def test_spectra_are_multiplied_and_added(n: int) -> None:
    total, a, b = spectrum(n, 0), spectrum(n, 1), spectrum(n, 2)
    expected = total + a * b
    loops.add_product(total, a, b)
    np.testing.assert_allclose(total, expected, atol=1e-5)


HALF_BAND = np.zeros(11)
HALF_BAND[[0, 2, 4, 5, 6, 8, 10]] = np.array([3, -25, 150, 256, 150, -25, 3]) / 512


@pytest.mark.parametrize("n", LENGTHS)
def test_half_the_rate_is_a_half_band_filter(n: int) -> None:
    x, size = noise(2, n), -(-n // 2)
    expected = np.stack([np.convolve(row, HALF_BAND)[5 : 5 + n : 2] for row in x])
    np.testing.assert_allclose(loops.halve(x, 0, size), expected, atol=1e-5)
    middle = size // 3
    np.testing.assert_allclose(loops.halve(x, middle, size), expected[:, middle:], atol=1e-5)


@pytest.mark.parametrize("n", LENGTHS)
def test_twice_the_rate_is_the_same_filter_between_zeros(n: int) -> None:
    x = noise(2, n)
    spread = np.zeros((2, 2 * n))
    spread[:, ::2] = x
    expected = np.stack([np.convolve(row, 2 * HALF_BAND)[5 : 5 + 2 * n] for row in spread])
    for n_out in (2 * n, 2 * n - 1, max(n - 1, 0)):
        out = np.ones((2, n_out), np.float32)
        loops.add_twice(out, x)
        np.testing.assert_allclose(out - 1.0, expected[:, :n_out], atol=1e-5)
    out = np.zeros((2, 2 * n), np.float32)
    for start, stop in ((0, n // 3), (n // 3, n // 2), (n // 2, n)):  # piece by piece
        loops.add_twice(out, x, start, stop)
    np.testing.assert_allclose(out, expected, atol=1e-5)


@pytest.mark.parametrize("n", [1, 63, 64, 1_000])
def test_a_lag_reads_a_slow_wave_at_other_times(n: int) -> None:
    reach, control = 40, 20.0 * np.tanh(controls(n)[0] / 4.0)

    def wave(at: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.sin(at / 9.0)

    x = wave(np.arange(-reach, n + reach, dtype=np.float64)).astype(np.float32)[None]
    out = np.empty((1, n), np.float32)
    loops.lag(x, control.astype(np.float32), HOP, 16, out)
    np.testing.assert_allclose(out[0], wave(np.arange(n) - line(control, 0, n)), atol=2e-3)


@pytest.mark.parametrize("n", LENGTHS)
def test_grains_play_every_other_sample_from_their_own_start(n: int) -> None:
    hop, window = 16, noise(1, 50, seed=3)[0]
    starts = np.random.default_rng(4).integers(-200, n + 200, -(-n // hop))
    x, around = noise(2, n), np.zeros((2, n + 1_000))
    around[:, 400 : 400 + n] = x
    expected = np.zeros((2, n + 100))
    for k, start in enumerate(starts):
        expected[:, k * hop : k * hop + 50] += around[:, 400 + start :: 2][:, :50] * window
    np.testing.assert_allclose(loops.octave(x, starts, hop, window), expected[:, :n], atol=1e-5)


@pytest.mark.parametrize("n", LENGTHS)
def test_extremes_are_found_wherever_they_are(n: int) -> None:
    for place in {0, n // 2, n - 1}:
        x = np.zeros((2, n), np.float32)
        assert loops.below(x, 1e-30)
        x[1, place] = -0.5
        assert loops.peak(x) == 0.5
        assert loops.below(x, 0.6) and not loops.below(x, 0.5)
        x[0, place] = np.nan
        assert not loops.peak(x) <= 1e30 and not loops.below(x, 1e30)
    assert loops.peak(np.zeros((2, 0), np.float32)) == 0.0


def swept(x: Signal, cutoff: Signal, opening: float, early: int = 64 * HOP) -> Signal:
    both = np.array([[np.tan(np.pi * 0.01), 2**0.5]], np.float32)
    side = np.array([[np.tan(np.pi * 0.02), 2 * np.cos(np.pi * k / 8)] for k in (1, 3)], np.float32)
    out = np.empty_like(x)
    loops.sweep(x, out, both, side, cutoff, np.full(len(cutoff), opening, np.float32), HOP, early)
    return out


@pytest.mark.parametrize("n", [*LENGTHS, 70_001])
@pytest.mark.parametrize("opening", [0.0, 1.0, 0.25])
def test_a_filter_that_stands_still_is_a_butterworth(n: int, opening: float) -> None:
    from scipy.signal import butter, sosfilt

    x = noise(2, n)
    y = swept(x, np.full(-(-n // HOP) + 1, np.tan(np.pi * 0.1), np.float32), opening)
    for sign, cuts in ((1, [(2, 0.02)]), (-1, [(2, 0.02), (4, 0.04)])):
        wanted = x[0].astype(np.float64) + sign * x[1]
        for order, cut in cuts:
            wanted = sosfilt(butter(order, cut, "highpass", output="sos"), wanted)
        low = sosfilt(butter(3, 0.2, output="sos"), wanted)
        wanted = low + opening * (wanted - low)
        np.testing.assert_allclose(y[0] + sign * y[1], wanted, atol=3e-5)


def test_a_filter_that_moves_may_write_over_what_it_reads() -> None:
    x, cutoff = noise(2, 30_000), np.linspace(0.01, 3.0, 470, dtype=np.float32)
    apart = swept(x, cutoff, 0.0, early=HOP)
    none = np.zeros((0, 2), np.float32)
    opening = np.zeros_like(cutoff)
    own = x.copy()
    loops.sweep(own, own, none, none, cutoff, opening, HOP, HOP)
    beside = np.empty_like(x)
    loops.sweep(x, beside, none, none, cutoff, opening, HOP, HOP)
    np.testing.assert_array_equal(own, beside)
    assert np.isfinite(apart).all() and np.abs(np.diff(beside)).max() < 10.0


@pytest.mark.parametrize(
    "call",
    [
        lambda x: loops.ride(x.astype(np.float64), controls(100)[0], HOP),
        lambda x: loops.ride(x[:, ::2], controls(100)[0], HOP),
        lambda x: loops.ride(x, controls(100)[0][:-1], HOP),
        lambda x: loops.ride(x, controls(200)[0], HOP, 50, 101),
        lambda x: loops.send(whole(x), x, controls(200)[0], HOP, 1),
        lambda x: loops.send(x, x, controls(200)[0], HOP, 0),
        lambda x: loops.send(whole(x), noise(3, 9), controls(100)[0], HOP, 0),
        lambda x: loops.bend(x, controls(200)[0], HOP, 50, 101),
        lambda x: loops.bend(x, controls(100)[0][:-1], HOP, 0, 100),
        lambda x: loops.place(x, noise(2, 9), -1),
        lambda x: loops.place(x, noise(3, 9), 0),
        lambda x: loops.place(x, noise(2, 9), 0, (1.0,)),
        lambda x: loops.place(x, noise(2, 9), 0, 1.0, noise(10)),
        lambda x: loops.place(np.broadcast_to(x[:1], x.shape), noise(2, 9), 0),
        lambda x: loops.add_loop(x, noise(2, 0), 0, controls(100)[0], HOP),
        lambda x: loops.add_loop(x, noise(1, 9), 0, controls(100)[0], HOP),
        lambda x: loops.add_loops(x[0], (x[0], x[1, :0]), (0, 0), controls(100, 2), HOP),
        lambda x: loops.add_loops(x[0], (x[0], x[1]), (0, 0), controls(30, 2), HOP),
        lambda x: loops.blend(x[:1], controls(100, 4), HOP, 0, 9),
        lambda x: loops.blend(x, controls(100, 3), HOP, 0, 9),
        lambda x: loops.blend(x, controls(30, 4), HOP, 0, 100),
        lambda x: loops.halve(x, 0, 51),
        lambda x: loops.add_product(spectrum(9), spectrum(9), spectrum(8)),
        lambda x: loops.add_twice(x, noise(2, 9), 3, 10),
        lambda x: loops.lag(x, np.full(9, 9.0, np.float32), HOP, 16, np.empty((2, 90), "f4")),
        lambda x: loops.lag(x, np.full(9, np.nan, np.float32), HOP, 16, np.empty((2, 9), "f4")),
        lambda x: loops.ride(np.broadcast_to(x[:1, :1], x.shape), controls(100)[0], HOP),
        lambda x: loops.ride(np.frombuffer(x.tobytes(), "f4"), controls(200)[0], HOP),
        lambda x: loops.peak(x[None]),
        lambda x: loops.scatter(x[0], 1, spectrum(99)),
        lambda x: loops.scatter(x[0], 1, spectrum(100), spectrum(100)),
        lambda x: loops.read_table(x, x, x[0, :99], np.empty_like(x)),
        lambda x: loops.read_table(x[:1], x, x[0], np.empty_like(x)),
        lambda x: loops.read_table(noise(2, 20)[:, ::2], x, x[0], np.empty_like(x)),
        lambda x: loops.walk(x[0], 0.5, 1.0),
        lambda x: loops.walk(np.zeros(9)[::2], 0.5, 1.0),
        lambda x: loops.respeed(x, 0.0, np.empty_like(x)),
        lambda x: loops.respeed(x[:, :0], 1.0, np.empty_like(x)),
        lambda x: loops.add_bells(x[0], np.zeros(2), np.ones(2), np.ones(3)),
        lambda x: loops.octave(x, np.zeros(4, np.int32), 16, noise(1, 9)[0]),
        lambda x: swept(x[:1], controls(100)[0], 0.0),
        lambda x: swept(x, controls(100)[0][:-1], 0.0),
        lambda x: swept(x, controls(100)[0], 0.0, early=65),
        lambda x: swept(x[:, ::2], controls(100)[0], 0.0),
    ],
)
def test_what_would_leave_its_memory_is_refused(call: Callable[[Signal], object]) -> None:
    with pytest.raises(ValueError):
        call(noise(2, 100))


MODULES = [
    f"halation.dsp.loops.{name}"
    for name in ("sweep", "sections", "rates", "spectra", "sources", "sums")
]


@pytest.mark.skipif(len(libraries()) < 2, reason="this processor runs one library only")
@pytest.mark.parametrize(
    "name",
    [
        "_sweep", "_energies", "_cascade", "_lag", "_add_product",
        "_add_bells", "_scatter", "_read_table", "_walk", "_respeed", "_add_twice",
        "_add_loops",
    ],
)  # fmt: skip
def test_every_processor_makes_the_same_samples(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x, control = noise(2, 9_000), np.abs(controls(9_000)[0])
    sections = np.array([[0.2, 0.1, 0.05, 1.0, -0.6, 0.3]] * 2, np.float32)
    wide = np.zeros((2, 9_200), np.float32)
    wide[:, 100:9_100] = x
    found = []
    for library in libraries().values():
        for module in map(import_module, MODULES):
            if hasattr(module, name):
                chosen = getattr(library, name[1:])
                chosen.argtypes, chosen.restype = getattr(module, name).argtypes, None
                monkeypatch.setattr(module, name, chosen)
        ways: dict[str, Callable[[], NDArray[Any]]] = {
            "_sweep": lambda: swept(x, control, 0.3),
            "_energies": lambda: loops.energies(x[0], 100, sections),
            "_cascade": lambda: loops.cascade(sections, x, np.zeros((2, 4), np.float32)),
            "_lag": lambda: lagged(wide, control),
            "_add_product": lambda: added_product(x),
            "_add_bells": lambda: belled(noise(3, 40)),
            "_scatter": lambda: np.stack(scattered(np.abs(x[0]), 5)),
            "_read_table": lambda: read(noise(5, 65), x, control[: HOP + 1]),
            "_walk": lambda: walked(x[0]),
            "_respeed": lambda: sped(x, 0.77),
            "_add_twice": lambda: doubled(x),
            "_add_loops": lambda: looped(x, controls(9_000, 2)),
        }
        found.append(ways[name]().tobytes())
    assert found[0] == found[1]


def belled(drawn: Signal) -> Signal:
    power = np.zeros(3_000, np.float32)
    centres, widths, heights = np.abs(drawn.astype(np.float64)) + 0.5
    loops.add_bells(power, 900.0 * centres, 20.0 * widths, heights)
    return power


def scattered(magnitude: Signal, seed: int) -> tuple[NDArray[np.complex64], ...]:
    spectra = np.zeros((2, len(magnitude)), np.complex64)
    apart = np.linspace(0, 0.75, len(magnitude), dtype=np.float32)
    loops.scatter(magnitude, seed, *spectra, apart=apart)
    return tuple(spectra)


def read(table: Signal, turns: Signal, row: Signal) -> Signal:
    out = np.empty((2, len(row)), np.float32)
    loops.read_table(table, turns[:, : len(row)], row, out)
    return out


def walked(pushes: Signal) -> NDArray[np.float64]:
    path = pushes.astype(np.float64)
    loops.walk(path, 0.93, 0.02)
    return path


def sped(x: Signal, ratio: float) -> Signal:
    out = np.empty((2, round(x.shape[1] / ratio) + 3), np.float32)
    loops.respeed(x, ratio, out)
    return out


def doubled(x: Signal) -> Signal:
    out = np.ones((2, 2 * x.shape[1] - 1), np.float32)
    loops.add_twice(out, x)
    return out


def looped(x: Signal, gains: Signal) -> Signal:
    out = np.ones(9_000, np.float32)
    loops.add_loops(out, (x[0, :700], x[1, :1_001]), (3, 1_000), gains, HOP)
    return out


def test_two_loops_at_once_are_one_after_the_other() -> None:
    x, gains, out = noise(2, 9_000), controls(9_000, 2), np.ones(9_000, np.float32)
    loops.add_loop(out, x[0, :700], 3, gains[0], HOP)
    loops.add_loop(out, x[1, :1_001], 1_000, gains[1], HOP)
    np.testing.assert_allclose(looped(x, gains), out, atol=1e-5)


def test_bells_are_those_of_gauss() -> None:
    drawn = noise(3, 40)
    centres, widths, heights = np.abs(drawn.astype(np.float64)) + 0.5
    bins = np.arange(3_000)[:, None]
    far = (bins - 900 * centres) / (20 * widths)
    expected = (heights * np.exp(-(far**2) / 2) * (np.abs(far) < 3.5)).sum(axis=1)
    np.testing.assert_allclose(belled(drawn), expected, atol=3e-3 * heights.max())
    np.testing.assert_allclose(belled(drawn)[expected > 0.1], expected[expected > 0.1], rtol=0.05)


def test_scattered_phases_are_even_and_part_as_far_as_they_may() -> None:
    left, right = scattered(np.full(60_000, 2.0, np.float32), 5)
    np.testing.assert_allclose(np.abs([left, right]), 2.0, rtol=1e-4)
    assert np.ptp(np.histogram(np.angle(left), 8, (-np.pi, np.pi))[0]) < 400
    apart = np.abs(np.angle(right / left)) / np.pi
    most = np.linspace(0, 0.75, 60_000)
    assert (apart <= most + 1e-3).all() and abs(apart.mean() - most.mean() / 2) < 0.005
    again, other = (
        scattered(np.full(9, 2.0, np.float32), 5),
        scattered(np.full(9, 2.0, np.float32), 6),
    )
    np.testing.assert_array_equal(again[0], left[:9])
    assert not np.array_equal(again[0], other[0])


def test_a_table_is_read_in_straight_lines_along_and_across() -> None:
    table, row = noise(5, 65), np.linspace(-0.2, 1.2, 700, dtype=np.float32)
    turns = noise(2, 700, seed=4)
    height = np.clip(row, 0, 1) * 4
    place = (turns - np.floor(turns)) * 64
    flat = np.array([[np.interp(p, np.arange(65), line) for p in place.ravel()] for line in table])
    flat = flat.reshape(5, 2, 700)
    below = np.minimum(height.astype(int), 3)
    share, at = height - below, np.arange(700)
    expected = [flat[below, v, at] * (1 - share) + flat[below + 1, v, at] * share for v in (0, 1)]
    np.testing.assert_allclose(read(table, turns, row), expected, atol=1e-4)


def test_a_walk_is_its_pushes_through_two_poles() -> None:
    x = noise(300)
    response = (np.arange(300) + 1) * 0.93 ** np.arange(300)
    np.testing.assert_allclose(walked(x), 0.02 * np.convolve(x, response)[:300], atol=1e-9)


def test_another_speed_reads_between_the_samples_and_holds_the_last() -> None:
    x = noise(2, 1_000)
    places = 0.77 * np.arange(round(1_000 / 0.77) + 3)
    expected = [np.interp(places, np.arange(1_000), side) for side in x]
    np.testing.assert_allclose(sped(x, 0.77), expected, atol=1e-5)


def lagged(x: Signal, control: Signal) -> Signal:
    out = np.empty((2, 9_000), np.float32)
    loops.lag(x, control, HOP, 16, out)
    return out


def added_product(x: Signal) -> NDArray[np.complex64]:
    total = np.zeros(4_500, np.complex64)
    loops.add_product(total, x[0].view(np.complex64), x[1].view(np.complex64))
    return total
