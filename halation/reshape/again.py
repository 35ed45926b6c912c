"""Throw again: sections, stems, parts or the motif composed anew, the rest as it was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from halation import backends, fx
from halation.mix.survey import group
from halation.reshape.lineage import without_desk
from halation.reshape.splice import spliced
from halation.score.again import compose_again
from halation.score.given import TUNE
from halation.seeds import rng
from halation.types import MAX_SEED, STEM_NAMES, BriefError, Part, Plan, Score

__all__ = ["Thrown", "again", "read_names"]

TRIES: Final = 4
"""Throws until one differs from what there was."""
MELODY, MOTIF, SPACE = "melody", "motif", "space"


@dataclass(frozen=True, slots=True)
class Thrown:
    """What is thrown.

    Parameters
    ----------
    parts : dict of section name → names of written parts
    whole : frozenset of str
        Sections of which all is thrown.
    stems, alone : frozenset of str
        Stems whose sounds and effects are drawn anew, and parts whose effects are.
    motif : bool
    """

    parts: dict[str, frozenset[str]]
    whole: frozenset[str]
    stems: frozenset[str]
    alone: frozenset[str]
    motif: bool


def again(plan: Plan, names: Sequence[str], seed: int) -> Plan:
    """Throw some of a song again.

    Parameters
    ----------
    plan : Plan
    names : sequence of str
        ``"hook2"`` (a section), ``"drums"``, ``"bells"`` (a stem or part), ``"melody"`` (the parts
        that carry the tune), ``"verse/melody"``, ``"hook2/drums"`` (both), ``"motif"``, ``"space"``
        (the shared rooms and echoes).
    seed : int in 0..2⁵³−1
        What is new comes from it.

    Returns
    -------
    Plan
        Form, key, harmony and cast are the same, and the motif unless it is thrown; everything that
        was not thrown keeps its notes, sounds and effects.

    Raises
    ------
    BriefError
        If a name is none of this song, or its composer writes whole songs only.
    """
    if not 0 <= seed <= MAX_SEED:
        raise BriefError(f"the seed must lie between 0 and {MAX_SEED}, not {seed}")
    thrown = read_names(plan.score, names)
    score, sounds = plan.score, plan.score
    if any(thrown.parts.values()):
        composer = backends.composer(score.form.mood.brief.composer)
        for k in range(TRIES):
            turn = int(rng(seed, "again", str(k)).integers(MAX_SEED))
            score, sounds = compose_again(
                plan.score, composer, turn, thrown.parts, thrown.whole, new_motif=thrown.motif
            )
            if _differs(plan.score, score, thrown):
                break
    score = replace(score, parts=tuple(_sounding(p, sounds, thrown.stems) for p in score.parts))
    drawn = fx.plan(_with_seed(score, seed))
    fresh = spliced(replace(plan, score=score), drawn, thrown.parts, thrown.stems, thrown.alone)
    return without_desk(fresh, lambda section, what: _is_thrown(plan.score, thrown, section, what))


def read_names(score: Score, names: Iterable[str]) -> Thrown:
    """Find what names mean in a song.

    Raises
    ------
    BriefError
        With a line that lists what the song has.
    """
    sections = [section.name for section in score.form.sections]
    parts: dict[str, set[str]] = {name: set() for name in sections}
    whole: set[str] = set()
    stems: set[str] = set()
    alone: set[str] = set()
    motif = False
    for name in names:
        place, found, what = name.strip().partition("/")
        if not found and place in sections:
            whole.add(place)
            parts[place] |= {part.name for part in score.written}
            continue
        where = [place] if found else sections
        what = what if found else place
        thrown = _parts_of(score, what)
        if not set(where) <= set(sections) or (not thrown and (what != SPACE or found)):
            raise BriefError(_unknown(score, name))
        motif = motif or what == MOTIF
        for section in where:
            parts[section] |= thrown
        if not found and what in STEM_NAMES:
            stems.add(what)
        if not found and what not in (MOTIF, MELODY):
            alone |= thrown
    if not (whole or stems or any(parts.values())):
        raise BriefError(f"say what to throw again; this song has: {_listed(score)}")
    return Thrown({k: frozenset(v) for k, v in parts.items()}, frozenset(whole),
                  frozenset(stems), frozenset(alone), motif)  # fmt: skip


def _parts_of(score: Score, what: str) -> frozenset[str]:
    """Return the written parts that a name means: a stem's, the tune's, or one."""
    if what in (MELODY, MOTIF):
        return frozenset(part.name for part in score.written if part.name in TUNE)
    players = (row for part in score.parts if part.name == what or part.stem == what
               for row in part.instead or (part,))  # fmt: skip
    own = (part for part in score.written if what in (part.name, part.stem))
    return frozenset(part.name for part in (*players, *own))


def _unknown(score: Score, name: str) -> str:
    return f"nothing is called {name[:40]!r} in this song; it has: {_listed(score)}"


def _listed(score: Score) -> str:
    sections = [section.name for section in score.form.sections]
    stems = {part.stem for part in score.written}
    parts = {part.name for part in score.written}
    rows = [*sections, *(s for s in STEM_NAMES if s in stems or s == SPACE)]
    rows += sorted(parts - stems)
    return f"{', '.join(rows)}, {MELODY} and {MOTIF} (or both, such as {sections[0]}/{MELODY})"


def _differs(old: Score, new: Score, thrown: Thrown) -> bool:
    """Whether anything of what was thrown has come out differently, where anything plays at all."""
    before, after = (_print(score) for score in (old, new))
    places = [(name, part) for name, parts in thrown.parts.items() for part in parts]
    played = [place for place in places if place in before]
    return not played or any(before[place] != after.get(place) for place in played)


def _print(score: Score) -> dict[tuple[str, str], list[tuple[float, int, str]]]:
    """Return what each part plays in each section; of a texture how loud it is counts, too."""
    found: dict[tuple[str, str], list[tuple[float, int, str]]] = {}
    for part in score.written:
        for n in part.notes:
            place = (score.form.section_at(n.onset_beats).name, part.name)
            loud = str(n.velocity) if part.stem == "textures" else n.syllable
            found.setdefault(place, []).append((n.onset_beats, n.pitch, loud))
    return found


def _sounding(part: Part, drawn: Score, stems: frozenset[str]) -> Part:
    """Give a part of a thrown stem the sound that was drawn for it."""
    if part.instead:
        rows = tuple(_sounding(row, drawn, stems) for row in part.instead)
        words = "; ".join(row.description for row in rows if row.description)
        return replace(part, instead=rows, description=words)
    new = next((p for p in drawn.parts if p.name == part.name), None)
    if part.stem not in stems or new is None or part.player != new.player:
        return part
    return replace(part, patch=new.patch, settings=new.settings, description=new.description)


def _with_seed(score: Score, seed: int) -> Score:
    """Return a score whose effects are drawn from another seed."""
    mood = score.form.mood
    brief = replace(mood.brief, seed=seed)
    return replace(score, form=replace(score.form, mood=replace(mood, brief=brief)))


def _is_thrown(score: Score, thrown: Thrown, section: str, what: str) -> bool:
    """Whether a setting of the desk is about something that was thrown."""
    if section in thrown.whole:
        return True
    about = frozenset(p.name for p in score.written if what in (p.name, p.stem, group(p.stem)))
    if section:
        gone = thrown.parts.get(section, frozenset())
        return bool(gone & about) if what else False
    everywhere = frozenset.intersection(*thrown.parts.values())
    return what in thrown.stems or bool(everywhere & about)
