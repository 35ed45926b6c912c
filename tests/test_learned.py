"""The learned composer keeps what a composer promises, and copies nobody."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from halation.backends import composer
from halation.form import plan
from halation.score.drums import draw_groove
from halation.score.harmony import Changes
from halation.score.learned import critic
from halation.score.learned import network as network_module
from halation.score.learned.beats import ask_beats, choose_groove
from halation.score.learned.composer import WEIGHTS, Learned, load
from halation.score.learned.critic import KNOWN, RUN, hashes, is_known
from halation.score.learned.grid import BAR, notes_of, shift, tones_of
from halation.score.learned.judge import critic_score
from halation.score.learned.lines import Ask, think_lines
from halation.score.learned.loops import functions
from halation.score.learned.motifs import rhythms
from halation.score.learned.network import Draft, Scribe
from halation.score.learned.tokens import VOCABULARY, decode
from halation.score.motif import LONG_COLOURS, Motif, rests
from halation.seeds import rng
from halation.testing import check_composer
from halation.training.corpus import Corpus
from halation.training.evaluate import CORPUS
from halation.types import BackendError, Brief, Key, Note, Score
from tests.composed import make_mood, of_role

KEYS = [Key(t, m) for t in range(12) for m in ("aeolian", "dorian", "ionian", "lydian")]


@cache
def written(seed: int) -> Score:
    brief = Brief(seed, length_s=100.0)
    axes = np.random.default_rng(seed).uniform(-1, 1, 5).tolist()
    return Learned()(plan(make_mood(brief, *axes)), seed)


SEEDS = range(12)


def test_it_keeps_its_contract() -> None:
    check_composer("learned")


def test_every_seed_has_a_tune_and_a_loop_of_its_own() -> None:
    tunes = {
        tuple((n.onset_beats, n.pitch - s.motif[0].pitch) for n in s.motif)
        for s in map(written, SEEDS)
    }
    assert len(tunes) == len(SEEDS)
    loops = {tuple(c.symbol for c in s.chords[:6]) for s in map(written, SEEDS)}
    assert len(loops) >= len(SEEDS) - 1


def test_a_motif_keeps_its_rules() -> None:
    for score in map(written, SEEDS):
        motif = score.motif
        assert 5 <= len(motif) <= 9 and motif[0].onset_beats == 0
        assert sum(n.duration_beats for n in motif) <= 8 * 0.65 + 1e-9
        jumps = [abs(b.pitch - a.pitch) for a, b in pairwise(motif)]
        leaps = [i for i, jump in enumerate(jumps) if jump >= 7]
        assert len(leaps) == 1 and jumps[leaps[0]] <= 12 and motif[leaps[0] + 1].onset_beats >= 4
        long = max(range(len(motif)), key=lambda i: motif[i].duration_beats)
        assert motif[long].duration_beats >= 2 and 1 <= jumps[long] <= 2
        hook = of_role(score.form, "hook")[0]
        chord = score.chord_at(hook.start_beats + motif[long].onset_beats)
        assert (motif[long].pitch - chord.root) % 12 in LONG_COLOURS


def test_nothing_outside_chord_and_scale_stays() -> None:
    for score in map(written, SEEDS):
        scale = set(score.form.key.scale)
        lift = {round(e.amount) for e in score.events if e.name == "key_lift"}
        if lift:
            continue
        for part in score.parts:
            if part.name not in ("bells", "lead", "saw", "vocals", "counter"):
                continue
            for note in part.notes:
                allowed = scale | set(score.chord_at(note.onset_beats).pitches)
                assert note.pitch % 12 in allowed, (part.name, note)


def test_it_is_small_and_its_weights_can_be_named(tmp_path: Path) -> None:
    assert WEIGHTS.stat().st_size + KNOWN.stat().st_size < 25e6
    form = plan(make_mood(Brief(3, length_s=30.0)))
    assert composer(f"learned:{WEIGHTS}")(form, 3) == composer("learned")(form, 3)
    with pytest.raises(BackendError, match="halation train composer"):
        composer(f"learned:{tmp_path / 'none.onnx'}")


def test_tunes_that_were_read_are_known_in_any_key_and_place() -> None:
    corpus = Corpus.load(CORPUS)
    found = 0
    for piece in range(0, 200, 20):
        n_bars = int(corpus.first[piece + 1] - corpus.first[piece])
        bars = decode(np.concatenate(corpus.bars(piece, 0, n_bars, ("melody",))))
        key = Key(4, "dorian")
        notes = [n for i, bar in enumerate(bars) for n in notes_of(bar.melody, 8.0 * i, key)]
        if len(notes) < 3 * RUN:
            continue
        found += 1
        assert is_known(notes[RUN : 2 * RUN])
        moved = [Note(n.onset_beats + 3.0, 0.1, n.pitch + 7, 90) for n in notes[RUN : 2 * RUN]]
        assert is_known(moved)
        assert not is_known(notes[RUN : 2 * RUN - 1])
        bent = [Note(n.onset_beats, 0.1, n.pitch + (i == 6), 90) for i, n in enumerate(moved)]
        assert not is_known(bent)
    assert found >= 5


def test_no_melody_is_known() -> None:
    for score in map(written, SEEDS):
        for part in score.parts:
            if part.stem in ("keys", "lead", "vocals") and part.name not in ("pluck", "arp"):
                assert not is_known(part.notes), part.name


def test_slow_songs_are_written_too() -> None:
    form = plan(make_mood(Brief(9, length_s=60.0, tempo_bpm=72.0)))
    score = Learned()(form, 9)
    assert score.form == form and score.motif
    assert max(n.onset_beats for p in score.parts for n in p.notes) < form.duration_beats


def test_drummers_are_asked_at_the_tempo_of_drummers() -> None:
    form = plan(make_mood(Brief(9, tempo_bpm=140.0)))
    for drafts in ask_beats(form, 1).values():
        asked = [VOCABULARY[t] for t in drafts[0].prompt]
        assert "tempo:slow" in asked  # of human drummers at 70 felt beats


def test_a_beat_is_the_same_beside_a_tune_and_alone() -> None:
    form = plan(make_mood(Brief(9)))
    beside, alone = ask_beats(form, 1), ask_beats(form, 1)
    scribe = Scribe(load(WEIGHTS))
    scribe.begin([d for drafts in beside.values() for d in drafts])
    tune = [Draft([BAR], rng(1, "tune", str(i)), lambda w: len(w) >= 20) for i in range(5)]
    scribe.write(tune)
    assert all(len(d.tokens) == 20 for d in tune)
    scribe.finish()
    load(WEIGHTS).write([d for drafts in alone.values() for d in drafts])
    for role, drafts in beside.items():
        assert [d.tokens for d in drafts] == [d.tokens for d in alone[role]]
        assert all(BAR in d.tokens for d in drafts)
    drawn = draw_groove(rng(1, "x"), form.mood)
    assert choose_groove(beside, drawn, 1) == choose_groove(alone, drawn, 1) != drawn


def test_what_was_said_before_is_not_thought_of_again() -> None:
    score = written(3)
    hooks = of_role(score.form, "hook")[:2]
    motif = Motif(score.motif, (), 0)
    asked: list[Draft] = []

    class Silent:
        def write(self, drafts: list[Draft], *, most: int = 0) -> None:
            asked.extend(drafts)

    def asks(*names: tuple[str, ...]) -> list[Ask]:
        return [
            Ask(h.name, "hook", h.start_beats, (None,) * len(n), n, (60, 84))
            for h, n in zip(hooks, names, strict=True)
        ]

    def count(*names: tuple[str, ...]) -> int:
        asked.clear()
        changes = Changes(score.chords)
        told = think_lines(Silent(), score.form, motif, changes, asks(*names), 3)  # type: ignore[arg-type]
        assert [len(told[h.name]) for h in hooks] == [len(n) for n in names]
        return len(asked)

    twice = count(("a", "b"), ("c", "d"))
    assert twice and count(("a", "b"), ("b", "a")) == twice / 2
    assert count(("a", "b"), ("a", "c")) == twice


def damaged(score: Score, seed: int) -> Score:
    """Let everybody who has the tune sing beside it."""
    dice = np.random.default_rng(seed)
    parts = []
    for part in score.parts:
        if part.name in ("vocals", "lead", "bells", "saw"):
            notes = [replace(n, pitch=n.pitch + int(dice.integers(-2, 3))) for n in part.notes]
            part = replace(part, notes=tuple(notes))
        parts.append(part)
    return replace(score, parts=tuple(parts))


def test_the_critic_hears_who_sings_beside_the_tune() -> None:
    scores = [written(seed) for seed in list(SEEDS)[:6]]
    worths = [critic_score(s) for s in scores]
    assert worths == [critic_score(s) for s in scores] and len(set(worths)) == len(worths)
    for score, worth in zip(scores, worths, strict=True):
        assert worth > critic_score(damaged(score, 1)) + 0.5


def test_the_critic_puts_silence_and_stolen_tunes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    score = written(4)
    worth = critic_score(score)
    assert critic_score(replace(score, parts=())) < worth - 5
    monkeypatch.setattr("halation.score.learned.lines.is_known", lambda line: True)
    assert critic_score(score) == pytest.approx(worth - 9)


def test_weights_of_another_vocabulary_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_module, "VOCABULARY", VOCABULARY[:-1])
    with pytest.raises(BackendError, match="tune it again"):
        network_module.Network(WEIGHTS)


def test_without_the_table_of_what_was_read_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(critic, "KNOWN", tmp_path / "gone.npy")
    critic._known.cache_clear()
    try:
        with pytest.raises(BackendError, match="install halation again"):
            is_known([Note(i, 0.5, 60 + i, 90) for i in range(13)])
    finally:
        critic._known.cache_clear()


def test_a_run_needs_twelve_notes() -> None:
    line = [(2 * i, 60 + i % 5) for i in range(14)]
    assert len(hashes(line)) == 3 and hashes(line[: RUN - 1]) == []


@pytest.mark.parametrize("key", KEYS, ids=lambda k: k.name)
def test_notes_go_to_the_grid_and_back(key: Key) -> None:
    notes = tuple(Note(8.0 + i, 0.5 * (1 + i % 4), 60 + 2 * i, 90) for i in range(6))
    assert notes_of(tones_of(notes, 8.0, key), 8.0, key) == notes
    assert -6 <= shift(key) <= 6 and (key.tonic + shift(key)) % 12 == 0


def test_every_mode_has_functions_to_write_with() -> None:
    for key in KEYS[:4]:
        known = functions(key)
        assert len(known) >= 6 and (0, key.minor) in known


def test_rhythms_leave_silence_and_there_are_many() -> None:
    assert len(rhythms()) >= 120
    for rhythm in rhythms():
        assert rests(rhythm) and 5 <= len(rhythm.onsets) <= 9
        assert rhythm.durations[rhythm.long] == max(rhythm.durations) >= 2.0
