"""A song that is made stretch by stretch is the one that would be made as a whole."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from halation import arc, fx, mix
from halation.backends import Watch
from halation.dsp.granular import Octave, octave_up
from halation.dsp.modulation import Warp, warp
from halation.dsp.reels import reel, release
from halation.strips import StemStrip, Strip
from halation.types import SAMPLE_RATE, Curve, Effect, Note, Part, Plan, Score, Stems
from tests.test_fx import noise, part, score, sent

Signal = NDArray[np.float32]

STRETCHES = (0, 65_536, 131_072, 393_216, 700_416)


def edges(n: int) -> list[int]:
    return [*(edge for edge in STRETCHES if edge < n), n]


def error_db(x: Signal, y: Signal) -> float:
    """How far two signals are apart, against the first."""
    return 20 * float(np.log10(max(float((x - y).std()), 1e-12) / float(x.std())))


@pytest.mark.parametrize("name", ["bells", "vocals", "pad"])
def test_a_parts_effects_carry_over_the_borders_of_its_stretches(name: str) -> None:
    of = score()
    drawn = fx.plan(of)
    octave = Effect("octave", name, (("grain_s", 0.08), ("stream", 3.0)))
    curve = Curve(name, "octave_db", (8.0, 9.0, 60.0, 61.0), (-90.0, -6.0, -6.0, -90.0))
    phone = Effect(
        "phone", name,
        (("start_beats", 3.0), ("end_beats", 9.0), ("low_hz", 400.0), ("high_hz", 3_000.0)),
    )  # fmt: skip
    plan = Plan(of, (*drawn.effects, octave, phone), (*drawn.curves, curve))
    chosen = part(of, name)
    whole, bit_by_bit = noise(of).samples.copy(), noise(of).samples.copy()
    fx.treat(whole, chosen, plan, low_cut_hz=90.0, side_cut_hz=200.0)
    peak = float(np.abs(noise(of).samples).max())
    inserts = fx.Inserts(chosen, plan, low_cut_hz=90.0, side_cut_hz=200.0)
    done = filtered = 0
    for stop in edges(of.n_samples)[1:]:
        stop = inserts.end_of(stop)
        if stop <= done:
            continue
        ahead = min(-(-(stop + inserts.ahead) // 512) * 512, of.n_samples)
        inserts.filter(bit_by_bit, filtered, ahead)
        inserts.lift(bit_by_bit, done, stop)
        inserts.colour(bit_by_bit, done, stop, peak)
        done, filtered = stop, ahead
    assert done == of.n_samples
    assert error_db(whole, bit_by_bit) < -35.0  # the drive follows a peak that is another here
    jumps = [np.abs(np.diff(bit_by_bit[:, e - 3 : e + 3])).max() for e in STRETCHES[1:]]
    assert max(jumps) < 3.0 * np.abs(np.diff(whole)).max()


def test_the_rooms_ring_on_over_the_borders() -> None:
    of = score()
    plan = fx.plan(of)
    buses = sent(of, plan, ("pad", "bells", "vocals"))
    sums = {bus: rows.copy() for bus, rows in buses._sums.items()}
    whole = buses.render(plan).samples
    space, out, taken = fx.Space(plan), reel(2, of.n_samples), 0
    for stop in arc.seams(of)[1:]:
        needed = -(-space.needed(stop) // 2)
        space.take([{bus: rows[:, taken:needed] for bus, rows in sums.items()}], taken)
        taken = needed
        space.play(taken, stop, out)
        assert error_db(whole[:, :stop], out[:, :stop]) < -60.0


def test_a_tape_and_its_grains_do_not_hear_the_borders() -> None:
    draws = np.random.default_rng(4)
    x = draws.standard_normal((2, 300_000), dtype=np.float32)
    delay = 60.0 * np.sin(np.arange(300_000 // 256 + 2) / 40.0).astype(np.float32)
    tape, out = Warp(delay), np.zeros_like(x)
    grains = Octave(x.shape[1], np.random.default_rng(9), grain=2_048, delay=3_000, jitter=500)
    layers = []
    for start, stop in pairwise((0, 70_144, 131_072, 300_000)):
        tape.play(x, start, stop, out)
        layers.append(grains.layer(x, start, stop))
    np.testing.assert_array_equal(out, warp(x, delay))
    whole = octave_up(x, np.random.default_rng(9), grain=2_048, delay=3_000, jitter=500)
    np.testing.assert_allclose(np.concatenate(layers, axis=1), whole, atol=1e-6)


def strip(of: Score, plan: Plan, name: str) -> Strip:
    return Strip(part(of, name), plan, Stems(of, ()), Watch())


@pytest.mark.parametrize("steps", [(65_536,), (20_480, 131_072, 360_448)])
def test_a_parts_level_does_not_depend_on_how_it_is_asked_for(steps: tuple[int, ...]) -> None:
    of = score()
    plan = fx.plan(of)
    once, often = strip(of, plan, "bells"), strip(of, plan, "bells")
    once.advance(of.n_samples, fx.Buses(of))
    for stop in (*steps, of.n_samples):
        often.advance(stop, fx.Buses(of))
    assert once.record == often.record
    assert once.x.shape == often.x.shape == (2, of.n_samples)


def test_a_level_that_is_written_down_is_not_measured_again() -> None:
    of = score()
    plan = fx.plan(of)
    given = Plan(of, plan.effects, plan.curves, (("bells.level", -33.0), ("bells.peak", -9.0)))
    played = strip(of, given, "bells")
    played.advance(of.n_samples, fx.Buses(of))
    assert played.record == {"bells.level": -33.0, "bells.peak": -9.0}


def test_a_soft_beginning_does_not_make_a_part_louder() -> None:
    of = score()
    notes = tuple(Note(float(beat), 0.9, 72, 50 if beat < 16 else 100) for beat in range(0, 100, 2))
    soft = Part("bells", "keys", "synth", "fm_bell", notes)
    plan = Plan(Score(of.form, (), (), (soft,)), (), ())
    first = Strip(soft, plan, Stems(of, ()), Watch())
    first.advance(4 * SAMPLE_RATE, fx.Buses(of))
    whole = Strip(soft, plan, Stems(of, ()), Watch())
    whole.advance(of.n_samples, fx.Buses(of))
    assert abs(first.record["bells.level"] - whole.record["bells.level"]) < 2.0


def test_a_closed_filter_at_the_beginning_does_not_make_a_part_louder() -> None:
    of = score()
    closed = Curve("bells", "cutoff_hz", (0.0, 24.0, 40.0, 400.0), (300.0, 300.0, 2e4, 2e4))
    levels = []
    for curves in ((), (closed,)):
        played = strip(of, Plan(of, (), curves), "bells")
        played.advance(of.n_samples, fx.Buses(of))
        levels.append(played.record["bells.level"])
    assert abs(levels[0] - levels[1]) < 0.5


def test_a_stem_is_the_sum_of_its_parts_wherever_it_is_cut() -> None:
    of = score()
    plan = Plan(of, (), ())
    whole, cut = (
        StemStrip("keys", plan, Stems(of, ()), Watch(), reel(2, of.n_samples)) for _ in range(2)
    )
    whole.advance(of.n_samples, fx.Buses(of))
    for stop in (131_072, 524_288, of.n_samples):
        cut.advance(stop, fx.Buses(of))
    level = 10.0 ** ((cut.record["bells.level"] - whole.record["bells.level"]) / 20.0)
    assert error_db(whole.out, cut.out * np.float32(level)) < -40.0


def test_a_reel_gives_back_what_is_behind() -> None:
    x = reel(2, 4_000_000)
    x += 1.0
    release(x, 0, 2_000_000)
    assert (x[:, 2_100_000:] == 1.0).all()
    assert not mix.Desk(Plan(score(), (), ())).done
