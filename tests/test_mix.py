"""Levels, places, ducking and section faders, on sounds whose levels are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from halation import arc, mix
from halation.dsp.filters import filtered
from halation.dsp.loudness import active_loudness, meter
from halation.mix import placement, survey
from halation.seeds import rng
from halation.types import (
    SAMPLE_RATE,
    STEM_NAMES,
    WHOLE_SONG,
    Audio,
    AudioError,
    Curve,
    Effect,
    Mix,
    Part,
    Plan,
    Score,
    Stem,
    Stems,
)
from tests.fakes import fake_score

Signal = NDArray[np.float32]


def noise(score: Score, name: str, level: float = 0.1, side: float = 0.5) -> Signal:
    """Stereo noise as long as the song, its side so much softer than its middle."""
    middle, other = rng(3, name).standard_normal((2, score.n_samples), dtype=np.float32) * level
    return np.stack([middle + side * other, middle - side * other])


PLAYED = tuple(name for name in STEM_NAMES if name != WHOLE_SONG)


def flat_stems(score: Score, names: tuple[str, ...] = PLAYED) -> Stems:
    """Stems that are equally loud in every section: nobody has arranged anything."""
    bands = {"drums": (2_000.0, 9_000.0), "bass": (40.0, 90.0)}
    tracks = []
    for name in names:
        x = noise(score, name, side=0.0 if name == "bass" else 0.6)
        band = bands.get(name, (300.0, 5_000.0))
        tracks.append(Stem(name, Audio(filtered(x, SAMPLE_RATE, "bandpass", band))))
    return Stems(score, tuple(tracks))


def bare(score: Score | None = None) -> Plan:
    return Plan(score or fake_score(), (), ())


def part(name: str, stem: str, **settings: float) -> Part:
    return Part(name, stem, "synth", "glass", (), tuple(settings.items()))


def correlation(x: Signal) -> float:
    return float(np.corrcoef(x[0], x[1])[0, 1])


def section_levels(mixed: Mix) -> dict[str, float]:
    score = mixed.plan.score
    found = meter(mixed.audio)
    return {
        s.role: found.between(
            score.seconds_at(s.start_beats), score.seconds_at(s.end_beats)
        ).integrated
        for s in score.form.sections
    }


@pytest.mark.parametrize(("name", "stem"), [("pad", "pads"), ("lead", "lead"), ("x", "keys")])
def test_a_part_comes_to_the_level_of_its_seat(name: str, stem: str) -> None:
    plan, who = bare(), part(name, stem)
    for level in (0.001, 0.3):
        placed = mix.place(Audio(noise(plan.score, name, level)), who, plan)
        wanted = mix.REFERENCE_LUFS + mix.seat(who, plan.score.form.mood.brief.entropy).level_lu
        assert active_loudness(placed.samples) == pytest.approx(wanted, abs=1.0)


def test_a_sparse_part_is_not_blown_up_and_keeps_its_dynamics() -> None:
    plan, who = bare(), part("bells", "keys")
    busy = noise(plan.score, "bells")
    sparse = busy.copy()
    sparse[:, 100_000:] = 0.0
    loud = mix.place(Audio(busy), who, plan).samples[:, 20_000:90_000]
    few = mix.place(Audio(sparse), who, plan).samples
    assert 20 * np.log10(few[:, 20_000:90_000].std() / loud.std()) == pytest.approx(0.0, abs=0.3)
    assert not few[:, 200_000:].any()
    swelling = busy * np.linspace(0.1, 1.0, busy.shape[1], dtype=np.float32)
    placed = mix.place(Audio(swelling), who, plan).samples
    ratio = placed[:, -20_000:].std() / placed[:, 60_000:80_000].std()
    assert ratio == pytest.approx(
        swelling[:, -20_000:].std() / swelling[:, 60_000:80_000].std(), rel=0.05
    )


def test_silence_stays_silence() -> None:
    plan = bare()
    quiet = Audio(np.zeros((2, plan.score.n_samples), np.float32))
    assert not mix.place(quiet, part("pad", "pads"), plan).samples.any()


def test_pan_and_width_move_the_picture() -> None:
    plan = bare()
    sound = Audio(noise(plan.score, "pluck", side=0.7))
    left, right, mono = (
        mix.place(sound, part("pluck", "keys", **settings), plan).samples
        for settings in ({"pan": -0.5}, {"pan": 0.5}, {"width": 0.0, "pan": 0.0})
    )
    assert left[0].std() > 1.5 * left[1].std()
    assert right[1].std() > 1.5 * right[0].std()
    assert np.array_equal(mono[0], mono[1])


def test_drawn_gains_add_up_and_spare_drums() -> None:
    score = fake_score()
    curves = tuple(
        Curve(target, "gain_db", (0.0, 56.0), (-6.0, -6.0)) for target in ("keys", "music", "all")
    )
    plan = Plan(score, (), curves)
    for name, stem, moved in (
        ("x", "keys", -18.0),
        ("snare", "drums", -6.0),
        ("bass", "bass", -6.0),
    ):
        sound = Audio(noise(score, name))
        with_curves = mix.place(sound, part(name, stem), plan).samples
        without = mix.place(sound, part(name, stem), bare(score)).samples
        assert 20 * np.log10(with_curves.std() / without.std()) == pytest.approx(moved, abs=0.01)


def test_width_follows_its_curve() -> None:
    score = fake_score()
    plan = Plan(score, (), (Curve("music", "width", (0.0, 28.0, 28.5), (1.0, 1.0, 0.0)),))
    placed = mix.place(Audio(noise(score, "pad")), part("pad", "pads"), plan).samples
    half = round(score.seconds_at(30.0) * SAMPLE_RATE)
    assert np.array_equal(placed[0, half:], placed[1, half:])
    assert (placed[0, :half] - placed[1, :half]).std() > 0.01 * placed.std()


def test_pads_duck_under_the_808() -> None:
    score = fake_score()
    plan = Plan(score, (Effect("duck", "pads", (("depth_db", 5.0),)),), ())
    sound = Audio(noise(score, "pad"))
    pad = part("pad", "pads")
    ducked, free = (mix.place(sound, pad, p).samples for p in (plan, bare(score)))
    hit = score.onset_s(next(p for p in score.parts if p.stem == "bass").notes[1])
    after = slice(round((hit + 0.02) * SAMPLE_RATE), round((hit + 0.03) * SAMPLE_RATE))
    before = slice(round((hit - 0.1) * SAMPLE_RATE), round((hit - 0.01) * SAMPLE_RATE))
    assert 20 * np.log10(ducked[:, after].std() / free[:, after].std()) == pytest.approx(
        -5, abs=0.3
    )
    assert np.allclose(ducked[:, before], free[:, before])
    kick = part("kick", "drums")
    plan = Plan(score, (Effect("duck", "drums", (("depth_db", 5.0),)),), ())
    assert np.array_equal(
        mix.place(sound, kick, plan).samples, mix.place(sound, kick, bare(score)).samples
    )


def test_placing_does_not_depend_on_the_block_size(monkeypatch: pytest.MonkeyPatch) -> None:
    score = fake_score()
    plan = Plan(
        score, (Effect("duck", "pads", ()),), (Curve("all", "gain_db", (0.0, 56.0), (0.0, -9.0)),)
    )
    sound = Audio(noise(score, "pad"))
    whole = mix.place(sound, part("pad", "pads"), plan).samples
    monkeypatch.setattr(placement, "_BLOCK", 256 * 7)
    assert np.abs(mix.place(sound, part("pad", "pads"), plan).samples - whole).max() < 1e-6


def test_seats_differ_a_little_between_songs() -> None:
    levels = {mix.seat(part("pad", "pads"), seed).level_lu for seed in range(10)}
    assert len(levels) == 10
    assert max(levels) - min(levels) <= 2.0


def test_a_part_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(AudioError, match=r"'pad' must be stereo"):
        mix.place(Audio(np.zeros((2, 100), np.float32)), part("pad", "pads"), bare())


@pytest.fixture(scope="module")
def mixed() -> Mix:
    plan = bare()
    return mix.down(flat_stems(plan.score), plan)


def test_the_stems_sum_to_the_mix(mixed: Mix) -> None:
    total = np.zeros_like(mixed.audio.samples)
    for track in mixed.stems.tracks:
        total += track.audio.samples
    assert np.abs(total - mixed.audio.samples).max() < 10 ** (-90 / 20) * np.abs(total).max()
    assert [track.name for track in mixed.stems.tracks] == list(PLAYED)


def test_one_gain_leaves_room_above_every_stem(mixed: Mix) -> None:
    peaks = [np.abs(a.samples).max() for a in (mixed.audio, *(t.audio for t in mixed.stems.tracks))]
    assert max(peaks) < 1.0
    assert mixed.gain_db == arc.COMMON_DB


def test_sections_of_equal_level_are_given_their_arc(mixed: Mix) -> None:
    levels = section_levels(mixed)
    assert 3.0 < levels["hook"] - levels["verse"] < 5.0
    assert 4.0 < levels["hook"] - levels["intro"] < 7.5
    assert 3.0 < levels["hook"] - levels["bridge"] < 6.0
    assert 4.0 < levels["hook"] - levels["outro"] < 8.0
    rides = dict(mixed.rides_db)
    assert rides["verse"] < rides["hook"]


def test_drums_lie_under_the_music(mixed: Mix) -> None:
    score = mixed.plan.score
    drums = meter(mixed.stems.tracks[0].audio)
    music = meter(sum(t.audio.samples for t in mixed.stems.tracks[2:]))  # type: ignore[arg-type]
    for section in score.form.sections[1:3]:
        span = (
            score.seconds_at(section.start_beats) + 0.5,
            score.seconds_at(section.end_beats) - 0.5,
        )
        under = music.between(*span).integrated - drums.between(*span).integrated
        assert (
            (6.0 if section.role == "verse" else 4.0)
            < under
            < (9.0 if section.role == "verse" else 6.0)
        )


def span(score: Score, role: str) -> slice:
    """Samples of the section of a role, its seams left out."""
    section = next(s for s in score.form.sections if s.role == role)
    start, end = (score.seconds_at(b) for b in (section.start_beats, section.end_beats))
    return slice(round((start + 0.6) * SAMPLE_RATE), round((end - 0.6) * SAMPLE_RATE))


def over_db(x: Signal, y: Signal) -> float:
    return 20 * float(np.log10(x.std() / y.std()))


def with_levels(score: Score, **levels_db: float) -> Stems:
    """Flat stems, some of them louder or softer."""
    return Stems(
        score,
        tuple(
            Stem(t.name, Audio(t.audio.samples * 10 ** (levels_db.get(t.name, 0.0) / 20)))
            for t in flat_stems(score).tracks
        ),
    )


@pytest.mark.parametrize("vocals_db", [-2.0, -5.0])
def test_a_buried_voice_is_read_in_the_hook(vocals_db: float) -> None:
    score = fake_score()
    levels = {"vocals": vocals_db, "lead": -12.0, "keys": -6.0, "pads": -6.0, "textures": -20.0}
    mixed = mix.down(with_levels(score, **levels, space=-10.0, drums=-6.0), bare(score))
    hook = span(score, "hook")
    vocals = filtered(mixed.stems.get("vocals").samples, SAMPLE_RATE, "bandpass", (300.0, 5_000.0))  # type: ignore[union-attr]
    total = filtered(mixed.audio.samples, SAMPLE_RATE, "bandpass", (300.0, 5_000.0))
    assert -1.8 < over_db(vocals[:, hook], (total - vocals)[:, hook]) < 3.0


def test_a_voice_sings_the_hook_and_the_lead_follows() -> None:
    score = fake_score()
    mixed = mix.down(with_levels(score, vocals=-6.0, lead=3.0), bare(score))
    hook = span(score, "hook")
    vocals, lead = (mixed.stems.get(name).samples[:, hook] for name in ("vocals", "lead"))  # type: ignore[union-attr]
    assert over_db(lead, vocals) < -3.5


def test_returns_stay_behind_and_are_wetter_in_the_hook() -> None:
    score = fake_score()
    mixed = mix.down(with_levels(score, space=8.0), bare(score))
    wet = mixed.stems.get("space").samples  # type: ignore[union-attr]
    names = ("vocals", "lead", "keys", "pads", "textures")
    dry = np.sum([t.audio.samples for t in mixed.stems.tracks if t.name in names], axis=0)
    hook, verse = (
        over_db(wet[:, s], dry[:, s]) for s in (span(score, "hook"), span(score, "verse"))
    )
    assert hook < -3.5
    assert hook - verse > 2.0


def test_the_music_steps_back_while_a_voice_sounds() -> None:
    score = fake_score()
    stems = flat_stems(score, ("keys", "vocals"))
    hook = span(score, "hook")
    silent, sung = (slice(a, a + SAMPLE_RATE) for a in (hook.start, hook.start + 2 * SAMPLE_RATE))
    vocals = np.zeros_like(stems.tracks[1].audio.samples)
    vocals[:, sung] = stems.tracks[1].audio.samples[:, sung]
    given = Stems(score, (stems.tracks[0], Stem("vocals", Audio(vocals))))
    keys = mix.down(given, bare(score)).stems.tracks[0].audio.samples
    inside = slice(sung.start + 9_000, sung.stop - 9_000)
    assert over_db(keys[:, inside], keys[:, silent]) == pytest.approx(-2.0, abs=0.3)


def test_drums_do_not_stand_over_a_soft_bridge() -> None:
    score = fake_score()
    stems = flat_stems(score)
    soft = np.ones(score.n_samples, np.float32)
    soft[span(score, "bridge")] = 0.6
    tracks = tuple(
        track if track.name == "drums" else Stem(track.name, Audio(track.audio.samples * soft))
        for track in stems.tracks
    )
    mixed = mix.down(Stems(score, tracks), bare(score))
    bridge = span(score, "bridge")
    music = sum(t.audio.samples for t in mixed.stems.tracks if t.name not in ("drums", "bass"))
    levels = [meter(x[:, bridge]).integrated for x in (mixed.stems.tracks[0].audio.samples, music)]  # type: ignore[index]
    assert levels[1] - levels[0] > 3.0


def test_widening_leaves_the_voice_in_the_middle() -> None:
    score = fake_score()
    tracks = tuple(Stem(name, Audio(noise(score, name, side=0.2))) for name in ("pads", "vocals"))
    mixed = mix.down(Stems(score, tracks), bare(score))
    pads, vocals = (correlation(t.audio.samples) for t in mixed.stems.tracks)
    assert pads < correlation(tracks[0].audio.samples) - 0.1
    assert vocals == pytest.approx(correlation(tracks[1].audio.samples), abs=0.01)


def test_the_bass_is_at_most_4_db_over_the_rest(mixed: Mix) -> None:
    bass = mixed.stems.tracks[1].audio.samples
    rest = mixed.audio.samples - bass
    assert 20 * np.log10(bass.std() / rest.std()) < 4.0


def test_the_bass_is_not_ridden_above_its_hooks() -> None:
    score = fake_score()
    stems = flat_stems(score)
    soft = np.ones(score.n_samples, np.float32)
    bridge = score.form.sections[3]
    start, end = (
        round(score.seconds_at(b) * SAMPLE_RATE) for b in (bridge.start_beats, bridge.end_beats)
    )
    soft[start:end] = 0.1
    tracks = tuple(
        track if track.name == "bass" else Stem(track.name, Audio(track.audio.samples * soft))
        for track in stems.tracks
    )
    found = mix.down(Stems(score, tracks), bare(score))
    rides = dict(found.rides_db)
    assert rides["bridge"] > rides["hook"] + 3.0
    bass = meter(found.stems.tracks[1].audio)
    hook = score.form.sections[2]
    levels = [
        bass.between(
            score.seconds_at(s.start_beats) + 0.5, score.seconds_at(s.end_beats) - 0.5
        ).integrated
        for s in (bridge, hook)
    ]
    assert levels[0] <= levels[1] + 0.2


def test_the_fader_moves_without_a_click() -> None:
    score = fake_score()
    wave = 0.1 * np.cos(np.arange(score.n_samples) * 0.05)
    steady = np.tile(wave.astype(np.float32), (2, 1))
    out = mix.down(Stems(score, (Stem("keys", Audio(steady)),)), bare(score)).audio.samples[0]
    assert np.abs(np.diff(out, 2)).max() < 1.1 * 0.05**2 * np.abs(out).max()


@pytest.mark.parametrize("side", [0.1, 4.0])
def test_too_narrow_or_too_wide_a_song_is_brought_back(side: float) -> None:
    score = fake_score()
    x = noise(score, "keys", side=side)
    out = mix.down(Stems(score, (Stem("keys", Audio(x)),)), bare(score)).audio.samples
    assert not 0.2 < correlation(x) < 0.9
    assert 0.2 < correlation(out) < 0.85


def test_measured_and_real_correlation_agree() -> None:
    stems = flat_stems(fake_score())
    total = np.sum([t.audio.samples for t in stems.tracks], axis=0)
    pairs = survey.survey({t.name: t.audio.samples for t in stems.tracks}).whole.sum(axis=(0, 1))
    assert survey.correlation(pairs) == pytest.approx(correlation(total), abs=0.03)
    doubled = np.stack([total[0] * 1.5 - total[1] * 0.5, total[1] * 1.5 - total[0] * 0.5])
    assert survey.correlation(pairs, 2.0) == pytest.approx(correlation(doubled), abs=0.03)


def test_the_survey_agrees_with_the_meter() -> None:
    stems = flat_stems(fake_score(), ("pads",))
    found = survey.survey({t.name: t.audio.samples for t in stems.tracks})
    wanted = meter(stems.tracks[0].audio).energies.mean()
    assert found.loud.sum(axis=1).mean() == pytest.approx(wanted, rel=0.05)


def test_silent_and_missing_stems_do_no_harm() -> None:
    score = fake_score()
    quiet = Stem("drums", Audio(np.zeros((2, score.n_samples), np.float32)))
    alone = mix.down(Stems(score, (quiet,)), bare(score))
    assert not alone.audio.samples.any()
    with pytest.raises(AudioError, match="no stem"):
        mix.down(Stems(score, ()), bare(score))
    short = Stem("drums", Audio(np.zeros((2, 100), np.float32)))
    with pytest.raises(AudioError, match="'drums' must be stereo"):
        mix.down(Stems(score, (short,)), bare(score))


def test_mixing_twice_gives_the_same_samples(mixed: Mix) -> None:
    again = mix.down(flat_stems(mixed.plan.score), mixed.plan)
    assert np.array_equal(again.audio.samples, mixed.audio.samples)
    assert again.rides_db == mixed.rides_db


def test_stems_that_somebody_holds_stay_as_they_are(mixed: Mix) -> None:
    held = flat_stems(mixed.plan.score)
    before = [track.audio.samples.copy() for track in held.tracks]
    again = mix.down(held, mixed.plan)
    assert np.array_equal(again.audio.samples, mixed.audio.samples)
    for track, samples in zip(held.tracks, before, strict=True):
        assert np.array_equal(track.audio.samples, samples)
        assert not track.audio.samples.flags.writeable


def test_unknown_parts_sit_where_their_stem_does() -> None:
    who = part("theremin", "pads")
    assert mix.seat(who, 1).low_cut_hz == mix.SEATS["pad"].low_cut_hz
    assert mix.seat(replace(who, stem="space"), 1).level_lu < 0
