"""A small song made by hand, for tests of rooms that need one but none of those that make it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from halation.seeds import rng
from halation.types import (
    SAMPLE_RATE,
    STEM_NAMES,
    Audio,
    Brief,
    Chord,
    Curve,
    Effect,
    Form,
    Key,
    Measures,
    Mix,
    Mood,
    Note,
    Part,
    Plan,
    Role,
    Score,
    Section,
    Song,
    Stem,
    Stems,
)

SECTIONS: tuple[tuple[str, Role, int], ...] = (
    ("intro", "intro", 2),
    ("verse", "verse", 4),
    ("hook", "hook", 4),
    ("bridge", "bridge", 2),
    ("outro", "outro", 2),
)
"""Name, role and bars."""

LEVELS = {"intro": 0.12, "verse": 0.3, "hook": 0.55, "bridge": 0.2, "outro": 0.15}
MOTIF = ((0.0, 1.0, 0), (1.0, 0.5, 3), (1.5, 0.5, 7), (2.0, 2.0, 10), (5.0, 0.5, 7), (5.5, 2.0, 5))
"""Onset, duration and semitones above the tonic."""


def fake_score(
    seed: int = 7,
    *,
    title: str = "Neon Rain",
    text: str = "rain on a neon window",
    mood: Mapping[str, float] = MappingProxyType({}),
) -> Score:
    """Five sections of 28 s at 120 BPM in F# minor, or what ``mood`` and ``seed`` change of it."""
    axes = {"valence": -0.4, "energy": 0.1, "warmth": -0.5, "density": 0.0, "haze": 0.3} | dict(
        mood
    )
    brief = Brief(seed, text, players=(("pad", "synth"),))
    feeling = Mood(brief, **axes, words=("foggy",), phrase=text, understood=True, title=title)
    sections, now = [], 0.0
    for name, role, bars in SECTIONS:
        sections.append(Section(name, role, now, bars * 4.0))
        now += bars * 4.0
    draws = rng(seed, "fake")
    key = Key(6, "aeolian") if seed == 7 else Key(int(draws.integers(12)), "ionian")
    form = Form(feeling, "five", 120.0, key, tuple(sections))
    tonic = 60 + key.tonic
    motif = tuple(Note(a, d, tonic + 12 + p, 90, 0.011) for a, d, p in MOTIF)
    if seed != 7:
        motif = tuple(replace(n, pitch=n.pitch + int(draws.integers(-4, 5))) for n in motif)
    return Score(form, _chords(form), motif, _parts(form, motif, tonic))


def _chords(form: Form) -> tuple[Chord, ...]:
    roots = (0, 8, 3, 10)
    return tuple(
        Chord(4.0 * bar, 4.0, f"c{roots[bar % 4]}", root, (root, (root + 7) % 12), root)
        for bar in range(14)
        for root in [(form.key.tonic + roots[bar % 4]) % 12]
    )


def _parts(form: Form, motif: tuple[Note, ...], tonic: int) -> tuple[Part, ...]:
    bells, vocals, snare, pad, bass = [], [], [], [], []
    for section in form.sections:
        at = section.start_beats
        bells += [replace(note, onset_beats=at + note.onset_beats) for note in motif]
        for bar in range(section.bars):
            start = at + 4.0 * bar
            pad.append(Note(start, 4.5, tonic - 12, 70, -0.004))
            if section.role in ("verse", "hook"):
                snare.append(Note(start + 2.0, 0.25, 39, 100, 0.0137))
                bass.append(Note(start, 4.2, tonic - 24 + bar % 2, 100, 0.003))
        if section.role == "hook":
            vocals = [replace(n, onset_beats=at + n.onset_beats, syllable="ooh") for n in motif]
    return (
        Part("snare", "drums", "drums", "glass", tuple(snare)),
        Part("bass", "bass", "synth", "808", tuple(bass), (("glide_s", 0.08),)),
        Part("pad", "pads", "synth", "glass", tuple(pad), (("attack_s", 0.1 + 0.2),), (), "a pad"),
        Part("bells", "keys", "synth", "fm_bell", tuple(bells), (("brightness", 0.4),)),
        Part("vocals", "vocals", "vocals", "chops", tuple(vocals), (), ("pads",)),
    )


def fake_plan(score: Score | None = None) -> Plan:
    """A few effects and curves for a score."""
    score = score or fake_score()
    end = score.form.duration_beats
    times = tuple(np.linspace(0.0, end, 200).tolist())
    draws = rng(score.form.mood.brief.seed, "fake", "fx")
    walk = tuple((2_000.0 * 2.0 ** np.cumsum(draws.normal(0.0, 0.1, 200))).tolist())
    return Plan(
        score,
        (
            Effect("reverb", "hall", (("t60_s", 4.2), ("predelay_s", 0.04))),
            Effect("delay", "delay", (("time_s", 0.4137), ("feedback", 0.5))),
        ),
        (
            Curve("music", "cutoff_hz", times, walk),
            Curve("pad", "send_db", (0.0, end / 2, end), (-12.0, -6.0, -20.0)),
            Curve("music", "width", (0.0, 20.0, 24.0, end), (1.0, 0.3, 1.0, 1.0)),
        ),
    )


def fake_audio(score: Score, seed: int = 1) -> Audio:
    """Noise and a tone that are louder in louder sections."""
    n = score.n_samples
    noise = rng(seed, "fake", "noise").standard_normal((2, n), dtype=np.float32)
    tone = np.sin(np.arange(n, dtype=np.float32) * np.float32(2.0 * np.pi * 440.0 / SAMPLE_RATE))
    envelope = np.zeros(n, np.float32)
    for section in score.form.sections:
        start, end = (
            round(score.seconds_at(b) * SAMPLE_RATE)
            for b in (section.start_beats, section.end_beats)
        )
        envelope[start:end] = LEVELS[section.role]
    return Audio.take(np.ascontiguousarray((0.2 * noise + 0.4 * tone) * envelope))


def fake_song(score: Score | None = None) -> Song:
    """A whole song whose stems sum to its mix."""
    plan = fake_plan(score)
    score = plan.score
    names = [name for name in STEM_NAMES if name in ("drums", "bass", "pads", "keys", "space")]
    tracks = tuple(Stem(name, fake_audio(score, i)) for i, name in enumerate(names))
    tracks = tuple(
        Stem(t.name, Audio(np.asarray(t.audio.samples / np.float32(8.0)))) for t in tracks
    )
    total = np.zeros_like(tracks[0].audio.samples)
    for track in tracks:
        total += track.audio.samples
    master = Audio(np.clip(total * np.float32(2.0), -0.8, 0.8))
    sections = tuple((s.name, -14.0 - i) for i, s in enumerate(score.form.sections))
    measures = Measures(-14.02, -1.51, 6.3, sections, -4.6, 0.55, 2.1)
    mix = Mix(plan, Stems(score, tracks), Audio(total), -3.25, (("hook", 1.5),))
    return Song(mix, master, measures, (("python", "3.11.7"), ("numpy", "2.3.0")))
