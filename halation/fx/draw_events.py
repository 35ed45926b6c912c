"""Rare events: what happens once in a song, and not in every song."""

from __future__ import annotations

import itertools

import numpy as np

from halation.fx.draw_sections import bridge_kind, lift_beats, pause_beats
from halation.fx.lines import effect
from halation.seeds import rng
from halation.types import BEATS_PER_BAR, Effect, Score

__all__ = ["draw"]

BEFORE_A_HOOK = {"tape_stop": 0.12, "phone": 0.13, "stutter": 0.16, "freeze": 0.12}
"""Chances of what may happen to the last hook that is lifted; at most one of them does."""
ELSEWHERE = {"half_speed": 0.12, "reversed_bar": 0.14}
LATE_STUTTER = 0.4
"""Chance of the ends of phrases to stutter in one part."""
STUTTERING = ("vocals", "bells", "lead", "pluck")
MOST_STUTTERS = 3
PHRASE_REST_BEATS = 1.0


def draw(score: Score) -> tuple[Effect, ...]:
    """Draw the events of a song: often none, seldom more than two."""
    return (
        *_before_hook(score), *_radio(score), *_elsewhere(score), *_late_stutters(score),
    )  # fmt: skip


def _seed(score: Score) -> int:
    return score.form.mood.brief.entropy


def _span(start: float, end: float) -> dict[str, float]:
    return {"start_beats": start, "end_beats": end}


def _before_hook(score: Score) -> list[Effect]:
    """Draw what happens in the last bars before one of the hooks, up to the dry silence."""
    draws = rng(_seed(score), "fx", "before_hook")
    lifts = [(before, hook) for before, hook, _ in lift_beats(score) if before.bars >= 4]
    chosen = float(draws.random())
    for kind, chance in BEFORE_A_HOOK.items():
        if chosen < chance and lifts:
            before, hook = lifts[-1 if draws.random() < 0.7 else 0]
            quiet = hook.start_beats - pause_beats(before, score.form.tempo_bpm)
            return [_lifting(kind, hook.start_beats, quiet, draws)]
        chosen -= chance
    return []


def _lifting(kind: str, seam: float, quiet: float, draws: np.random.Generator) -> Effect:
    """Draw one event that ends where the silence before a hook begins, or at the hook."""
    if kind == "tape_stop":
        speed = draws.uniform(0.3, 0.55)
        return effect(kind, "music", **_span(quiet - BEATS_PER_BAR, quiet), final_speed=speed)
    if kind == "phone":
        band = {"low_hz": draws.uniform(380, 600), "high_hz": draws.uniform(2_000, 3_000)}
        return effect(kind, "music", **_span(seam - 2 * BEATS_PER_BAR, quiet), **band)
    if kind == "stutter":
        beats = float(draws.choice((1.0, 1.5, 2.0)))
        step = float(draws.choice((0.25, 1 / 3, 0.5)))
        span = _span(quiet - beats, quiet)
        return effect(kind, "all", **span, slice_beats=step, step_db=draws.uniform(-0.8, 0.6))
    length = float(draws.choice((1.0, 2.0)))
    return effect(
        kind, "music", **_span(quiet - length, quiet),
        grain_s=draws.uniform(0.07, 0.16), stream=int(draws.integers(2**31)),
    )  # fmt: skip


def _radio(score: Score) -> list[Effect]:
    """Draw the band in which the first half of a bridge lies, where its kind is that."""
    if bridge_kind(score) != "band":
        return []
    draws = rng(_seed(score), "fx", "radio")
    band = {"low_hz": draws.uniform(160.0, 260.0), "high_hz": draws.uniform(650.0, 1_000.0)}
    return [
        effect("phone", "music", **_span(s.start_beats, s.start_beats + s.duration_beats / 2.0),
               **band)
        for s in score.form.sections if s.role == "bridge" and s.bars >= 4
    ]  # fmt: skip


def _elsewhere(score: Score) -> list[Effect]:
    """Draw a bar at half speed, or one that runs backwards, where no hook follows."""
    draws = rng(_seed(score), "fx", "elsewhere")
    sections = score.form.sections
    ends = [
        one for one, following in itertools.pairwise(sections)
        if one.role in ("verse", "hook", "bridge") and one.bars >= 4 and following.role != "hook"
    ]  # fmt: skip
    found = []
    for kind, chance in ELSEWHERE.items():
        wanted = draws.random() < chance
        if not wanted or not ends:
            continue
        section = ends.pop(int(draws.integers(len(ends))))
        span = _span(section.end_beats - BEATS_PER_BAR, section.end_beats)
        stems = ("music",) if kind == "half_speed" else ("pads", "keys")
        found += [effect(kind, stem, **span) for stem in stems]
    return found


def _late_stutters(score: Score) -> list[Effect]:
    """Draw notes at the ends of phrases that stutter, in one part of some songs."""
    draws = rng(_seed(score), "fx", "late_stutters")
    parts = [part for part in score.parts if part.name in STUTTERING and len(part.notes) > 8]
    if not parts or draws.random() > LATE_STUTTER:
        return []
    part = parts[min(int(draws.exponential(1.0)), len(parts) - 1)]
    lasting = [
        note for note, following in itertools.pairwise(part.notes)
        if note.duration_beats >= 1.0
        and following.onset_beats - note.onset_beats - note.duration_beats >= PHRASE_REST_BEATS
    ]  # fmt: skip
    count = min(len(lasting), int(draws.integers(1, MOST_STUTTERS + 1)))
    chosen = sorted(int(i) for i in draws.choice(len(lasting), count, replace=False))
    step = float(draws.choice((0.125, 0.25, 1 / 3)))
    found = []
    for i in chosen:
        end = lasting[i].onset_beats + lasting[i].duration_beats + 0.5
        span = _span(max(end - 1.5, lasting[i].onset_beats), end)
        step_db = draws.uniform(-1.5, -0.3)
        found.append(effect("stutter", part.name, **span, slice_beats=step, step_db=step_db))
    return found
