"""The drawn half of a song: every curve in a lane of its own, every event on the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from halation.pictures import ink
from halation.types import Curve, Plan, Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

__all__ = ["Block", "columns", "draw", "height", "timeline"]

COLUMNS: Final = 4
HEAD: Final = 0.9
GAP: Final = 0.45
"""Room over and under the lanes of a part, in lanes."""
MAX_LANES: Final = 400
"""More curves than that are left out, lest a strange file make an endless picture."""
MARGIN: Final = 0.42
"""Room for the names left of the curves, in lengths of the song."""

OFF_DB: Final = -45.0
"""Levels under this count as off, and are not shown."""
LEAST_SPAN: Final = {"_hz": 1.0, "_db": 3.0, "pan": 0.3, "width": 0.3}
"""Least range of a lane (in octaves for ``_hz``), so that small movements look small."""

PARAMETERS: Final = (
    "gain_db", "cutoff_hz", "width", "pan", "drive_db", "octave_db", "duck_db", "wobble",
    "near_send_db", "hall_send_db", "delay_send_db", "shimmer_send_db",
)  # fmt: skip
SHADES: Final = {
    "gain": "#e6e6f5", "cutoff": "#ffd27f", "width": "#a7f0c1", "pan": "#c4e47f",
    "drive": "#ff8f6b", "octave": "#f5f07a", "duck": "#ff9ec4", "wobble": "#ffb48a",
    "near": "#9fb6ff", "hall": "#7fd1ff", "delay": "#66e0d5",
    "shimmer": "#c6a2ff",
}  # fmt: skip
"""One colour a parameter, so that the eye finds it again in every part."""
OTHER_SHADE: Final = "#b0b8c8"

Values = NDArray[np.float64]


class Block(NamedTuple):
    """The curves of one target, and where they stand in their column, in lanes from its top."""

    target: str
    curves: tuple[Curve, ...]
    top: float

    @property
    def bottom(self) -> float:
        """The first lane under the block."""
        return self.top + HEAD + len(self.curves) + GAP


def columns(plan: Plan) -> list[list[Block]]:
    """Put the targets of all curves, song first and parts next, into columns of like heights."""
    found: dict[str, list[Curve]] = {}
    for curve in plan.curves[:MAX_LANES]:
        found.setdefault(curve.target, []).append(curve)
    order = ("all", "music", "space", "drums", *(part.name for part in plan.score.parts))
    placed: list[list[Block]] = [[] for _ in range(COLUMNS)]
    for target in sorted(found, key=lambda t: order.index(t) if t in order else len(order)):
        curves = tuple(sorted(found[target], key=_rank))
        shortest = min(placed, key=lambda blocks: blocks[-1].bottom if blocks else 0.0)
        shortest.append(Block(target, curves, shortest[-1].bottom if shortest else 0.0))
    return placed


def _rank(curve: Curve) -> tuple[int, str]:
    known = curve.parameter in PARAMETERS
    return (PARAMETERS.index(curve.parameter) if known else len(PARAMETERS), curve.parameter)


def height(placed: Sequence[Sequence[Block]]) -> float:
    """Return the height of the longest column, in lanes."""
    return max((blocks[-1].bottom for blocks in placed if blocks), default=1.0)


def draw(
    figure: Figure, place: SubplotSpec, score: Score, placed: Sequence[Sequence[Block]]
) -> None:
    """Draw the columns of lanes."""
    inner = place.subgridspec(1, COLUMNS, wspace=0.03)
    lanes = height(placed)
    for i, blocks in enumerate(placed):
        axes = figure.add_subplot(inner[0, i])
        axes.set_axis_off()
        axes.set_xlim(-MARGIN * score.duration_s, score.duration_s)
        axes.set_ylim(lanes, 0.0)
        for block in blocks:
            _block(axes, score, block)


def _block(axes: Axes, score: Score, block: Block) -> None:
    left = -MARGIN * score.duration_s
    first, last = block.top + HEAD, block.bottom - GAP
    text = ink.shown(block.target, 24)
    axes.text(left, first - 0.25, text, color=ink.INK, fontsize=10, weight="bold", va="bottom")
    starts = [score.seconds_at(section.start_beats) for section in score.form.sections]
    shades = [ink.ROLES[section.role] for section in score.form.sections]
    spans = [
        (start, score.seconds_at(section.duration_beats))
        for start, section in zip(starts, score.form.sections, strict=True)
    ]
    axes.broken_barh(spans, (first, last - first), facecolors=shades, alpha=0.13, zorder=0)
    axes.vlines(starts, first, last, colors=shades, lw=0.8, alpha=0.7, zorder=2)
    for i, curve in enumerate(block.curves):
        _lane(axes, score, curve, first + i + 1.0)


def _lane(axes: Axes, score: Score, curve: Curve, floor: float) -> None:
    """Draw one curve over its floor, named and with its range at the left."""
    name = curve.parameter.removesuffix("_hz").removesuffix("_db").replace("_", " ")
    name = name.removesuffix(" send")
    shade = SHADES.get(name, OTHER_SHADE)
    times, levels, low, high = _read(score, curve)
    rise = np.clip((levels - low) / (high - low), 0.0, 1.0)
    line = floor - 0.08 - 0.8 * rise
    axes.fill_between(times, floor - 0.04, line, color=shade, alpha=0.16, lw=0, zorder=3)
    axes.plot(times, line, color=shade, lw=1.0, zorder=4)
    left = -MARGIN * score.duration_s
    axes.text(left, floor - 0.45, ink.shown(name, 20), color=shade, fontsize=7.5, va="center")
    axes.text(-0.015 * score.duration_s, floor - 0.45, _range(curve), color=ink.FAINT, fontsize=6.5,
              va="center", ha="right")  # fmt: skip


def _read(score: Score, curve: Curve) -> tuple[Values, Values, float, float]:
    """Return times [s] and levels of a curve, and the levels that its lane begins and ends with."""
    end = max(score.form.duration_beats, curve.times_beats[-1])
    beats = np.array([min(0.0, curve.times_beats[0]), *curve.times_beats, end])
    levels = np.array([curve.values[0], *curve.values, curve.values[-1]])
    if curve.parameter.endswith("_hz"):
        levels = np.log2(np.maximum(levels, 1.0))
    heard = levels[levels > OFF_DB] if curve.parameter.endswith("_db") else levels
    low, high = (float(heard.min()), float(heard.max())) if len(heard) else (OFF_DB, 0.0)
    span = next((s for end, s in LEAST_SPAN.items() if curve.parameter.endswith(end)), 0.1)
    spare = max(span - (high - low), 0.0) / 2.0
    return beats * 60.0 / score.form.tempo_bpm, levels, low - spare, high + spare


def _range(curve: Curve) -> str:
    values = [v for v in curve.values if not curve.parameter.endswith("_db") or v > OFF_DB]
    if not values:
        return "off"
    unit = {"_hz": " Hz", "_db": " dB"}.get(curve.parameter[-3:], "")
    low, high = (_number(v, unit == " Hz") for v in (min(values), max(values)))
    return f"{low}{unit}" if low == high else f"{low} … {high}{unit}"


def _number(value: float, hertz: bool) -> str:
    if hertz:
        return f"{value / 1e3:.1f}k" if value >= 1e3 else f"{value:.0f}"
    return f"{value:.1f}".replace("-", "\N{MINUS SIGN}")


ROWS: Final = 6
EVENTS: Final = {
    "reverse_reverb": "#7fd1ff", "tape_stop": "#ff9ec4", "phone": "#ffd27f",
    "half_speed": "#ff7fa0", "reversed_bar": "#c6a2ff", "stutter": "#a7f0c1", "freeze": "#66e0d5",
}  # fmt: skip


def timeline(axes: Axes, plan: Plan) -> None:
    """Draw what happens once: swells, telephones, stops, stutters, with their names."""
    score = plan.score
    axes.set_ylim(ROWS, 0.0)
    axes.set_yticks([])
    ends = [-1.0] * ROWS
    for start, stop, kind, target in sorted(_spans(plan)):
        begin, end = score.seconds_at(start), score.seconds_at(stop)
        text = ink.shown(f"{kind.replace('_', ' ')} · {target}", 32)
        row = next((i for i, busy in enumerate(ends) if i and busy <= begin), None)
        if row is None:
            continue
        ends[row] = max(end, begin + 0.0048 * len(text) * score.duration_s)
        shade = EVENTS.get(kind, ink.INK)
        axes.broken_barh([(begin, end - begin)], (row + 0.12, 0.76), facecolors=shade, alpha=0.45)
        axes.text(begin + 0.002 * score.duration_s, row + 0.52, text, color=ink.INK, fontsize=7.5,
                  va="center", zorder=5, clip_on=True)  # fmt: skip
    ink.sections(axes, score, names=False, alpha=0.08)
    ink.title(axes, f"events      {_spaces(plan)}")


def _spans(plan: Plan) -> list[tuple[float, float, str, str]]:
    found = []
    for effect in plan.effects:
        given = dict(effect.parameters)
        stop = given.get("end_beats")
        if stop is None:
            continue
        start = given.get("start_beats", stop - given.get("length_beats", 0.0))
        found.append((start, stop, effect.kind, effect.target))
    return found


def _spaces(plan: Plan) -> str:
    """Say in a line how long the spaces of the song are."""
    rows = []
    for name in ("near", "hall", "shimmer"):
        effect = plan.effect("reverb", name)
        given = dict(effect.parameters) if effect else {}
        if "t60_s" in given:
            late = 1e3 * given.get("predelay_s", 0.0)
            rows.append(f"{name} {given['t60_s']:.1f} s after {late:.0f} ms")
    delay = plan.effect("delay", "delay")
    given = dict(delay.parameters) if delay else {}
    times = [f"{1e3 * given[side]:.0f}" for side in ("left_s", "right_s") if side in given]
    if times:
        rows.append(f"echoes {' and '.join(times)} ms × {given.get('feedback', 0.0):.2f}")
    return ",  ".join(rows)
