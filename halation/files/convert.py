"""Songs to the form of song.json and back, without loss."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from halation.files.folder import clean
from halation.files.schema import (
    SCHEMA,
    BriefData,
    ChordData,
    CurveData,
    EffectData,
    EventData,
    FormData,
    KeyData,
    MeasuresData,
    MixData,
    MoodData,
    NoteData,
    ParentData,
    PartData,
    RightsData,
    SectionData,
    SongData,
    WrittenPartData,
)
from halation.types import (
    Brief,
    Chord,
    Curve,
    Effect,
    Event,
    Form,
    Key,
    Measures,
    Mood,
    Note,
    Origin,
    Part,
    Plan,
    Score,
    Section,
    Song,
)

__all__ = ["level", "levels", "to_data", "to_measures", "to_plan"]


def to_data(
    song: Song, engine: int, versions: Iterable[tuple[str, str]], rights: RightsData
) -> SongData:
    """Return a song in the form of song.json; numbers of numpy become plain ones."""
    plan, score, form = song.mix.plan, song.score, song.score.form
    return SongData(
        schema=SCHEMA,
        engine=engine,
        title=clean(song.title),
        brief=_brief_data(song.brief),
        mood=_mood_data(form.mood),
        form=_form_data(form),
        chords=[_chord_data(chord) for chord in score.chords],
        motif=[_note_data(note) for note in score.motif],
        parts=[_part_data(part) for part in score.parts],
        effects=[_effect_data(effect) for effect in plan.effects],
        curves=[_curve_data(curve) for curve in plan.curves],
        mix=MixData(level(song.mix.gain_db), levels(song.mix.rides_db)),
        measures=_measures_data(song.measures),
        rights=rights,
        versions=dict(versions),
        events=[EventData(e.name, e.onset_beats, e.duration_beats, e.amount) for e in score.events],
        desk=_named(plan.desk),
        parent=ParentData(plan.origin.parent, clean(plan.origin.title)) if plan.origin else None,
        change=[clean(each) for each in plan.origin.change] if plan.origin else [],
    )


def level(value: float) -> float | None:
    """Return a measure as JSON has it: null for what is too quiet to measure."""
    return float(value) if math.isfinite(value) else None


def levels(rows: Iterable[tuple[str, float]]) -> dict[str, float | None]:
    """Return named measures as JSON has them; see :func:`level`."""
    return {name: level(value) for name, value in rows}


def _measured(value: float | None) -> float:
    return -math.inf if value is None else value


def _floats(values: Iterable[float]) -> list[float]:
    return [float(value) for value in values]


def _named(rows: Iterable[tuple[str, float]]) -> dict[str, float]:
    return {name: float(value) for name, value in rows}


def _brief_data(brief: Brief) -> BriefData:
    return BriefData(
        seed=int(brief.seed),
        text=clean(brief.text),
        length_s=None if brief.length_s is None else float(brief.length_s),
        tempo_bpm=None if brief.tempo_bpm is None else float(brief.tempo_bpm),
        key=_key_data(brief.key) if brief.key else None,
        instrumental=bool(brief.instrumental),
        loudness_lufs=float(brief.loudness_lufs),
        composer=brief.composer.partition(":")[0],  # a path is nobody else's business
        players={place: name.partition(":")[0] for place, name in brief.players},
    )


def _key_data(key: Key) -> KeyData:
    return KeyData(int(key.tonic), key.mode)


def _mood_data(mood: Mood) -> MoodData:
    return MoodData(
        valence=float(mood.valence),
        energy=float(mood.energy),
        warmth=float(mood.warmth),
        density=float(mood.density),
        haze=float(mood.haze),
        words=list(mood.words),
        phrase=clean(mood.phrase),
        understood=bool(mood.understood),
    )


def _form_data(form: Form) -> FormData:
    sections = [
        SectionData(s.name, s.role, float(s.start_beats), float(s.duration_beats))
        for s in form.sections
    ]
    return FormData(form.template, float(form.tempo_bpm), _key_data(form.key), sections)


def _chord_data(chord: Chord) -> ChordData:
    return ChordData(
        float(chord.onset_beats),
        float(chord.duration_beats),
        chord.symbol,
        int(chord.root),
        [int(pitch) for pitch in chord.pitches],
        int(chord.bass),
    )


def _note_data(note: Note) -> NoteData:
    return NoteData(
        float(note.onset_beats),
        float(note.duration_beats),
        int(note.pitch),
        int(note.velocity),
        float(note.offset_s),
        note.syllable,
    )


def _part_data(part: Part) -> PartData:
    instead = [WrittenPartData(**_written_data(each)) for each in part.instead]
    return PartData(**_written_data(part), instead=instead)


def _written_data(part: Part) -> dict[str, Any]:
    return dict(
        name=part.name,
        stem=part.stem,
        player=part.player.partition(":")[0],  # what follows may be a path
        patch=part.patch,
        settings=_named(part.settings),
        hears=list(part.hears),
        description=clean(part.description),
        notes=[_note_data(note) for note in part.notes],
    )


def _effect_data(effect: Effect) -> EffectData:
    return EffectData(effect.kind, effect.target, _named(effect.parameters))


def _curve_data(curve: Curve) -> CurveData:
    return CurveData(
        curve.target, curve.parameter, _floats(curve.times_beats), _floats(curve.values)
    )


def _measures_data(measures: Measures) -> MeasuresData:
    return MeasuresData(
        loudness_lufs=level(measures.loudness_lufs),
        true_peak_dbtp=level(measures.true_peak_dbtp),
        loudness_range_lu=level(measures.loudness_range_lu),
        sections_lufs=levels(measures.sections_lufs),
        spectrum_slope_db_per_octave=level(measures.spectrum_slope_db_per_octave),
        correlation=level(measures.correlation),
        limiter_db=level(measures.limiter_db),
    )


def to_measures(data: SongData) -> Measures:
    """Return the measures of a song.json; what was too quiet to measure is −∞."""
    found = data.measures
    return Measures(
        loudness_lufs=_measured(found.loudness_lufs),
        true_peak_dbtp=_measured(found.true_peak_dbtp),
        loudness_range_lu=_measured(found.loudness_range_lu),
        sections_lufs=tuple((name, _measured(v)) for name, v in found.sections_lufs.items()),
        spectrum_slope_db_per_octave=_measured(found.spectrum_slope_db_per_octave),
        correlation=_measured(found.correlation),
        limiter_db=_measured(found.limiter_db),
    )


def to_plan(data: SongData) -> Plan:
    """Return the plan of a song.json, equal to the one that was written.

    Raises
    ------
    BriefError
        If the brief is outside its ranges.
    """
    score = Score(
        form=_form(data),
        chords=tuple(_chord(chord) for chord in data.chords),
        motif=tuple(_note(note) for note in data.motif),
        parts=tuple(_part(part) for part in data.parts),
        events=tuple(Event(e.name, e.onset_beats, e.duration_beats, e.amount) for e in data.events),
    )
    effects = (Effect(e.kind, e.target, tuple(e.parameters.items())) for e in data.effects)
    curves = (
        Curve(c.target, c.parameter, tuple(c.times_beats), tuple(c.values)) for c in data.curves
    )
    origin = None
    if data.parent:
        origin = Origin(data.parent.id, data.parent.title, tuple(data.change))
    return Plan(score, tuple(effects), tuple(curves), tuple(data.desk.items()), origin)


def _form(data: SongData) -> Form:
    found = data.form
    sections = (Section(s.name, s.role, s.start_beats, s.duration_beats) for s in found.sections)
    return Form(_mood(data), found.template, found.tempo_bpm, _key(found.key), tuple(sections))


def _mood(data: SongData) -> Mood:
    found = data.mood
    return Mood(
        brief=_brief(data.brief),
        valence=found.valence,
        energy=found.energy,
        warmth=found.warmth,
        density=found.density,
        haze=found.haze,
        words=tuple(found.words),
        phrase=found.phrase,
        understood=found.understood,
        title=data.title,
    )


def _brief(data: BriefData) -> Brief:
    return Brief(
        seed=data.seed,
        text=data.text,
        length_s=data.length_s,
        tempo_bpm=data.tempo_bpm,
        key=_key(data.key) if data.key else None,
        instrumental=data.instrumental,
        loudness_lufs=data.loudness_lufs,
        composer=data.composer,
        players=tuple(data.players.items()),
    )


def _key(data: KeyData) -> Key:
    return Key(data.tonic, data.mode)


def _chord(data: ChordData) -> Chord:
    return Chord(
        data.onset_beats,
        data.duration_beats,
        data.symbol,
        data.root,
        tuple(data.pitches),
        data.bass,
    )


def _note(data: NoteData) -> Note:
    return Note(
        data.onset_beats,
        data.duration_beats,
        data.pitch,
        data.velocity,
        data.offset_s,
        data.syllable,
    )


def _part(data: PartData | WrittenPartData) -> Part:
    return Part(
        name=data.name,
        stem=data.stem,
        player=data.player,
        patch=data.patch,
        notes=tuple(_note(note) for note in data.notes),
        settings=tuple(data.settings.items()),
        hears=tuple(data.hears),
        description=data.description,
        instead=tuple(map(_part, data.instead)) if isinstance(data, PartData) else (),
    )
