"""The form's length, key and sections."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from halation import form as form_room
from halation.form import LONG, SHORT, plan
from halation.score import rules
from halation.types import Brief, Key
from tests.composed import (
    ROLES,
    make_mood,
    of_role,
)


@pytest.mark.parametrize("tempo_bpm", [None, 60.0, 99.5, 108.0, 142.0, 200.0])
@pytest.mark.parametrize("length_s", [30.0, 47.0, 60.0, 90.0, 100.0, 150.0, 241.0, 600.0])
def test_the_asked_length_is_met_within_half_a_bar(
    tempo_bpm: float | None, length_s: float
) -> None:
    for seed in range(8):
        form = plan(make_mood(Brief(seed, length_s=length_s, tempo_bpm=tempo_bpm)))
        assert abs(form.duration_s - length_s) <= 120.0 / form.tempo_bpm + 1e-6
        assert {s.role for s in form.sections} == ROLES
        assert all(s.duration_beats % 4 == 0 and s.bars >= 1 for s in form.sections)
        if length_s >= 100:
            assert len(of_role(form, "hook")) >= 2 and len(of_role(form, "verse")) >= 2


def test_without_a_length_a_song_lasts_two_to_three_minutes() -> None:
    forms = [plan(make_mood(Brief(seed))) for seed in range(60)]
    assert all(120 <= form.duration_s <= 180 for form in forms)
    assert all(120 <= form.tempo_bpm <= 164 for form in forms)
    assert len({form.template for form in forms}) >= 5
    assert len({form.key.tonic for form in forms[:30]}) >= 8


def test_sections_follow_each_other_under_names_of_their_own() -> None:
    for length_s in (None, 30.0, 300.0, 600.0):
        form = plan(make_mood(Brief(5, length_s=length_s)))
        names = [s.name for s in form.sections]
        assert len(set(names)) == len(names)
        assert form.sections[0].role == "intro" and form.sections[-1].role == "outro"
        for before, after in pairwise(form.sections):
            assert before.end_beats == after.start_beats
            if before.role == "bridge":
                assert after.role in ("hook", "outro")


def test_of_the_usual_length_the_first_verse_is_long_and_no_section_endless() -> None:
    for seed in range(40):
        form = plan(make_mood(Brief(seed)))
        if sum(s.bars for s in form.sections) >= 72:
            assert of_role(form, "verse")[0].bars >= 12
        assert all(s.bars <= (16 if s.role in ("intro", "outro") else 24) for s in form.sections)


def test_a_long_song_has_more_cycles_rather_than_endless_sections() -> None:
    form = plan(make_mood(Brief(5, length_s=600.0)))
    assert len(of_role(form, "hook")) >= 5
    assert max(s.bars for s in form.sections) <= 24


def test_the_brief_decides_tempo_and_key() -> None:
    form = plan(make_mood(Brief(1, tempo_bpm=87.5, key=Key.parse("F# minor"))))
    assert form.tempo_bpm == 87.5 and form.key.name == "F# minor"


def test_mood_moves_tempo_and_mode() -> None:
    sad = [plan(make_mood(Brief(s), valence=-0.8, energy=-0.8)) for s in range(30)]
    glad = [plan(make_mood(Brief(s), valence=0.8, energy=0.8)) for s in range(30)]
    assert np.mean([f.tempo_bpm for f in glad]) > np.mean([f.tempo_bpm for f in sad]) + 12
    assert sum(f.key.minor for f in sad) > 24 and sum(f.key.minor for f in glad) < 6


def test_every_template_has_the_five_roles_and_the_slow_bound_is_shared() -> None:
    assert all(set(t.roles) == ROLES for t in (*LONG, *SHORT))
    assert form_room.SLOW_BELOW_BPM == rules.SLOW_BELOW_BPM
