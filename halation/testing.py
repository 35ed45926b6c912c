"""What the author of a plugin runs, to see that it keeps its contract.

::

    from halation.testing import check_player

    def test_my_player():
        check_player("my-player", patch="my-patch")

Both raise AssertionError with the broken promise as its message.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from halation import backends
from halation.types import (
    BEATS_PER_BAR,
    SAMPLE_RATE,
    STEM_NAMES,
    Audio,
    Brief,
    Chord,
    Form,
    Key,
    Mood,
    Note,
    Part,
    Role,
    Score,
    Section,
    Stem,
    Stems,
)

__all__ = ["check_composer", "check_player", "small_form", "small_score"]


def small_form(*, seed: int = 1, bars: int = 2, tempo_bpm: float = 140.0) -> Form:
    """Return a form of five short sections, for tests.

    Parameters
    ----------
    seed : int
    bars : int > 0
        Length of each of the five sections.
    tempo_bpm : float > 0 [BPM]
    """
    brief = Brief(seed=seed, text="a test of everything")
    mood = Mood(brief, 0.1, 0.2, -0.3, 0.1, 0.4, ("floating",), brief.text, True, "Test Tone")
    length = float(bars * BEATS_PER_BAR)
    roles: tuple[Role, ...] = ("intro", "verse", "hook", "bridge", "outro")
    sections = tuple(Section(r, r, i * length, length) for i, r in enumerate(roles))
    return Form(mood, "test", tempo_bpm, Key(9, "aeolian"), sections)


def small_score(part: Part, *, seed: int = 1, bars: int = 1) -> Score:
    """Return a score with one part over an A minor seventh, for tests."""
    form = small_form(seed=seed, bars=bars)
    chord = Chord(0.0, form.duration_beats, "Am7", 9, (9, 0, 4, 7), 9)
    return Score(form, (chord,), part.notes[:4], (part,))


def _concatenate(blocks: list[Audio]) -> np.ndarray:
    return np.concatenate([block.samples for block in blocks], axis=1)


def check_player(
    name: str,
    *,
    patch: str,
    stem: str = "keys",
    pitches: tuple[int, ...] = (57, 60, 64, 67),
    lead_s: float = 0.0,
    **options: object,
) -> Audio:
    """Check that an installed player keeps the contract of :class:`halation.backends.Player`.

    Parameters
    ----------
    name : str
        The player's entry point.
    patch : str
        A patch that it knows.
    stem : str
        The stem that its parts belong to.
    pitches : tuple of int
        What it is asked to play.
    lead_s : float >= 0 [s]
        How long before its note a sound may begin, as a singer's consonants do.
    **options
        Passed to the factory.

    Returns
    -------
    Audio
        What it played, to look at.

    Raises
    ------
    AssertionError
        Whose message is the promise that was broken.
    """
    description = backends.describe("players", name)
    assert description.summary and description.licence, "a player must describe itself"
    notes = tuple(
        Note(2.0 * i + 0.5, 1.0, pitch, 60 + 10 * (i % 5), 0.004, "ah")
        for i, pitch in enumerate(pitches)
    )
    part = Part("check", stem, name, patch, notes)
    score = small_score(part)
    nothing = Stems(score, tuple(Stem(h, _silence(score)) for h in STEM_NAMES[:-1]))
    player = backends.player(name, **options)

    first = list(player(part, score, nothing, 1))
    assert first, "a player must yield at least one block"
    for block in first:
        assert isinstance(block, Audio), "a player must yield Audio"
        assert block.sample_rate == SAMPLE_RATE, f"blocks must be at {SAMPLE_RATE} Hz"
        assert block.channels == 2, "blocks must be stereo"
    sound = _concatenate(first)
    assert sound.shape[1] == score.n_samples, "the blocks together must last as long as the song"
    assert np.abs(sound).max() > 1e-4, "a part with notes must sound"
    start = int((score.onset_s(notes[0]) - lead_s) * SAMPLE_RATE)
    assert np.abs(sound[:, : max(1, start - 64)]).max(initial=0.0) < 1e-3, (
        "nothing may sound before the first note"
    )
    again = _concatenate(list(backends.player(name, **options)(part, score, nothing, 1)))
    assert np.array_equal(sound, again), "the same part and seed must give the same samples"
    empty = replace(part, notes=())
    quiet = _concatenate(list(player(empty, small_score(empty), nothing, 1)))
    assert quiet.shape == sound.shape, "a part without notes must still last as long as the song"
    assert np.abs(quiet).max() < 1e-3, "a part without notes must be silent"
    iterator = player(part, score, nothing, 1)
    next(iter(iterator))
    getattr(iterator, "close", lambda: None)()
    return Audio(sound)


def _silence(score: Score) -> Audio:
    return Audio.take(np.zeros((2, score.n_samples), np.float32))


def check_composer(name: str, *, form: Form | None = None, **options: object) -> Score:
    """Check that an installed composer keeps the contract of :class:`halation.backends.Composer`.

    Parameters
    ----------
    name : str
        The composer's entry point.
    form : Form, optional
        What it is asked to fill; a short one by default.
    **options
        Passed to the factory.

    Returns
    -------
    Score
        What it wrote, to look at.

    Raises
    ------
    AssertionError
        Whose message is the promise that was broken.
    """
    description = backends.describe("composers", name)
    assert description.summary and description.licence, "a composer must describe itself"
    form = form or small_form(bars=8)
    composer = backends.composer(name, **options)
    score = composer(form, 1)
    assert score.form == form, "a composer must keep the form"
    assert score.motif, "a score must name its motif"
    assert score == backends.composer(name, **options)(form, 1), (
        "the same form and seed must give the same score"
    )
    assert composer(form, 2) != score, "another seed must give another score"
    _check_harmony(score)
    _check_parts(score)
    return score


def _check_harmony(score: Score) -> None:
    at = 0.0
    assert score.chords, "a score must have chords"
    for chord in score.chords:
        assert abs(chord.onset_beats - at) < 1e-6, "chords must follow one another without a gap"
        assert chord.root in chord.pitches, "a chord must contain its root"
        at += chord.duration_beats
    assert abs(at - score.form.duration_beats) < 1e-6, "chords must cover the form"


def _check_parts(score: Score) -> None:
    names = [part.name for part in score.parts]
    assert len(names) == len(set(names)), "part names must be unique"
    end_s = score.duration_s
    players = {row.name for row in backends.backends() if row.kind == "players"}
    for part in score.parts:
        assert part.stem in STEM_NAMES[:-1], f"{part.name}: no such stem: {part.stem}"
        assert part.player in players, f"{part.name}: no such player: {part.player}"
        onsets = [note.onset_beats for note in part.notes]
        assert onsets == sorted(onsets), f"{part.name}: notes must be in order of onset"
        for note in part.notes:
            assert 0 <= note.onset_beats < score.form.duration_beats, f"{part.name}: outside"
            assert note.duration_beats > 0, f"{part.name}: a note must last"
            assert 0 <= note.pitch <= 127, f"{part.name}: pitch {note.pitch}"
            assert 1 <= note.velocity <= 127, f"{part.name}: velocity {note.velocity}"
            assert abs(note.offset_s) < 0.25, f"{part.name}: an offset is feel, not a place"
            end = score.seconds_at(note.onset_beats + note.duration_beats) + note.offset_s
            assert end <= end_s + 0.05, f"{part.name}: a note rings past the end"
