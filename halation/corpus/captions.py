"""What a model is told of a recording: words of mood, tempo, key."""

from __future__ import annotations

from typing import Final

from halation.corpus.describe import Described
from halation.corpus.hearing import FELT_BPM
from halation.corpus.tags import Tags

__all__ = ["caption"]

SLOW_BPM: Final = 80.0
FAST_BPM: Final = 98.0
"""Of felt tempi, which lie from 55 to 110."""


def caption(tags: Tags, described: Described, *, instrumental: bool = False) -> str:
    """Say in words what a recording is like, as prompts of halation's do.

    Parameters
    ----------
    tags : Tags
    described : Described
    instrumental : bool
        Whether its vocals were taken out, or it has none.

    Returns
    -------
    str
        The mood's words, slow or fast, tempo as it is felt (half above 110), key, and
        ``instrumental``; what is not known is left out.

    Examples
    --------
    >>> from dataclasses import fields
    >>> known = {f.name: 0.0 for f in fields(Described)} | {"tempo_bpm": 144.0, "key": "F# minor"}
    >>> words = Tags(("foggy", "floating"), (0.0, 0.0, 0.0, 0.0, 0.0), "clap")
    >>> caption(words, Described(**known), instrumental=True)
    'foggy, floating, slow, 72 BPM, F# minor, instrumental'
    """
    phrases = list(tags.words)
    if described.tempo_bpm is not None:
        felt = described.tempo_bpm / (2.0 if described.tempo_bpm > FELT_BPM else 1.0)
        phrases += ["slow"] * (felt <= SLOW_BPM) + ["fast"] * (felt >= FAST_BPM)
        phrases.append(f"{felt:.0f} BPM")
    if described.key is not None:
        phrases.append(described.key)
    if instrumental:
        phrases.append("instrumental")
    return ", ".join(dict.fromkeys(phrases))
