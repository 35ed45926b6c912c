"""The feel of songs beside human drummers', as a table and a picture: ``runs/feel.sh``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.drummers import LAGS, VOICES, Feeling, Series, feeling, performances
from halation import form, mood
from halation.score.rules import Rules
from halation.score.timing import DRUMMERS, FEELS
from halation.types import Brief, Part, Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["compose", "played"]

MELODIC: Final = ("bass", "bells", "vocals", "saw", "pluck", "arp", "counter")
FEWEST: Final = 24
"""Strokes that a part needs in a song to count."""
MEANS_MS: Final = {
    "kick": (0, 6), "snare": (8, 25), "hats": (-3, 3), "bells": (-5, 15), "bass": (0, 6),
}  # fmt: skip
"""Lateness that the style asks for."""
COLOURS: Final = {"kick": "#5b6cff", "snare": "#ff6f91", "hats": "#1a9b7c", "perc": "#c48a1a",
                  "bells": "#9a6bd0", "pluck": "#7a8798"}  # fmt: skip


def compose(seed: int) -> Score:
    """Return the score of a song without a wish."""
    return Rules()(form.plan(mood.read(Brief(seed))), seed)


def strokes(part: Part) -> Series:
    """Return onset [beats], deviation [ms] and velocity of a part's strokes.

    What a part strikes at one nominal place is one stroke: a chord counts once.
    """
    rows = {n.onset_beats: (n.offset_s * 1_000.0, float(n.velocity)) for n in part.notes}
    return np.array([(at, *rows[at]) for at in sorted(rows)]).reshape(-1, 3)


def played(scores: list[Score]) -> dict[str, list[Series]]:
    """Return the strokes of every voice, song by song."""
    voices: dict[str, list[Series]] = {}
    for score in scores:
        for part in score.parts:
            rows = strokes(part)
            if part.name in FEELS and len(rows) >= FEWEST:
                voices.setdefault(part.name, []).append(rows)
    return voices


def centred(songs: list[Series]) -> list[tuple[Series, Series]]:
    """Return deviations and velocities less each song's mean."""
    return [(s[:, 1] - s[:, 1].mean(), s[:, 2] - s[:, 2].mean()) for s in songs]


def table(drummers: Mapping[str, Feeling], voices: Mapping[str, list[Series]]) -> str:
    """Return both side by side, in Markdown."""
    lines = [
        "| voice | lag-1 drummers | lag-1 played (songs 10 … 90 %) | σ drummers ms | σ played ms "
        "| σ over the kick's, drummers / played | mean played ms (least … most) | velocity with "
        "lateness, drummers / played |",
        "|---|---|---|---|---|---|---|---|",
    ]
    kick = feeling(centred(voices["kick"])).sigma_ms
    for voice in (*VOICES, *MELODIC):
        songs = voices[voice]
        here = feeling(centred(songs))
        each = [feeling([s]).lags[0] for s in centred(songs)]
        low, high = np.percentile(each, [10, 90])
        means = [s[:, 1].mean() for s in songs]
        them = drummers.get(voice)
        theirs = ("", "", "", "")
        if them:
            ratio = them.sigma_ms / drummers["kick"].sigma_ms
            theirs = (f"{them.lags[0]:.2f}", f"{them.sigma_ms:.1f}", f"{ratio:.2f} / ",
                      f"{them.loud:.2f} / ")  # fmt: skip
        lines.append(
            f"| {voice} | {theirs[0]} | {here.lags[0]:.2f} ({low:.2f} … {high:.2f}) | {theirs[1]} "
            f"| {here.sigma_ms:.1f} | {theirs[2]}{here.sigma_ms / kick:.2f} "
            f"| {np.mean(means):.1f} ({min(means):.1f} … {max(means):.1f}) "
            f"| {theirs[3]}{here.loud:.2f} |"
        )
    return "\n".join(lines)


def draw(drummers: Mapping[str, Feeling], voices: Mapping[str, list[Series]], path: Path,
         tempo_bpm: float) -> None:  # fmt: skip
    """Draw correlations, memory, spread and lateness, and the first song's own curves."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((11.0, 8.2), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    grid: Any = figure.add_gridspec(3, 2)
    _lag_1(figure.add_subplot(grid[0, 0]), drummers, voices)
    _memory(figure.add_subplot(grid[0, 1]), drummers, voices)
    _spread(figure.add_subplot(grid[1, 0]), drummers, voices)
    _lateness(figure.add_subplot(grid[1, 1]), voices)
    _curves(figure.add_subplot(grid[2, :]), voices, tempo_bpm)
    figure.savefig(path)


def _lag_1(axes: Axes, drummers: Mapping[str, Feeling], voices: Mapping[str, list[Series]]) -> None:
    for x, voice in enumerate((*VOICES, *MELODIC)):
        follows = "kick" if voice == "bass" else voice
        them = drummers[follows].lags[0] if follows in drummers else FEELS[voice].hand.lag_1
        axes.fill_between([x - 0.4, x + 0.4], them - 0.1, them + 0.1, color="#d9def0", lw=0)
        axes.plot([x - 0.4, x + 0.4], [them, them], color="#33405e", lw=2,
                  ls="-" if voice in drummers else ":")  # fmt: skip
        songs = centred(voices[voice])
        each = [feeling([s]).lags[0] for s in songs]
        axes.plot(x + np.linspace(-0.3, 0.3, len(each)), each, ".", color="#b0a3c9", ms=3)
        axes.plot(x, feeling(songs).lags[0], "D", color="#d6336c", ms=6)
    axes.set_xticks(range(len(VOICES) + len(MELODIC)), [*VOICES, *MELODIC], fontsize=8)
    axes.set_ylim(-0.15, 0.85)
    axes.set_title("lag-1: drummers (line, ±0.1), songs (dots), all songs (diamond)", fontsize=9)


def _memory(
    axes: Axes, drummers: Mapping[str, Feeling], voices: Mapping[str, list[Series]]
) -> None:
    lags = range(1, LAGS + 1)
    for voice in VOICES:
        axes.plot(lags, drummers[voice].lags, "-", color=COLOURS[voice], label=voice)
        axes.plot(lags, feeling(centred(voices[voice])).lags, "D--", color=COLOURS[voice], ms=4)
    axes.axhline(0, color="#999", lw=0.5)
    axes.legend(fontsize=8)
    axes.set_xlabel("strokes later", fontsize=8)
    axes.set_title("how a deviation is forgotten: drummers (line), songs (diamonds)", fontsize=9)


def _spread(
    axes: Axes, drummers: Mapping[str, Feeling], voices: Mapping[str, list[Series]]
) -> None:
    names = (*VOICES, *MELODIC)
    axes.axhspan(8, 12, color="#efe3f5", lw=0)
    axes.axhspan(3, 5, color="#dcefe7", lw=0)
    kick = FEELS["kick"].sigma_ms / drummers["kick"].sigma_ms
    for x, voice in enumerate(names):
        each = [s[:, 1].std() for s in voices[voice]]
        axes.plot(x + np.linspace(-0.3, 0.3, len(each)), each, ".", color="#b0a3c9", ms=3)
        axes.plot(x, feeling(centred(voices[voice])).sigma_ms, "D", color="#d6336c", ms=6)
        if voice in drummers:
            theirs = drummers[voice].sigma_ms * kick
            axes.plot([x - 0.4, x + 0.4], [theirs, theirs], color="#33405e", lw=2)
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(0, 15)
    axes.set_title("σ in ms: drummers' ratios on the kick (line); 8–12, hats 3–5", fontsize=9)


def _lateness(axes: Axes, voices: Mapping[str, list[Series]]) -> None:
    for x, (voice, (low, high)) in enumerate(MEANS_MS.items()):
        axes.fill_between([x - 0.4, x + 0.4], low, high, color="#d9def0", lw=0)
        means = [s[:, 1].mean() for s in voices[voice]]
        axes.plot(x + np.linspace(-0.3, 0.3, len(means)), means, ".", color="#d6336c", ms=4)
    axes.set_xticks(range(len(MEANS_MS)), list(MEANS_MS), fontsize=8)
    axes.axhline(0, color="#999", lw=0.5)
    axes.set_title("lateness in ms, a dot a song, and the range asked for", fontsize=9)


def _curves(axes: Axes, voices: Mapping[str, list[Series]], tempo_bpm: float) -> None:
    for voice, colour in COLOURS.items():
        if voice in voices:
            rows = voices[voice][0]
            wide = 2.2 if voice == "hats" else 0.9
            axes.plot(rows[:, 0] * 60 / tempo_bpm, rows[:, 1], "-", color=colour, lw=wide,
                      marker=".", ms=3, label=voice)  # fmt: skip
    axes.axhline(0, color="#999", lw=0.5)
    axes.set_xlim(20, 80)
    axes.legend(fontsize=8, ncols=6)
    axes.set_xlabel("seconds into one song", fontsize=8)
    axes.set_title("played offset in ms: the hats stay, the others wander", fontsize=9)


def main() -> None:
    """Measure drummers and songs; write the picture, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="groove.tar.xz, or the folder it unpacks to")
    parser.add_argument("--songs", type=int, default=40)
    parser.add_argument("--picture", type=Path, default=Path("docs/images/feel.png"))
    given = parser.parse_args()
    every = list(performances(given.source))
    drummers = {v: feeling([p[v] for p in every if v in p]) for v in VOICES}
    for voice, found in drummers.items():
        kept = DRUMMERS[voice]
        print(f"{voice}: {found.performances} performances, {found.strokes} strokes, lag-1 "
              f"{found.lags[0]:.2f} (in code {kept.lag_1}), slow {found.slow:.2f} ({kept.slow}), "
              f"σ {found.sigma_ms:.1f} ms ({kept.sigma_ms}), velocity's lag-1 "
              f"{found.loud_lag_1:.2f}")  # fmt: skip
    scores = [compose(seed) for seed in range(given.songs)]
    voices = played(scores)
    print(table(drummers, voices))
    draw(drummers, voices, given.picture, scores[0].form.tempo_bpm)


if __name__ == "__main__":
    main()
