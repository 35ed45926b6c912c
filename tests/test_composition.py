"""A song as a whole: sections that differ, a motif that develops, moments that are rare."""

from __future__ import annotations

from bisect import bisect_left
from itertools import combinations, pairwise

import numpy as np
import pytest

from halation.form import plan
from halation.score import events, melody
from halation.score.development import LINE_RANGE
from halation.score.rules import Rules
from halation.types import BEATS_PER_BAR, REVERSED, Brief, Event, Key, Note, Score, Section
from tests.composed import (
    CASES,
    COMPOSERS,
    compose,
    in_event,
    inside,
    lift_at,
    make_mood,
    notes_of,
    of_role,
)

N_SEEDS = 48
MELODIC = ("bells", "vocals", "saw", "lead", "counter", "pluck", "arp")
HELD_OR_SUNG = (*MELODIC, "pad", "wide", "choir", "bass")
Bar = tuple[tuple[float, int, float], ...]


def moody(seed: int, composer: str = "rules") -> Score:
    """Compose a song of a mood of its own, all moods evenly."""
    axes = np.random.default_rng(seed).uniform(-0.8, 0.8, 5)
    return COMPOSERS[composer](plan(make_mood(Brief(seed), *(float(a) for a in axes))), seed)


@pytest.fixture(scope="module", params=COMPOSERS)
def many(request: pytest.FixtureRequest) -> list[Score]:
    return [moody(seed, request.param) for seed in range(N_SEEDS)]


def bars(score: Score, part: str, section: Section) -> list[Bar]:
    """What a part plays in each bar of a section: onset in the bar, pitch, duration."""
    rows: list[list[tuple[float, int, float]]] = [[] for _ in range(section.bars)]
    notes = next((p.notes for p in score.parts if p.name == part), ())
    first = bisect_left(notes, section.start_beats, key=lambda n: n.onset_beats)
    last = bisect_left(notes, section.end_beats, key=lambda n: n.onset_beats)
    for n in notes[first:last]:
        bar, onset = divmod(n.onset_beats - section.start_beats, BEATS_PER_BAR)
        rows[int(bar)].append((round(onset, 3), n.pitch, round(n.duration_beats, 3)))
    return [tuple(sorted(row)) for row in rows]


def pairs_of(score: Score) -> list[tuple[Section, Section]]:
    return [(a, b) for a, b in combinations(score.form.sections, 2) if a.role == b.role]


# ------------------------------------------------------------------ sections


def test_no_four_bars_of_a_song_come_back_note_for_note(many: list[Score]) -> None:
    for score in (*many, *(compose(case) for case in range(len(CASES)))):
        parts = [p.name for p in score.parts if p.stem != "textures"]
        seen: dict[tuple[tuple[Bar, ...], ...], str] = {}
        for section in score.form.sections:
            rows = [bars(score, part, section) for part in parts]
            for k in range(0, section.bars - 3, 4):
                block = tuple(tuple(row[k : k + 4]) for row in rows)
                if any(any(row) for row in block):
                    assert block not in seen, (section.name, seen[block])
                    seen[block] = section.name


def test_in_no_part_does_a_section_copy_the_one_before(many: list[Score]) -> None:
    shares = []
    for score in many:
        for a, b in pairs_of(score):
            for part in HELD_OR_SUNG:
                both = list(zip(bars(score, part, a), bars(score, part, b), strict=False))
                sounding = [x == y for x, y in both if x or y]
                if len(sounding) >= 4:
                    shares.append(sum(sounding) / len(sounding))
                    assert shares[-1] <= 0.85, (score.form.mood.brief.seed, a.name, b.name, part)
    assert np.mean(shares) < 0.3
    assert np.quantile(shares, 0.97) <= 0.6


def rate_and_height(score: Score, role: str) -> tuple[float, float]:
    sections = of_role(score.form, role)
    notes = [n for s in sections for n in inside(notes_of(score, *MELODIC), s)]
    pitches = [n.pitch - lift_at(score, n.onset_beats) for n in notes]
    return len(notes) / sum(s.duration_beats for s in sections), float(np.mean(pitches))


def test_the_hook_lies_higher_and_is_denser_than_the_verse(many: list[Score]) -> None:
    for score in many:
        hook, verse = rate_and_height(score, "hook"), rate_and_height(score, "verse")
        assert hook[0] > 1.2 * verse[0]
        assert hook[1] > verse[1]
    ratios = [rate_and_height(s, "hook")[0] / rate_and_height(s, "verse")[0] for s in many]
    lifts = [rate_and_height(s, "hook")[1] - rate_and_height(s, "verse")[1] for s in many]
    assert np.mean(np.array(ratios) >= 1.3) > 0.9
    assert np.mean(np.array(lifts) >= 3.0) > 0.9


def chords_in(score: Score, section: Section) -> list[tuple[str, int, int]]:
    return [(c.symbol, c.root, c.bass) for c in score.chords
            if section.start_beats - 1e-6 <= c.onset_beats < section.end_beats - 1e-6]  # fmt: skip


def test_the_hook_has_other_chords_than_the_verse_and_moves_faster(many: list[Score]) -> None:
    faster = []
    for score in many:
        paces = {}
        for role in ("verse", "hook"):
            first = of_role(score.form, role)[0]
            roots = chords_in(score, first)
            changes = 1 + sum(a[1:] != b[1:] for a, b in pairwise(roots))
            paces[role] = first.bars / changes
        verse, hook = (of_role(score.form, role)[0] for role in ("verse", "hook"))
        assert set(chords_in(score, verse)) != set(chords_in(score, hook))
        faster.append(paces["verse"] / paces["hook"])
    assert np.median(faster) >= 1.5
    assert np.mean(np.array(faster) >= 1.0) > 0.9


def test_after_a_hook_a_verse_begins_with_little(many: list[Score]) -> None:
    for score in many:
        for before, verse in pairwise(score.form.sections):
            if (before.role, verse.role) != ("hook", "verse") or verse.bars < 8:
                continue
            bass = [n for n in bars(score, "bass", verse)[0] if n[0] < 3.5]  # it may come early
            assert not bars(score, "kick", verse)[0] and not bass
            later = sum(len(bars(score, "kick", verse)[i]) for i in range(1, 5))
            rare = any(in_event(score, verse.start_beats + 4 * i) for i in range(1, 5))
            assert later >= 2 or rare


def test_bridges_are_not_one_gesture(many: list[Score]) -> None:
    played = {
        frozenset(
            p.name for p in score.parts
            if p.stem != "textures" and inside(list(p.notes), of_role(score.form, "bridge")[0])
        )
        for score in many
    }  # fmt: skip
    assert len(played) >= 6
    alone = {p for parts in played for p in ("vocals", "arp", "kick") if p in parts}
    assert alone == {"vocals", "arp", "kick"}
    moving = [chords_in(score, of_role(score.form, "bridge")[0]) for score in many]
    assert np.mean([len({symbol for symbol, *_ in row}) >= 2 for row in moving]) > 0.9


def test_two_chords_and_a_pedal_are_for_one_section(many: list[Score]) -> None:
    for score in many:
        first = {role: of_role(score.form, role)[0] for role in ("verse", "hook")}
        roots = {role: {r for _, r, _ in chords_in(score, s)} for role, s in first.items()}
        assert max(map(len, roots.values())) >= 3 or roots["verse"] != roots["hook"]
        later = of_role(score.form, "verse")[1:]
        if later and len(roots["verse"]) > 2:
            assert all(len({b for *_, b in chords_in(score, s)}) > 1 for s in later)


def test_the_second_hook_has_a_chord_that_the_first_had_not(many: list[Score]) -> None:
    changed = []
    for score in many:
        hooks = of_role(score.form, "hook")
        if len(hooks) > 1 and not lift_at(score, hooks[1].start_beats):
            new = set(chords_in(score, hooks[1])) - set(chords_in(score, hooks[0]))
            changed.append(bool(new))
    assert np.mean(changed) > 0.8


def test_sections_of_a_song_of_usual_length_are_long_enough_to_be_heard(
    many: list[Score],
) -> None:
    for score in many:
        for section in score.form.sections:
            assert score.seconds_at(section.duration_beats) >= 10.0, section.name


def test_pads_leave_the_bottom_to_the_bass_and_the_middle_to_the_line(many: list[Score]) -> None:
    under = []
    for score in many:
        assert min(n.pitch for n in notes_of(score, "pad")) >= 45
        for hook in of_role(score.form, "hook"):
            lift = lift_at(score, hook.start_beats)
            pads = [n.pitch - lift for n in inside(notes_of(score, "pad"), hook)]
            wide = [n.pitch - lift for n in inside(notes_of(score, "wide"), hook)]
            line = [n.pitch - lift for n in inside(notes_of(score, "bells"), hook)]
            assert min(pads) >= 48
            under.append(np.mean(line) - 12 - np.mean(pads))
            assert not wide or min(wide) >= 75
    assert min(under) > 0 and np.mean(under) > 5


# ------------------------------------------------------------------ the line


def test_the_last_hook_reaches_the_highest_note_and_the_line_can_be_sung(
    many: list[Score],
) -> None:
    highest = []
    for score in many:
        hooks = of_role(score.form, "hook")
        lines = [inside(notes_of(score, "vocals"), hook) for hook in hooks]
        tops = [max(n.pitch for n in line) for line in lines]
        highest.append(tops[-1] >= max(tops))
        for line in lines:
            low, high = LINE_RANGE  # a high motif is sung an octave lower
            sung = [n.pitch - lift_at(score, n.onset_beats) for n in line]
            assert max(sung) <= high and min(sung) >= low - 12
            assert max(sung) - min(sung) <= high - low
    assert np.mean(highest) > 0.6


def test_every_phrase_of_a_hook_ends_in_a_rest(many: list[Score]) -> None:
    for score in many:
        for hook in of_role(score.form, "hook"):
            line = inside(notes_of(score, "bells"), hook)
            for i in range(hook.bars // 2):
                start = hook.start_beats + 8.0 * i
                phrase = [n for n in line if start <= n.onset_beats < start + 8.0]
                silent = 8.0 - sum(n.duration_beats for n in phrase)
                stutters = any(in_event(score, n.onset_beats) for n in phrase)
                assert stutters or silent >= 1.2 - 1e-9


def test_a_leap_is_never_the_last_word_of_a_motif(many: list[Score]) -> None:
    for score in many:
        jumps = [abs(b.pitch - a.pitch) for a, b in pairwise(score.motif)]
        assert jumps.index(max(jumps)) < len(jumps) - 1


def test_counter_lines_speak_only_in_rests_of_the_line(many: list[Score]) -> None:
    n_replies = 0
    for score in many:
        for hook in of_role(score.form, "hook"):
            line = inside(notes_of(score, "bells"), hook)
            for n in inside(notes_of(score, "counter"), hook):
                if in_event(score, n.onset_beats):
                    continue
                n_replies += 1
                for m in line:
                    apart = min(m.onset_beats + m.duration_beats, n.onset_beats + n.duration_beats)
                    assert apart - max(m.onset_beats, n.onset_beats) <= 1e-6
    assert n_replies > 10 * N_SEEDS


def test_no_swell_rises_before_an_answer_is_over(many: list[Score]) -> None:
    n_swells = 0
    for score in many:
        answers = [n.onset_beats for n in notes_of(score, "counter")]
        for swell in notes_of(score, "vocals"):
            if not swell.syllable.startswith(REVERSED) or in_event(score, swell.onset_beats):
                continue
            n_swells += bool(answers)
            end = swell.onset_beats + swell.duration_beats
            assert not any(swell.onset_beats < at < end - 1e-6 for at in answers)
    assert n_swells > N_SEEDS


def test_hooks_say_different_things(many: list[Score]) -> None:
    stream = np.random.default_rng(5)
    first = melody.draw_letters("AABA", 8, 1, False, "", stream)
    second = melody.draw_letters("AABA", 8, 2, False, first, stream)
    last = melody.draw_letters("AABA", 8, 3, True, second, stream)
    assert first.startswith("AABA") and len({first, second, last}) == 3
    assert "X" in last and last.endswith("E") and "X" not in first + second
    rounds = {melody.draw_letters("AABA", 8, 2, True, "", stream) for _ in range(40)}
    assert len(rounds) > 15


# ------------------------------------------------------------------ rare moments


def test_rare_moments_are_rare_and_songs_differ_in_them(many: list[Score]) -> None:
    counts = [len(s.events) for s in many]
    assert max(counts) <= events.AT_MOST
    assert 0.8 < np.mean(counts) < 2.3
    names = [e.name for s in many for e in s.events]
    assert set(names) == set(events.CHANCES)
    assert names.count("key_lift") <= 0.12 * N_SEEDS
    for score in many:
        for e in score.events:
            assert e.onset_beats >= 0 and e.onset_beats + e.duration_beats <= (
                score.form.duration_beats
            )


def test_a_short_song_has_one_rare_moment_at_most() -> None:
    for seed in range(8):
        score = Rules()(plan(make_mood(Brief(seed, length_s=45.0))), seed)
        assert len(score.events) <= 1


def at_rest(notes: list[Note], event: Event) -> bool:
    """Whether nothing sounds within an event."""
    end = event.onset_beats + event.duration_beats
    return not any(
        n.onset_beats < end - 1e-6 and n.onset_beats + n.duration_beats > event.onset_beats + 1e-6
        for n in notes
    )


def test_an_event_is_heard_where_the_score_says_so(many: list[Score]) -> None:
    heard: dict[str, int] = {}
    for score in many:
        for e in score.events:
            music = [p.name for p in score.parts if p.stem != "textures"]
            within = [n for p in score.parts if p.stem == "drums" for n in p.notes
                      if e.onset_beats <= n.onset_beats < e.onset_beats + e.duration_beats
                      and n.pitch not in events.SEAMS]  # fmt: skip
            if e.name == "silence":
                assert at_rest([n for n in notes_of(score, *music)
                                if n.pitch not in events.SEAMS], e)  # fmt: skip
            elif e.name in ("drop_out", "a_cappella", "bare_hook"):
                assert not within
                assert e.name == "bare_hook" or at_rest(notes_of(score, "bass", "pluck"), e)
            elif e.name == "drums_only":
                tuned = [name for name in music if name not in events.DRUMS]
                assert within and at_rest(notes_of(score, *tuned), e)
            elif e.name == "half_time":
                kicks = notes_of(score, "kick", "snare")
                before = [n for n in kicks if 0 < e.onset_beats - n.onset_beats <= e.duration_beats]
                during = [n for n in kicks if 0 <= n.onset_beats - e.onset_beats < e.duration_beats]
                assert len(during) <= 0.75 * len(before) + 1
            heard[e.name] = heard.get(e.name, 0) + 1
    assert len(heard) == len(events.CHANCES)


def test_a_key_lift_moves_notes_bass_and_chords_together() -> None:
    form = plan(make_mood(Brief(2, length_s=150.0, tempo_bpm=140.0, key=Key.parse("E minor"))))
    plain = Rules()(form, 2)
    hook = of_role(form, "hook")[-1]
    lift = Event("key_lift", hook.start_beats, hook.duration_beats, 2.0)
    parts = {p.name: list(p.notes) for p in plain.parts}
    moved = events.worked_in(parts, (lift,))
    for name, row in parts.items():
        for old, new in zip(row, moved[name], strict=True):
            inside_hook = hook.start_beats <= old.onset_beats < hook.end_beats
            by = 2 if inside_hook and name not in (events.DRUMS | events.AMBIENCE) else 0
            assert (new.pitch - old.pitch) % 12 == by and new.onset_beats == old.onset_beats
    chords = events.lifted_chords(plain.chords, (lift,), form.key)
    for before, after in zip(plain.chords, chords, strict=True):
        by = 2 if hook.start_beats <= before.onset_beats < hook.end_beats else 0
        assert after.root == (before.root + by) % 12
        assert set(after.pitches) == {(pc + by) % 12 for pc in before.pitches}
        high = Key((form.key.tonic + by) % 12, form.key.mode)
        assert after.symbol.startswith(high.spell(after.root))
