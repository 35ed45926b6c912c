"""One picture of everything in a song: what ``halation inspect`` draws."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp.loudness import meter
from halation.pictures import ink, lanes
from halation.types import Audio, FileError, Measures, Part, Plan, Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw"]

WIDTH_IN: Final = 20.0
DPI: Final = 100
"""2,000 pixels wide."""
LANE_IN: Final = 0.3
"""Height of a curve's lane."""

CHORD_ROWS: Final = 5
FFT: Final = 4_096
BANDS: Final = 256
FRAMES: Final = 1_600
FLOOR_DB: Final = -90.0

Values = NDArray[np.float64]


def draw(plan: Plan, master: Audio, measures: Measures, path: Path) -> None:
    """Draw waveform, spectrogram, loudness, notes, automation and measures into one PNG.

    Parameters
    ----------
    plan : Plan
    master : Audio
        The song's sound, bar 1 at sample 0.
    measures : Measures
    path : Path
        Where the PNG goes; an existing file is replaced.

    Raises
    ------
    FileError
        If the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    score = plan.score
    placed = lanes.columns(plan)
    heights = [1.9, 1.3, 2.6, 1.6, 3.6, 0.95, LANE_IN / 1.55 * lanes.height(placed)]
    figure = Figure(figsize=(WIDTH_IN, 1.55 * sum(heights)), dpi=DPI, facecolor=ink.NIGHT)
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        7, 1, height_ratios=heights, hspace=0.16, left=0.045, right=0.985, top=0.99, bottom=0.01
    )
    _facts(figure.add_subplot(grid[0]), plan, measures)
    panels = [figure.add_subplot(grid[row]) for row in range(1, 6)]
    for axes in panels:
        ink.plain(axes)
    _waveform(panels[0], score, master)
    _spectrogram(panels[1], score, master)
    _loudness(panels[2], score, master, measures)
    _roll(panels[3], score)
    lanes.timeline(panels[4], plan)
    for axes in panels:
        axes.set_xlim(0.0, score.duration_s)
    lanes.draw(figure, grid[6], score, placed)
    draft = path.with_name(f".{path.name}.unfinished")
    try:
        figure.savefig(draft, format="png", facecolor=ink.NIGHT, pil_kwargs={"compress_level": 3})
        draft.replace(path)
    except OSError as error:
        raise FileError(f"cannot write the picture {path}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()


def _facts(axes: Axes, plan: Plan, measures: Measures) -> None:
    axes.set_axis_off()
    score, form, mood = plan.score, plan.score.form, plan.score.form.mood
    said = mood.brief.text or mood.phrase
    fonts = ink.families(said + mood.title)
    name = ink.shown(mood.title, 60, fonts)
    axes.text(0.0, 0.98, name, color=ink.INK, fontsize=26, va="top", family=fonts)
    quote = ink.shown(said, 110, fonts)
    head = (
        f"“{quote}”\n"
        f"seed {mood.brief.seed}   {form.key.name}   {form.tempo_bpm:g} BPM   "
        f"{ink.shown(form.template, 40)}   {form.duration_s:.1f} s   "
        f"{ink.shown(', '.join(mood.words[:4]), 80)}"
    )
    axes.text(0.0, 0.74, head, color=ink.FAINT, fontsize=10, va="top", linespacing=1.6,
              family=fonts)  # fmt: skip
    lines = _chord_lines(score)
    for i in range(0, len(lines), CHORD_ROWS):
        column = "\n".join(lines[i : i + CHORD_ROWS])
        axes.text(0.27 * (i // CHORD_ROWS), 0.48, column, color=ink.INK, fontsize=9, va="top",
                  linespacing=1.5)  # fmt: skip
    _axes_of_mood(axes, plan)
    rows = (
        ("loudness", f"{measures.loudness_lufs:.2f} LUFS"),
        ("true peak", f"{measures.true_peak_dbtp:.2f} dBTP"),
        ("loudness range", f"{measures.loudness_range_lu:.1f} LU"),
        ("spectrum", f"{measures.spectrum_slope_db_per_octave:.2f} dB/octave"),
        ("left-right correlation", f"{measures.correlation:.2f}"),
        ("limiter, at most", f"{measures.limiter_db:.1f} dB"),
        ("parts, notes", f"{len(score.written)}, {sum(len(p.notes) for p in score.written):,}"),
        ("effects, curves", f"{len(plan.effects)}, {len(plan.curves)}"),
    )
    for i, (name, value) in enumerate(rows):
        axes.text(0.83, 0.95 - 0.12 * i, name, color=ink.FAINT, fontsize=9, va="top")
        axes.text(0.93, 0.95 - 0.12 * i, value, color=ink.INK, fontsize=9, va="top")


def _chord_lines(score: Score) -> list[str]:
    """Return the chords of each section, a loop that repeats written once."""
    lines = []
    for section in score.form.sections:
        symbols = [
            chord.symbol
            for chord in score.chords
            if section.start_beats - 1e-6 <= chord.onset_beats < section.end_beats - 1e-6
        ]
        size = next(
            n for n in range(1, len(symbols) + 2)
            if all(a == b for a, b in zip(symbols, symbols[n:], strict=False))
        )  # fmt: skip
        times = len(symbols) / size
        often = f"  × {times:g}" if times > 1 and times == round(times) else ""
        loop = symbols[:size] if often else symbols
        lines.append(f"{ink.shown(section.name, 20)}:  {ink.shown('  '.join(loop), 60)}{often}")
    return lines


def _axes_of_mood(axes: Axes, plan: Plan) -> None:
    mood = plan.score.form.mood
    names = (
        ("heartbroken", "valence", "euphoric"),
        ("still", "energy", "driving"),
        ("icy", "warmth", "warm"),
        ("sparse", "density", "dense"),
        ("clean", "haze", "hazy"),
    )
    for i, (low, name, high) in enumerate(names):
        y = 0.9 - 0.17 * i
        axes.plot([0.60, 0.74], [y, y], color="#2c2c40", lw=2, transform=axes.transAxes)
        x = 0.67 + 0.07 * getattr(mood, name)
        axes.plot([x], [y], "o", color=ink.ROLES["hook"], ms=7, transform=axes.transAxes)
        axes.text(0.595, y, low, color=ink.FAINT, fontsize=9, ha="right", va="center")
        axes.text(0.745, y, high, color=ink.FAINT, fontsize=9, va="center")
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(0.0, 1.0)


def _waveform(axes: Axes, score: Score, master: Audio) -> None:
    count = 2_000
    hop = max(1, master.n_samples // count)
    samples = master.samples[:, : hop * (master.n_samples // hop)]
    blocks = samples.reshape(master.channels, -1, hop)
    times = np.arange(blocks.shape[1]) * hop / master.sample_rate
    low, high = blocks.min(axis=(0, 2)), blocks.max(axis=(0, 2))
    rms = np.sqrt(np.einsum("cij,cij->i", blocks, blocks) / (hop * master.channels))
    axes.fill_between(times, low, high, color="#8f8fb0", lw=0, zorder=2)
    axes.fill_between(times, -rms, rms, color="#e6e6f5", lw=0, zorder=2)
    axes.set_ylim(-1.05, 1.05)
    axes.set_yticks([])
    ink.sections(axes, score, names=True, alpha=0.22)


def _spectrogram(axes: Axes, score: Score, master: Audio) -> None:
    levels, edges_hz = _band_levels(master)
    times = np.linspace(0.0, master.duration_s, levels.shape[1] + 1)
    top = float(np.percentile(levels, 99.9))
    axes.pcolormesh(times, edges_hz, levels, cmap="magma", vmin=top - 75.0, vmax=top,
                    shading="flat", rasterized=True)  # fmt: skip
    axes.set_yscale("log")
    axes.set_ylim(20.0, 20_000.0)
    ticks = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
    axes.set_yticks(ticks, [f"{t / 1000:g}k" if t >= 1000 else str(t) for t in ticks])
    axes.minorticks_off()
    ink.sections(axes, score, names=False, alpha=0.0)
    ink.title(axes, "spectrogram [Hz], the same power an octave is the same colour; 75 dB deep")


def _band_levels(master: Audio) -> tuple[Values, Values]:
    """Return levels in dB of bands (rows) over time (columns), and the bands' edges in Hz."""
    from scipy.fft import rfft

    mono = master.samples.mean(axis=0)
    mono = np.pad(mono, (0, max(0, FFT - len(mono))))
    starts = np.linspace(0, len(mono) - FFT, min(FRAMES, max(1, len(mono) // 256))).astype(int)
    window = np.hanning(FFT).astype(np.float32)
    edges_hz = np.geomspace(20.0, 20_000.0, BANDS + 1)
    bins = edges_hz * FFT / master.sample_rate
    power = np.empty((FFT // 2 + 1, len(starts)), np.float32)
    for first in range(0, len(starts), 200):
        frames = np.stack([mono[s : s + FFT] for s in starts[first : first + 200]]) * window
        power[:, first : first + 200] = np.abs(rfft(frames, axis=1).T) ** 2
    # The power between two edges: differences of the running sum, read between the bins.
    total = np.cumsum(power, axis=0, dtype=np.float64)
    places = np.clip(bins, 0.0, FFT / 2)
    below = places.astype(int)
    share = (places - below)[:, None]
    above = np.minimum(below + 1, FFT // 2)
    at_edges = total[below] * (1.0 - share) + total[above] * share
    density = np.diff(at_edges, axis=0) / np.diff(bins)[:, None] * 4.0 / FFT**2 * 4.0
    tilt = np.sqrt(edges_hz[1:] * edges_hz[:-1])[:, None]
    levels = 10.0 * np.log10(np.maximum(density * tilt, 1e-16))
    return np.maximum(levels, FLOOR_DB - 60.0), edges_hz


def _loudness(axes: Axes, score: Score, master: Audio, measures: Measures) -> None:
    found = meter(master)
    for values, span_s, shade, width in (
        (found.momentary, 0.4, "#5d5d78", 0.7),
        (found.short_term, 3.0, "#ffffff", 1.6),
    ):
        times = np.arange(len(values)) * found.hop_s + span_s / 2.0
        axes.plot(times, values, color=shade, lw=width, zorder=4)
    axes.axhline(measures.loudness_lufs, color=ink.FAINT, lw=0.8, ls=":", zorder=3)
    lufs = dict(measures.sections_lufs)
    for section in score.form.sections:
        value = lufs.get(section.name, -math.inf)
        if not -60.0 < value < 0.0:
            continue
        start, end = score.seconds_at(section.start_beats), score.seconds_at(section.end_beats)
        axes.hlines(value, start, end, color=ink.ROLES[section.role], lw=2.5, alpha=0.9, zorder=5)
        axes.text(end - 0.4, value + 0.6, f"{value:.1f}", color=ink.ROLES[section.role], fontsize=9,
                  ha="right", va="bottom", zorder=9)  # fmt: skip
    axes.set_ylim(-42.0, -4.0)
    axes.grid(axis="y", color="#24243a", lw=0.6)
    ink.sections(axes, score, names=False, alpha=0.08)
    ink.title(axes, "loudness [LUFS]: 3 s white, 400 ms grey, sections integrated")


def _roll(axes: Axes, score: Score) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.lines import Line2D

    drums = [part for part in score.written if part.stem == "drums"]
    tuned = [part for part in score.written if part not in drums and part.stem != "textures"]
    pitches = [note.pitch for part in tuned for note in part.notes] or [48, 72]
    low, high = min(pitches) - 2, max(pitches) + 2
    lanes = {part.name: low - 2 - 1.6 * i for i, part in enumerate(drums)}
    models = {row.name: part.patch for part in score.parts for row in part.instead}
    handles: list[Any] = []
    for i, part in enumerate([*tuned, *drums]):
        shade = ink.PARTS[i % len(ink.PARTS)]
        lines = LineCollection(
            _bars(part, score, lanes.get(part.name)),
            colors=shade,
            linewidths=2.2 if part in tuned else 4.0,
            alpha=0.85,
            capstyle="butt",
            zorder=4,
        )
        axes.add_collection(lines)
        label = ink.shown(f"{part.name} · {models.get(part.name, part.patch)}", 40)
        handles.append(Line2D([], [], color=shade, lw=3, label=label))
    floor = min([low, *lanes.values()]) - 1.5
    axes.set_ylim(floor, high + 0.1 * (high - floor))  # the legend's place
    octaves = [p for p in range(0, 128, 12) if low <= p <= high]
    axes.set_yticks(octaves, [f"C{p // 12 - 1}" for p in octaves])
    axes.grid(axis="y", color="#24243a", lw=0.6)
    ink.sections(axes, score, names=False, alpha=0.08)
    ink.title(axes, "notes, as played")
    legend = axes.legend(handles=handles, loc="upper center", ncol=min(9, max(1, len(handles))),
                         fontsize=8, frameon=False, bbox_to_anchor=(0.5, 1.005))  # fmt: skip
    for text in legend.get_texts():
        text.set_color(ink.INK)


def _bars(part: Part, score: Score, lane: float | None) -> list[list[tuple[float, float]]]:
    rows = []
    for note in part.notes:
        start = score.onset_s(note)
        length = score.seconds_at(note.duration_beats) if lane is None else 0.06
        height = float(note.pitch) if lane is None else lane
        rows.append([(start, height), (start + max(length, 0.06), height)])
    return rows
