"""The rules that a score by rules keeps."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from halation.form import plan
from halation.score import harmony, progress, rules
from halation.score.drums import KICK, SKELETONS, SWELL
from halation.score.motif import LEAP, LONG_COLOURS
from halation.score.rules import Rules
from halation.score.singing import CHOIR_VOWELS
from halation.stems.bank import bank
from halation.types import REVERSED, Brief, Chord, Key, Note, Score
from tests.composed import (
    CASES,
    COMPOSERS,
    compose,
    every_case,
    every_composer,
    in_event,
    inside,
    lift_at,
    make_mood,
    notes_of,
    of_role,
    statements,
)

# ------------------------------------------------------------------ whole score


@every_composer
@every_case
def test_every_note_lies_inside_the_song(case: int, composer: str) -> None:
    score = compose(case, composer)
    end_s = score.duration_s
    for part in score.parts:
        assert list(part.notes) == sorted(part.notes, key=lambda n: n.onset_beats)
        for n in part.notes:
            assert n.onset_beats * 60 / score.form.tempo_bpm + n.offset_s >= 0
            assert score.onset_s(n) + score.seconds_at(n.duration_beats) < end_s
            assert n.duration_beats > 0 and 0 <= n.pitch <= 127 and 1 <= n.velocity <= 127
    names = [p.name for p in score.parts]
    assert len(set(names)) == len(names)


@every_composer
@every_case
def test_nothing_begins_in_the_tail(case: int, composer: str) -> None:
    score = compose(case, composer)
    tail = 4.0 if score.form.tempo_bpm < rules.SLOW_BELOW_BPM else 8.0
    end = score.form.duration_beats
    assert max(n.onset_beats for p in score.parts for n in p.notes) < end - tail


@every_composer
@every_case
def test_the_song_sounds_from_the_start_and_never_falls_silent(case: int, composer: str) -> None:
    score = compose(case, composer)
    struck = notes_of(score, "bells", "pluck", "arp")
    assert min(score.onset_s(n) for n in struck) < 0.4
    covered = 0.0
    for n in sorted(notes_of(score, "pad", "weather"), key=lambda n: n.onset_beats):
        assert n.onset_beats <= covered + 1e-6
        covered = max(covered, n.onset_beats + n.duration_beats)


@every_composer
@every_case
def test_drums_enter_with_the_verse_and_play_in_every_verse_and_hook(
    case: int, composer: str
) -> None:
    score = compose(case, composer)
    drums = notes_of(score, "kick", "snare", "hats", "perc")
    verse = of_role(score.form, "verse")[0]
    start_s = score.seconds_at(verse.start_beats)
    assert min(score.onset_s(n) for n in drums) >= start_s - 1e-6
    for section in score.form.sections:
        if section.role in ("verse", "hook"):
            for part in ("kick", "snare", "hats"):
                assert inside(notes_of(score, part), section), (section.name, part)


@every_composer
@every_case
def test_the_last_half_beat_before_a_hook_is_silent(case: int, composer: str) -> None:
    score = compose(case, composer)
    breath = 0.25 if score.form.tempo_bpm < rules.SLOW_BELOW_BPM else 0.5
    for hook in of_role(score.form, "hook"):
        for part in score.parts:
            if part.stem in ("drums", "bass", "keys", "lead") or part.name == "vocals":
                for n in part.notes:
                    if n.onset_beats < hook.start_beats:
                        end = n.onset_beats + n.duration_beats
                        assert end <= hook.start_beats - breath + 1e-6, (part.name, n)


@every_composer
@every_case
def test_the_motif_is_stated_in_every_hook_and_the_outro_and_hinted_at(
    case: int, composer: str
) -> None:
    score = compose(case, composer)
    for section in score.form.sections:
        everywhere = statements(score, inside(notes_of(score, "bells"), section))
        lift = lift_at(score, section.start_beats)
        found = [onset for onset, shift in everywhere if (shift - lift) % 12 == 0]
        if section.role in ("hook", "outro"):
            assert len(found) >= 2, section.name
        if section.role == "intro":
            size = len(score.motif)
            hinted = {n.pitch % 12 for n in inside(notes_of(score, "bells"), section)}
            assert found or (section.bars <= 2 and len(hinted) >= min(2, size))


@every_composer
@every_case
def test_no_two_sections_are_the_same(case: int, composer: str) -> None:
    score = compose(case, composer)
    seen: set[tuple[object, ...]] = set()
    for section in score.form.sections:
        notes = tuple(
            (p.name, round(n.onset_beats - section.start_beats, 4), n.pitch)
            for p in score.parts
            for n in inside(list(p.notes), section)
        )
        assert notes not in seen
        seen.add(notes)


def sounding(pads: list[Note], start: float, end: float) -> set[int]:
    return {
        p.pitch % 12
        for p in pads
        if p.onset_beats < end - 0.02 and p.onset_beats + p.duration_beats > start + 0.02
    }


@every_composer
@every_case
def test_no_long_melody_note_rubs_against_the_pads_or_the_bass(case: int, composer: str) -> None:
    score = compose(case, composer)
    slow = score.form.tempo_bpm < rules.SLOW_BELOW_BPM
    beat = 0.5 if slow else 1.0
    pads = notes_of(score, "pad", "wide", "choir")
    low = notes_of(score, "bass")
    for part in ("bells", "vocals", "saw", "lead", "counter"):
        for n in notes_of(score, part):
            if n.duration_beats >= beat:
                under = sounding(pads, n.onset_beats, n.onset_beats + n.duration_beats)
                assert (n.pitch - 1) % 12 not in under, (part, n)
    for n in low:
        chord = score.chord_at(n.onset_beats)
        assert n.pitch % 12 in (*chord.pitches, chord.bass)
        assert 28 <= n.pitch <= 43


@every_composer
@every_case
def test_pads_hold_the_chord_in_four_voices_with_open_low_ones(case: int, composer: str) -> None:
    score = compose(case, composer)
    for chord in score.chords:
        start, end = chord.onset_beats, chord.onset_beats + chord.duration_beats
        held = sorted(
            p.pitch
            for p in notes_of(score, "pad")
            if p.onset_beats <= start + 1e-6 and p.onset_beats + p.duration_beats > start + 1e-6
        )
        if end > score.form.duration_beats - 8 or in_event(score, start):
            continue
        assert len(held) >= 4
        assert {p % 12 for p in held} <= set(chord.pitches)
        assert len({(p - chord.root) % 12 for p in held} - {0, 4, 7, 3}) >= 1  # no bare triad
        if held[0] < 48:
            assert held[1] - held[0] >= 5


@every_composer
@every_case
def test_the_hook_is_the_peak_of_the_arch(case: int, composer: str) -> None:
    score = compose(case, composer)

    def weight(role: str) -> float:
        totals = []
        for section in of_role(score.form, role):
            end = min(section.end_beats, score.form.duration_beats - 8)
            bars = max(1e-9, (end - section.start_beats) / 4)
            music = [n for p in score.parts if p.stem != "textures"
                     for n in inside(list(p.notes), section)]  # fmt: skip
            totals.append(sum(n.velocity**2 * n.duration_beats for n in music) / bars)
        return float(np.mean(totals))

    assert weight("hook") > 1.3 * weight("verse")
    assert weight("verse") > weight("intro")
    assert weight("hook") > 1.5 * weight("bridge")


@every_composer
@pytest.mark.parametrize("case", [2, 5, 11])
def test_an_instrumental_has_no_voices(case: int, composer: str) -> None:
    score = compose(case, composer)
    assert not notes_of(score, "vocals", "choir")
    for hook in of_role(score.form, "hook"):
        assert len(statements(score, inside(notes_of(score, "lead"), hook))) >= 2


def test_vocals_sing_syllables_on_the_motif() -> None:
    score = compose(0)
    sung = {n.syllable for n in notes_of(score, "vocals")}
    assert {s.removeprefix(REVERSED) for s in sung} <= set(bank()["clear"])
    assert {n.syllable for n in notes_of(score, "choir")} <= set(CHOIR_VOWELS)
    for hook in of_role(score.form, "hook"):
        assert len(statements(score, inside(notes_of(score, "vocals"), hook))) >= 2


# ------------------------------------------------------------------ motif, loops, drums, feel


@pytest.fixture(scope="module", params=COMPOSERS)
def thirty(request: pytest.FixtureRequest) -> list[Score]:
    composer = COMPOSERS[request.param]
    return [composer(plan(make_mood(Brief(seed))), seed) for seed in range(30)]


def test_thirty_seeds_are_thirty_songs(thirty: list[Score]) -> None:
    melodies = {tuple((n.onset_beats, n.pitch - s.motif[0].pitch) for n in s.motif) for s in thirty}
    hooks = [of_role(s.form, "hook")[0] for s in thirty]
    loops = {
        tuple((c.root - s.form.key.tonic) % 12 for c in s.chords
              if hook.start_beats <= c.onset_beats < hook.end_beats)
        for s, hook in zip(thirty, hooks, strict=True)
    }  # fmt: skip
    assert len(melodies) == 30
    assert len(loops) >= 20
    assert len({s.form.key for s in thirty}) >= 10


def test_a_motif_keeps_its_rules(thirty: list[Score]) -> None:
    for score in thirty:
        motif = score.motif
        assert 5 <= len(motif) <= 9 and motif[0].onset_beats == 0
        assert sum(n.duration_beats for n in motif) <= 8 * 0.65 + 1e-9
        assert motif[-1].onset_beats + motif[-1].duration_beats <= 8
        jumps = [abs(b.pitch - a.pitch) for a, b in pairwise(motif)]
        leaps = [i for i, jump in enumerate(jumps) if jump >= LEAP[0]]
        assert len(leaps) == 1 and jumps[leaps[0]] <= LEAP[1]
        assert motif[leaps[0] + 1].onset_beats >= 4
        long = max(range(len(motif)), key=lambda i: motif[i].duration_beats)
        assert motif[long].duration_beats >= 2 and 1 <= jumps[long] <= 2
        hook = of_role(score.form, "hook")[0]
        chord = score.chord_at(hook.start_beats + motif[long].onset_beats)
        assert (motif[long].pitch - chord.root) % 12 in LONG_COLOURS
        assert max(n.pitch for n in motif) - min(n.pitch for n in motif) <= 19


def test_one_rhythmic_cell_is_heard_twice(thirty: list[Score]) -> None:
    for score in thirty:
        gaps = [round(b.onset_beats - a.onset_beats, 3) for a, b in pairwise(score.motif)]
        again = [
            (i, j, size)
            for size in (1, 2, 3)
            for i in range(len(gaps) - size + 1)
            for j in range(i + size, len(gaps) - size + 1)
            if gaps[i : i + size] == gaps[j : j + size]
        ]
        assert again


def test_there_are_loops_and_skeletons_enough_and_moods_prefer_their_own() -> None:
    assert len({loop.functions for loop in harmony.LOOPS}) >= 24
    for mode in ("aeolian", "dorian", "ionian", "lydian"):
        assert sum(mode in loop.modes.split() for loop in harmony.LOOPS) >= 8
    assert len({s.name for s in SKELETONS}) >= 20
    for skeleton in SKELETONS:
        rows = (*skeleton.kick, skeleton.hat, skeleton.ghost, skeleton.click)
        assert all(len(row) == 16 and set(row) <= set("Xxo.") for row in rows), skeleton.name
        assert all(row[8] == "." for row in skeleton.kick), skeleton.name


def test_no_chord_is_a_bare_triad() -> None:
    for mode in ("aeolian", "dorian", "ionian", "lydian"):
        key = Key(0, mode)
        for loop in harmony.LOOPS:
            if mode in loop.modes.split():
                for token in loop.tokens:
                    for colour in harmony.colours(key, token):
                        steps = {(p - harmony.chord(key, token, colour).root) % 12
                                 for p in harmony.chord(key, token, colour).pitches}  # fmt: skip
                        assert steps not in ({0, 4, 7}, {0, 3, 7})


def test_a_chord_gives_way_to_a_long_note_a_semitone_above_it() -> None:
    chord = Chord(0.0, 8.0, "Cmaj9", 0, (0, 4, 7, 11, 2), 0)
    (calm,) = progress.clear(Key(0, "ionian"), (chord,), (Note(2.0, 2.0, 72, 90),))
    assert calm.pitches == (0, 4, 7, 2)
    (same,) = progress.clear(Key(0, "ionian"), (chord,), (Note(2.0, 0.5, 72, 90),))
    assert same.pitches == chord.pitches


def test_the_backbeat_is_on_beat_three_and_hats_leave_out_and_roll(thirty: list[Score]) -> None:
    for score in thirty[:8]:
        for section in of_role(score.form, "hook"):
            snares = inside(notes_of(score, "snare"), section)
            loud = Counter(n.onset_beats % 4.0 for n in snares if n.velocity > 88)
            assert loud.most_common(1)[0][0] == 2.0
            for bar in range(section.bars - 1):
                at = section.start_beats + 4 * bar + 2.0
                if in_event(score, at):
                    continue
                assert any(n.onset_beats == at for n in snares)
            hats = inside(notes_of(score, "hats"), section)
            rolls = {int(n.onset_beats // 4) for n in hats if n.onset_beats * 4 % 1 > 1e-6}
            runs = sum(b.onset_beats - a.onset_beats < 0.3 for a, b in pairwise(hats))
            assert rolls or runs > section.bars


def test_swells_end_at_a_seam_or_at_the_breath_before_a_hook(thirty: list[Score]) -> None:
    for score in thirty[:8]:
        seams = {s.start_beats: s.role for s in score.form.sections}
        swells = [n for n in notes_of(score, "perc") if n.pitch == SWELL]
        assert swells
        for n in swells:
            end = n.onset_beats + n.duration_beats
            assert (
                seams.get(end, "") in ("verse", "bridge", "outro") or seams.get(end + 0.5) == "hook"
            )


def test_the_bass_goes_mostly_with_the_kick_and_glides_in_hooks(thirty: list[Score]) -> None:
    together = total = glides = 0
    for score in thirty:
        kicks = {n.onset_beats for n in notes_of(score, "kick") if n.pitch == KICK}
        for hook in of_role(score.form, "hook"):
            line = inside(notes_of(score, "bass"), hook)
            together += sum(n.onset_beats in kicks for n in line)
            total += len(line)
            glides += sum(a.onset_beats + a.duration_beats > b.onset_beats + 1e-6
                          for a, b in pairwise(line))  # fmt: skip
    assert together > 0.6 * total
    assert glides > 30


def test_the_voices_of_the_hook_stay_together(thirty: list[Score]) -> None:
    for score in thirty[:8]:
        bells = {n.onset_beats: n.offset_s for n in notes_of(score, "bells")}
        vocals = [n for n in notes_of(score, "vocals") if n.onset_beats in bells]
        apart = [abs(n.offset_s - bells[n.onset_beats]) for n in vocals]
        assert apart and max(apart) < 0.035


def test_the_arp_keeps_its_own_time_and_meets_the_song_at_sections() -> None:
    for case in range(len(CASES)):
        arp = notes_of(compose(case), "arp")
        if arp:
            assert any(n.onset_beats % 0.125 > 1e-3 for n in arp)


def test_the_same_form_and_seed_give_the_same_score() -> None:
    form = plan(make_mood(Brief(3)))
    assert Rules()(form, 3) == Rules()(form, 3)
    assert Rules()(form, 3) != Rules()(form, 4)


def test_mood_chooses_the_sounds() -> None:
    def patches(warmth: float) -> Counter[str]:
        scores = [Rules()(plan(make_mood(Brief(s), warmth=warmth)), s) for s in range(12)]
        return Counter(p.patch for s in scores for p in s.parts if p.name in ("pad", "bells"))

    icy, warm = patches(-0.9), patches(0.9)
    assert icy["glass"] > warm["glass"] and icy["ice"] > warm["ice"]
    assert warm["warm"] > icy["warm"]
