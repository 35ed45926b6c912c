"""Gain, place, ducking and section faders: from treated parts to the pre-master mix."""

from halation.mix.desk import down
from halation.mix.placement import (
    REFERENCE_LUFS,
    SEATS,
    SIDE_CUT_HZ,
    Seat,
    place,
    placing,
    seat,
)

__all__ = ["REFERENCE_LUFS", "SEATS", "SIDE_CUT_HZ", "Seat", "down", "place", "placing", "seat"]
