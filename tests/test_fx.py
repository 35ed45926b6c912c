"""What is drawn for a song, and what it does to parts and spaces."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from halation import fx
from halation.dsp.filters import lowpass
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
        assert at(plan, target, "gain_db", hook) == 0
    assert at(plan, "lead", "gain_db", hook) == 1.5


@pytest.mark.parametrize("seed", range(5))
def test_a_bridge_is_closed_for_every_stem(seed: int) -> None:
    plan = fx.plan(score(seed))
    bridge = plan.score.form.sections[3]
    for beats in np.linspace(bridge.start_beats + 4, bridge.end_beats - 0.5, 9):
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
    x = noise(of).samples.copy()
    fx.tape(x, "drums", Plan(of, (tape,), ()))
    np.testing.assert_array_equal(x, noise(of).samples)


def test_a_part_without_effects_passes_untouched_and_a_short_one_is_refused() -> None:
    of = score()
    audio = noise(of)
    passed = fx.insert(audio, part(of, "pad"), Plan(of, (), ()))
    np.testing.assert_array_equal(passed.samples, audio.samples)
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


def test_buses_that_are_merged_in_order_are_one() -> None:
    of = score(short=True)
    plan = fx.plan(of)
    whole = sent(of, plan, ("pad", "bells"))
    merged = fx.Buses(of)
    for name in ("pad", "bells"):
        merged.merge(sent(of, plan, (name,)))
    first = whole.render(plan).samples
    np.testing.assert_array_equal(first, merged.render(plan).samples)
    np.testing.assert_array_equal(first, whole.render(plan).samples)


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
