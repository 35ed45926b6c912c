"""Drums: a skeleton for each section, varied block by block as a drummer's hands would."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from halation.score.skeletons import (
    SHAKERS,
    SIXTEENTH,
    SKELETONS,
    Skeleton,
    varied,
)
from halation.types import BEATS_PER_BAR, Mood, Note, Section

__all__ = [
    "SKELETONS", "Groove", "Kit", "Skeleton", "beat", "draw_groove", "entering", "leaving",
    "section_skeleton",
]  # fmt: skip

KICK, SNARE, CLAP, SNAP, RIM = 36, 38, 39, 40, 37
HAT, OPEN_HAT = 42, 46
SHAKER, ICE, GLASS = 82, 75, 81
SWELL, IMPACT = 55, 49

HATS_LEFT_OUT: Final = (0.10, 0.25)
KICK_AWAY: Final = 0.4
"""Chance that a fourth bar has no kick after its first beat."""
NEARNESS: Final = 0.25
"""Distance in energy at which a skeleton's chance has fallen to 1/e."""
BLOCK_BARS: Final = 4
"""A block of so many bars is never played twice."""
ROLLED: Final = 0.9
"""Chance that a pair of bars has a roll."""
LOUDNESS: Final = {"X": 112, "x": 96, "o": 62}

ROLLS: Final[dict[str, tuple[tuple[float, ...], tuple[float, ...]]]] = {
    "sixteenths": ((0.25,) * 4, (2.5, 3.0, 1.0)),
    "long sixteenths": ((0.25,) * 8, (2.0, 0.5)),
    "thirty-seconds": ((0.125,) * 8, (3.0, 1.0)),
    "short thirty-seconds": ((0.125,) * 4, (3.5, 1.5, 2.5)),
    "triplets": ((1.0 / 3.0,) * 6, (2.0, 1.0)),
    "short triplets": ((1.0 / 3.0,) * 3, (3.0, 1.0)),
    "sextuplet": ((1.0 / 6.0,) * 6, (3.0, 1.0, 2.5)),
    "rush": ((0.25, 0.25, 0.125, 0.125, 0.125, 0.125), (3.0, 1.0)),
    "stumble": ((0.125,) * 4 + (0.25, 0.25), (1.0, 3.0)),
}
"""The gaps of each roll and the beats of the bar where it may begin."""
ROLL_WEIGHTS: Final = (0.4, 0.3, 0.2, 0.1)
"""How often a song plays each of its four rolls: the first is its own."""
ACCENTS: Final = (1.14, 0.74, 0.88, 0.7)
"""Loudness of the hats on a beat and on the sixteenths after it."""
LEFT_OUT_WEIGHTS: Final = {2: 0.5, 4: 0.6, 10: 3.0, 14: 2.5, 6: 2.0}
"""Hats are left out most after the backbeat and before the bar turns."""
RUNS: Final = (".............ooX", "...........o.oox", "..........o..o.x", "..............ox")
"""Soft runs into the next bar; none lies on beat 2 or 4."""
STUTTERS: Final = ((0.0, 0.75), (0.0, 0.5, 0.75), (0.0, 1.0 / 3.0, 2.0 / 3.0), (0.25, 0.75))
MOST_TRIES: Final = 8
FILLS: Final = ("run", "stutter", "gap", "hush", "rattle")


@dataclass(frozen=True, slots=True)
class Groove:
    """What a song's drums are made of: a skeleton for the verse and one for the hook."""

    verse: Skeleton
    hook: Skeleton
    verse_snare: int
    hook_snare: int
    click: int
    hat_left_out: float
    shaker: str
    rolls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kit:
    """Drum notes by part."""

    kick: tuple[Note, ...] = ()
    snare: tuple[Note, ...] = ()
    hats: tuple[Note, ...] = ()
    perc: tuple[Note, ...] = ()


def draw_groove(stream: np.random.Generator, mood: Mood) -> Groove:
    """Draw skeletons near the mood's energy, and the strokes that carry the backbeat."""

    def near(energy: float, but: str = "") -> Skeleton:
        weights = np.array([math.exp(-(((s.energy - energy) / NEARNESS) ** 2)) * (s.name != but)
                            for s in SKELETONS])  # fmt: skip
        return SKELETONS[int(stream.choice(len(SKELETONS), p=weights / weights.sum()))]

    verse = near(0.9 * mood.energy - 0.3)
    hook = near(0.9 * mood.energy + 0.1, but=verse.name)
    soft = (RIM, SNARE, SNAP)
    names = tuple(ROLLS)
    return Groove(
        verse,
        hook,
        soft[int(stream.integers(3))],
        CLAP if stream.random() < 0.65 + 0.2 * mood.energy else SNARE,
        ICE if stream.random() < 0.5 - 0.4 * mood.warmth else GLASS,
        _left_out(stream, mood),
        SHAKERS[int(stream.integers(len(SHAKERS)))]
        if stream.random() < 0.5 + 0.4 * mood.density
        else "",
        tuple(names[int(i)] for i in stream.permutation(len(names))[:4]),
    )


def _left_out(stream: np.random.Generator, mood: Mood) -> float:
    """Draw the share of hats left out: the busier the mood, the fewer."""
    low, high = HATS_LEFT_OUT
    busy = 0.25 * (mood.energy + mood.density)
    place = min(1.0, max(0.0, 0.5 - busy + float(stream.uniform(-0.25, 0.25))))
    return low + (high - low) * place


def section_skeleton(groove: Groove, role: str, nth: int, stream: np.random.Generator) -> Skeleton:
    """Return the skeleton of a section; from the second of its role on it is varied."""
    skeleton = groove.hook if role == "hook" else groove.verse
    return skeleton if nth == 1 else varied(skeleton, stream)


def beat(
    section: Section, groove: Groove, skeleton: Skeleton, level: float, layers: frozenset[str],
    stop: float, stream: np.random.Generator,
) -> Kit:  # fmt: skip
    """Play a section.

    Parameters
    ----------
    section : Section
    groove : Groove
    skeleton : Skeleton
        The section's own, from :func:`section_skeleton`.
    level : float in 0..1
        Loudness of the strokes.
    layers : frozenset of str
        Of ``kick snare hats perc ghosts rolls fills``: what plays here. ``half`` plays half
        again as slow, ``thin`` leaves the kick out of the last two bars.
    stop : float
        Beat at which everything stops.
    """
    hand = _hand(section, groove, skeleton, level, layers, stream)
    seen: set[tuple[tuple[float, int], ...]] = set()
    rows: tuple[list[Note], ...] = ([], [], [], [])
    for bar in range(0, section.bars, BLOCK_BARS):
        for _ in range(MOST_TRIES):
            block = hand.block(bar)
            start = section.start_beats + bar * BEATS_PER_BAR
            print_ = tuple(sorted((round(n.onset_beats - start, 4), n.pitch)
                                  for row in block for n in row))  # fmt: skip
            if print_ not in seen:
                break
        seen.add(print_)
        for row, strokes in zip(rows, block, strict=True):
            row += strokes
    return Kit(*(_until(stop, row) for row in rows))


@dataclass(frozen=True, slots=True)
class _Hand:
    """A section's habits, drawn once: which hats it leaves out, where one opens, how it fills."""

    section: Section
    groove: Groove
    skeleton: Skeleton
    level: float
    layers: frozenset[str]
    stream: np.random.Generator
    holes: tuple[int, ...]
    open_place: int
    fills: tuple[str, ...]

    def block(self, first: int) -> tuple[list[Note], list[Note], list[Note], list[Note]]:
        """Play up to four bars from a bar on: kick, snare, hats and percussion."""
        kick: list[Note] = []
        snare: list[Note] = []
        hats: list[Note] = []
        perc: list[Note] = []
        rolls = self._rolled_bars(first)
        holes = self._holes(first)
        for bar in range(first, min(first + BLOCK_BARS, self.section.bars)):
            start = self.section.start_beats + bar * BEATS_PER_BAR
            if "half" in self.layers and bar % 2:
                continue
            if "perc" in self.layers:
                perc += self._perc(bar, start)
            struck = (
                self._kick(bar, start),
                self._snare(bar, start),
                self._hats(bar, start, holes, bar in rolls),
            )
            if self._is_filled(bar):
                struck = self._fill(bar, start, *struck)
            for row, strokes in zip((kick, snare, hats), struck, strict=True):
                row += strokes
        return kick, snare, hats, perc

    def _loud(self, velocity: float) -> int:
        return int(min(127, max(1, round(velocity * self.level))))

    def _row(self, row: str, start: float, pitch: int, share: float = 1.0) -> list[Note]:
        return [
            Note(start + i * SIXTEENTH, SIXTEENTH, pitch, self._loud(LOUDNESS[sign] * share))
            for i, sign in enumerate(row)
            if sign != "."
        ]

    def _kicks(self, bar: int) -> bool:
        thin = "thin" in self.layers and self.section.bars - bar <= 2
        return "kick" in self.layers and not thin

    def _is_filled(self, bar: int) -> bool:
        return "fills" in self.layers and (
            bar % 8 == 7 or (bar == self.section.bars - 1 and bar > 1)
        )

    def _rolled_bars(self, first: int) -> set[int]:
        """Return the bars that have a roll: one of each pair, mostly the second."""
        if "rolls" not in self.layers:
            return set()
        return {
            pair + int(self.stream.random() < 0.6)
            for pair in range(first, first + BLOCK_BARS, 2)
            if self.stream.random() < ROLLED
        }

    def _holes(self, first: int) -> tuple[int, ...]:
        """Return the hats left out of two bars; each later block moves one of them."""
        if not first or not self.holes:
            return self.holes
        moved = list(self.holes)
        place = 2 * int(self.stream.integers(1, 15))
        moved[int(self.stream.integers(len(moved)))] = place if place < 16 else place + 2
        return tuple(moved)

    def _kick(self, bar: int, start: float) -> list[Note]:
        if not self._kicks(bar):
            return []
        row = self.skeleton.kick[bar % 2]
        if "half" in self.layers or (bar % 4 == 3 and self.stream.random() < KICK_AWAY):
            row = row[0] + "." * 15
        strokes = self._row(row, start, KICK)
        if bar % 4 == 1 and row[14] == "." and self.stream.random() < 0.3:
            strokes.append(Note(start + 3.5, SIXTEENTH, KICK, self._loud(70)))  # leads to the next
        return strokes

    def _snare(self, bar: int, start: float) -> list[Note]:
        if "snare" not in self.layers:
            return []
        hook = self.section.role == "hook"
        pitch = self.groove.hook_snare if hook else self.groove.verse_snare
        strokes = [Note(start + 2.0, 0.5, pitch, self._loud(104 if hook else 92))]
        if hook and pitch == CLAP and bar % 2:  # every second clap has a body
            strokes.append(Note(start + 2.0, 0.5, SNARE, self._loud(84)))
        if "ghosts" in self.layers:
            strokes += [n for n in self._row(self.skeleton.ghost, start, self._soft(), 0.7)
                        if self.stream.random() < 0.7]  # fmt: skip
        return strokes

    def _soft(self) -> int:
        """Return the drum of ghost strokes and runs, never the clap."""
        return self.groove.verse_snare

    def _hats(self, bar: int, start: float, holes: tuple[int, ...], rolled: bool) -> list[Note]:
        if "hats" not in self.layers:
            return []
        strokes = []
        for note in self._row(self.skeleton.hat, start, HAT, 0.82):
            place = round((note.onset_beats - start) / SIXTEENTH)
            if place + 16 * (bar % 2) in holes:
                continue
            accent = ACCENTS[place % 4] * (1.06 if place == 0 else 1.0)
            strokes.append(replace(note, velocity=self._loud(LOUDNESS["x"] * 0.82 * accent)))
        if rolled:
            return self._rolled(strokes, start)
        if bar % 4 == 3 and self.open_place >= 0:
            at = start + self.open_place * SIXTEENTH
            strokes = [n for n in strokes if not at - 0.01 <= n.onset_beats < at + 0.49]
            strokes.append(Note(at, 0.5, OPEN_HAT, self._loud(76)))
        return strokes

    def _rolled(self, strokes: list[Note], start: float) -> list[Note]:
        """Put one of the song's rolls into a bar, swelling or fading."""
        names = self.groove.rolls
        gaps, places = ROLLS[names[int(self.stream.choice(len(names), p=ROLL_WEIGHTS))]]
        at = start + places[int(self.stream.integers(len(places)))]
        rising = self.stream.random() < 0.65
        onsets = at + np.concatenate([[0.0], np.cumsum(gaps)])
        strokes = [s for s in strokes if not at - 0.01 <= s.onset_beats < onsets[-1] - 0.01]
        for k, gap in enumerate(gaps):
            through = k / (len(gaps) - 1)
            ramp = 0.45 + 0.55 * (through if rising else 1.0 - through)
            strokes.append(Note(float(onsets[k]), gap, HAT, self._loud(96 * ramp)))
        return strokes

    def _perc(self, bar: int, start: float) -> list[Note]:
        """Play ice or glass, and in the hook the shaker."""
        clicks = [n for n in self._row(self.skeleton.click, start, self.groove.click)
                  if self.stream.random() < 0.75]  # fmt: skip
        if self.section.role == "hook":
            clicks += [n for n in self._row(self.groove.shaker, start, SHAKER, 0.62)
                       if self.stream.random() < 0.9]  # fmt: skip
        elif bar % 2 == 0:
            return []
        return clicks

    def _fill(
        self, bar: int, start: float, kick: list[Note], snare: list[Note], hats: list[Note]
    ) -> tuple[list[Note], list[Note], list[Note]]:
        """Turn the end of a bar into a fill, each time of another kind."""
        kind = self.fills[(bar // 8) % len(self.fills)]
        at = start + 3.0
        if kind == "hush":
            at = start + 2.25
            return _before(at, kick), _before(at, snare), _before(at, hats)
        if kind == "stutter" and self._kicks(bar):
            shape = STUTTERS[int(self.stream.integers(len(STUTTERS)))]
            more = [Note(at + t, 0.25, KICK, self._loud(96 - 20 * t)) for t in shape]
            return _before(at, kick) + more, snare, hats
        if kind == "rattle" and hats:
            ramp = [Note(at + k / 8, 0.125, HAT, self._loud(44 + 7 * k)) for k in range(8)]
            return _before(at, kick), snare, _before(at, hats) + ramp
        if kind == "gap" and hats:
            at -= 0.5 * int(self.stream.integers(2))
            return kick, snare, [*_before(at, hats), Note(at, 0.75, OPEN_HAT, self._loud(80))]
        run = RUNS[int(self.stream.integers(len(RUNS)))]
        ghosts = [n for n in snare if n.onset_beats <= start + 2.0]
        return _before(at, kick), ghosts + self._row(run, start, self._soft(), 0.72), hats


def _hand(
    section: Section, groove: Groove, skeleton: Skeleton, level: float, layers: frozenset[str],
    stream: np.random.Generator,
) -> _Hand:  # fmt: skip
    row = skeleton.hat * 2
    places = [i for i, sign in enumerate(row) if sign != "." and i % 16]
    weights = np.array([LEFT_OUT_WEIGHTS.get(i % 16, 1.0) for i in places])
    n = max(1, round(groove.hat_left_out * len(places)))
    holes = stream.choice(places, n, replace=False, p=weights / weights.sum())
    opens = stream.random() < (0.6 if section.role == "hook" else 0.35)
    fills = tuple(FILLS[int(i)] for i in stream.permutation(len(FILLS)))
    open_place = (14, 14, 6, 10)[int(stream.integers(4))] if opens else -1
    left_out = tuple(sorted(int(h) for h in holes))
    return _Hand(section, groove, skeleton, level, layers, stream, left_out, open_place, fills)


def _before(beat_: float, strokes: list[Note]) -> list[Note]:
    return [n for n in strokes if n.onset_beats < beat_ - 1e-9]


def _until(stop: float, strokes: list[Note]) -> tuple[Note, ...]:
    """Return what begins before a beat, cut so that nothing lasts beyond it."""
    return tuple(
        replace(n, duration_beats=min(n.duration_beats, stop - n.onset_beats))
        for n in sorted(strokes, key=lambda n: n.onset_beats)
        if n.onset_beats < stop
    )


def leaving(kit: Kit, section: Section) -> Kit:
    """Let the drums leave an outro one by one: the kick, the snare, the hats."""
    stay = {"kick": 0.25, "snare": 0.4, "hats": 0.55}

    def until(part: str) -> tuple[Note, ...]:
        end = section.start_beats + stay[part] * section.duration_beats
        return tuple(n for n in getattr(kit, part) if n.onset_beats < end)

    return Kit(until("kick"), until("snare"), until("hats"))


def entering(kit: Kit, enters: float, kept: tuple[str, ...]) -> Kit:
    """Keep a section's drums out until a beat, but for some of them."""
    rows = {part: getattr(kit, part) for part in ("kick", "snare", "hats", "perc")}
    return Kit(**{
        part: row if part in kept else tuple(n for n in row if n.onset_beats >= enters)
        for part, row in rows.items()
    })  # fmt: skip
