"""The patches of the synth player. To add one, add an entry to its family's tuple."""

from __future__ import annotations

import difflib
from typing import Final

from halation.stems.patches.bass808 import BASSES
from halation.stems.patches.bells import BELLS
from halation.stems.patches.breath import BREATHS
from halation.stems.patches.layers import blend
from halation.stems.patches.pads import PADS
from halation.stems.patches.plucks import PLUCKS
from halation.stems.patches.voice import Patch
from halation.types import BackendError

__all__ = ["PATCHES", "patch"]

_FAMILIES: Final[tuple[tuple[Patch, ...], ...]] = (PADS, BELLS, PLUCKS, BREATHS, BASSES)

PATCHES: Final[dict[str, Patch]] = {sound.name: sound for family in _FAMILIES for sound in family}
"""Every patch by name."""


def patch(name: str, share: float = 0.5) -> Patch:
    """Return a patch by name.

    Parameters
    ----------
    name : str
        One of :data:`PATCHES`, or two of them joined by ``+``.
    share : float in 0..1
        Of the second of two.

    Raises
    ------
    BackendError
        If there is none of that name; the message lists those that there are.

    Examples
    --------
    >>> patch("celesta").name, patch("warm+glass", 0.3).name
    ('celesta', 'warm+glass')
    """
    one, joined, other = name.partition("+")
    if joined:
        return blend(_known(one), _known(other), min(max(share, 0.0), 1.0))
    return _known(name)


def _known(name: str) -> Patch:
    if name not in PATCHES:
        near = difflib.get_close_matches(name, PATCHES, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise BackendError(f"the synth has no patch {name!r}; {hint}known: {', '.join(PATCHES)}")
    return PATCHES[name]
