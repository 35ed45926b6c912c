"""The learned motif: its rhythm and its pitches by the network, inside the rules of a motif."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from itertools import pairwise, product
from typing import Final

import numpy as np

from halation.score.harmony import Changes
from halation.score.learned.grid import BAR, STEP_BEATS, chords_at, controls, shift
from halation.score.learned.network import Allowed, Draft, Mask, Pen
from halation.score.learned.tokens import (
    DURATIONS,
    IDS,
    PITCHES,
    STEPS,
    VOCABULARY,
    Bar,
    encode,
    header,
)
from halation.score.motif import (
    LARGEST_OTHER,
    LEAP,
    LONG_COLOURS,
    MOTIF_BEATS,
    NOTES,
    RANGE,
    WIDEST,
    ChordAt,
    Motif,
    Rhythm,
    legal,
    rank,
    rests,
    timed,
)
from halation.seeds import rng
from halation.types import Chord, Form

__all__ = ["rhythms", "think_motif"]

N_RHYTHMS: Final = 12
N_TUNES: Final = 24
"""Drafts of the rhythm alone, and of the pitches on rhythms that were found."""
LASTS: Final = (1.0, 0.75, 0.5)
KEPT_RHYTHMS: Final = 8
RHYTHM_HEAT, PITCH_HEAT = 1.4, 1.1
"""Temperatures: above 1 songs differ more."""
BEST: Final = 8
"""The seed chooses among the best motifs of so many rhythms."""
SURPRISE: Final = 0.3
"""What a bit a note costs in the ranking: the network's own opinion of a tune."""


@cache
def rhythms() -> tuple[Rhythm, ...]:
    """Return every rhythm that a motif may have on the network's grid.

    A cell of two to four notes is heard twice; the long note and its release come after both, or
    between them.
    """
    gaps = (0.5, 1.0, 1.5)
    cells = [
        tuple(float(x) for x in np.cumsum((0.0, *g)))
        for size in (1, 2, 3)
        for g in product(gaps, repeat=size)
        if sum(g) <= 2.0
    ]
    found: dict[tuple[float, ...], Rhythm] = {}
    for cell in cells:
        size, span = len(cell), cell[-1]
        for rhythm in (*_after(cell, size, span), *_between(cell, size, span)):
            if NOTES[0] <= len(rhythm.onsets) <= NOTES[1]:
                found.setdefault(rhythm.onsets, rhythm)
    return tuple(found.values())


def _after(cell: tuple[float, ...], size: int, span: float) -> list[Rhythm]:
    """Cell, cell, long note, release."""
    found = []
    for period, gap, long in product((1.5, 2.0, 2.5, 3.0), (0.5, 1.0, 1.5), (2.0, 2.5)):
        start = period + span + gap
        tail = start + long
        if period >= span + 0.5 and tail <= 6.5 and size < 4:
            onsets = (*cell, *(period + t for t in cell), start, tail)
            found += _resting(cell, onsets, 2 * size, size, long, 7.75 - tail)
    return found


def _between(cell: tuple[float, ...], size: int, span: float) -> list[Rhythm]:
    """Cell, long note, cell, and perhaps one note more."""
    found = []
    for gap, wait, more in product((0.5, 1.0, 1.5), (2.0, 2.5, 3.0), (0.0, 0.5, 1.0, 1.5)):
        start = span + gap
        second = start + wait
        last = second + span + more
        if start >= 1.0 and second >= 3.5 and last <= 6.75:
            onsets = (*cell, start, *(second + t for t in cell), *((last,) if more else ()))
            found += _resting(cell, onsets, size, size + 1, min(wait, 2.5), 0.75)
    return found


def _resting(
    cell: tuple[float, ...], onsets: tuple[float, ...], long: int, second: int, long_beats: float,
    room: float,
) -> list[Rhythm]:  # fmt: skip
    """Give the last note the longest duration that leaves the motif silence enough."""
    drawn = (timed(cell, onsets, long, second, long_beats, min(last, room)) for last in LASTS)
    return [r for r in drawn if rests(r)][:1]


def _steps(rhythm: Rhythm) -> tuple[int, ...]:
    return tuple(round(t / STEP_BEATS) for t in rhythm.onsets)


@cache
def _next_steps() -> dict[tuple[int, ...], frozenset[int]]:
    """Return where a rhythm may go on after its first onsets; −1 where it may be over."""
    found: dict[tuple[int, ...], set[int]] = {}
    for rhythm in rhythms():
        steps = (*_steps(rhythm), -1)
        for i in range(len(steps)):
            found.setdefault(steps[:i], set()).add(steps[i])
    return {k: frozenset(v) for k, v in found.items()}


@cache
def onsets_from(steps: frozenset[int], longest: int = DURATIONS[-1]) -> Allowed:
    """Return the tokens of notes that begin at some steps, the longest so many: [V] of bool."""
    mask = np.zeros(len(VOCABULARY), bool)
    for step in steps:
        if step < 0:
            mask[BAR] = True
        else:
            mask[[IDS[f"n{step}+{d}"] for d in DURATIONS if d <= longest]] = True
    return mask


def pitches_from(pitches: Iterable[int]) -> Allowed:
    """Return the tokens of some pitches: [V] of bool."""
    return _pitches(tuple(pitches))


@lru_cache(maxsize=4096)
def _pitches(pitches: tuple[int, ...]) -> Allowed:
    mask = np.zeros(len(VOCABULARY), bool)
    mask[[IDS[f"p{p}"] for p in pitches if p in PITCHES]] = True
    return mask


def read(tokens: Sequence[int]) -> tuple[list[int], list[int], bool]:
    """Read notes: the steps where they begin, their pitches, and whether a pitch is due."""
    steps = [ONSETS[t] for t in tokens if t in ONSETS]
    pitches = [TONES[t] for t in tokens if t in TONES]
    return steps, pitches, len(steps) > len(pitches)


def lasts_of(tokens: Sequence[int]) -> list[int]:
    """Return how many steps each note lasts."""
    return [LASTING[t] for t in tokens if t in LASTING]


ONSETS: Final = {IDS[f"n{step}+{d}"]: step for step in range(STEPS) for d in DURATIONS}
LASTING: Final = {IDS[f"n{step}+{d}"]: d for step in range(STEPS) for d in DURATIONS}
TONES: Final = {IDS[f"p{pitch}"]: pitch for pitch in PITCHES}
"""Tokens of notes: where each begins, how many steps it lasts; and those of pitches."""


def think_motif(pen: Pen, form: Form, slots: tuple[ChordAt, ...], seed: int) -> Motif | None:
    """Let the network write the motif; None where nothing that it wrote keeps the rules.

    Parameters
    ----------
    pen : Pen
    form : Form
    slots : tuple of callables
        The harmony at the places where the motif may be stated, beats → Chord.
    seed : int
    """
    prompt = _prompt(form, slots[0])
    drawn = [
        Draft(prompt, rng(seed, "score", "rhythm", str(i)), lambda w: BAR in w, RHYTHM_HEAT,
              mask=_rhythm_mask(form))
        for i in range(N_RHYTHMS)
    ]  # fmt: skip
    pen.write(drawn, most=24)
    by_steps = {_steps(r): r for r in rhythms()}
    # half of them by the network, half from all that there are: its favourite would be every song's
    dice = rng(seed, "score", "motif")
    found = dict.fromkeys(tuple(read(draft.tokens)[0]) for draft in drawn)
    chosen = [steps for steps in found if steps in by_steps][: KEPT_RHYTHMS // 2]
    spare = [steps for steps in by_steps if steps not in chosen]
    more = dice.permutation(len(spare))[: KEPT_RHYTHMS - len(chosen)]
    chosen += [spare[int(i)] for i in more]
    tunes = []
    for i in range(N_TUNES):
        rhythm = by_steps[chosen[i % len(chosen)]]
        tunes.append((rhythm, _tune(form, rhythm, slots[0], prompt, seed, i)))
    pen.write([draft for _, draft in tunes], most=2 * NOTES[1] + 2)
    ranked: list[tuple[float, int, Motif]] = []
    for i, (rhythm, draft) in enumerate(tunes):
        pitches = [p - shift(form.key) for p in read(draft.tokens)[1]]
        motif = legal(rhythm, pitches, slots[0]) if len(pitches) == len(rhythm.onsets) else None
        if motif is not None:
            worth = rank(motif, form.key, slots) - SURPRISE * draft.cost / len(pitches)
            ranked.append((-worth, i, motif))
    if not ranked:
        return None
    ranked.sort(key=lambda each: each[:2])
    best: dict[tuple[float, ...], Motif] = {}
    for *_, motif in ranked:  # the best of each rhythm, so that none has the better chances
        best.setdefault(tuple(n.onset_beats for n in motif.notes), motif)
    options = list(best.values())[:BEST]
    return options[int(dice.integers(len(options)))]


def _prompt(form: Form, chord_at: ChordAt) -> list[int]:
    """Ask for a hook's melody over the chords of its first bar."""
    told = controls(form, "hook", density="mid", scale="pentatonic", harmony="slow")
    harmony: list[Chord] = []
    for k in range(int(MOTIF_BEATS * 2)):
        chord = chord_at(k / 2)
        if not harmony or harmony[-1].symbol != chord.symbol:
            harmony.append(Chord(k / 2, MOTIF_BEATS - k / 2, chord.symbol, chord.root,
                                 chord.pitches, chord.bass))  # fmt: skip
    bar = Bar(chords=chords_at(Changes(tuple(harmony)), 0.0, form.key))
    return [*header(told, ("chords", "melody")), *encode([bar], ("chords", "melody"))]


def _rhythm_mask(form: Form) -> Mask:
    by = shift(form.key)
    scale = set(form.key.scale)
    free = pitches_from([p + by for p in range(RANGE[0], RANGE[1] + 1) if p % 12 in scale])
    following = _next_steps()

    def mask(written: list[int]) -> Allowed | None:
        steps, _, due = read(written)
        return free if due else onsets_from(following.get(tuple(steps), frozenset((-1,))))

    return mask


def _tune(
    form: Form, rhythm: Rhythm, chord_at: ChordAt, prompt: list[int], seed: int, i: int
) -> Draft:
    """Ask for pitches on a rhythm."""
    by, steps = shift(form.key), _steps(rhythm)
    n = len(steps)
    lasts = [_nearest(d / STEP_BEATS) for d in rhythm.durations]
    scale = [p for p in range(RANGE[0], RANGE[1] + 1) if p % 12 in form.key.scale]
    may_leap = [
        k for k in range(1, n - 1)
        if rhythm.onsets[k] >= MOTIF_BEATS / 2 and k - 1 != rhythm.long
    ]  # fmt: skip

    def mask(written: list[int]) -> Allowed | None:
        heard = [p - by for p in read(written)[1]]
        k = len(heard)
        if k == n:
            return onsets_from(frozenset((-1,)))
        return pitches_from([p + by for p in _allowed(heard, k)])

    def _allowed(heard: list[int], k: int) -> list[int]:
        options = scale
        if k == rhythm.long:
            root = chord_at(rhythm.onsets[k]).root
            options = [p for p in options if (p - root) % 12 in LONG_COLOURS]
        if not heard:
            return [p for p in options if RANGE[0] + 3 <= p <= RANGE[1] - 6]
        leapt = any(abs(b - a) >= LEAP[0] for a, b in pairwise(heard))
        must = not leapt and k in may_leap and not [j for j in may_leap if j > k]
        fit = []
        for p in options:
            jump = abs(p - heard[-1])
            if max(*heard, p) - min(*heard, p) > WIDEST:
                continue
            if k == rhythm.long + 1 and not 1 <= jump <= 2:
                continue
            leap = LEAP[0] <= jump <= LEAP[1]
            if must and not leap:
                continue
            if jump > LARGEST_OTHER and not (leap and not leapt and k in may_leap):
                continue
            if len(heard) > 1 and p == heard[-1] == heard[-2]:
                continue
            fit.append(p)
        return fit

    def forced(written: list[int]) -> list[int]:
        steps_told, _, due = read(written)
        k = len(steps_told)
        return [] if due or k == n else [IDS[f"n{steps[k]}+{lasts[k]}"]]

    stream = rng(seed, "score", "tune", str(i))
    return Draft(prompt, stream, lambda w: BAR in w, PITCH_HEAT, forced, mask)


def _nearest(steps: float) -> int:
    return min(DURATIONS, key=lambda d: abs(d - steps))


assert max(max(_steps(r)) for r in rhythms()) < STEPS
