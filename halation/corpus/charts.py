"""Pictures of a corpus: tempi, keys, tags, and where its chunks lie on the axes of mood."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from halation.corpus.disk import draft
from halation.corpus.layout import SPLITS, Chunk
from halation.pictures import ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import Locator

__all__ = ["SPLITS", "draw"]

DPI: Final = 110
MOST_TAGS: Final = 20
SHADES: Final = {"train": ink.PARTS[0], "validation": ink.PARTS[1]}
TONICS: Final = ("C", "C#/Db", "D", "D#/Eb", "E", "F", "F#/Gb", "G", "G#/Ab", "A", "A#/Bb", "B")


def draw(
    found: dict[str, Any], chunks: tuple[Chunk, ...], folder: Path
) -> tuple[tuple[str, str], ...]:
    """Draw the pictures of a corpus that has chunks; return their names and what they show."""
    figures = (
        ("tempo-and-key.png", "Tempi and keys of the chunks", _tempo_and_key(chunks)),
        ("tags.png", "How often each tag comes", _tags(found["tags"])),
        ("mood.png", "The chunks on the axes of mood", _mood(chunks)),
    )
    for name, _, figure in figures:
        hidden = draft(folder / name)
        figure.savefig(hidden, format="png", facecolor=ink.NIGHT)
        hidden.replace(folder / name)
    return tuple((name, text) for name, text, _ in figures)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=ink.NIGHT, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _whole() -> Locator:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(integer=True)


def _label(axes: Axes, x: str, title: str) -> None:
    axes.set_xlabel(x, color=ink.FAINT, fontsize=9)
    axes.set_title(title, color=ink.INK, fontsize=11, loc="left")


def _tempo_and_key(chunks: tuple[Chunk, ...]) -> Figure:
    import numpy as np

    figure = _figure(11.0, 3.4)
    left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.2))
    ink.plain(left)
    tempi = [
        [c.tempo_bpm for c in chunks if c.split == split and c.tempo_bpm is not None]
        for split in SPLITS
    ]
    left.hist(tempi, bins=np.arange(57.5, 185.0, 5.0), stacked=True, label=SPLITS,
              color=[SHADES[split] for split in SPLITS])  # fmt: skip
    left.set_xlim(57.5, 182.5)
    left.legend(frameon=False, labelcolor=ink.INK, fontsize=9)
    without = sum(c.tempo_bpm is None for c in chunks)
    more = f"; {without} without a beat" if without else ""
    _label(left, "BPM", f"tempo, chunks{more}")
    ink.plain(right)
    counts = Counter((c.key or "").split()[-1:] == ["minor"] for c in chunks if c.key)
    for offset, minor in ((-0.2, False), (0.2, True)):
        tonics = Counter(
            _tonic(c.key) for c in chunks if c.key and c.key.endswith("minor") == minor
        )
        right.bar([i + offset for i in range(12)], [tonics[i] for i in range(12)], 0.38,
                  color=ink.PARTS[4 if minor else 2], label=("major", "minor")[minor]
                  + f", {counts[minor]}")  # fmt: skip
    right.set_xticks(range(12), TONICS)
    right.legend(frameon=False, labelcolor=ink.INK, fontsize=9)
    none = sum(c.key is None for c in chunks)
    _label(right, "", "key, chunks" + (f"; {none} without" if none else ""))
    for axes in (left, right):
        axes.yaxis.set_major_locator(_whole())
    return figure


def _tonic(key: str) -> int:
    from halation.types import Key

    return Key.parse(key).tonic


def _tags(counts: dict[str, int]) -> Figure:
    shown = list(counts.items())[:MOST_TAGS][::-1]
    figure = _figure(11.0, 0.9 + 0.24 * max(1, len(shown)))
    axes = figure.subplots()
    ink.plain(axes)
    names = [ink.shown(name, 30, ink.families(name)) for name, _ in shown]
    axes.barh(range(len(shown)), [count for _, count in shown], 0.7, color=ink.ROLES["hook"])
    axes.set_yticks(range(len(shown)), names, color=ink.INK,
                    family=ink.families("".join(names)))  # fmt: skip
    axes.xaxis.set_major_locator(_whole())
    left = len(counts) - len(shown)
    _label(
        axes, "chunks", "tags" + (f", the {len(shown)} most common of {len(counts)}" * bool(left))
    )
    return figure


def _mood(chunks: tuple[Chunk, ...]) -> Figure:
    figure = _figure(11.0, 3.9)
    pairs = (("valence", "energy"), ("warmth", "haze"), ("density", "energy"))
    ends = {
        "valence": ("heartbroken", "euphoric"),
        "energy": ("still", "driving"),
        "warmth": ("icy", "warm"),
        "haze": ("clean", "hazy"),
        "density": ("sparse", "dense"),
    }
    for axes, (x, y) in zip(figure.subplots(1, 3), pairs, strict=True):
        ink.plain(axes)
        for split in SPLITS:
            rows = [c.axes for c in chunks if c.split == split]
            axes.scatter([r.get(x, 0.0) for r in rows], [r.get(y, 0.0) for r in rows], s=16,
                         color=SHADES[split], alpha=0.7, lw=0, label=split)  # fmt: skip
        axes.axhline(0.0, color=ink.FAINT, lw=0.5, zorder=0)
        axes.axvline(0.0, color=ink.FAINT, lw=0.5, zorder=0)
        axes.set_xlim(-1.08, 1.08)
        axes.set_ylim(-1.08, 1.08)
        axes.set_xticks((-1, 1), ends[x])
        axes.set_yticks((-1, 1), ends[y], rotation=90)
        for x_label, y_label, end in zip(
            axes.get_xticklabels(), axes.get_yticklabels(), (True, False), strict=True
        ):
            x_label.set_ha("left" if end else "right")
            y_label.set_va("bottom" if end else "top")
        axes.set_aspect("equal")
        axes.set_title(f"{x} and {y}", color=ink.INK, fontsize=11, loc="left")
    return figure
