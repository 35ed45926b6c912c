"""Score → Plan: every effect of a song, drawn before a sample is touched."""

from __future__ import annotations

from dataclasses import replace

from halation.fx import draw_events, draw_parts, draw_sections, draw_space
from halation.fx.lines import merged
from halation.types import STEM_NAMES, WHOLE_SONG, Curve, Effect, Plan, Score

__all__ = ["plan"]


def plan(score: Score) -> Plan:
    """Draw the effects of a song and how they move.

    Parameters
    ----------
    score : Score
        The draws come from its brief's seed, their ranges from its mood.

    Returns
    -------
    Plan
        Curves and effects are read like this; a target is applied once even where a part is named
        like its stem:

        - ``cutoff_hz`` of a part, its stem or ``"music"`` (all but drums and bass): the lowest
          of them is the low-pass; of ``"space"``: the low-pass of the returns.
        - ``gain_db`` of a part, its stem, ``"music"`` or ``"all"``: added up; −90 is silence.
        - ``width`` of a part, its stem or ``"music"``: multiplied; 1 leaves a sound as it is.
        - ``near_send_db``, ``hall_send_db``, ``shimmer_send_db``, ``delay_send_db`` of a part.
        - ``pan`` of a part: added to its seat, −1 … 1.
        - ``duck_db`` of a stem: how far it falls under kick and 808, in place of the effect's.
        - ``drive_db`` of a part with ``saturation``: in place of the effect's.
        - ``wobble`` of ``"music"``: what the tape's deviations are multiplied by.
        - ``octave_db`` of a part: level of its granular octave layer.
        - effects ``duck`` of a stem, ``highpass``, ``saturation``, ``crush``, ``phone`` and
          ``octave`` of a part, ``tape`` of a stem, ``tape_stop`` of ``"music"``; ``reverb``,
          ``shimmer``, ``delay``, ``reversed_delay`` of a bus, ``reverse_reverb`` of a section.
        - events of a part, a stem, ``"music"`` or ``"all"``, each from ``start_beats`` to
          ``end_beats``: ``phone``, ``half_speed``, ``reversed_bar``, ``stutter``, ``freeze``.
    """
    sections = draw_sections.draw(score)
    part_effects, part_curves = draw_parts.draw(score)
    space_effects, space_curves = draw_space.draw(score)
    effects = part_effects + draw_events.draw(score) + space_effects
    curves = merged((*sections, *part_curves, *space_curves))
    if any(part.stem == WHOLE_SONG for part in score.parts):
        effects, curves = _of_one(score, effects, curves)
    return Plan(score, effects, curves)


def _of_one(
    score: Score, effects: tuple[Effect, ...], curves: tuple[Curve, ...]
) -> tuple[tuple[Effect, ...], tuple[Curve, ...]]:
    """Leave what is meant for a song that one model plays: no journeys that close it for bars.

    Its level and its bridges move as the drums' do; what is meant for others goes.
    """
    others = {*STEM_NAMES, *(part.name for part in score.written), "music"}
    others -= {WHOLE_SONG, "space", *(part.name for part in score.parts)}
    kept = tuple(
        effect for effect in effects if effect.target not in others or effect.kind == "tape_stop"
    )
    moved = (
        replace(curve, target=WHOLE_SONG)
        for curve in curves
        if curve.target == "drums" and curve.parameter in ("cutoff_hz", "gain_db")
    )
    rest = (curve for curve in curves if curve.target not in others or curve.parameter == "wobble")
    return kept, merged((*moved, *rest))
