"""Whose child a song is, and what of the parent's desk it keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from halation.types import Origin, Plan

__all__ = ["child", "without_desk"]

LONGEST_TITLE = 200


def child(plan: Plan, parent: str, change: Sequence[str]) -> Plan:
    """Write down of what song a reshaped plan was made, and how.

    Parameters
    ----------
    plan : Plan
        What ``again``, ``shape`` or ``edited`` returned.
    parent : str
        The parent's id, as :class:`halation.files.SongFile` has it.
    change : sequence of str
        What was done, each as it was typed: ``"again hook2"``, ``"tempo 140"``.
    """
    title = plan.score.form.mood.title[:LONGEST_TITLE]
    return replace(plan, origin=Origin(parent, title, tuple(change)))


def without_desk(plan: Plan, gone: Callable[[str, str], bool]) -> Plan:
    """Forget what the desk had set for what changed.

    Parameters
    ----------
    plan : Plan
    gone : function of (section or empty, stem or part or empty)
        Whether a setting of this place is to be measured anew.
    """
    sections = {section.name for section in plan.score.form.sections}
    kept = []
    for name, value in plan.desk:
        first, _, rest = name.partition("/")
        what = rest.rpartition("/")[2]  # the intro's opening has faders of its own
        place = (first, what) if first in sections else ("", first)
        if not gone(place[0], place[1].partition(".")[0]):
            kept.append((name, value))
    return replace(plan, desk=tuple(kept))
