"""The synth: plays every melodic part with a patch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from halation.backends import Description
from halation.stems.blocks import canvas, handed_out
from halation.stems.draws import note_draws, places
from halation.stems.patches import patch
from halation.stems.patches.voice import DRAWS, Event
from halation.types import SAMPLE_RATE, Audio, Part, Score, Stems

__all__ = ["Synth", "events"]

END_FADE_S: Final = 0.03
"""What still rings at the end of the song stops within this."""

_OTHERS: Final = {"drums": "drums", "vocals": "vocals"}
"""Who of the house plays the stems that have no patches."""


def events(part: Part, score: Score, seed: int) -> list[Event]:
    """Place a part's notes in samples and draw their variations.

    Parameters
    ----------
    part : Part
    score : Score
        Converts beats to seconds; notes that would start after its end are left out.
    seed : int

    Returns
    -------
    list of Event
        In order of onset.
    """
    draws = note_draws(part.notes, seed, "stems", part.name, count=DRAWS).tolist()
    found = []
    for note, drawn, (section, index) in zip(
        part.notes, draws, places(part.notes, score), strict=True
    ):
        start = round(score.onset_s(note) * SAMPLE_RATE)
        length = max(1, round(score.seconds_at(note.duration_beats) * SAMPLE_RATE))
        if start < score.n_samples:
            length = min(length, score.n_samples - start)
            event = Event(index, start, length, note.pitch, note.velocity, tuple(drawn), section)
            found.append(event)
    return sorted(found, key=lambda event: (event.start, event.section, event.index))


class Synth:
    """Renders a part with one of the built-in patches or two, block by block.

    Settings that a patch does not know are left alone; ``pan`` and ``width`` belong to the mix.

    Raises
    ------
    BackendError
        If the part names a patch that does not exist.
    """

    description = Description(
        summary="pads, supersaw, bells, plucks, breath and 808, synthesised",
        licence="GPL-3.0-or-later",
        commercial=True,
    )

    def cast(self, part: Part) -> Part:
        """Hand what is not for patches to the synthesis that plays it: ``drums=synth``."""
        if part.stem == "textures":
            return replace(part, player="grains" if part.name == "cloud" else "weather")
        return replace(part, player=_OTHERS.get(part.stem, part.player))

    def __call__(self, part: Part, score: Score, heard: Stems, seed: int) -> Iterator[Audio]:
        """Yield the stem block by block; see :class:`halation.backends.Player`."""
        sound = patch(part.patch, part.setting("blend", 0.5))
        out = canvas(score.n_samples)
        starts = sound.play(part, events(part, score, seed), out)
        yield from handed_out(out, starts, end_fade_s=END_FADE_S)
