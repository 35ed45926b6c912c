"""The learned beat: patterns that the network plays, as skeletons of two bars."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Final

import numpy as np

from halation.score.drums import Groove
from halation.score.learned.grid import BAR, pace, third
from halation.score.learned.network import Allowed, Draft
from halation.score.learned.tokens import IDS, STEPS, VOCABULARY, Bar, Hit, decode, header
from halation.score.skeletons import Skeleton
from halation.seeds import rng
from halation.types import Form

__all__ = ["ask_beats", "choose_groove"]

N_DRAFTS: Final = 6
MOST: Final = 110
"""Tokens of a draft."""
BARS: Final = 2
BACKBEATS: Final = (4, 12)
"""Steps of beat 3 of each of the song's bars."""
KICKS: Final = {"verse": (2, 4), "hook": (3, 5)}
"""Kicks in two bars of the song."""
LEAST_HATS: Final = 3
"""In a bar of the song: they are the steady voice."""
LOUD, PLAIN = 4, 2
"""Levels from which a stroke is loud, and plain."""
BEST: Final = 6


def ask_beats(form: Form, seed: int) -> dict[str, list[Draft]]:
    """Return drafts of a beat for verse and hook; what the network makes of them is chosen later.

    Parameters
    ----------
    form : Form
    seed : int
    """
    mood = form.mood
    drafts: dict[str, list[Draft]] = {}
    for role in KICKS:
        told = {
            "tempo": pace(form, "drums"),
            "energy": third(mood.energy + (0.2 if role == "hook" else -0.4)),
            "density": third(mood.density + (0.2 if role == "hook" else -0.4)),
            "style": "laid-back" if mood.energy < ROCK_FROM_ENERGY else "rock",
            "kind": "beat",
        }
        prompt = [*header(told, ("drums",)), BAR]
        drafts[role] = [
            Draft(prompt, rng(seed, "score", "beat", role, str(i)),
                  lambda w: w.count(BAR) >= BARS, mask=_mask, most=MOST)
            for i in range(N_DRAFTS)
        ]  # fmt: skip
    return drafts


def choose_groove(drafts: dict[str, list[Draft]], drawn: Groove, seed: int) -> Groove:
    """Let the best bars that fit the style replace the drawn skeletons.

    Parameters
    ----------
    drafts : dict of role to drafts
        Of :func:`ask_beats`, done.
    drawn : Groove
        By rules: the sounds and habits that the network has no say in.
    seed : int
    """
    chosen: dict[str, Skeleton] = {}
    for role in KICKS:
        own = drawn.hook if role == "hook" else drawn.verse
        chosen[role] = own
        ranked = []
        for i, draft in enumerate(drafts[role]):
            for k, bar in enumerate(decode([BAR, *draft.tokens])[:BARS]):
                worth = _worth(bar, role) - 0.4 * draft.cost / max(1, draft.n_chosen)
                if worth > 0.0:
                    ranked.append((-worth, i, k, bar))
        ranked.sort(key=lambda each: each[:3])
        dice = rng(seed, "score", "beat", role)
        if ranked:
            bar = ranked[int(dice.integers(min(BEST, len(ranked))))][3]
            chosen[role] = _skeleton(bar, own)
    return replace(drawn, verse=chosen["verse"], hook=chosen["hook"])


ROCK_FROM_ENERGY: Final = 0.5
"""From this energy on the drummer plays straight."""

TIMES: Final = {IDS[f"t{step}"]: step for step in range(STEPS)}


def _mask(written: list[int]) -> Allowed:
    """Allow hits and later steps only."""
    here = written[len(written) - written[::-1].index(BAR) :] if BAR in written else written
    last = max((TIMES[t] for t in here if t in TIMES), default=0)
    return _after(last, begun=bool(here), due=bool(here) and here[-1] in TIMES)


@cache
def _after(step: int, *, begun: bool, due: bool) -> Allowed:
    """Return what may come after a step: a hit alone where one is due, no bar line at first."""
    hits = np.array(["/" in w for w in VOCABULARY])
    if due:
        return hits
    hits[[token for token, later in TIMES.items() if later > step]] = True
    hits[BAR] = begun
    return hits


def _of(bar: Bar, *voices: str) -> list[Hit]:
    return [h for h in bar.drums if h.voice in voices]


def _worth(bar: Bar, role: str) -> float:
    """Rank a bar: a clear backbeat, a kick that leaves room, hats that go on."""
    kicks = {h.step for h in _of(bar, "kick")} - set(BACKBEATS)
    snares = [h for h in _of(bar, "snare", "rim") if h.level >= LOUD]
    low, high = KICKS[role]
    worth = 1.0 - 0.4 * max(0, low - len(kicks | {0}), len(kicks | {0}) - high)
    worth += 0.6 * (sum(h.step in BACKBEATS for h in snares) - 1)
    worth -= 0.3 * sum(h.step not in BACKBEATS for h in snares)
    hats = {h.step % 8 for h in _of(bar, "closed", "ride", "open")}
    if len(hats) < LEAST_HATS:
        return -1.0
    worth += 0.1 * min(8, len(hats)) - 0.4
    return worth + 0.3 * (0 in kicks)


def _skeleton(bar: Bar, own: Skeleton) -> Skeleton:
    """Write a bar of the network as two bars of sixteen places."""
    kicks = {h.step: h.level for h in _of(bar, "kick") if h.step not in BACKBEATS}
    kicks[0] = 5
    ghosts = {h.step % 8: 0 for h in _of(bar, "snare", "rim") if h.level < LOUD
              and h.step not in BACKBEATS and h.step % 4}  # fmt: skip
    hats = dict.fromkeys(range(STEPS // 2), 0)  # the steady voice: every eighth, at its levels
    for hit in _of(bar, "closed", "ride", "open"):
        hats[hit.step % 8] = max(hats.get(hit.step % 8, 0), hit.level)
    return replace(
        own,
        name=f"learned {own.name}",
        kick=(_row({s: v for s, v in kicks.items() if s < 8}),
              _row({s - 8: v for s, v in kicks.items() if s >= 8})),
        hat=_row(hats),
        ghost=_row(ghosts) if ghosts else own.ghost,
    )  # fmt: skip


def _row(levels: dict[int, int]) -> str:
    """Write strokes on every second of sixteen places."""
    row = ["."] * 16
    for step, level in levels.items():
        row[2 * step] = "X" if level >= LOUD else "x" if level >= PLAIN else "o"
    return "".join(row)
