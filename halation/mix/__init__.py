"""Gain, place, ducking and section faders: from treated parts to the pre-master mix."""

from halation.mix.desk import AHEAD, Desk, down
from halation.mix.placement import (
    REFERENCE_LUFS,
    SEATS,
    SIDE_CUT_HZ,
    Placing,
    Seat,
    place,
    placing,
    seat,
)

__all__ = [
    "AHEAD",
    "REFERENCE_LUFS",
    "SEATS",
    "SIDE_CUT_HZ",
    "Desk",
    "Placing",
    "Seat",
    "down",
    "place",
    "placing",
    "seat",
]
