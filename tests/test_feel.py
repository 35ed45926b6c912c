"""Feel as an outsider measures it on finished scores, and what the drums play."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from benchmarks.drummers import Series, feeling
from benchmarks.feel import centred, played
from halation.form import plan
from halation.score.drums import HAT, OPEN_HAT, ROLLS, SHAKER
from halation.score.rules import Rules
from halation.score.skeletons import SHAKERS, SKELETONS, varied
from halation.score.timing import DRUMMERS, FEELS, LEADERS
from halation.stems.drums import Drums
from halation.stems.rolls import bends
from halation.types import SAMPLE_RATE, Brief, Note, Part, Score, Stems
from tests.composed import inside, make_mood, notes_of, of_role

DRIFTING = ("kick", "snare", "perc", "bells", "vocals", "saw", "pluck", "arp", "counter", "pad")


@pytest.fixture(scope="module")
def songs() -> list[Score]:
    """Thirty songs anywhere in the space of moods."""
    axes = np.random.default_rng(5).uniform(-1, 1, (30, 5))
    return [Rules()(plan(make_mood(Brief(s), *row)), s) for s, row in enumerate(axes)]


@pytest.fixture(scope="module")
def voices(songs: list[Score]) -> dict[str, list[Series]]:
    """Each voice's strokes, song by song."""
    return played(songs)


# ------------------------------------------------------------------ time


@pytest.mark.parametrize("voice", DRUMMERS)
def test_every_voice_of_the_kit_remembers_as_the_drummers_do(
    voice: str, voices: dict[str, list[Series]]
) -> None:
    rows = centred(voices[voice])
    here = feeling(rows)
    assert here.lags[0] == pytest.approx(DRUMMERS[voice].lag_1, abs=0.05)
    assert all(abs(feeling([one]).lags[0] - DRUMMERS[voice].lag_1) < 0.15 for one in rows)
    assert here.lags[0] > here.lags[3] > -0.05  # a drift that is forgotten, not a pattern


@pytest.mark.parametrize("voice", ["bells", "vocals", "saw", "pluck", "arp", "counter", "bass"])
def test_melodies_and_the_808_have_a_hand_as_well(
    voice: str, voices: dict[str, list[Series]]
) -> None:
    here = feeling(centred(voices[voice]))
    hand = DRUMMERS["kick"] if voice == "bass" else FEELS[voice].hand
    assert here.lags[0] == pytest.approx(hand.lag_1, abs=0.1)


def test_spreads_have_the_drummers_ratios_and_the_hats_are_steady(
    voices: dict[str, list[Series]],
) -> None:
    spread = {v: feeling(centred(rows)).sigma_ms for v, rows in voices.items()}
    for voice in DRIFTING:
        assert 7.7 < spread[voice] < 12.0, voice
    assert 3.0 < spread["hats"] < 5.0
    for voice in ("snare", "perc"):
        theirs = DRUMMERS[voice].sigma_ms / DRUMMERS["kick"].sigma_ms
        assert spread[voice] / spread["kick"] == pytest.approx(theirs, abs=0.08)


@pytest.mark.parametrize(
    ("voice", "low", "high"),
    [("snare", 8, 25), ("hats", -2, 3), ("bells", -5.5, 15.5), ("bass", -0.5, 6.5)],
)
def test_each_voice_has_its_lateness(
    voice: str, low: float, high: float, voices: dict[str, list[Series]]
) -> None:
    means = [rows[:, 1].mean() for rows in voices[voice]]
    assert low <= min(means) and max(means) <= high
    assert np.ptp(means) > 0.4 * (high - low)  # and songs differ


def test_a_roll_moves_as_one(songs: list[Score]) -> None:
    steps = [(b.offset_s - a.offset_s) * 1_000 for score in songs
             for a, b in pairwise(notes_of(score, "hats"))
             if b.onset_beats - a.onset_beats < 0.2]  # fmt: skip
    assert len(steps) > 300
    assert np.std(steps) < 4.0  # of strokes some 55 ms apart


def test_an_808_falls_with_its_kick(songs: list[Score]) -> None:
    for score in songs:
        kicks = {n.onset_beats: n.offset_s for n in notes_of(score, "kick")}
        apart = [n.offset_s - kicks[n.onset_beats] for n in notes_of(score, "bass")
                 if n.onset_beats in kicks]  # fmt: skip
        assert apart and max(np.abs(apart)) < 0.018


def test_voices_of_one_line_wander_together(songs: list[Score]) -> None:
    assert {"bells", "vocals", "saw"} <= {v for v, led in LEADERS.items() if led[0] == "line"}
    for score in songs:
        bells = {n.onset_beats: n.offset_s for n in notes_of(score, "bells")}
        both = [(bells[n.onset_beats], n.offset_s) for n in notes_of(score, "saw")
                if n.onset_beats in bells]  # fmt: skip
        if len(both) > 20:
            assert np.corrcoef(np.transpose(both))[0, 1] > 0.7


def test_what_is_early_is_loud(songs: list[Score]) -> None:
    """At one place of the bar, as accents would hide it."""
    for voice in ("hats", "kick"):
        pairs: list[tuple[float, float]] = []
        for score in songs:
            for section in of_role(score.form, "hook"):
                here = [n for n in inside(notes_of(score, voice), section)
                        if n.onset_beats % 4.0 == 0.0 and n.duration_beats == 0.25]  # fmt: skip
                if len(here) > 4:
                    x = np.array([(n.offset_s, n.velocity) for n in here])
                    pairs += [tuple(row) for row in (x - x.mean(axis=0)).tolist()]
        assert -0.6 < np.corrcoef(np.transpose(pairs))[0, 1] < -0.25


def test_arps_keep_their_own_clock_and_meet_the_song_where_they_enter(songs: list[Score]) -> None:
    heard = 0
    for score in songs:
        for section in score.form.sections:
            arp = inside(notes_of(score, "arp"), section)
            if len(arp) > 30:
                heard += 1
                onsets = np.array([n.onset_beats for n in arp]) - section.start_beats
                gaps = np.diff(onsets)
                ratio = 2.0 * float(np.median(gaps[gaps < 0.7]))
                assert 0.004 < abs(ratio - 1.0) < 0.03
                drifted = (onsets[-1] - onsets[0]) * abs(ratio - 1.0)
                assert drifted > 0.08  # in beats: the ear hears it come away
                for n in arp:
                    assert n.pitch % 12 in score.chord_at(n.onset_beats).pitches
    assert heard > 12


# ------------------------------------------------------------------ patterns


def _blocks(score: Score) -> list[tuple[tuple[float, int], ...]]:
    drums = notes_of(score, "kick", "snare", "hats", "perc")
    blocks = []
    for section in score.form.sections:
        if section.role in ("verse", "hook"):
            for bar in range(0, section.bars - 3, 4):
                start = section.start_beats + 4.0 * bar
                here = (n for n in drums if start <= n.onset_beats < start + 16.0)
                blocks.append(tuple(sorted((round(n.onset_beats - start, 4), n.pitch)
                                           for n in here)))  # fmt: skip
    return blocks


def test_no_four_bars_of_drums_are_played_twice(songs: list[Score]) -> None:
    for score in songs:
        blocks = _blocks(score)
        assert len(set(blocks)) == len(blocks)


def test_snares_never_fall_on_two_or_four(songs: list[Score]) -> None:
    for score in songs:
        if score.form.tempo_bpm >= 108:
            assert not {n.onset_beats % 4.0 for n in notes_of(score, "snare")} & {1.0, 3.0}


def test_hats_leave_out_a_tenth_to_a_quarter_of_the_eighths(songs: list[Score]) -> None:
    shares = []
    for score in songs:
        for section in of_role(score.form, "verse")[:1]:  # later ones may begin without
            eighths = {n.onset_beats for n in inside(notes_of(score, "hats"), section)
                       if n.onset_beats % 0.5 == 0.0}  # fmt: skip
            shares.append(1.0 - len(eighths) / (8 * section.bars))
    assert 0.1 < np.mean(shares) < 0.25


def test_about_every_second_bar_of_a_hook_rolls(songs: list[Score]) -> None:
    shares, kinds = [], set()
    for score in songs:
        for section in of_role(score.form, "hook"):
            hats = inside(notes_of(score, "hats"), section)
            rolled = {int(b.onset_beats // 4) for a, b in pairwise(hats)
                      if b.onset_beats - a.onset_beats < 0.4
                      and a.duration_beats != 0.25}  # fmt: skip
            shares.append(len(rolled) / section.bars)
            kinds |= {round(n.duration_beats, 3) for n in hats if n.pitch == HAT}
    assert 0.3 < np.mean(shares) < 0.7
    assert {0.25, 0.125, 0.333, 0.167} <= kinds


def test_second_verses_and_hooks_have_another_kick(songs: list[Score]) -> None:
    for score in songs[:10]:
        for role in ("verse", "hook"):
            rows = [
                {n.onset_beats - s.start_beats for n in inside(notes_of(score, "kick"), s)
                 if 4.0 <= n.onset_beats - s.start_beats < 7.5}
                for s in of_role(score.form, role) if s.bars >= 4
            ]  # fmt: skip
            assert all(first != again for first, again in pairwise(rows))


def test_the_shaker_waits_for_the_hook(songs: list[Score]) -> None:
    shaken = 0
    for score in songs:
        for section in score.form.sections:
            shakes = [n for n in inside(notes_of(score, "perc"), section) if n.pitch == SHAKER]
            shaken += len(shakes)
            assert not shakes or section.role == "hook"
    assert shaken > 200


def test_shakers_and_rolls_fit_into_a_bar() -> None:
    assert all(len(row) == 16 and set(row) <= set(".ox") for row in SHAKERS)
    for gaps, places in ROLLS.values():
        assert all(at >= 0.0 and at + sum(gaps) <= 4.0 + 1e-9 for at in places)


def test_a_varied_skeleton_keeps_its_first_bar_and_changes_its_second() -> None:
    for skeleton in SKELETONS:
        for seed in range(5):
            again = varied(skeleton, np.random.default_rng(seed))
            assert again.kick[0] == skeleton.kick[0] and again.kick[1] != skeleton.kick[1]
            assert again.kick[1][0] == skeleton.kick[1][0]
            assert all(again.ghost[place] == skeleton.ghost[place] == "." for place in (4, 8, 12))


# ------------------------------------------------------------------ sound


def test_a_roll_bends_and_the_pattern_does_not() -> None:
    roll = [Note(k / 8, 1 / 8, HAT, 50 + 6 * k) for k in range(8)]
    pattern = [Note(2.0 + k / 2, 0.25, HAT, 90) for k in range(8)]
    bent = bends((*roll, *pattern), HAT, np.full((16, 2), 0.5))
    assert np.ptp(bent[:8]) >= 2.0 and (np.sign(np.diff(bent[:8])) == np.sign(bent[7])).all()
    assert not any(bent[8:])
    open_hats = tuple(Note(k / 8, 1 / 8, OPEN_HAT, 50) for k in range(8))
    assert not any(bends(open_hats, HAT, np.full((8, 2), 0.5)))


def _centroid_hz(sound: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(sound.mean(axis=0), 1 << 14)) ** 2
    return float((np.fft.rfftfreq(1 << 14, 1 / SAMPLE_RATE) * power).sum() / power.sum())


def test_the_pitch_of_a_roll_is_heard_to_move(songs: list[Score]) -> None:
    """Its second half is brighter or darker than its first, by more than chance does."""
    roll = tuple(Note(k / 8, 1 / 8, HAT, 90) for k in range(8))
    apart = []
    for seed in range(6):
        part = Part("hats", "drums", "drums", "glass", roll)
        song = songs[0]
        (block,) = Drums()(part, song, Stems(song, ()), seed)
        half = round(song.onset_s(roll[4]) * SAMPLE_RATE)
        quarter = half // 2
        first, second = block.samples[:, :quarter], block.samples[:, half + quarter : 2 * half]
        apart.append(abs(np.log2(_centroid_hz(second) / _centroid_hz(first))))
    assert np.median(apart) > 0.06


def test_hats_are_heard_when_the_score_says(songs: list[Score]) -> None:
    """Onsets found in the audio lie within 3 ms of the asked ones, drift and all."""
    song = songs[3]
    part = next(p for p in song.parts if p.name == "hats")
    blocks = Drums()(part, song, Stems(song, ()), 3)
    envelope = np.abs(np.concatenate([block.samples for block in blocks], axis=1)).max(axis=0)
    late = []
    for before, note in pairwise(part.notes):
        at = round(song.onset_s(note) * SAMPLE_RATE)
        if song.onset_s(note) - song.onset_s(before) > 0.15:
            heard = envelope[at - 441 : at + 1_764]
            late.append((int(np.argmax(heard > 0.4 * heard.max())) - 441) / 44.1)
    assert len(late) > 50
    assert np.percentile(np.abs(late), 95) < 3.0
