"""Feel: each voice's own lateness and its slow drift, and the loudness that goes with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from halation.seeds import rng
from halation.types import Note

__all__ = ["DRUMMERS", "FEELS", "LEADERS", "Drummer", "Feel", "drift", "lateness_s", "play"]


@dataclass(frozen=True, slots=True)
class Drummer:
    """How human drummers place one voice of the kit, measured by ``runs/feel.sh``.

    Parameters
    ----------
    lag_1 : float
        Correlation of a stroke's deviation with that of the voice's next stroke.
    slow : float in 0..1
        Share of the deviation that is a slow drift; the rest is each stroke's own.
    sigma_ms : float
        Spread of the deviations.
    """

    lag_1: float
    slow: float
    sigma_ms: float


DRUMMERS: Final = {
    "kick": Drummer(0.25, 0.47, 19.3),
    "snare": Drummer(0.13, 0.15, 22.3),
    "hats": Drummer(0.53, 0.77, 16.0),
    "perc": Drummer(0.26, 0.45, 17.8),
}
"""Groove MIDI Dataset (Gillick et al., ICML 2019, CC BY 4.0): 4/4 beats, strokes nearer to a
triplet left out, centred for each performance and place of the bar. The correlations lie midway
between that way of counting (0.30, 0.11, 0.62, 0.35) and every stroke's (0.19, 0.10, 0.44, 0.17);
docs/feel.md tells more."""

KICK, SNARE, HATS, PERC = (DRUMMERS[v] for v in ("kick", "snare", "hats", "perc"))
HAND: Final = Drummer(0.29, 0.46, 18.9)
"""What is not a drum takes the mean of the four."""


@dataclass(frozen=True, slots=True)
class Feel:
    """How a voice sits in time.

    Parameters
    ----------
    late_ms : (low, high)
        Range from which a song draws the voice's lateness.
    sigma_ms : float
        Spread of the voice's own drift.
    hand : Drummer
        Whose memory the drift has.
    velocity : float
        Spread of the loudness in MIDI steps.
    """

    late_ms: tuple[float, float]
    sigma_ms: float
    hand: Drummer
    velocity: float


FEELS: Final = {
    "kick": Feel((0.0, 4.0), 9.4, KICK, 5.0),
    "snare": Feel((9.0, 24.0), 10.8, SNARE, 6.0),
    "hats": Feel((-1.0, 2.0), 4.3, HATS, 7.0),
    "perc": Feel((0.0, 8.0), 8.65, PERC, 7.0),
    "bass": Feel((1.0, 5.0), 4.0, HATS, 4.0),
    "pad": Feel((-5.0, 15.0), 10.0, HAND, 3.0),
    "wide": Feel((0.0, 20.0), 10.0, HAND, 3.0),
    "bells": Feel((-4.0, 14.0), 3.0, HAND, 5.0),
    "vocals": Feel((3.0, 10.0), 3.0, HAND, 4.0),
    "saw": Feel((7.0, 14.0), 3.0, HAND, 4.0),
    "lead": Feel((5.0, 16.0), 4.0, HAND, 4.5),
    "pluck": Feel((2.0, 14.0), 9.0, HAND, 6.0),
    "arp": Feel((-4.0, 8.0), 8.8, HAND, 6.0),
    "counter": Feel((0.0, 16.0), 10.0, HAND, 5.0),
    "choir": Feel((0.0, 25.0), 11.5, HAND, 3.0),
}
"""Means and spreads are the style's. Kick, snare and percussion spread in the drummers' ratios;
the hats, which the drummers spread nearly as wide, are the steady voice here."""

LEADERS: Final = {
    "bells": ("line", 9.5), "vocals": ("line", 9.5), "saw": ("line", 9.5), "lead": ("line", 9.5),
    "bass": ("kick", 8.0),
}  # fmt: skip
"""The walk that a voice follows beside its own, and its spread in ms: voices that sing one line
drift together, and an 808 falls with its kick."""
LOUD_IS_EARLY: Final = -0.45
"""Correlation of loudness with lateness: the drummers' −0.04 … −0.15, drawn so that it is heard."""
LOUDNESS: Final = Drummer(0.15, 1.0, 0.0)
"""Loudness hardly wanders: the drummers' strokes correlate by 0.12 … 0.19."""
TAKES: Final = 8
LARGEST: Final = 2.25
"""Deviations stop at this many sigmas."""


def memory_beats(onsets: tuple[float, ...], hand: Drummer) -> float:
    """Return the time in which a drift must forget so that strokes correlate as the hand's do.

    The drift decays with the time between strokes, so a roll moves as one and a stroke after a
    long rest begins anew; over all the strokes of the voice the mean comes out as asked.

    Examples
    --------
    >>> steady = memory_beats(tuple(0.5 * i for i in range(64)), Drummer(0.3, 0.6, 20.0))
    >>> round(0.6 * math.exp(-0.5 / steady), 3)
    0.3
    """
    gaps = np.diff(onsets)
    if not gaps.size:
        return 1.0
    low, high = math.log(0.01), math.log(1_000.0)
    for _ in range(24):
        middle = (low + high) / 2
        forgets = hand.slow * float(np.exp(-gaps / math.exp(middle)).mean()) < hand.lag_1
        low, high = (middle, high) if forgets else (low, middle)
    return math.exp((low + high) / 2)


def drift(
    stream: np.random.Generator, onsets: tuple[float, ...], hand: Drummer,
    counted: tuple[float, ...] = (),
) -> dict[float, float]:  # fmt: skip
    """Draw deviations of unit variance: an Ornstein–Uhlenbeck walk and a little of each stroke.

    Of a few takes the one is kept whose strokes correlate most nearly as the hand's do, so that a
    song of a hundred strokes has the feel that a thousand would have on average.

    Parameters
    ----------
    stream : np.random.Generator
    onsets : tuple of float [beats]
        Rising.
    hand : Drummer
    counted : tuple of float [beats]
        Of the onsets those whose correlation is held; all by default.

    Returns
    -------
    dict of onset → deviation, of mean 0

    Examples
    --------
    >>> beats = tuple(0.5 * i for i in range(400))
    >>> walk = list(drift(np.random.default_rng(1), beats, Drummer(0.4, 0.8, 20.0)).values())
    >>> round(float(np.corrcoef(walk[1:], walk[:-1])[0, 1]), 1)
    0.4
    """
    if not onsets:
        return {}
    counted = counted or onsets
    shocks = stream.standard_normal((len(onsets), TAKES))
    own = stream.standard_normal((len(onsets), TAKES))
    kept = np.exp(-np.diff(onsets) / memory_beats(counted, hand))
    walks = shocks.copy()
    for i, (keeps, fresh) in enumerate(zip(kept, np.sqrt(1.0 - kept * kept), strict=True)):
        walks[i + 1] = keeps * walks[i] + fresh * shocks[i + 1]
    values = math.sqrt(hand.slow) * walks + math.sqrt(1.0 - hand.slow) * own
    held = set(counted)
    rows = np.array([onset in held for onset in onsets])
    values = np.clip(values - values[rows].mean(axis=0), -LARGEST, LARGEST)
    heard = values[rows]
    power = np.maximum((heard**2).sum(axis=0), 1e-9)
    lag_1 = (heard[1:] * heard[:-1]).sum(axis=0) / power
    take = int(np.argmin(np.abs(lag_1 - hand.lag_1)))
    return dict(zip(onsets, values[:, take].tolist(), strict=True))


def lateness_s(name: str, seed: int) -> float:
    """Return how late a song's voice is on the whole [s]."""
    return float(_own(name, seed).uniform(*FEELS[name].late_ms)) / 1000.0


def _own(name: str, seed: int) -> np.random.Generator:
    return rng(seed, "score", "feel", name, "own")


def play(
    parts: Mapping[str, tuple[Note, ...]], seed: int, floors: tuple[float, ...], tempo_bpm: float,
    song_seed: int | None = None,
) -> dict[str, tuple[Note, ...]]:  # fmt: skip
    """Give every part's notes their deviations in time and loudness.

    Parameters
    ----------
    parts : mapping of name → notes in order of onset
        Parts without a :class:`Feel` (weather) stay as they are.
    seed : int
    floors : tuple of float
        Beats before which nothing of what belongs after may sound: the start of the song, and of
        the first drums.
    tempo_bpm : float
    song_seed : int, optional
        Where each voice's lateness comes from, if some of a song is played again.

    Returns
    -------
    dict of name → notes
    """
    late_seed = seed if song_seed is None else song_seed
    led = {}
    for leader, hand in (("line", HAND), ("kick", KICK)):
        followers = (part for part, (leads, _) in LEADERS.items() if leads == leader)
        onsets = _onsets(parts, leader, *followers)
        stream = rng(seed, "score", "feel", leader)
        led[leader] = drift(stream, onsets, hand, _onsets(parts, leader))
    return {
        name: _humanised(name, notes, (seed, late_seed), led, floors, tempo_bpm)
        if name in FEELS
        else notes
        for name, notes in parts.items()
    }


def _onsets(parts: Mapping[str, tuple[Note, ...]], *names: str) -> tuple[float, ...]:
    return tuple(sorted({n.onset_beats for name in names for n in parts.get(name, ())}))


def _humanised(
    name: str, notes: tuple[Note, ...], seeds: tuple[int, int], led: dict[str, dict[float, float]],
    floors: tuple[float, ...], tempo_bpm: float,
) -> tuple[Note, ...]:  # fmt: skip
    feel, stream = FEELS[name], _own(name, seeds[0])
    stream.random()  # the lateness, which is the song's
    late_s = lateness_s(name, seeds[1])
    onsets = _onsets({name: notes}, name)
    shared: dict[float, float] = {}
    shared_ms, own_ms = 0.0, feel.sigma_ms
    if name in LEADERS:
        leader, shared_ms = LEADERS[name]
        shared = led[leader]
    elif name in led:
        shared, shared_ms, own_ms = led[name], feel.sigma_ms, 0.0
    own = drift(stream, onsets, feel.hand)
    strokes = tuple(float(i) for i in range(len(notes)))
    loud = drift(stream, strokes, LOUDNESS)
    played = []
    for note, extra in zip(notes, loud.values(), strict=True):
        beat = note.onset_beats
        unit = shared.get(beat, own[beat])
        offset_s = late_s + (shared_ms * shared.get(beat, 0.0) + own_ms * own[beat]) / 1000.0
        if beat in floors:
            offset_s = max(0.0, offset_s)
        offset_s = max(offset_s, -beat * 60.0 / tempo_bpm)
        louder = LOUD_IS_EARLY * unit + math.sqrt(1 - LOUD_IS_EARLY**2) * extra
        velocity = round(note.velocity + feel.velocity * max(-LARGEST, min(LARGEST, louder)))
        played.append(
            replace(note, offset_s=round(offset_s, 6), velocity=max(1, min(127, velocity)))
        )
    return tuple(played)
