"""What the panels of the sheet share: colours, letters that can be printed, section marks."""

from __future__ import annotations

import itertools
import textwrap
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

from halation.types import Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FAINT", "INK", "NIGHT", "PANEL", "PARTS", "ROLES", "families", "plain", "sections",
           "shown", "title"]  # fmt: skip

NIGHT: Final = "#0d0d14"
PANEL: Final = "#14141f"
INK: Final = "#d8d8e4"
FAINT: Final = "#6c6c80"
ROLES: Final = {
    "intro": "#5b7fbf",
    "verse": "#7a6bc4",
    "hook": "#e0708f",
    "bridge": "#4fa79a",
    "outro": "#8d7fa8",
}
PARTS: Final = (
    "#7fd1ff", "#ff9ec4", "#ffd27f", "#a7f0c1", "#c6a2ff", "#ff8f6b", "#66e0d5", "#f5f07a",
    "#9fb6ff", "#ff7fa0", "#c4e47f", "#e0a8e8", "#8fd0a8", "#ffb48a", "#b0b8c8", "#86a0e0",
)  # fmt: skip

FONT: Final = "DejaVu Sans"
"""Comes with matplotlib, so that it is there on every machine."""
OTHER_FONTS: Final = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Hiragino Sans", "Yu Gothic", "Microsoft YaHei",
    "Arial Unicode MS", "WenQuanYi Zen Hei", "Noto Sans", "Unifont",
)  # fmt: skip
"""What may know a script that it does not, where one of them is installed."""


def families(text: str) -> list[str]:
    """Return the fonts that a text needs, as far as they are installed."""
    missing = {ord(c) for c in text} - _signs(FONT)
    found = [FONT]
    if any(_is_letter(chr(code)) for code in missing):
        found += [name for name in _installed() if missing & _signs(name)]
    return found


def shown(text: str, length: int, fonts: Sequence[str] = (FONT,)) -> str:
    """Return a text on one line, cut, in signs of some fonts and none that are mathematics.

    Emoji and the like are left out; letters that none of the fonts knows become one "…".

    Examples
    --------
    >>> shown("neon \N{CLOUD WITH RAIN} rain \N{SPARKLES}", 30)
    'neon rain'
    """
    known = frozenset[int]().union(*(_signs(name) for name in fonts))
    groups = itertools.groupby(text, key=lambda c: _fate(c, known))
    kept = "".join(_written(fate, "".join(signs)) for fate, signs in groups)
    return textwrap.shorten(kept, length, placeholder=" …").replace("$", r"\$")


def _fate(sign: str, known: frozenset[int]) -> str:
    if unicodedata.category(sign) in ("So", "Sk", "Cf", "Mn", "Cs", "Co", "Cn") and ord(sign) > 255:
        return "left out"
    return "kept" if ord(sign) in known or sign.isspace() else "unknown"


def _written(fate: str, signs: str) -> str:
    return {"kept": signs, "left out": "", "unknown": "…"}[fate]


def _is_letter(sign: str) -> bool:
    return unicodedata.category(sign).startswith("L")


@cache
def _installed() -> tuple[str, ...]:
    from matplotlib import font_manager

    names = {entry.name for entry in font_manager.fontManager.ttflist}
    return tuple(name for name in OTHER_FONTS if name in names)


@cache
def _signs(name: str) -> frozenset[int]:
    from matplotlib import font_manager

    return frozenset(font_manager.get_font(font_manager.findfont(name)).get_charmap())


def plain(axes: Axes) -> None:
    """Take from a panel all that is not its content."""
    axes.set_facecolor(PANEL)
    axes.tick_params(colors=FAINT, labelsize=8, length=2)
    for spine in axes.spines.values():
        spine.set_visible(False)


def title(axes: Axes, text: str) -> None:
    """Write what a panel shows into its upper left corner."""
    axes.text(
        0.004, 0.97, text, transform=axes.transAxes, va="top", color=INK, fontsize=9, zorder=9
    )


def sections(axes: Axes, score: Score, *, names: bool, alpha: float) -> None:
    """Shade the sections of a song behind a panel whose x axis is in seconds."""
    form, high = score.form, axes.get_xaxis_transform()
    starts = [score.seconds_at(section.start_beats) for section in form.sections]
    spans = [
        (s, score.seconds_at(x.duration_beats)) for s, x in zip(starts, form.sections, strict=True)
    ]
    shades = [ROLES[section.role] for section in form.sections]
    if alpha:
        axes.broken_barh(
            spans, (0.0, 1.0), transform=high, facecolors=shades, alpha=alpha, zorder=0
        )
    axes.vlines(starts, 0.0, 1.0, transform=high, colors=shades, lw=0.8, alpha=0.8, zorder=3)
    if names:
        for start, shade, section in zip(starts, shades, form.sections, strict=True):
            text = shown(f"{section.name} {section.bars}", 30)
            axes.text(start + 0.4, 0.93, text, color=shade, fontsize=10, va="top", zorder=9,
                      transform=high, clip_on=True)  # fmt: skip
