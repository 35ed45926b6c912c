"""The compiled inner loops: what runs over every sample of a song.

Everything else in halation is numpy. These few are C because numpy goes through memory once for
every operation, and a song's length of samples does not fit the cache. They let go of the
interpreter while they work. Each ``.c`` has a ``.py`` of its name, which checks what it is given.
"""

from halation.dsp.loops.levels import below, bend, blend, fade, peak, peaks, pour, ride
from halation.dsp.loops.rates import add_twice, halve, lag, octave
from halation.dsp.loops.sections import cascade, energies
from halation.dsp.loops.sources import add_bells, read_table, respeed, scatter, walk
from halation.dsp.loops.spectra import add_product
from halation.dsp.loops.sums import STEPS, add_loop, add_loops, place, send
from halation.dsp.loops.sweep import sweep

__all__ = [
    "STEPS",
    "add_bells",
    "add_loop",
    "add_loops",
    "add_product",
    "add_twice",
    "below",
    "bend",
    "blend",
    "cascade",
    "energies",
    "fade",
    "halve",
    "lag",
    "octave",
    "peak",
    "peaks",
    "place",
    "pour",
    "read_table",
    "respeed",
    "ride",
    "scatter",
    "send",
    "sweep",
    "walk",
]
