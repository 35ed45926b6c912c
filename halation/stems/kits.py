"""Seven drum kits, as data: what each drum is made of and through what it was recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["KITS", "Clap", "Hat", "Kick", "Kit", "Rim", "Snare"]


@dataclass(frozen=True, slots=True)
class Kick:
    """A short soft drum under the 808.

    ``body`` is how it sings: a ``sweep`` falls into its pitch, a ``ring`` is struck and holds it,
    a ``felt`` sweep has a second, quickly damped membrane mode.
    """

    body: Literal["sweep", "ring", "felt"]
    body_hz: float
    drop_semitones: float
    drop_s: float
    t60_s: float
    beater_hz: float
    beater_db: float
    drive: float


@dataclass(frozen=True, slots=True)
class Snare:
    """A body of damped modes under noise.

    ``body`` is ``skin`` (a membrane's modes), ``bars`` (inharmonic glass), ``ring`` (two bridged-T
    resonators of an analogue box) or ``brush`` (hardly any body, a slow rush of noise).
    """

    body: Literal["skin", "bars", "ring", "brush"]
    body_hz: float
    body_t60_s: float
    body_db: float
    low_hz: float
    high_hz: float
    noise_t60_s: float


@dataclass(frozen=True, slots=True)
class Clap:
    """Several hands: short bursts, then the room."""

    bursts: int
    gap_s: float
    centre_hz: float
    tail_t60_s: float
    tail_db: float


@dataclass(frozen=True, slots=True)
class Hat:
    """A band of ``noise``, of six ``squares``, of ``glass`` partials or of ``fm`` side bands.

    ``low_ratio`` is where the band begins, against its centre: the lower, the more body.
    """

    source: Literal["noise", "squares", "glass", "fm"]
    centre_hz: float
    low_ratio: float
    closed_t60_s: float
    open_t60_s: float
    tick_db: float


@dataclass(frozen=True, slots=True)
class Rim:
    """Two woods (or glasses) that touch; the snap is made of the same hands."""

    modes_hz: tuple[float, float]
    t60_s: float
    snap_hz: float
    snap_t60_s: float


@dataclass(frozen=True, slots=True)
class Kit:
    """A drum kit.

    ``finish`` is what the whole kit went through: nothing (``clean``), a short bright room of
    reflections (``sheen``), an old sampler (``sampler``), a gated diffuse room (``gate``) or
    ``tape``.
    """

    finish: Literal["clean", "sheen", "sampler", "gate", "tape"]
    kick: Kick
    snare: Snare
    clap: Clap
    hat: Hat
    rim: Rim
    click_hz: float
    impact_hz: float
    wash_t60_s: float


KITS: Final[dict[str, Kit]] = {
    "soft": Kit(
        finish="clean",
        kick=Kick("felt", 50.0, 19.0, 0.020, 0.30, 1_300.0, -17.0, 0.25),
        snare=Snare("skin", 182.0, 0.16, -3.0, 700.0, 6_000.0, 0.40),
        clap=Clap(4, 0.0105, 1_250.0, 0.38, -8.0),
        hat=Hat("noise", 7_300.0, 0.76, 0.120, 0.70, -9.0),
        rim=Rim((455.0, 1_610.0), 0.095, 1_900.0, 0.110),
        click_hz=4_200.0,
        impact_hz=46.0,
        wash_t60_s=5.0,
    ),
    "glass": Kit(
        finish="sheen",
        kick=Kick("sweep", 54.0, 12.0, 0.014, 0.24, 2_300.0, -14.0, 0.10),
        snare=Snare("bars", 520.0, 0.22, -5.0, 1_100.0, 7_500.0, 0.34),
        clap=Clap(3, 0.0085, 1_750.0, 0.30, -10.0),
        hat=Hat("glass", 7_900.0, 0.66, 0.150, 0.90, -14.0),
        rim=Rim((980.0, 2_740.0), 0.120, 2_400.0, 0.095),
        click_hz=5_300.0,
        impact_hz=52.0,
        wash_t60_s=6.0,
    ),
    "dust": Kit(
        finish="sampler",
        kick=Kick("felt", 54.0, 13.0, 0.013, 0.24, 1_700.0, -11.0, 0.80),
        snare=Snare("brush", 205.0, 0.09, -8.0, 500.0, 4_600.0, 0.36),
        clap=Clap(5, 0.0125, 1_050.0, 0.28, -7.0),
        hat=Hat("squares", 8_000.0, 0.68, 0.085, 0.50, -8.0),
        rim=Rim((390.0, 1_320.0), 0.075, 1_500.0, 0.120),
        click_hz=3_500.0,
        impact_hz=44.0,
        wash_t60_s=3.6,
    ),
    "vapour": Kit(
        finish="gate",
        kick=Kick("sweep", 47.0, 22.0, 0.032, 0.38, 1_050.0, -19.0, 0.40),
        snare=Snare("skin", 164.0, 0.21, -2.0, 550.0, 5_600.0, 0.30),
        clap=Clap(4, 0.0115, 1_120.0, 0.50, -6.0),
        hat=Hat("fm", 8_000.0, 0.60, 0.140, 0.85, -12.0),
        rim=Rim((520.0, 1_830.0), 0.100, 1_700.0, 0.130),
        click_hz=3_900.0,
        impact_hz=41.0,
        wash_t60_s=6.5,
    ),
    "tape": Kit(
        finish="tape",
        kick=Kick("ring", 52.0, 4.0, 0.008, 0.34, 1_500.0, -13.0, 0.55),
        snare=Snare("ring", 178.0, 0.13, -3.0, 1_300.0, 7_000.0, 0.30),
        clap=Clap(3, 0.0100, 1_000.0, 0.34, -8.0),
        hat=Hat("squares", 8_500.0, 0.88, 0.110, 0.75, -16.0),
        rim=Rim((430.0, 1_700.0), 0.070, 2_050.0, 0.105),
        click_hz=3_200.0,
        impact_hz=49.0,
        wash_t60_s=4.5,
    ),
    "felt": Kit(
        finish="clean",
        kick=Kick("felt", 45.0, 12.0, 0.026, 0.36, 1_000.0, -19.0, 0.05),
        snare=Snare("brush", 150.0, 0.12, -6.0, 400.0, 3_600.0, 0.52),
        clap=Clap(2, 0.0140, 900.0, 0.24, -9.0),
        hat=Hat("noise", 7_000.0, 0.92, 0.075, 0.45, -16.0),
        rim=Rim((310.0, 930.0), 0.130, 1_350.0, 0.140),
        click_hz=2_900.0,
        impact_hz=39.0,
        wash_t60_s=5.5,
    ),
    "frost": Kit(
        finish="sheen",
        kick=Kick("ring", 57.0, 7.0, 0.011, 0.26, 2_000.0, -12.0, 0.20),
        snare=Snare("bars", 330.0, 0.30, -1.0, 1_800.0, 8_000.0, 0.22),
        clap=Clap(5, 0.0070, 2_000.0, 0.46, -11.0),
        hat=Hat("fm", 8_300.0, 0.60, 0.090, 0.60, -11.0),
        rim=Rim((1_240.0, 3_150.0), 0.160, 2_700.0, 0.080),
        click_hz=6_000.0,
        impact_hz=47.0,
        wash_t60_s=7.0,
    ),
}
"""The kits by the name of their patch; the numbers are choices of ear (SOUND: soft, sparse)."""
