"""The learned harmony: progressions that the network writes, kept where they make a loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from halation.score.harmony import BORROWED, FUNCTIONS, Loop, chord, colours
from halation.score.learned.grid import BAR, controls
from halation.score.learned.network import Allowed, Draft, Pen
from halation.score.learned.tokens import IDS, VOCABULARY, Bar, decode, header
from halation.score.progress import exists
from halation.seeds import rng
from halation.types import Form, Key

__all__ = ["Progression", "think_loops"]

N_DRAFTS: Final = 16
BARS: Final = 4
"""Bars of the network that a draft has: eight of the song's."""
LENGTHS: Final = {"hook": (4.0, 8.0), "verse": (4.0, 8.0, 16.0)}
BEST: Final = 5
"""The seed chooses among so many of the best."""
MINOR_LIKE: Final = ("min", "min7", "dim")


@dataclass(frozen=True, slots=True)
class Progression:
    """Two to four functions and how many of the song's bars each lasts."""

    tokens: tuple[str, ...]
    bars: tuple[float, ...]
    score: float

    @property
    def roots(self) -> set[str]:
        """On which degrees its chords stand, whatever their third and bass."""
        return {token.partition("/")[0].upper() for token in self.tokens}

    def loop(self, mode: str) -> Loop:
        """Return it as a loop of rules would be."""
        return Loop(" ".join(self.tokens), mode)


def functions(key: Key) -> dict[tuple[int, bool], str]:
    """Return which function of a key a root over the tonic is, with a minor third or without.

    Examples
    --------
    >>> functions(Key(0, "ionian"))[5, False], functions(Key(0, "aeolian"))[3, False]
    ('IV', 'III')
    """
    found = {}
    for token, (offset, _) in FUNCTIONS["minor" if key.minor else "major"].items():
        third = token.lstrip("b")
        inside = set(key.scale)
        at_home = any(set(chord(key, token, c).pitches) <= inside for c in colours(key, token))
        if exists(key, token) and (at_home or token in BORROWED[key.mode]):
            found[offset, third.islower()] = token
    return found


def _mask(key: Key) -> Allowed:
    """Return which tokens a progression in a key is made of: [V] of bool."""
    known = functions(key)
    allowed = np.zeros(len(VOCABULARY), bool)
    allowed[[BAR, IDS["t8"]]] = True
    for offset, minor in known:
        for name in ("min", "min7") if minor else ("maj", "maj7", "7", "sus2", "sus4"):
            allowed[IDS[f"{offset}:{name}"]] = True
    return allowed


def think_loops(pen: Pen, form: Form, seed: int) -> dict[str, list[Progression]]:
    """Let the network write progressions for hook and verse, all at once.

    Returns
    -------
    dict of role to progressions
        Those that loop, best first.
    """
    allowed = _mask(form.key)
    start = allowed.copy()
    start[[BAR, IDS["t8"]]] = False

    go_on, line = np.zeros_like(allowed), np.zeros_like(allowed)
    go_on[[BAR, IDS["t8"]]] = line[BAR] = True

    def mask(written: list[int]) -> Allowed:
        """Allow a chord after a bar line or in its middle, then the middle, or the next bar."""
        last = VOCABULARY[written[-1]] if written else "bar"
        if last in ("bar", "t8"):
            return start
        return line if IDS["t8"] in written[-2:] else go_on

    drafts: list[tuple[str, Draft]] = []
    for role in LENGTHS:
        prompt = [*header(controls(form, role, harmony="slow"), ("chords",)), BAR]
        for i in range(N_DRAFTS):
            drafts.append((role, Draft(
                prompt, rng(seed, "score", "loops", role, str(i)),
                lambda written: written.count(BAR) >= BARS, mask=mask,
            )))  # fmt: skip
    pen.write([draft for _, draft in drafts], most=8 * BARS)
    found: dict[str, list[Progression]] = {role: [] for role in LENGTHS}
    for role, draft in drafts:
        bars = decode([BAR, *draft.tokens])[:BARS]
        found[role] += _loops_in(bars, form, role, draft.cost / max(1, draft.n_chosen))
    return {role: sorted(own, key=lambda p: -p.score) for role, own in found.items()}


def _loops_in(bars: tuple[Bar, ...], form: Form, role: str, bits: float) -> list[Progression]:
    """Find the loop that a progression begins with."""
    known = functions(form.key)
    row: list[tuple[str, float]] = []
    for bar in bars:
        for c, after in zip(bar.chords, [*(x.step for x in bar.chords[1:]), 16], strict=False):
            token = known.get((c.root, c.quality in MINOR_LIKE))
            if token is None:
                return []
            length = (after - c.step) / 8
            if row and row[-1][0] == token:
                length += row.pop()[1]
            row.append((token, length))
    for n in (4, 3, 2):
        tokens = tuple(token for token, _ in row[:n])
        lasts = tuple(length for _, length in row[:n])
        if len(tokens) < n or tokens[0] == tokens[-1] or len(set(tokens)) < min(n, 3):
            continue
        again = (token for token, _ in row[n : 2 * n])
        repeated = sum(a == b for a, b in zip(tokens, again, strict=False)) / n
        score = -0.6 * bits + 1.2 * repeated + 0.3 * n
        tonic = "i" if form.key.minor else "I"
        score += 0.8 * (tonic in tokens) - 0.4 * (tokens.count(tonic) > n / 2)
        bright = sum(not t.lstrip("b").islower() for t in tokens) / n
        score += 0.8 * form.mood.valence * (bright - 0.5)
        score -= 0.3 * (sum(lasts) not in LENGTHS[role])
        return [Progression(tokens, lasts, score)]
    return []
