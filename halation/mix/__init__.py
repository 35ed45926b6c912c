"""Gain, place, ducking and section faders: from treated parts to the pre-master mix."""

from halation.mix.desk import down
from halation.mix.placement import REFERENCE_LUFS, SEATS, Seat, place, seat

__all__ = ["REFERENCE_LUFS", "SEATS", "Seat", "down", "place", "seat"]
