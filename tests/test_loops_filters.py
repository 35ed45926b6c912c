"""The compiled loops against what numpy and SciPy make of the same."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from halation.dsp import automation, loops
from halation.dsp.filters import butterworth
from halation.dsp.noise import wander

Signal = NDArray[np.float32]

THROUGH = np.eye(1, 6, dtype=np.float32)


def noise(*shape: int) -> Signal:
    return np.random.default_rng(7).standard_normal(shape, dtype=np.float32)


@pytest.mark.parametrize("order", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 1_001])
def test_cascade_filters_as_scipy_does_and_goes_on_where_it_stopped(order: int, n: int) -> None:
    from scipy.signal import sosfilt

    sections = butterworth(order, 400.0, "highpass", 44_100)
    x, state = noise(3, n), np.zeros((3, 2 * len(sections)), np.float32)
    wanted = sosfilt(sections.astype(np.float64), x.astype(np.float64)) if n else x
    middle = n // 3
    found = [loops.cascade(sections, part, state) for part in (x[:, :middle], x[:, middle:])]
    assert np.concatenate(found, axis=1) == pytest.approx(wanted, abs=1e-5)


def test_cascade_keeps_out_of_denormal_numbers() -> None:
    sections = butterworth(2, 500.0, "lowpass", 44_100)
    x = np.zeros((1, 40_000), np.float32)
    x[0, 0] = 1.0
    ringing = np.abs(loops.cascade(sections, x, np.zeros((1, 2), np.float32)))
    assert ringing.min() > np.finfo(np.float32).tiny
    assert ringing[0, 20_000:].max() < 1e-14


def test_cascade_refuses_a_state_of_other_sections() -> None:
    with pytest.raises(ValueError, match="sections"):
        loops.cascade(THROUGH, noise(1, 9), np.zeros((1, 4), np.float32))
    with pytest.raises(ValueError, match="float32"):
        loops.cascade(THROUGH.astype(np.float64), noise(1, 9), np.zeros((1, 2), np.float32))


@pytest.mark.parametrize("steps", [1, 2, 7, 8, 9, 17, 31])
def test_energies_are_those_of_the_filtered_row(steps: int) -> None:
    from scipy.signal import sosfilt

    sections, hop = butterworth(4, 300.0, "highpass", 44_100), 2_001
    x = noise(steps * hop + 5)
    filtered = sosfilt(sections.astype(np.float64), x.astype(np.float64))
    wanted = np.square(filtered[: steps * hop]).reshape(steps, hop).sum(axis=1)
    assert loops.energies(x, hop, sections) == pytest.approx(wanted, rel=1e-5)


def test_energies_of_less_than_a_stretch_are_none() -> None:
    assert loops.energies(noise(9), 10, np.tile(THROUGH, (2, 1))).shape == (0,)
    with pytest.raises(ValueError, match="one sample or more"):
        loops.energies(noise(9), 0, np.tile(THROUGH, (2, 1)))
    with pytest.raises(ValueError, match="sections"):
        loops.energies(noise(9), 3, THROUGH)


@pytest.mark.parametrize("n", [0, 1, 31, 32, 33, 1_000])
def test_peaks_are_the_largest_magnitudes(n: int) -> None:
    x = noise(n)
    wanted = [np.abs(x[at : at + 32]).max() for at in range(0, n, 32)]
    assert loops.peaks(x, 32).tolist() == wanted
    with pytest.raises(ValueError, match="one sample or more"):
        loops.peaks(x, 0)


def faded(x: Signal, gain: Signal, side: Signal, hop: int) -> Signal:
    """Middle and side, written down as they are."""
    n = x.shape[1]
    left, right = x * automation.ramp(gain, hop, 0, n)
    middle, apart = (left + right) / 2, (left - right) / 2 * automation.ramp(side, hop, 0, n)
    return np.stack((middle + apart, middle - apart))


@pytest.mark.parametrize("n", [1, 15, 16, 17, 203])
def test_a_stem_goes_through_its_fader_and_its_width(n: int) -> None:
    x, hop = noise(2, n), 16
    gain, side = np.abs(noise(2, -(-n // hop) + 1))
    wanted = faded(x, gain, side, hop)
    total = np.ones_like(x)
    middle = n // 3
    parts = [
        loops.pour(total, x, gain, side, hop, *span) for span in ((0, middle), (middle, n), (n, n))
    ]
    assert total - 1.0 == pytest.approx(wanted, abs=2e-6)
    assert max(parts) == pytest.approx(np.abs(wanted).max(), rel=1e-5)
    loops.fade(x, gain, side, hop)
    assert x == pytest.approx(wanted, abs=2e-6)


def test_the_desk_refuses_what_does_not_fit() -> None:
    x, control = noise(2, 40), np.ones(4, np.float32)
    for gain, side in ((control[:3], control), (control, control[:3])):
        with pytest.raises(ValueError, match="more than"):
            loops.fade(x, gain, side, 16)
        with pytest.raises(ValueError, match="more than"):
            loops.pour(x.copy(), x, gain, side, 16, 0, 40)
    with pytest.raises(ValueError, match="lie within"):
        loops.pour(x.copy(), x, control, control, 16, 0, 41)
    with pytest.raises(ValueError, match="cannot be added"):
        loops.pour(noise(2, 39), x, control, control, 16, 0, 39)
    with pytest.raises(ValueError, match="stereo"):
        loops.fade(x[0], control, control, 16)
    with pytest.raises(ValueError, match="hop of -16"):
        loops.fade(x, control, control, -16)
    x.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        loops.fade(x, control, control, 16)


def test_a_walk_is_the_recursion_with_two_equal_poles() -> None:
    memory, n = 9.0, 200
    a = float(np.exp(-2.0 / memory))
    gain = np.sqrt((1 - a * a) ** 3 / (1 + a * a))
    warm = int(8 * memory) + 1
    path = [0.0, 0.0]
    for push in np.random.default_rng(5).standard_normal(n + warm):
        path.append(gain * push + 2 * a * path[-1] - a * a * path[-2])
    walk = wander(np.random.default_rng(5), n, memory)
    assert walk == pytest.approx(path[2 + warm :], abs=1e-12)
