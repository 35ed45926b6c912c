"""Songs of songs: what was asked for is another, everything else is as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from halation import files, pipeline, reshape
from halation.files.convert import to_data, to_plan
from halation.files.limits import check
from halation.files.rights import rights_of
from halation.reshape import Change, changed
from halation.types import (
    SAMPLE_RATE,
    Audio,
    Brief,
    BriefError,
    Chord,
    Key,
    Measures,
    Mix,
    Note,
    Plan,
    Score,
    Section,
    Song,
    Stems,
)
from tests.composed import inside, lift_at, statements

SONGS = {
    "plain": Brief(7),
    "text": Brief(12, text="Bladee floating in dreamscape", composer="rules"),
    "short": Brief(5, length_s=30.0, composer="rules"),
    "slow": Brief(9, tempo_bpm=70.0),
    "instrumental": Brief(3, instrumental=True, composer="rules"),
    "rules": Brief(21, composer="rules"),
}
TUNE = ("bells", "saw", "lead", "vocals", "counter")
every_song = pytest.mark.parametrize("song", SONGS)


@cache
def plan_of(song: str) -> Plan:
    *_, plan = pipeline.compose(SONGS[song])
    assert isinstance(plan, Plan)
    return plan


@cache
def thrown(song: str, *names: str, seed: int = 99) -> Plan:
    return reshape.again(plan_of(song), names, seed)


def notes(plan: Plan | Score, part: str) -> tuple[Note, ...]:
    score = plan.score if isinstance(plan, Plan) else plan
    return next((p.notes for p in score.written if p.name == part), ())


def section(plan: Plan, name: str) -> Section:
    return next(s for s in plan.score.form.sections if s.name == name)


def outside(plan: Plan, part: str, name: str) -> list[Note]:
    gone = section(plan, name)
    return [
        n for n in notes(plan, part) if not gone.start_beats <= n.onset_beats < gone.end_beats
    ]  # fmt: skip


def tune(found: Sequence[Note]) -> list[tuple[float, int, str]]:
    return [(n.onset_beats, n.pitch, n.syllable) for n in found]


def as_written(plan: Plan) -> Plan:
    """Return a plan as its song.json gives it back."""
    nothing = Audio(np.zeros((2, 0), np.float32))
    mixed = Mix(plan, Stems(plan.score, ()), nothing, 0.0, ())
    song = Song(mixed, nothing, Measures(*(0.0, 0.0, 0.0), (), *(0.0, 0.0, 0.0)))
    data = to_data(song, files.ENGINE, (), rights_of(plan.score))
    check(data)
    return to_plan(data)


def assert_is_a_song(plan: Plan) -> None:
    """Assert that a plan is whole: it can be written, and nobody plays beyond its end."""
    assert as_written(plan) == plan
    now = 0.0
    for chord in plan.score.chords:
        assert chord.onset_beats == pytest.approx(now)
        now = chord.onset_beats + chord.duration_beats
    assert now == pytest.approx(plan.score.form.duration_beats)
    brief, form = plan.score.form.mood.brief, plan.score.form
    assert brief.tempo_bpm in (None, form.tempo_bpm)
    assert brief.key in (None, form.key)


def silent_bars(plan: Plan) -> list[tuple[str, int]]:
    """Return bars in which no instrument sounds; the last two of a song are its tail."""
    found = []
    music = [n for p in plan.score.parts if p.stem != "textures" for n in p.notes]
    quiet = [e for e in plan.score.events if e.name in ("silence", "drums_only", "drop_out")]
    for s in plan.score.form.sections:
        for bar in range(s.bars - 2 * (s.role == "outro")):
            start = s.start_beats + 4 * bar
            if any(e.onset_beats < start + 4 <= e.onset_beats + e.duration_beats for e in quiet):
                continue
            if not any(
                n.onset_beats < start + 3.5 and n.onset_beats + n.duration_beats > start + 0.5
                for n in music
            ):
                found.append((s.name, bar))
    return found


# -------------------------------------------------------------------------------- throw again


@pytest.mark.parametrize(
    ("song", "name"),
    [*((song, "hook") for song in SONGS), *(("plain", n) for n in ("intro", "verse2", "outro")),
     ("slow", "verse"), ("text", "bridge")],
)  # fmt: skip
def test_a_thrown_section_is_another_and_every_other_note_stays(song: str, name: str) -> None:
    plan, child = plan_of(song), thrown(song, name)
    assert [(p.name, p.patch, p.settings) for p in child.score.parts] == [
        (p.name, p.patch, p.settings) for p in plan.score.parts
    ]
    for part in plan.score.parts:
        assert outside(child, part.name, name) == outside(plan, part.name, name)
    here = section(plan, name)
    changed = [
        part.name for part in plan.score.parts
        if tune(inside(list(notes(child, part.name)), here))
        != tune(inside(list(notes(plan, part.name)), here))
    ]  # fmt: skip
    assert len(changed) >= 2
    assert child.score.chords == plan.score.chords
    assert child.score.motif == plan.score.motif
    assert child.score.form == plan.score.form
    assert_is_a_song(child)


@pytest.mark.parametrize(("song", "name"), [
    *((song, "hook") for song in SONGS), ("plain", "verse2"), ("slow", "verse"), ("text", "bridge"),
])  # fmt: skip
def test_a_thrown_section_has_no_hole(song: str, name: str) -> None:
    assert silent_bars(thrown(song, name)) == silent_bars(plan_of(song)) == []


@every_song
def test_a_thrown_hook_is_still_made_of_the_motif(song: str) -> None:
    child = thrown(song, "hook")
    bells = inside(list(notes(child, "bells")), section(child, "hook"))
    places = {
        round(onset - section(child, "hook").start_beats, 4)
        for onset, _ in statements(child.score, bells)
    }
    assert places, "the hook does not state the motif"
    assert all(place % 4.0 == 0.0 for place in places)


def test_the_beat_of_a_thrown_hook_has_a_fill_at_its_end() -> None:
    child = thrown("text", "verse2")
    here = section(child, "verse2")
    last = [
        sorted(n.onset_beats - bar for n in notes(child, part) if bar <= n.onset_beats < bar + 4.0)
        for part in ("kick", "snare", "hats")
        for bar in (here.end_beats - 4.0, here.end_beats - 8.0)
    ]
    assert last[0:1] + last[2:3] + last[4:5] != last[1:2] + last[3:4] + last[5:6]


@pytest.mark.parametrize("song", ["text", "slow", "rules"])
def test_thrown_drums_leave_every_other_part_alone(song: str) -> None:
    plan, child = plan_of(song), thrown(song, "drums")
    for part in plan.score.parts:
        same = tune(notes(child, part.name)) == tune(part.notes)
        if part.stem == "drums":
            assert part.name == "perc" or not same
        else:
            assert part in child.score.parts
            sounds = [c for c in plan.curves if c.target == part.name]
            assert [c for c in child.curves if c.target == part.name] == sounds
    kits = {p.patch for p in child.score.parts if p.stem == "drums"}
    assert len(kits) == 1


def test_a_part_of_one_section_is_thrown_alone() -> None:
    plan, child = plan_of("text"), thrown("text", "hook2/bells")
    assert [p.name for p in plan.score.parts if p not in child.score.parts] == ["bells"]
    assert outside(child, "bells", "hook2") == outside(plan, "bells", "hook2")
    here = section(plan, "hook2")
    new = inside(list(notes(child, "bells")), here)
    assert tune(new) != tune(inside(list(notes(plan, "bells")), here))
    vocals = [n for n in inside(list(notes(plan, "vocals")), here) if n.duration_beats >= 1.0]
    for note in new:  # they go along with the line that others keep
        for sung in vocals:
            if note.onset_beats == sung.onset_beats:
                assert (note.pitch - sung.pitch) % 12 not in (1, 11)


def test_who_goes_along_with_a_kept_line_keeps_its_time() -> None:
    child = thrown("text", "hook2/saw")
    here = section(child, "hook2")
    kept = {n.onset_beats: n.offset_s for n in inside(list(notes(child, "bells")), here)}
    apart = [
        n.offset_s - kept[n.onset_beats]
        for n in inside(list(notes(child, "saw")), here) if n.onset_beats in kept
    ]  # fmt: skip
    assert len(apart) > 4
    assert max(apart) - min(apart) < 0.001


def test_a_new_bass_falls_with_the_kick_that_stays() -> None:
    child = thrown("plain", "bass")
    kicks = [n.onset_beats for n in notes(child, "kick")]
    strong = [n.onset_beats for n in notes(child, "bass") if n.onset_beats % 4.0]
    hits = sum(any(abs(t - k) < 0.01 for k in kicks) for t in strong)
    assert hits > 0.4 * len(strong)


@pytest.mark.parametrize("song", ["plain", "slow", "rules"])
def test_another_motif_is_heard_in_every_section_and_over_the_same_chords(song: str) -> None:
    plan, child = plan_of(song), thrown(song, "motif")
    moves = [
        [(b.pitch - a.pitch, b.onset_beats - a.onset_beats) for a, b in pairwise(p.score.motif)]
        for p in (plan, child)
    ]
    assert moves[0] != moves[1]
    assert child.score.chords == plan.score.chords
    bells = list(notes(child, "bells"))
    stated = statements(child.score, bells)
    roles = {child.score.form.section_at(onset).role for onset, _ in stated}
    assert {"hook", "outro"} <= roles
    for part in plan.score.parts:
        assert part.name in TUNE or part in child.score.parts


def test_effects_of_what_stays_are_the_same_to_the_last_digit() -> None:
    plan, child = plan_of("plain"), thrown("plain", "hook2")
    here = section(plan, "hook2")
    start, end = here.start_beats - 0.03, here.end_beats
    times = [t for t in np.arange(0.0, plan.score.form.duration_beats, 0.25)
             if not start <= t < end]  # fmt: skip
    assert [(c.target, c.parameter) for c in child.curves] == [
        (c.target, c.parameter) for c in plan.curves
    ]
    moved = 0
    for old, new in zip(plan.curves, child.curves, strict=True):
        before = np.interp(times, old.times_beats, old.values)
        after = np.interp(times, new.times_beats, new.values)
        np.testing.assert_allclose(after, before, rtol=2e-4, atol=1e-6)
        moved += old != new
    assert moved > 20
    place = {(e.kind, e.target): e for e in child.effects}
    for effect in plan.effects:
        if "end_beats" not in dict(effect.parameters):
            assert place[effect.kind, effect.target] == effect


def test_the_same_throw_gives_the_same_song_and_another_seed_another() -> None:
    plan = plan_of("short")
    assert reshape.again(plan, ("hook",), 4) == reshape.again(plan, ["hook"], 4)
    assert reshape.again(plan, ("hook",), 4) != reshape.again(plan, ("hook",), 5)


def test_a_throw_can_be_thrown_again() -> None:
    child = reshape.again(thrown("short", "hook"), ("verse/melody", "drums"), 5)
    grandchild = reshape.again(as_written(child), ("hook",), 6)
    assert_is_a_song(grandchild)
    assert tune(notes(grandchild, "kick")) != tune(notes(plan_of("short"), "kick"))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["hook9"], r"nothing is called 'hook9' in this song; it has: intro, verse, hook.*motif"),
        (["verse/theremin"], "nothing is called 'verse/theremin'"),
        (["vers/bells"], "nothing is called 'vers/bells'"),
        (["hook/space"], "nothing is called 'hook/space'"),
        ([""], "nothing is called ''"),
        ([], "say what to throw again; this song has: intro"),
    ],
)
def test_an_unknown_name_is_answered_with_what_the_song_has(names: list[str], message: str) -> None:
    with pytest.raises(BriefError, match=message) as error:
        reshape.again(plan_of("short"), names, 1)
    assert "\n" not in str(error.value)


def test_a_throw_forgets_only_what_the_desk_had_set_for_it() -> None:
    desk = tuple((name, 1.0) for name in ("hook", "hook/drums", "hook/keys", "hook/tone/00",
                 "verse", "verse/drums", "verse/beds", "bells.level", "pad.level",
                 "kick.level"))  # fmt: skip
    plan = replace(plan_of("short"), desk=desk)
    kept = {name for name, _ in reshape.again(plan, ["hook"], 1).desk}
    assert kept == {"verse", "verse/drums", "verse/beds", "bells.level", "pad.level", "kick.level"}
    gone = {name for name, _ in desk} - {name for name, _ in reshape.again(plan, ["drums"], 1).desk}
    assert gone == {"hook/drums", "verse/drums", "kick.level"}
    gone = {name for name, _ in desk} - {n for n, _ in reshape.again(plan, ["verse/pad"], 1).desk}
    assert gone == {"verse/beds"}
    assert reshape.shape(plan, tempo_bpm=120.0).desk == ()


def test_the_shared_rooms_can_be_thrown() -> None:
    plan, child = plan_of("short"), thrown("short", "space")
    assert child.score == plan.score
    assert child.effect("reverb", "hall") != plan.effect("reverb", "hall")
    assert child.effect("tape", "pads") == plan.effect("tape", "pads")


# -------------------------------------------------------------------------------- shape


@every_song
def test_another_tempo_keeps_every_beat(song: str) -> None:
    plan = plan_of(song)
    child = reshape.shape(plan, tempo_bpm=120.0)
    assert child.score.form.tempo_bpm == child.score.form.mood.brief.tempo_bpm == 120.0
    assert child.score.form.sections == plan.score.form.sections
    for part in plan.score.parts:
        assert tune(notes(child, part.name)) == tune(part.notes)
        assert all(child.score.seconds_at(n.onset_beats) + n.offset_s > -1e-6
                   for n in notes(child, part.name))  # fmt: skip
    assert_is_a_song(child)


def test_it_is_never_silent_for_long_before_a_hook_however_slow() -> None:
    child = reshape.shape(plan_of("plain"), tempo_bpm=62.0)
    curve = child.curve("music", "gain_db")
    assert curve
    beats = np.arange(0.0, child.score.form.duration_beats - 8.0, 0.01)
    quiet = np.interp(beats, curve.times_beats, curve.values) < -60.0
    edges = np.flatnonzero(np.diff(np.concatenate(([0], quiet, [0]))))
    holes_s = [child.score.seconds_at(0.01 * (b - a)) for a, b in edges.reshape(-1, 2)]
    assert holes_s
    assert max(holes_s) < 0.4


@pytest.mark.parametrize(("tempo", "message"), [
    (300.0, "tempo must lie between 60 and 200 BPM, not 300"),
    (float("nan"), "tempo must lie between"),
])  # fmt: skip
def test_a_tempo_that_no_song_has_is_refused(tempo: float, message: str) -> None:
    with pytest.raises(BriefError, match=message):
        reshape.shape(plan_of("plain"), tempo_bpm=tempo)


def test_a_tempo_that_would_make_the_song_too_short_says_what_to_do() -> None:
    with pytest.raises(BriefError, match=r"would last 2\d s, a song lasts 30 to 600 s; give a le"):
        reshape.shape(plan_of("short"), tempo_bpm=200.0)
    child = reshape.shape(plan_of("short"), tempo_bpm=200.0, length_s=35.0)
    assert child.score.duration_s == pytest.approx(35.0, abs=0.7)


@every_song
def test_the_same_mode_elsewhere_is_a_transposition(song: str) -> None:
    plan = plan_of(song)
    old = plan.score.form.key
    child = reshape.shape(plan, key=Key((old.tonic + 5) % 12, old.mode))
    for part in plan.score.parts:
        moved = notes(child, part.name)
        if part.stem in ("drums", "textures"):
            assert moved == part.notes
        else:
            assert [n.onset_beats for n in moved] == [n.onset_beats for n in part.notes]
            assert {(b.pitch - a.pitch) % 12 for a, b in
                    zip(sorted(part.notes, key=lambda n: (n.onset_beats, n.pitch)), moved,
                        strict=True)} <= {5} or part.stem in ("pads", "bass", "vocals")  # fmt: skip
    assert_is_a_song(child)
    assert [n.pitch + 5 for n in plan.score.motif] == [n.pitch for n in child.score.motif]


def in_tune(score: Score) -> float:
    """Return the share of long notes that lie in the key or the chord under them."""
    good = total = 0
    for part in score.parts:
        if part.stem in ("drums", "textures"):
            continue
        for note in part.notes:
            by = lift_at(score, note.onset_beats)
            scale = {(pc + by) % 12 for pc in score.form.key.scale}
            chord = score.chord_at(note.onset_beats)
            total += 1
            good += note.pitch % 12 in scale | set(chord.pitches) | {chord.bass}
    return good / total


def plain(chord: Chord) -> bool:
    """Whether a chord has a perfect fifth or a suspension, and no flat ninth."""
    steps = {(pc - chord.root) % 12 for pc in chord.pitches}
    return not (6 in steps and 7 not in steps) and 1 not in steps


@every_song
@pytest.mark.parametrize("key", ["E minor", "C major", "Ab lydian", "D dorian"])
def test_minor_becomes_major_and_nothing_is_out_of_tune(song: str, key: str) -> None:
    plan = plan_of(song)
    child = reshape.shape(plan, key=key)
    assert child.score.form.key == Key.parse(key)
    assert in_tune(child.score) > in_tune(plan.score) - 0.02
    was = {c.onset_beats: plain(c) for c in plan.score.chords}
    assert all(plain(c) for c in child.score.chords if was[c.onset_beats])
    for part in child.score.parts:
        pitches = [n.pitch for n in part.notes]
        before = [n.pitch for n in notes(plan, part.name)]
        if part.stem == "bass":
            assert min(pitches) >= 28 and max(pitches) <= max(43, *before)
        elif part.stem not in ("drums", "textures"):
            assert abs(np.median(pitches) - np.median(before)) <= 7
    assert_is_a_song(child)


def test_there_and_back_is_the_same_tune() -> None:
    plan = plan_of("text")
    there = reshape.shape(plan, key="F minor")
    back = reshape.shape(there, key=plan.score.form.key)
    assert [n.pitch for n in back.score.motif] == [n.pitch for n in plan.score.motif]
    assert [c.symbol for c in back.score.chords] == [c.symbol for c in plan.score.chords]


@pytest.mark.parametrize(
    ("song", "length_s"),
    [*(("rules", n) for n in (45.0, 110.0, 180.0, 300.0)), ("short", 110.0), ("slow", 160.0),
     ("text", 60.0), ("instrumental", 180.0)],
)  # fmt: skip
def test_another_length_is_met_without_a_hole(song: str, length_s: float) -> None:
    plan = plan_of(song)
    child = reshape.shape(plan, length_s=length_s)
    bar_s = 240.0 / child.score.form.tempo_bpm
    assert abs(child.score.duration_s - length_s) <= bar_s / 2 + 1e-6
    assert silent_bars(child) == []
    assert child.score.motif == plan.score.motif
    assert child.score.form.key == plan.score.form.key
    assert {p.name for p in child.score.parts} == {p.name for p in plan.score.parts}
    assert_is_a_song(child)


@pytest.mark.parametrize("length_s", [110.0, 200.0])
def test_what_fits_of_the_music_stays_in_another_length(length_s: float) -> None:
    plan = plan_of("plain")
    child = reshape.shape(plan, length_s=length_s)
    old, new = section(plan, "hook"), section(child, "hook")
    bars = min(old.bars, new.bars) - 4
    for part in ("bells", "kick", "bass"):
        first = [
            [(n.onset_beats - s.start_beats, n.pitch, n.velocity, n.offset_s)
             for n in inside(list(notes(p, part)), s)
             if n.onset_beats - s.start_beats < 4.0 * bars]
            for p, s in ((plan, old), (child, new))
        ]  # fmt: skip
        assert first[0] == first[1]
        assert first[0]


def test_a_longer_song_states_its_motif_in_every_new_hook() -> None:
    child = reshape.shape(plan_of("rules"), length_s=300.0)
    hooks = [s for s in child.score.form.sections if s.role == "hook"]
    assert len(hooks) > 2
    stated = [onset for onset, _ in statements(child.score, list(notes(child, "bells")))]
    for hook in hooks:
        assert any(hook.start_beats <= onset < hook.end_beats for onset in stated)


@pytest.mark.parametrize("length_s", [10.0, 700.0, float("nan")])
def test_a_length_that_no_song_has_is_refused(length_s: float) -> None:
    with pytest.raises(BriefError, match="length must lie between 30 and 600 seconds"):
        reshape.shape(plan_of("short"), length_s=length_s)


def test_a_warmer_mood_is_darker_and_keeps_notes_and_patches() -> None:
    plan = plan_of("plain")
    child = reshape.shape(plan, mood={"warm": "+0.6", "valence": -0.25})
    mood = child.score.form.mood
    assert mood.warmth == pytest.approx(min(1.0, plan.score.form.mood.warmth + 0.6), abs=1e-6)
    assert mood.valence == -0.25
    assert mood.title == plan.score.form.mood.title
    for old, new in zip(plan.score.parts, child.score.parts, strict=True):
        assert (old.name, old.patch, old.notes) == (new.name, new.patch, new.notes)
        if "brightness" in dict(old.settings):
            assert new.setting("brightness", 0) <= old.setting("brightness", 0)
    was, now = plan.effect("reverb", "hall"), child.effect("reverb", "hall")
    assert was and now and now["damping_hz"] < was["damping_hz"]
    assert_is_a_song(child)


@pytest.mark.parametrize(("axis", "value", "message"), [
    ("colour", "1", "no such axis of mood: 'colour'; write one of valence, energy"),
    ("warm", "hot", "warm must be a number from -1 to 1, or a step"),
    ("warm", "nan", "warm must be a number"),
    ("haze", "1.5", "haze must be a number"),
    ("haze", "+9", "haze must be a number"),
])  # fmt: skip
def test_a_mood_that_there_is_not_is_refused(axis: str, value: str, message: str) -> None:
    with pytest.raises(BriefError, match=message):
        reshape.shape(plan_of("short"), mood={axis: value})


def test_sad_is_the_other_end_of_glad() -> None:
    child = reshape.shape(plan_of("short"), mood={"sad": "0.7"})
    assert child.score.form.mood.valence == -0.7
    further = reshape.shape(child, mood={"sad": "+0.9"})
    assert further.score.form.mood.valence == -1.0


@pytest.mark.parametrize("song", ["plain", "text", "short", "rules"])
def test_voices_leave_and_nobody_waits_for_them(song: str) -> None:
    plan = plan_of(song)
    child = reshape.shape(plan, instrumental=True)
    names = {p.name for p in child.score.parts}
    stems = {p.stem for p in child.score.parts}
    assert "vocals" not in stems
    assert "lead" in names
    assert all(set(p.hears) <= stems for p in child.score.parts)
    assert all(p.hears or p.player != "grains" for p in child.score.parts)
    assert not any(e.target in ("vocals", "choir") for e in child.effects)
    assert child.curve("lead", "gain_db")
    assert not any(n.syllable for p in child.score.parts for n in p.notes)
    assert_is_a_song(child)


def test_voices_come_and_sing_the_hook_that_is_there() -> None:
    plan = plan_of("instrumental")
    child = reshape.shape(plan, instrumental=False)
    assert not child.score.form.mood.brief.instrumental
    for part in plan.score.parts:
        assert notes(child, part.name) == part.notes
    hook = section(child, "hook")
    sung = [n for n in inside(list(notes(child, "vocals")), hook) if n.syllable[:1] != "<"]
    line = {(n.onset_beats, n.pitch % 12) for n in inside(list(notes(child, "bells")), hook)}
    assert sum((n.onset_beats, n.pitch % 12) in line for n in sung) > 0.6 * len(sung)
    assert all(n.syllable for n in sung)
    assert child.curve("vocals", "hall_send_db")
    assert_is_a_song(child)


def test_all_at_once_is_one_song_and_nothing_is_none() -> None:
    plan = plan_of("plain")
    child = reshape.shape(plan, tempo_bpm=130.0, key="E minor", length_s=120.0,
                          mood={"hazy": 0.5}, instrumental=True)  # fmt: skip
    assert child.score.duration_s == pytest.approx(120.0, abs=1.0)
    assert child.score.form.mood.haze == 0.5
    assert_is_a_song(child)
    assert reshape.shape(plan) is plan


def test_a_child_names_its_parent_and_what_was_done(tmp_path: Path) -> None:
    child = reshape.child(thrown("short", "hook"), "0123456789abcdef", ["again hook (seed 99)"])
    back = as_written(child)
    assert back.origin == child.origin
    assert back.origin
    assert back.origin.parent == "0123456789abcdef"
    assert back.origin.title == child.score.form.mood.title
    assert back.origin.change == ("again hook (seed 99)",)


# -------------------------------------------------------------------------------- as sound


def sound(plan: Plan) -> Song:
    *_, song = pipeline.render(plan, workers=1)
    assert isinstance(song, Song)
    return song


def test_stems_that_were_not_thrown_are_the_same_to_the_sample() -> None:
    parent = sound(plan_of("short"))
    child = sound(reshape.again(parent.mix.plan, ["drums"], 3))
    same = [
        track.name for track in parent.mix.stems.tracks
        if np.array_equal(track.audio.samples, child.mix.stems.get(track.name).samples)  # type: ignore[union-attr]
    ]  # fmt: skip
    assert "drums" not in same
    assert "bass" in same
    power = float(np.mean(child.master.samples[:, 4 * SAMPLE_RATE : -8 * SAMPLE_RATE] ** 2))
    assert power > 1e-3


def test_a_change_is_written_into_the_song() -> None:
    plan, asked = plan_of("short"), Change(tempo_bpm=100.0, key="E minor", mood={"haze": 0.25})
    child = changed(plan, "00ff", asked)
    assert (child.score.form.tempo_bpm, child.score.form.key.name) == (100.0, "E minor")
    assert child.score.form.mood.haze == 0.25
    assert child.origin is not None
    told = ("tempo 100", "key E minor", "mood haze=0.25")
    assert (child.origin.parent, child.origin.change) == ("00ff", told)
    thrown = changed(plan, "00ff", Change(again=("drums",), seed=5))
    assert thrown.score == reshape.again(plan, ["drums"], 5).score
    assert changed(plan, "00ff", Change(seed=5)) is plan, "nothing is asked for"


def test_a_reshaped_song_sounds_from_beginning_to_end() -> None:
    plan = reshape.shape(plan_of("short"), key="C major", instrumental=True, mood={"warm": "+0.3"})
    song = sound(plan)
    seconds = song.master.samples[:, : 24 * SAMPLE_RATE].reshape(2, -1, SAMPLE_RATE)
    assert (np.sqrt(np.mean(seconds**2, axis=(0, 2)))[1:] > 0.003).all()
    assert song.measures.loudness_lufs == pytest.approx(-14.0, abs=0.6)
