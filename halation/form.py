"""Mood → Form: the tempo, the key, and sections of whole bars that fill the wished length."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from halation.seeds import rng
from halation.types import BEATS_PER_BAR, MODE_STEPS, Form, Key, Mode, Mood, Role, Section

__all__ = ["plan", "resized"]

TEMPO_DRAWN_BPM: Final = (120.0, 164.0)
TEMPO_CENTRE_BPM: Final = 141.0
TEMPO_BY_ENERGY_BPM: Final = 21.0
TEMPO_BY_HAZE_BPM: Final = -4.0
TEMPO_SPREAD_BPM: Final = 3.0

LENGTH_DRAWN_S: Final = (135.0, 170.0)
TWO_CYCLES_FROM_S: Final = 100.0
"""From this length on there is a second verse and hook."""
MORE_CYCLES_FROM_S: Final = 240.0
"""From this length on verses and hooks are added instead of growing."""

SIX_SECTIONS_FROM_BARS: Final = 26
"""What is shorter has five."""

LOUD_BY: Final = {"energy": 3.0, "density": 1.5, "valence": 1.5}
"""How much likelier an axis of the mood makes a template of long hooks."""

SLOW_BELOW_BPM: Final = 108.0
"""Below this tempo one bar holds what two bars hold above it, so sections may be half as long."""

TONIC_WEIGHTS: Final = (8, 9, 8, 9, 8, 9, 10, 8, 10, 9, 9, 8)
"""How likely each tonic is, C first: all twelve, black keys a little more."""


@dataclass(frozen=True, slots=True)
class Template:
    """A plan of a song: roles in order and their bars in a song of the usual length."""

    name: str
    roles: tuple[Role, ...]
    bars: tuple[int, ...]

    @property
    def loud_share(self) -> float:
        """Share of the bars that are a hook's."""
        hooks = (n for role, n in zip(self.roles, self.bars, strict=True) if role == "hook")
        return sum(hooks) / sum(self.bars)


LONG: Final = (
    Template(
        "arch",
        ("intro", "verse", "hook", "verse", "hook", "bridge", "outro"),
        (8, 16, 16, 16, 20, 8, 9),
    ),
    Template(
        "return",
        ("intro", "verse", "hook", "verse", "bridge", "hook", "outro"),
        (8, 16, 16, 12, 8, 20, 9),
    ),
    Template(
        "finale",
        ("intro", "verse", "hook", "verse", "hook", "bridge", "hook", "outro"),
        (8, 14, 14, 9, 14, 7, 13, 8),
    ),
    Template(
        "drift",
        ("intro", "verse", "hook", "verse", "bridge", "hook", "outro"),
        (14, 16, 16, 11, 11, 16, 12),
    ),
    Template(
        "plunge",
        ("intro", "verse", "hook", "verse", "hook", "bridge", "outro"),
        (5, 14, 19, 10, 22, 8, 8),
    ),
    Template(
        "afterglow",
        ("intro", "verse", "hook", "verse", "hook", "bridge", "outro"),
        (9, 16, 16, 12, 16, 12, 14),
    ),
    Template(
        "sunrise",
        ("intro", "verse", "hook", "verse", "bridge", "hook", "outro"),
        (12, 12, 12, 12, 8, 24, 10),
    ),
    Template(
        "ember",
        ("intro", "verse", "hook", "verse", "hook", "bridge", "outro"),
        (8, 20, 12, 8, 16, 9, 15),
    ),
    Template(
        "encore",
        ("intro", "verse", "hook", "verse", "hook", "bridge", "hook", "outro"),
        (8, 12, 12, 8, 12, 8, 18, 9),
    ),
)
"""Templates with two verses and at least two hooks."""

SHORT: Final = (
    Template("vignette", ("intro", "verse", "hook", "bridge", "outro"), (5, 9, 10, 4, 6)),
    Template("postcard", ("intro", "verse", "hook", "bridge", "outro"), (7, 7, 11, 5, 8)),
    Template("glimpse", ("intro", "verse", "hook", "bridge", "hook", "outro"), (4, 9, 8, 4, 9, 6)),
)
"""Templates for songs that are too short for a second verse."""

LEAST_BARS: Final[dict[int, dict[Role, int]]] = {
    1: {"intro": 1, "verse": 2, "hook": 4, "bridge": 1, "outro": 6},
    2: {"intro": 2, "verse": 4, "hook": 4, "bridge": 4, "outro": 6},
    4: {"intro": 8, "verse": 8, "hook": 8, "bridge": 8, "outro": 8},
}
"""Shortest sections, by the step in which sections grow: a hook holds the motif twice, the outro
holds it twice before two bars of tail, and what lasts less than some ten seconds is no section to a
listener where there is room for more."""


MOST_BARS: Final[dict[Role, int]] = {
    "intro": 14, "verse": 24, "hook": 24, "bridge": 16, "outro": 15,
}  # fmt: skip
"""Longest sections, as long as another one can grow; intro and outro take what is left over."""

FIRST_VERSE_FROM_BARS: Final = 72
"""From this length on the first verse has a step more than the shortest."""


def plan(mood: Mood) -> Form:
    """Plan the form of a song.

    Parameters
    ----------
    mood : Mood
        Its brief may ask for a length, a tempo and a key; what it leaves open is drawn.

    Returns
    -------
    Form
        Sections of whole bars. With ``length_s`` the song lasts that long to half a bar,
        otherwise 120–180 s, tail included.

    Examples
    --------
    >>> from halation.types import Brief
    >>> brief = Brief(seed=7, length_s=150, tempo_bpm=142)
    >>> form = plan(Mood(brief, 0, 0, 0, 0, 0, (), "", True, ""))
    >>> abs(form.duration_s - 150) <= 4 * 60 / 142 / 2
    True
    >>> sorted({section.role for section in form.sections})
    ['bridge', 'hook', 'intro', 'outro', 'verse']
    """
    brief = mood.brief
    tempo_bpm = brief.tempo_bpm if brief.tempo_bpm is not None else _draw_tempo(mood)
    low, high = LENGTH_DRAWN_S
    wished_s = brief.length_s
    if wished_s is None:
        wished_s = float(rng(brief.entropy, "form", "length").uniform(low, high))
    n_bars = math.floor(wished_s * tempo_bpm / 60.0 / BEATS_PER_BAR + 0.5)
    template = _draw_template(mood, n_bars, wished_s)
    slow = tempo_bpm < SLOW_BELOW_BPM
    sections = _sections(template.roles, _share(template, n_bars, slow))
    return Form(mood, template.name, tempo_bpm, brief.key or _draw_key(mood), sections)


def resized(form: Form, length_s: float) -> Form:
    """Return a form of another length: the same template, where it suits that length.

    Parameters
    ----------
    form : Form
    length_s : float in 30..600 [s]
    """
    wished = replace(form.mood.brief, length_s=length_s, tempo_bpm=form.tempo_bpm, key=form.key)
    other = plan(replace(form.mood, brief=wished))
    own = next((t for t in (*LONG, *SHORT) if t.name == form.template), None)
    long = length_s >= TWO_CYCLES_FROM_S
    if own is None or own.name == other.template or long != (own in LONG):
        return other
    n_bars = round(other.duration_beats / BEATS_PER_BAR)
    if not long and len(own.roles) > 5 and n_bars < SIX_SECTIONS_FROM_BARS:
        return other
    template = _with_cycles(own, n_bars) if length_s > MORE_CYCLES_FROM_S else own
    slow = form.tempo_bpm < SLOW_BELOW_BPM
    sections = _sections(template.roles, _share(template, n_bars, slow))
    return replace(other, template=own.name, sections=sections)


def _draw_tempo(mood: Mood) -> float:
    """Draw a producer's tempo in whole BPM; energy drives it, haze slows it."""
    centre = TEMPO_CENTRE_BPM + TEMPO_BY_ENERGY_BPM * mood.energy + TEMPO_BY_HAZE_BPM * mood.haze
    drawn = rng(mood.brief.entropy, "form", "tempo").normal(centre, TEMPO_SPREAD_BPM)
    return float(round(np.clip(drawn, *TEMPO_DRAWN_BPM)))


def _chance(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def _draw_key(mood: Mood) -> Key:
    """Draw a tonic among all twelve, and a mode that suits the mood."""
    stream = rng(mood.brief.entropy, "form", "key")
    weights = np.array(TONIC_WEIGHTS, float)
    tonic = int(stream.choice(12, p=weights / weights.sum()))
    major = _chance(4.5 * mood.valence + 1.0 * mood.warmth - 0.3 * mood.haze - 0.4)
    if stream.random() < major:
        lydian = _chance(-1.9 + 1.0 * mood.haze - 0.8 * mood.warmth)
        mode: Mode = "lydian" if stream.random() < lydian else "ionian"
    else:
        dorian = _chance(-1.8 + 0.9 * mood.valence + 0.5 * mood.warmth + 0.4 * mood.energy)
        mode = "dorian" if stream.random() < dorian else "aeolian"
    assert mode in MODE_STEPS
    return Key(tonic, mode)


def _draw_template(mood: Mood, n_bars: int, length_s: float) -> Template:
    stream = rng(mood.brief.entropy, "form", "template")
    if length_s >= TWO_CYCLES_FROM_S:
        chosen = _drawn(LONG, mood, stream)
        return _with_cycles(chosen, n_bars) if length_s > MORE_CYCLES_FROM_S else chosen
    small = [each for each in SHORT if len(each.roles) == 5 or n_bars >= SIX_SECTIONS_FROM_BARS]
    return _drawn(small, mood, stream)


def _drawn(templates: Sequence[Template], mood: Mood, stream: np.random.Generator) -> Template:
    """Draw a template: a driving or glad mood stays long in its hooks, a still one around them."""
    shares = np.array([template.loud_share for template in templates])
    apart = (shares - shares.mean()) / max(float(shares.std()), 1e-9)
    drive = sum(by * getattr(mood, axis) for axis, by in LOUD_BY.items())
    weights = np.exp(drive * apart)
    return templates[int(stream.choice(len(templates), p=weights / weights.sum()))]


def _with_cycles(template: Template, n_bars: int) -> Template:
    """Add verses and hooks after the first hook; a long song gets a second bridge midway."""
    verse, hook = template.bars[1], template.bars[2]
    extra = max(0, round((n_bars - 1.2 * sum(template.bars)) / (verse + hook)))
    roles: list[Role] = []
    bars: list[int] = []
    for k in range(extra):
        midway = extra >= 3 and k == extra // 2
        roles += ["verse", "bridge", "hook"] if midway else ["verse", "hook"]
        shorter = verse - 4 * (k % 2)
        bars += [shorter, 8, hook] if midway else [shorter, hook]
    return Template(
        template.name,
        (*template.roles[:3], *roles, *template.roles[3:]),
        (*template.bars[:3], *bars, *template.bars[3:]),
    )


def _share(template: Template, n_bars: int, slow: bool) -> list[int]:
    """Share the bars among the sections, near the template's proportions.

    Sections grow from the shortest that can do their job, in steps of four bars (two or one in
    short songs), each time the one that is furthest behind its share.
    """
    felt = n_bars * 2 if slow else n_bars
    step = 4 if felt >= 64 else 2 if felt >= 26 else 1
    least = LEAST_BARS[step]
    bars = [math.ceil(least[role] / 2) if slow else least[role] for role in template.roles]
    step = max(1, step // 2) if slow else step
    steps = [max(step, 2) if role == "hook" and not slow else step for role in template.roles]
    most = [MOST_BARS[role] // (2 if slow else 1) for role in template.roles]
    if felt >= FIRST_VERSE_FROM_BARS:
        bars[template.roles.index("verse")] += step
    left = n_bars - sum(bars)
    while fitting := [i for i, size in enumerate(steps) if size <= left]:
        fitting = [i for i in fitting if bars[i] + steps[i] <= most[i]] or fitting
        i = min(fitting, key=lambda i: (bars[i] + steps[i] / 2) / template.bars[i])
        bars[i] += steps[i]
        left -= steps[i]
        if step > 1 and left < step:
            break
    if left >= 2:
        bars[0] += 2
        left -= 2
    bars[-1] += left
    return bars


def _sections(roles: tuple[Role, ...], bars: list[int]) -> tuple[Section, ...]:
    """Lay sections end to end under unique names: verse, hook, verse2, hook2."""
    sections: list[Section] = []
    seen: dict[str, int] = {}
    start = 0.0
    for role, n_bars in zip(roles, bars, strict=True):
        seen[role] = seen.get(role, 0) + 1
        name = role if seen[role] == 1 else f"{role}{seen[role]}"
        sections.append(Section(name, role, start, float(n_bars * BEATS_PER_BAR)))
        start += n_bars * BEATS_PER_BAR
    return tuple(sections)
