"""What the page draws of each artefact, as the small events that a browser is sent."""

from __future__ import annotations

from halation.files.schema import RightsData
from halation.pictures import cover
from halation.server.models import Event, MoodView, PartView, SectionView
from halation.types import WHOLE_SONG, Form, Mood, Part, Plan, Score

__all__ = [
    "event_of",
    "instrument_of",
    "mood_view",
    "part_views",
    "rights_line",
]


def event_of(artefact: Mood | Form | Score | Plan) -> Event:
    """Say in one event what has just come into being."""
    match artefact:
        case Mood():
            return Event(kind="mood", title=artefact.title, mood=mood_view(artefact))
        case Form():
            return Event(
                kind="form",
                duration_s=artefact.duration_s,
                tempo_bpm=artefact.tempo_bpm,
                key=artefact.key.name,
                sections=section_views(artefact),
            )
        case Score():
            return Event(kind="score", parts=part_views(artefact))
        case Plan():
            return Event(kind="effects", effects=len(artefact.effects))


def mood_view(mood: Mood) -> MoodView:
    """Return a mood as words, axes and colours."""
    return MoodView(
        words=list(mood.words),
        phrase=mood.phrase,
        understood=mood.understood,
        valence=round(mood.valence, 3),
        energy=round(mood.energy, 3),
        warmth=round(mood.warmth, 3),
        density=round(mood.density, 3),
        haze=round(mood.haze, 3),
        colours=list(cover.colours(mood)),
    )


def section_views(form: Form) -> list[SectionView]:
    """Return the blocks of a form in seconds."""
    beat_s = 60.0 / form.tempo_bpm
    return [
        SectionView(
            name=section.name,
            role=section.role,
            start_s=round(section.start_beats * beat_s, 3),
            end_s=round(section.end_beats * beat_s, 3),
        )
        for section in form.sections
    ]


def part_views(score: Score) -> list[PartView]:
    """Return every note as it is played, part by part."""
    return [
        PartView(
            name=part.name,
            stem=part.stem,
            notes=[
                (
                    round(score.onset_s(note), 3),
                    round(score.seconds_at(note.duration_beats), 3),
                    note.pitch,
                    note.velocity,
                )
                for note in part.notes
            ],
        )
        for part in score.written
    ]


def instrument_of(score: Score) -> str:
    """Return the name of the model that plays the whole song, empty if none does."""
    whole = _whole(score)
    return whole.patch or whole.player if whole else ""


def rights_line(score: Score, rights: RightsData) -> str:
    """Say who plays a song in place of halation, and under which licences; nobody: nothing."""
    whole = _whole(score)
    bound = [row for row in rights.made_with if not row.commercial]
    if whole is None and not bound:
        return ""
    player = whole.player.partition(":")[0] if whole else ""
    rows = bound or [row for row in rights.made_with if row.name == player]
    names = instrument_of(score) or ", ".join(row.name for row in rows)
    licences = ", ".join(sorted({row.licence for row in rows}))
    return f"Played by {names} ({licences}){': not for sale' if bound else ''}."


def _whole(score: Score) -> Part | None:
    return next((part for part in score.parts if part.stem == WHOLE_SONG), None)
