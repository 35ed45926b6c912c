"""Light on film: colours by perception, soft blurs, and what a bright light does to an emulsion."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["GAMMA", "Field", "bloom", "blur", "colour", "develop", "resized"]

Field = NDArray[np.float32]
"""Light, linear: shape (height, width) or (height, width, 3)."""

GAMMA: Final = 2.2
"""Of the screen: what is shown is the exposed part of the film to the power of 1 / 2.2."""


def colour(lightness: float, chroma: float, hue_degrees: float) -> Field:
    """Return a colour of the OKLCH space as linear sRGB, shape (3,), never negative.

    Parameters
    ----------
    lightness : float in 0..1
    chroma : float in 0..0.3
        0 is grey.
    hue_degrees : float [degrees]
        About 30 is red, 90 yellow, 145 green, 200 cyan, 260 blue, 330 magenta.

    References
    ----------
    Ottosson, "A perceptual color space for image processing", 2020.

    Examples
    --------
    >>> colour(1.0, 0.0, 0.0).round(3).tolist()
    [1.0, 1.0, 1.0]
    """
    hue = np.radians(hue_degrees)
    lab = np.array([lightness, chroma * np.cos(hue), chroma * np.sin(hue)])
    to_lms = np.array(
        [
            [1.0, 0.3963377774, 0.2158037573],
            [1.0, -0.1055613458, -0.0638541728],
            [1.0, -0.0894841775, -1.2914855480],
        ]
    )
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    return np.asarray(np.maximum(to_rgb @ (to_lms @ lab) ** 3, 0.0), dtype=np.float32)


def blur(light: Field, sigma: float) -> Field:
    """Blur nearly as a Gaussian would, by three running means; the edges see darkness.

    Parameters
    ----------
    light : np.ndarray [shape=(h, w) or (h, w, 3)], float32
    sigma : float > 0 [pixels]

    References
    ----------
    Wells, "Efficient synthesis of Gaussian filters by cascaded uniform filters", 1986.
    """
    half = max(1, round((np.sqrt(4.0 * sigma**2 + 1.0) - 1.0) / 2.0))
    for axis in (0, 1):
        for _ in range(3):
            light = _mean(light, half, axis)
    return light


def _wide_blur(light: Field, sigma: float) -> Field:
    """Blur a square picture; the wider, the fewer pixels that takes."""
    step = min(4, int(sigma / 4.0))
    if step < 2:
        return blur(light, sigma)
    size = light.shape[0]
    return resized(blur(resized(light, size // step), sigma / step), size)


def _mean(light: Field, half: int, axis: int) -> Field:
    half = min(half, light.shape[axis] - 1)
    pad = [(0, 0)] * light.ndim
    pad[axis] = (half + 1, half)
    total = np.cumsum(np.pad(light, pad), axis=axis, dtype=np.float32)
    n = light.shape[axis]
    if axis == 0:
        mean = total[2 * half + 1 :][:n] - total[:n]
    else:
        mean = total[:, 2 * half + 1 :][:, :n] - total[:, :n]
    mean /= np.float32(2 * half + 1)
    return np.asarray(np.maximum(mean, 0.0, out=mean), dtype=np.float32)


def bloom(light: Field, tint: Field, *, strength: float, reach: float) -> Field:
    """Return the glow that a lens and a film put around bright light.

    Three blurs of growing reach for the lens, and for the film a ``tint`` where light passes the
    emulsion, is thrown back by the base, and exposes the red layer from behind: halation.

    Parameters
    ----------
    light : np.ndarray [shape=(size, size, 3)], float32
    tint : np.ndarray [shape=(3,)], float32
    strength : float >= 0
        Light in the glow, relative to the light that makes it.
    reach : float > 0
        Width of the widest blur as a part of the picture's width.
    """
    wide = reach * light.shape[1]
    glow = sum(
        np.float32(weight) * _wide_blur(light, max(1.0, wide * part))
        for weight, part in ((0.5, 0.12), (0.45, 0.4), (0.6, 1.0))
    )
    bright = np.maximum(light.max(axis=2) - 0.5, 0.0)
    ring = _wide_blur(bright, max(1.0, 0.3 * wide))[..., None] * tint
    return np.asarray(np.float32(strength) * (glow + np.float32(1.1) * ring), dtype=np.float32)


def resized(light: Field, size: int) -> Field:
    """Return a field at another size, smoothly."""
    from PIL import Image

    layers = light[..., None] if light.ndim == 2 else light
    out = [
        np.asarray(Image.fromarray(layers[..., i]).resize((size, size), Image.Resampling.BICUBIC))
        for i in range(layers.shape[2])
    ]
    return out[0] if light.ndim == 2 else np.stack(out, axis=2)


def develop(light: Field, exposure: float) -> Field:
    """Return light as film shows it, 0..1 for a screen: a soft shoulder, then sRGB's gamma.

    Examples
    --------
    >>> develop(np.float32([0.0, 1e9]), 1.0).round(3).tolist()
    [0.0, 1.0]
    """
    shown = -np.expm1(np.maximum(light, 0.0) * np.float32(-exposure))
    return np.asarray(np.power(shown, np.float32(1.0 / GAMMA)), dtype=np.float32)
