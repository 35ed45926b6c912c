"""What a model is told in words: one prompt a section, from mood, role, tempo, key and voices."""

from __future__ import annotations

from typing import Final

from halation.types import WHOLE_SONG, Part, Score, Section

__all__ = ["FIRST_WORDS", "NEGATIVE", "prompt"]

FIRST_WORDS: Final = "dreamy ambient trap beat, slow BPM, heavy reverb"
"""How every prompt for a whole song begins where the listener gave no text."""

NEGATIVE: Final = "distorted, harsh, clipping, low quality, off key, speech"
"""What is not wanted, for models that can be told."""

_ROLES: Final = {
    "intro": "ambient intro, pads and texture, no drums",
    "verse": "verse, a soft beat, sparse melody, deep 808 bass",
    "hook": "hook, full and wide, soaring melody, heavy reverb, ethereal pitched vocals",
    "bridge": "bridge, filtered and muffled, floating, almost no drums",
    "outro": "outro, repeating and fading away, long reverb tail",
}
_ROLES_OF_A_STEM: Final = {
    "intro": "distant",
    "verse": "restrained",
    "hook": "full and wide",
    "bridge": "filtered and muffled",
    "outro": "fading away",
}
_VOICES: Final = 4
"""So many voices are named; more, and a model follows none."""


def prompt(part: Part, score: Score, section: Section) -> str:
    """Say in words what a part plays in a section.

    Parameters
    ----------
    part : Part
        The part of a model; its ``instead`` are the voices in whose place it plays.
    score : Score
    section : Section

    Returns
    -------
    str
        Phrases with commas between them, the most important first.
    """
    form = score.form
    mood = form.mood
    # Half the tempo is what is felt; models have learned from captions of what is felt.
    facts = f"{form.tempo_bpm / 2:.0f} BPM, {form.key.name}"
    feeling = ", ".join(mood.words[:3])
    if part.stem != WHOLE_SONG:
        alone = part.instead[0] if len(part.instead) == 1 else part
        words = alone.description.partition(",")[0] or part.stem
        if len(part.instead) > 1:
            words = f"{part.stem}: {_voices(part, section) or part.stem}"
        how = _ROLES_OF_A_STEM[section.role]
        return f"solo {words}, {how}, {feeling}, dreamy, ambient, {facts}"
    text = mood.brief.text.strip()
    # A long text is a story; what it means is in the mood's words.
    first = (
        f"{' '.join(text.split())[:200]}, dreamy ambient cloud rap beat" if text else FIRST_WORDS
    )
    rows = (first, _ROLES[section.role], feeling, _voices(part, section), facts)
    instrumental = ", instrumental" if mood.brief.instrumental else ""
    return ", ".join(row for row in rows if row) + instrumental


def _voices(part: Part, section: Section) -> str:
    """Name the voices that play in a section, those with most to play first."""
    counts = {
        row.description.partition(",")[0].partition(" (")[0]: sum(
            section.start_beats <= note.onset_beats < section.end_beats for note in row.notes
        )
        for row in part.instead
        if row.description
    }
    playing = sorted((name for name in counts if counts[name]), key=lambda name: -counts[name])
    return ", ".join(playing[:_VOICES])
