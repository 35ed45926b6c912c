"""What is drawn for a song, and what it does to parts and spaces."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from halation import fx
from halation.dsp.filters import lowpass
from halation.fx import draw_sections, reading
from halation.types import (
    SAMPLE_RATE,
    Audio,
    AudioError,
    Brief,
    Curve,
    Effect,
    Form,
    Key,
    Mood,
    Note,
    Part,
    Plan,
    Role,
    Score,
    Section,
)

BARS: tuple[tuple[str, Role, int], ...] = (
    ("intro", "intro", 4), ("verse", "verse", 8), ("hook", "hook", 8),
    ("bridge", "bridge", 4), ("hook2", "hook", 8), ("outro", "outro", 4),
)  # fmt: skip


def form(seed: int, bars: tuple[tuple[str, Role, int], ...], **axes: float) -> Form:
    haze, warmth = axes.get("haze", 0.0), axes.get("warmth", 0.0)
    mood = Mood(Brief(seed), 0.0, 0.0, warmth, 0.0, haze, (), "", True, "Test")
    sections, at = [], 0.0
    for name, role, length in bars:
        sections.append(Section(name, role, at, 4.0 * length))
        at += 4.0 * length
    return Form(mood, "test", 150.0, Key(9, "aeolian"), tuple(sections))


@cache
def score(seed: int = 7, haze: float = 0.0, warmth: float = 0.0, short: bool = False) -> Score:
    bars = (BARS[0], BARS[2], ("outro", "outro", 4)) if short else BARS
    structure = form(seed, bars, haze=haze, warmth=warmth)
    end = structure.duration_beats - 8.0
    beats = np.arange(0.0, end, 4.0)
    melody = tuple(Note(float(b) + k, 0.8, 76, 90) for b in beats for k in (0.0, 1.0))
    held = tuple(Note(float(b), 4.0, 57, 80) for b in beats)
    kicks = tuple(Note(float(b), 0.5, 36, 90) for b in beats if 16 <= b < end - 8)
    parts = (
        Part("kick", "drums", "drums", "soft", kicks),
        Part("bass", "bass", "synth", "808", kicks),
        Part("pad", "pads", "synth", "glass", held),
        Part("bells", "keys", "synth", "fm_bell", melody),
        Part("lead", "lead", "synth", "flute", melody),
        Part("vocals", "vocals", "vocals", "chops", melody),
        Part("weather", "textures", "weather", "rain", (Note(0.0, end, 60, 80),)),
    )
    return Score(structure, (), (), parts)


def part(of: Score, name: str) -> Part:
    return next(p for p in of.parts if p.name == name)


def noise(of: Score, level: float = 0.1) -> Audio:
    draws = np.random.default_rng(1)
    return Audio.take(level * draws.standard_normal((2, of.n_samples), dtype=np.float32))


def stretch(x: NDArray[np.float32], of: Score, start: float, stop: float) -> NDArray[np.float32]:
    first, last = (int(of.seconds_at(b) * SAMPLE_RATE) for b in (start, stop))
    return x[:, first:last]


def level_db(x: NDArray[np.float32]) -> float:
    return 20 * float(np.log10(np.sqrt(np.mean(np.square(x, dtype=np.float64))) + 1e-12))


def at(plan: Plan, target: str, parameter: str, beats: float) -> float:
    curve = plan.curve(target, parameter)
    assert curve is not None
    return float(np.interp(beats, curve.times_beats, curve.values))


def test_a_plan_is_its_seed() -> None:
    assert fx.plan(score()) == fx.plan(score())
    assert fx.plan(score()).effects != fx.plan(score(seed=8)).effects


@pytest.mark.parametrize("seed", range(5))
def test_every_curve_can_be_read(seed: int) -> None:
    plan = fx.plan(score(seed))
    places = [(curve.target, curve.parameter) for curve in plan.curves]
    assert len(set(places)) == len(places)
    for curve in plan.curves:
        assert len(curve.times_beats) == len(curve.values) > 0
        assert list(curve.times_beats) == sorted(set(curve.times_beats))
        assert np.isfinite(curve.values).all()
        if curve.parameter == "cutoff_hz":
            assert min(curve.values) >= 250 and max(curve.values) <= 20_001


@pytest.mark.parametrize("seed", range(5))
def test_a_hook_is_lifted(seed: int) -> None:
    plan = fx.plan(score(seed))
    hook = plan.score.form.sections[2].start_beats
    assert at(plan, "music", "cutoff_hz", hook - 0.2) < 900
    assert at(plan, "music", "cutoff_hz", hook) > 8_000
    assert at(plan, "music", "width", hook - 0.2) == pytest.approx(0.3, abs=0.02)
    assert at(plan, "music", "width", hook) > 1.0
    assert at(plan, "bass", "gain_db", hook - 4) <= -90
    for target in ("music", "drums", "bass"):
        assert at(plan, target, "gain_db", hook - 0.3) <= -90
        assert at(plan, target, "gain_db", hook) > -3
    inside, before = (
        [at(plan, "lead", "gain_db", hook + b) for b in r] for r in (range(32), range(-33, -1))
    )
    assert np.mean(inside) > np.mean(before) + 0.5


@pytest.mark.parametrize("seed", range(5))
def test_a_bridge_is_closed_for_every_stem(seed: int) -> None:
    plan = fx.plan(score(seed))
    bridge = plan.score.form.sections[3]
    slowly = draw_sections.bridge_kind(plan.score) == "sweep"
    closed = bridge.start_beats + (bridge.duration_beats / 2 if slowly else 4)
    for beats in np.linspace(closed, bridge.end_beats - 0.5, 9):
        for target in ("music", "drums", "bass", "space"):
            assert 250 < at(plan, target, "cutoff_hz", float(beats)) < 950


def test_a_song_is_wetter_in_its_hooks_and_closes_in_time() -> None:
    plan = fx.plan(score())
    send = plan.curve("pad", "hall_send_db")
    assert send is not None
    assert at(plan, "pad", "hall_send_db", 60.0) - at(plan, "pad", "hall_send_db", 30.0) >= 2
    assert all(c.values[-1] <= -90 for c in plan.curves if c.parameter.endswith("_send_db"))
    assert at(plan, "all", "gain_db", plan.score.form.duration_beats) <= -90


def test_the_last_note_of_a_phrase_blooms() -> None:
    plan = fx.plan(score())
    onsets = [n.onset_beats for n in part(plan.score, "lead").notes if 20 <= n.onset_beats < 30]
    inner, last = (at(plan, "lead", "hall_send_db", b + 0.4) for b in onsets[:2])
    assert 5.5 <= last - inner <= 8.5


def test_haze_sounds_longer_darker_and_older_than_ice() -> None:
    hazy, icy = fx.plan(score(haze=1.0, warmth=1.0)), fx.plan(score(haze=-1.0, warmth=-1.0))

    def drawn(plan: Plan, kind: str, target: str, name: str) -> float:
        effect = plan.effect(kind, target)
        return effect[name] if effect else 0.0

    assert drawn(hazy, "reverb", "hall", "t60_s") > drawn(icy, "reverb", "hall", "t60_s")
    assert drawn(hazy, "reverb", "hall", "damping_hz") < drawn(icy, "reverb", "hall", "damping_hz")
    assert drawn(hazy, "tape", "pads", "wow_cents") > drawn(icy, "tape", "pads", "wow_cents")


def test_no_delay_time_is_a_musical_fraction() -> None:
    for seed in range(10):
        delay = fx.plan(score(seed)).effect("delay", "delay")
        assert delay is not None
        for name in ("left_s", "right_s"):
            quarters = delay[name] * 150.0 / 60.0 * 4
            assert abs(quarters - round(quarters)) > 0.1


def test_the_filter_closes_in_the_bridge_even_for_drums() -> None:
    plan = fx.plan(score())
    for name in ("kick", "bells", "weather"):
        y = fx.insert(noise(plan.score), part(plan.score, name), plan).samples
        assert (
            level_db(stretch(y, plan.score, 86, 94)) < level_db(stretch(y, plan.score, 52, 70)) - 8
        )


def test_drums_and_bass_never_waver() -> None:
    of = score()
    tape = Effect("tape", "drums", (("wow_hz", 1.0), ("wow_cents", 9.0)))
    audio = noise(of)
    x = audio.samples.copy()
    fx.tape(x, "drums", Plan(of, (tape,), ()))
    np.testing.assert_array_equal(x, audio.samples)


def test_a_part_without_effects_passes_untouched_and_a_short_one_is_refused() -> None:
    of = score()
    audio = noise(of)
    untouched = fx.insert(audio, part(of, "pad"), Plan(of, (), ())).samples
    np.testing.assert_array_equal(untouched, audio.samples)
    with pytest.raises(AudioError, match="'pad' has 10 samples"):
        fx.insert(Audio(np.zeros((2, 10), np.float32)), part(of, "pad"), Plan(of, (), ()))
    with pytest.raises(AudioError, match="'pad' has 10 samples"):
        fx.Buses(of).add(part(of, "pad"), Audio(np.zeros((2, 10), np.float32)), Plan(of, (), ()))


def test_a_telephone_rings_only_in_its_bar() -> None:
    of = score()
    names = ("start_beats", "end_beats", "low_hz", "high_hz")
    phone = Effect("phone", "lead", tuple(zip(names, (20.0, 24.0, 400.0, 3_000.0), strict=True)))
    audio = noise(of)
    y = fx.insert(audio, part(of, "lead"), Plan(of, (phone,), ())).samples
    np.testing.assert_array_equal(stretch(y, of, 0, 20), stretch(audio.samples, of, 0, 20))
    np.testing.assert_array_equal(stretch(y, of, 25, 90), stretch(audio.samples, of, 25, 90))
    assert level_db(stretch(y, of, 20, 24)) < level_db(stretch(audio.samples, of, 20, 24)) - 6


def test_an_octave_sounds_in_hooks_only() -> None:
    of = score(short=True)
    octave = Effect("octave", "vocals", (("grain_s", 0.08), ("stream", 1.0)))
    curve = Curve("vocals", "octave_db", (15.9, 16.0, 48.0, 48.1), (-90.0, -6.0, -6.0, -90.0))
    t = np.arange(of.n_samples) / SAMPLE_RATE
    tone = Audio.take(np.tile(np.sin(2 * np.pi * 440 * t, dtype=np.float32), (2, 1)))
    y = fx.insert(tone, part(of, "vocals"), Plan(of, (octave,), (curve,))).samples

    def at_880(start: float, stop: float) -> float:
        x = stretch(y, of, start, stop)[0]
        spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x))))
        middle = round(880 * len(x) / SAMPLE_RATE)
        return float(spectrum[middle - 40 : middle + 40].max() / spectrum.max())

    assert at_880(20, 40) > 0.05 > 0.001 > at_880(2, 14)


def sent(of: Score, plan: Plan, names: tuple[str, ...]) -> fx.Buses:
    buses = fx.Buses(of)
    for name in names:
        buses.add(part(of, name), noise(of), plan)
    return buses


def test_the_space_is_as_long_as_the_song_and_ends_in_silence() -> None:
    of = score(short=True)
    plan = fx.plan(of)
    space = sent(of, plan, ("pad", "bells", "vocals")).render(plan)
    assert space.samples.shape == (2, of.n_samples)
    assert level_db(space.samples) > -60
    assert level_db(space.samples[:, -4_410:]) < -90
    assert space.samples.std() > 0 and abs(float(space.samples.mean())) < 1e-4
    hook = of.form.sections[1].start_beats
    silence = stretch(space.samples, of, hook - 0.35, hook - 0.15)
    assert level_db(silence) < level_db(stretch(space.samples, of, hook, hook + 4)) - 20


def test_buses_that_are_merged_in_any_order_are_one() -> None:
    of = score(short=True)
    plan = fx.plan(of)
    whole = sent(of, plan, ("pad", "bells"))
    merged = fx.Buses(of)
    for name in ("bells", "pad"):
        merged.merge(sent(of, plan, (name,)))
    first = whole.render(plan).samples
    np.testing.assert_array_equal(first, merged.render(plan).samples)
    assert not whole.render(plan).samples.any()


def test_nothing_sent_is_silence() -> None:
    of = score(short=True)
    assert not fx.Buses(of).render(fx.plan(of)).samples.any()


def test_the_shimmer_climbs_by_octaves() -> None:
    of = score(short=True)
    drawn = fx.plan(of)
    kept = tuple(e for e in drawn.effects if e.target == "shimmer")
    plan = Plan(of, kept, (Curve("pad", "shimmer_send_db", (0.0,), (0.0,)),))
    x = np.zeros((2, of.n_samples), np.float32)
    x[:, :44_100] = 0.2 * np.sin(2 * np.pi * 440 * np.arange(44_100) / SAMPLE_RATE)
    buses = fx.Buses(of)
    buses.add(part(of, "pad"), Audio.take(x), plan)
    tail = buses.render(plan).samples[0, 66_150:154_350]
    spectrum = np.abs(np.fft.rfft(tail * np.hanning(len(tail))))
    at_hz = np.fft.rfftfreq(len(tail), 1 / SAMPLE_RATE)
    steps = [float(spectrum[np.abs(at_hz - hz) < 30].max()) for hz in (440, 880, 1_760, 3_520)]
    assert steps[1] > 0.1 * steps[0] and steps[2] > 0.03 * steps[0] and steps[3] < 0.01 * steps[0]


def test_haze_and_stillness_are_a_larger_room_than_ice_and_drive() -> None:
    def room(**axes: float) -> list[float]:
        found = []
        for seed in range(8):
            structure = form(seed, BARS, **axes)
            mood = Mood(Brief(seed), 0.0, axes["energy"], axes["warmth"], 0.0, axes["haze"],
                        (), "", True, "Test")  # fmt: skip
            plan = fx.plan(replace(score(seed), form=replace(structure, mood=mood)))
            hall, echo = plan.effect("reverb", "hall"), plan.effect("delay", "delay")
            assert hall is not None and echo is not None
            found.append((hall["t60_s"], hall["damping_hz"], echo["left_s"], echo["wow_cents"]))
        return [float(v) for v in np.median(found, axis=0)]

    large = room(haze=0.7, energy=-0.7, warmth=0.5)
    small = room(haze=-0.6, energy=0.6, warmth=-0.6)
    assert large[0] > 1.2 * small[0]
    assert large[1] < 0.6 * small[1]
    assert large[2] > 1.5 * small[2]
    assert large[3] > small[3] + 4


@pytest.mark.parametrize("seed", range(3))
def test_no_part_stands_still(seed: int) -> None:
    plan = fx.plan(score(seed))
    for found in plan.score.parts:
        moving = [c for c in plan.curves if c.target == found.name and len(set(c.values)) > 2]
        assert len(moving) >= 2, found.name


def test_a_filter_travels_over_a_whole_section_and_steps_at_its_seam() -> None:
    travels, steps = [], []
    for seed in range(6):
        plan = fx.plan(score(seed))
        for name in ("bells", "lead", "vocals"):
            read = [np.log2(at(plan, name, "cutoff_hz", b)) for b in np.arange(16.0, 47.9, 2.0)]
            travels.append(max(read) - min(read))
            seam = [np.log2(at(plan, name, "cutoff_hz", b)) for b in (47.95, 48.05)]
            steps.append(abs(seam[1] - seam[0]))
    assert np.median(travels) > 0.7
    assert np.median(steps) > 0.4


def test_the_loudness_of_a_hook_has_a_shape() -> None:
    for seed in range(6):
        plan = fx.plan(score(seed))
        levels = [at(plan, "music", "gain_db", b) for b in np.arange(48.1, 80.0, 1.0)]
        assert 1.5 < max(levels) - min(levels) < 6


def test_the_shimmer_blooms_into_a_seam_and_closes_before_the_end() -> None:
    plan = fx.plan(score())
    seam = plan.score.form.sections[2].start_beats
    before, bloom = (at(plan, "pad", "shimmer_send_db", seam - b) for b in (12.0, 1.0))
    assert bloom > before + 6
    assert at(plan, "pad", "shimmer_send_db", plan.score.form.duration_beats - 8.0) <= -90


def test_ducking_is_deepest_in_hooks_and_heard() -> None:
    plan = fx.plan(score())
    assert at(plan, "pads", "duck_db", 60.0) > at(plan, "pads", "duck_db", 30.0) + 1.5
    deep, light = (
        reading.duck(
            Plan(plan.score, (), (Curve("space", "duck_db", (0.0,), (db,)),)),
            Effect("duck", "space", (("depth_db", 5.0), ("attack_s", 0.02), ("release_s", 0.2))),
            plan.score.n_samples,
        ).min()
        for db in (6.0, 2.0)
    )
    assert 20 * np.log10([deep, light]) == pytest.approx([-6, -2], abs=0.1)


def test_the_silence_before_a_hook_is_no_hole() -> None:
    for tempo_bpm in (120.0, 164.0):
        for before in form(1, BARS).sections:
            silent_s = draw_sections.pause_beats(before, tempo_bpm) * 60.0 / tempo_bpm
            assert 0.15 < silent_s < 0.35


EVENTS = {
    "phone": {"low_hz": 400.0, "high_hz": 3_000.0},
    "half_speed": {},
    "reversed_bar": {},
    "stutter": {"slice_beats": 0.25, "step_db": -0.5},
    "freeze": {"grain_s": 0.1, "stream": 3.0},
}


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_stays_in_its_bar_and_never_clicks(kind: str) -> None:
    of = score(short=True)
    given = {"start_beats": 20.0, "end_beats": 24.0, **EVENTS[kind]}
    plan = Plan(of, (Effect(kind, "music", tuple(given.items())),), ())
    sweep = np.sin(np.cumsum(np.linspace(0.02, 0.06, of.n_samples)), dtype=np.float64)
    audio = Audio.take(np.tile(sweep.astype(np.float32), (2, 1)))
    y = fx.insert(audio, part(of, "lead"), plan).samples
    for span in ((0, 20), (24.1, 48)):
        np.testing.assert_array_equal(stretch(y, of, *span), stretch(audio.samples, of, *span))
    assert not np.allclose(stretch(y, of, 21, 23), stretch(audio.samples, of, 21, 23), atol=0.1)
    assert np.abs(np.diff(y[0])).max() < 1.3 * np.abs(np.diff(audio.samples[0])).max()
    kick = fx.insert(audio, part(of, "kick"), plan).samples
    np.testing.assert_array_equal(kick, audio.samples)


def test_a_bridge_closes_in_one_of_several_ways() -> None:
    ways: dict[str, list[float]] = {}
    for seed in range(16):
        plan = fx.plan(score(seed))
        bridge = plan.score.form.sections[3]
        kind = draw_sections.bridge_kind(plan.score)
        levels = [at(plan, "music", "cutoff_hz", bridge.start_beats + b) for b in (3.0, 4.0, 8.5)]
        ways.setdefault(kind, []).append(levels[0] / levels[2])
        radio = [e for e in plan.effects if e.kind == "phone" and e.target == "music"
                 and e["start_beats"] == bridge.start_beats]  # fmt: skip
        assert bool(radio) == (kind == "band")
    assert set(ways) == set(draw_sections.BRIDGES)
    assert min(ways["sweep"]) > 1.5 * max(ways["swing"])
    assert max(ways["swing"]) < min(ways["cliff"])


def test_half_speed_is_an_octave_down() -> None:
    of = score(short=True)
    span = (("start_beats", 20.0), ("end_beats", 24.0))
    t = np.arange(of.n_samples) / SAMPLE_RATE
    tone = Audio.take(np.tile(np.sin(2 * np.pi * 440 * t, dtype=np.float32), (2, 1)))
    plan = Plan(of, (Effect("half_speed", "music", span),), ())
    x = stretch(fx.insert(tone, part(of, "lead"), plan).samples, of, 20.2, 23.8)[0]
    peak = np.argmax(np.abs(np.fft.rfft(x * np.hanning(len(x))))) * SAMPLE_RATE / len(x)
    assert peak == pytest.approx(220, abs=2)


def test_events_are_rare_and_of_every_kind() -> None:
    kinds = ("half_speed", "reversed_bar", "tape_stop", "freeze")
    songs = [{e.kind for e in fx.plan(score(seed)).effects} for seed in range(60)]
    for kind in kinds:
        assert 1 <= sum(kind in song for song in songs) <= 20
    assert sum(not song & set(kinds) for song in songs) > 15


def test_a_reversed_swell_rises_into_its_seam() -> None:
    of = score(short=True)
    swell = Effect(
        "reverse_reverb", "hook",
        (("seam_beats", 16.0), ("end_beats", 15.5), ("length_beats", 6.0), ("take_s", 1.5),
         ("gain_db", -3.0)),
    )  # fmt: skip
    drawn = fx.plan(of)
    hall = tuple(e for e in drawn.effects if (e.kind, e.target) == ("reverb", "hall"))
    send = Curve("pad", "hall_send_db", (15.9, 16.0), (-90.0, 0.0))
    closed = Curve("space", "cutoff_hz", (0.0, 15.9, 16.0), (500.0, 500.0, 20_000.0))
    wet = sent(of, Plan(of, (*hall, swell), (send, closed)), ("pad",)).render(
        Plan(of, (*hall, swell), (send, closed))
    )
    levels = [level_db(stretch(wet.samples, of, b, b + 1.0)) for b in (10, 12, 14.4)]
    after = level_db(stretch(wet.samples, of, 16, 20))
    assert levels[0] + 8 < levels[1] < levels[2] - 3
    assert after - 8 < levels[2] < after + 2
    assert level_db(stretch(wet.samples, of, 15.55, 15.85)) < -80


def test_the_bottom_is_mono() -> None:
    of = score()
    x = np.random.default_rng(2).standard_normal((2, of.n_samples), dtype=np.float32)
    fx.treat(x, part(of, "pad"), Plan(of, (), ()), low_cut_hz=90.0, side_cut_hz=200.0)
    low = lowpass(x, SAMPLE_RATE, 100.0, order=8)
    assert float(np.asarray(np.corrcoef(x)).min()) < 0.3
    assert float(np.asarray(np.corrcoef(low)).min()) > 0.95


def test_a_stems_tape_wavers_and_keeps_its_length() -> None:
    of = score()
    drawn = (("wow_hz", 1.0), ("wow_cents", 9.0), ("flutter_hz", 9.0), ("flutter_cents", 1.0))
    machine = Effect("tape", "pads", (*drawn, ("stream", 3.0)))
    x = np.tile(np.sin(np.arange(of.n_samples) * 0.05, dtype=np.float32), (2, 1))
    before = x.copy()
    fx.tape(x, "pads", Plan(of, (machine,), ()))
    spans = np.diff(np.flatnonzero((x[0, 1:-1] > 0) & (x[0, :-2] <= 0)))
    assert np.ptp(spans) > np.ptp(
        np.diff(np.flatnonzero((before[0, 1:-1] > 0) & (before[0, :-2] <= 0)))
    )
    assert level_db(x) == pytest.approx(level_db(before), abs=0.1)


def test_a_stopped_tape_leaves_the_silence_before_a_hook_alone() -> None:
    seed = next(s for s in range(200) if fx.plan(score(s)).effect("tape_stop", "music"))
    plan = fx.plan(score(seed))
    stop = plan.effect("tape_stop", "music")
    assert stop is not None
    end = stop["end_beats"]
    lifts = draw_sections.lift_beats(plan.score)
    hook = next(h for _, h, _ in lifts if 0 < h.start_beats - end <= 1.0)
    of = plan.score
    t = np.arange(of.n_samples) / SAMPLE_RATE
    x = np.tile(0.5 * np.sin(2 * np.pi * 440 * t), (2, 1)).astype(np.float32)
    quiet, back = (round(of.seconds_at(b) * SAMPLE_RATE) for b in (end, hook.start_beats - 0.1))
    x[:, quiet:back] = 0.0
    fx.tape(x, "lead", Plan(of, (stop,), ()))
    assert level_db(stretch(x, of, end - 2.0, end - 1.0)) > -15
    assert not stretch(x, of, end + 0.03, hook.start_beats - 0.12).any()
    assert level_db(stretch(x, of, hook.start_beats, hook.start_beats + 1.0)) > -12
    assert np.abs(np.diff(x[0, : quiet + 400])).max() < 0.04
