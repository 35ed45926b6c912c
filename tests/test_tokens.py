"""Music as tokens: everything that is written can be read back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from halation.score.learned.tokens import (
    CONTROLS,
    DURATIONS,
    IDS,
    LATENESS,
    LEVELS,
    PARTS,
    PITCHES,
    QUALITIES,
    STEPS,
    VOCABULARY,
    VOICES,
    Bar,
    Harmony,
    Hit,
    Tone,
    Voicing,
    decode,
    encode,
    header,
)

steps = st.integers(0, STEPS - 1)
pitches = st.integers(PITCHES.start, PITCHES.stop - 1)


def placed(thing: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    """Some things at different steps, in order."""
    return st.lists(thing, max_size=8, unique_by=lambda t: t.step).map(  # type: ignore[attr-defined]
        lambda row: tuple(sorted(row, key=lambda t: t.step))  # type: ignore[attr-defined]
    )


tones = placed(st.builds(Tone, steps, st.sampled_from(DURATIONS), pitches))
chords = placed(
    st.one_of(
        st.builds(Harmony, steps, st.integers(0, 11), st.sampled_from(QUALITIES)),
        st.builds(Harmony, steps, st.just(-1)),
    )
)
voicings = placed(st.builds(Voicing, steps, st.lists(pitches, min_size=1, max_size=5).map(tuple)))
hits = st.lists(
    st.builds(
        Hit, steps, st.sampled_from(VOICES), st.integers(0, LEVELS - 1),
        st.integers(0, LATENESS - 1),
    ),
    max_size=12, unique_by=lambda h: (h.step, h.voice),
).map(lambda row: tuple(sorted(row, key=lambda h: (h.step, VOICES.index(h.voice)))))  # fmt: skip
bars = st.lists(st.builds(Bar, chords, tones, tones, tones, voicings), max_size=4)


@given(bars)
def test_what_is_written_can_be_read(written: list[Bar]) -> None:
    assert decode(encode(written, PARTS[:-1])) == tuple(written)


@given(st.lists(st.builds(Bar, drums=hits), max_size=4))
def test_drums_can_be_read(written: list[Bar]) -> None:
    assert decode(encode(written, ("drums",))) == tuple(written)


@given(st.lists(st.integers(0, len(VOCABULARY) - 1), max_size=60))
def test_nonsense_is_read_as_what_it_has_of_music(tokens: list[int]) -> None:
    read = decode(tokens)
    assert len(read) == tokens.count(IDS["bar"])
    assert decode(encode(read, PARTS[:-1]))[: len(read)] == tuple(
        Bar(b.chords, b.melody, b.counter, b.bass, b.pads) for b in read
    )


def test_every_word_is_there_once() -> None:
    assert len(set(VOCABULARY)) == len(VOCABULARY) < 32_768
    for name, values in CONTROLS.items():
        for value in values:
            assert header({name: value}, ()) == [IDS[f"{name}:{value}"]]


def test_a_header_comes_before_the_bars_and_is_not_read() -> None:
    bar = Bar((Harmony(0, 9, "min"),), (Tone(0, 4, 69),))
    told = header({"mode": "minor", "role": "hook"}, ("chords", "melody"))
    assert decode([*told, *encode([bar], ("chords", "melody"))]) == (bar,)
