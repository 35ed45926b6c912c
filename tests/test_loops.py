"""The compiled loops against what numpy makes of the same samples."""

from __future__ import annotations

import numpy as np
import pytest

from halation.dsp import loops


@pytest.mark.parametrize("shape", [(1, 0), (1, 7), (2, 1), (2, 1_001), (3, 64)])
@pytest.mark.parametrize(("bits", "scale", "shift"), [(16, 32_767.0, 0), (24, 2.0**31, 8)])
def test_samples_become_whole_numbers(
    shape: tuple[int, int], bits: int, scale: float, shift: int
) -> None:
    x = np.random.default_rng(1).uniform(-1.5, 1.5, (shape[0], shape[1] + 5)).astype(np.float32)
    x = x[:, 3 : 3 + shape[1]]
    least = -(2.0 ** (bits + shift - 1))
    scaled = (x * np.float32(scale)).astype(np.float64)
    wished = np.rint(np.clip(scaled, least, -least - 1)).astype(np.int64).T.reshape(-1) >> shift
    found = loops.pcm(x, 16 if bits == 16 else 24).reshape(-1, bits // 8).astype(np.int64)
    found = (found << (8 * np.arange(bits // 8))).sum(axis=1)
    found -= (found >= 1 << bits - 1) << bits
    assert found.tolist() == wished.tolist()


def test_only_rows_of_float32_become_whole_numbers() -> None:
    with pytest.raises(ValueError, match="rows of float32"):
        loops.pcm(np.zeros((2, 8)), 16)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="rows of float32"):
        loops.pcm(np.zeros((8, 2), np.float32).T, 24)
    with pytest.raises(ValueError, match="16 or 24"):
        loops.pcm(np.zeros((2, 8), np.float32), 8)  # type: ignore[arg-type]
