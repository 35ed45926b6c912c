"""How well the network knows music that it never read, and how near what it writes lies to it.

``python -m halation.training.evaluate --pop909 DIR --groove DIR --json``
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click
import numpy as np

from halation import backends, pipeline
from halation.score.learned.composer import WEIGHTS
from halation.score.learned.grid import BAR_BEATS, STEP_BEATS, chords_at, tones_of
from halation.score.learned.network import Network
from halation.score.learned.tokens import IDS, STEPS, VOICES, Bar, Hit
from halation.training import run
from halation.training.bars import GROOVE_VOICES, LEVEL_EDGES, Piece
from halation.training.corpus import PART_SETS, Corpus, targets
from halation.training.features import FEATURES, features, overlap
from halation.training.ngram import Ngram
from halation.training.prepare import build, gather, near
from halation.types import Brief, Form, Note, Score

__all__ = ["bits_per_note", "compare", "score_bars", "unread"]

CORPUS: Final = Path(__file__).parents[2] / "runs" / "composer-corpus.npz"
"""What the shipped weights were trained on; the baselines count in it, too."""
ORDERS: Final = (3, 5, 7, 9)
"""Tokens that the n-grams look at; a note of melody and bass has two. The best of them counts."""
CONTEXT: Final = 512
COMPOSERS: Final = ("rules", "learned")


def unread(pieces: Sequence[Piece], corpus: Corpus) -> list[int]:
    """Return which pieces the network did not train on, nor anything nearly the same.

    Parameters
    ----------
    pieces : sequence of Piece
    corpus : Corpus
        Of the training.
    """
    trained = {name for name, split in zip(corpus.names, corpus.splits, strict=True) if split != 2}
    kin = {f for f, split in zip(corpus.families, corpus.splits, strict=True) if split != 2}
    alike = near(pieces, corpus)
    return [
        i for i, p in enumerate(pieces)
        if p.name not in trained and p.family not in kin and not alike[i]
    ]  # fmt: skip


def windows(corpus: Corpus, piece: int, parts: Sequence[str]) -> Iterator[tuple[np.ndarray, int]]:
    """Give a piece as sequences that overlap by half, and the first token that counts in each."""
    n_bars = int(corpus.first[piece + 1] - corpus.first[piece])
    start = told = 0
    while told < n_bars:
        row = corpus.sequence(piece, start, parts, CONTEXT, controls={})
        n = int((row == IDS["bar"]).sum())
        if n == 0:
            start, told = start + 1, max(told, start + 1)
            continue
        bars = np.flatnonzero(row == IDS["bar"])
        first = bars[told - start] if told - start < n else len(row)
        yield row, int(first)
        told = start + n
        start = max(start + 1, told - max(1, n // 2))


def bits_per_note(
    network: Network, corpus: Corpus, pieces: Sequence[int], trained: Corpus
) -> dict[str, dict[str, float]]:
    """Return what a note of each part costs, by the network and by the baselines.

    Controls are left open, so that nothing about the pieces is told in advance. The n-grams are
    counted on the training pieces; of several orders, with the chords in their context or without,
    the one that is best on the very pieces that are measured stands for them.
    """
    table: dict[str, dict[str, float]] = {}
    for parts in PART_SETS:
        own = [i for i in pieces if corpus.has(i, parts)]
        if not own:
            continue
        rows = [_whole(corpus, i, parts) for i in own]
        masks = [targets(row, parts) for row in rows]
        notes = sum(n for _, n in masks)
        n_tokens = sum(int(mask.sum()) for mask, _ in masks)
        read = [
            _whole(trained, i, parts)
            for i in range(len(trained.names))
            if trained.splits[i] == 0 and trained.has(i, parts)
        ]
        kept = [targets(row, parts)[0] for row in read]
        n_words = len({int(t) for row, mask in zip(read, kept, strict=True) for t in row[mask]})
        line = {"notes": float(notes), "uniform": n_tokens * float(np.log2(n_words)) / notes}
        alone = [row[mask].tolist() for row, mask in zip(read, kept, strict=True)]
        tried = {}
        for order in (1, *ORDERS):
            model = Ngram(order, n_words).fit(alone)
            cost = sum(
                model.cost(row[mask].tolist()).sum()
                for row, (mask, _) in zip(rows, masks, strict=True)
            )
            tried[f"{order}-gram"] = float(cost) / notes
        for order in ORDERS[1:3]:
            if len(parts) > 1:
                model = Ngram(order, n_words).fit([row.tolist() for row in read])
                cost = sum(
                    model.cost(row.tolist())[mask].sum()
                    for row, (mask, _) in zip(rows, masks, strict=True)
                )
                tried[f"{order}-gram with chords"] = float(cost) / notes
        line["unigram"] = tried.pop("1-gram")
        best = min(tried, key=lambda name: tried[name])
        line["n-gram"] = tried[best]
        line["learned"] = _network_bits(network, corpus, own, parts)
        line["better by"] = 1.0 - line["learned"] / line["n-gram"]
        table[parts[-1]] = {k: round(v, 4) for k, v in line.items()}
    return table


def _whole(corpus: Corpus, piece: int, parts: Sequence[str]) -> np.ndarray:
    n_bars = int(corpus.first[piece + 1] - corpus.first[piece])
    return np.concatenate([*corpus.bars(piece, 0, n_bars, parts), np.array([IDS["end"]], np.int16)])


def _network_bits(
    network: Network, corpus: Corpus, pieces: Sequence[int], parts: Sequence[str]
) -> float:
    total, notes = 0.0, 0
    for piece in pieces:
        notes += targets(_whole(corpus, piece, parts), parts)[1]
        for row, first in windows(corpus, piece, parts):
            mask = targets(row, parts)[0]
            mask[:first] = False  # the bar line that ends what was counted before counts here
            total += float(network.costs(row.tolist())[mask[1:]].sum())
    return total / max(notes, 1)


# ------------------------------------------------------------------ what is written


def score_bars(score: Score) -> tuple[Bar, ...]:
    """Read a song as the network would: its line, counter-line, chords, bass and drums.

    The line is the bells' in hooks (an octave down) and the answer's in verses; other sections
    have their chords, bass and drums alone.
    """
    form, key = score.form, score.form.key
    from halation.score.harmony import Changes

    changes = Changes(score.chords)
    notes = {part.name: part.notes for part in score.parts}
    bars = []
    for section in form.sections:
        line, counter = _lines(section.role, notes)
        for i in range(max(1, int(section.duration_beats // BAR_BEATS))):
            start = section.start_beats + BAR_BEATS * i
            here = {name: _within(ns, start) for name, ns in notes.items()}
            bars.append(
                Bar(
                    chords_at(changes, start, key),
                    tones_of(_within(line, start), start, key),
                    tones_of(_within(counter, start), start, key),
                    tones_of(here.get("bass", ()), start, key),
                    (),
                    _hits(here, start),
                )
            )
    return tuple(bars)


def _within(notes: Sequence[Note], start: float) -> tuple[Note, ...]:
    return tuple(n for n in notes if start - 1e-6 <= n.onset_beats < start + BAR_BEATS - 1e-6)


def _lines(
    role: str, notes: dict[str, tuple[Note, ...]]
) -> tuple[tuple[Note, ...], tuple[Note, ...]]:
    if role == "hook":
        return notes.get("bells", ()), notes.get("counter", ())
    if role == "verse":
        return notes.get("counter") or notes.get("bells", ()), ()
    return (), ()


def _hits(notes: dict[str, tuple[Note, ...]], start: float) -> tuple[Hit, ...]:
    from bisect import bisect_right

    found: dict[tuple[int, str], Hit] = {}
    for part in ("kick", "snare", "hats"):
        for note in notes.get(part, ()):
            voice = GROOVE_VOICES.get(note.pitch)
            step = int((note.onset_beats - start) / STEP_BEATS + 1e-6)
            if voice is not None and 0 <= step < STEPS:
                hit = Hit(step, voice, bisect_right(LEVEL_EDGES, note.velocity))
                found.setdefault((step, voice), hit)
    return tuple(sorted(found.values(), key=lambda h: (h.step, VOICES.index(h.voice))))


def form_of(seed: int) -> Form:
    """Return the form that a seed gives without a text."""
    for artefact in pipeline.produce(Brief(seed=seed)):
        if isinstance(artefact, Form):
            return artefact
    raise AssertionError("the pipeline gives a form")


def compare(
    pieces: Sequence[Piece], n_songs: int, first_seed: int, weights: Path
) -> dict[str, dict[str, dict[str, float]]]:
    """Return for each part and feature how near rules and network lie to real music.

    Returns
    -------
    dict of part → feature → {"rules", "learned", their divergence, and the means}
    """
    sets: dict[str, list[tuple[tuple[Bar, ...], float]]] = {
        "real": [(p.bars, p.tempo_bpm) for p in pieces if len(p.bars) >= 8]
    }
    for name in COMPOSERS:
        composer = backends.composer(name) if name == "rules" else _learned(weights)
        songs = []
        for seed in range(first_seed, first_seed + n_songs):
            form = form_of(seed)
            songs.append((score_bars(composer(form, seed)), form.tempo_bpm / 2))
        sets[name] = songs
    table: dict[str, dict[str, dict[str, float]]] = {}
    for part, names in FEATURES.items():
        found = {
            which: [f for bars, tempo in songs if (f := features(bars, part, tempo))]
            for which, songs in sets.items()
        }
        if min(len(rows) for rows in found.values()) < 3:
            continue
        table[part] = {}
        for name in names:
            real = [row[name] for row in found["real"]]
            line = {}
            for which in COMPOSERS:
                area, divergence = overlap(real, [row[name] for row in found[which]])
                line[which], line[f"{which} divergence"] = round(area, 4), round(divergence, 4)
            for which, rows in found.items():
                values = np.stack([row[name] for row in rows])
                if values.shape[1] == 1:
                    line[f"{which} mean"] = round(float(values.mean()), 3)
            table[part][name] = line
    return table


def _learned(weights: Path) -> backends.Composer:
    return backends.composer("learned", path=str(weights))


def draw(table: dict[str, dict[str, dict[str, float]]], out: Path) -> None:
    """Draw how near both composers lie to real music, feature by feature."""
    from matplotlib.figure import Figure

    rows = [(part, name, line) for part, own in table.items() for name, line in own.items()]
    figure = Figure(figsize=(8.0, 0.26 * len(rows) + 1.2), layout="constrained")
    axes = figure.subplots()
    for y, (_, _, line) in enumerate(rows):
        axes.plot([line["rules"], line["learned"]], [y, y], color="0.75", lw=1.5, zorder=1)
    for which, colour in (("rules", "#8888aa"), ("learned", "#c2457f")):
        axes.scatter([r[2][which] for r in rows], range(len(rows)), label=which, color=colour, s=28)
    axes.set_yticks(range(len(rows)), [f"{part}: {name}" for part, name, _ in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("overlapping area with held-out music (1: the same)")
    axes.legend(loc="lower right")
    axes.grid(axis="x", alpha=0.3)
    figure.savefig(out, dpi=120)


def report(found: dict[str, Any]) -> str:
    """Return the tables as text."""
    lines = ["part       notes  uniform  unigram  n-gram  learned  better by"]
    for part, row in found["bits"].items():
        lines.append(
            f"{part:9s} {row['notes']:6.0f} {row['uniform']:8.2f} {row['unigram']:8.2f} "
            f"{row['n-gram']:7.2f} {row['learned']:8.2f} {row['better by']:9.1%}"
        )
    lines.append("")
    lines.append("part      feature               rules  learned")
    for part, rows in found.get("features", {}).items():
        for name, row in rows.items():
            mark = "  nearer" if row["learned"] > row["rules"] else ""
            lines.append(f"{part:9s} {name:20s} {row['rules']:6.3f} {row['learned']:8.3f}{mark}")
    return "\n".join(lines)


_DIR: Final = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--pop909", "pop909_dir", type=_DIR)
@click.option("--groove", "groove_dir", type=_DIR)
@click.option("--midi", "midi_dir", type=_DIR)
@click.option("--weights", type=_FILE, default=WEIGHTS, show_default="those that ship")
@click.option("--corpus", "corpus_path", type=_FILE, default=CORPUS, show_default="runs/…")
@click.option("--songs", default=40, show_default=True, help="Songs of each composer; 0: none.")
@click.option("--first-seed", default=70_000, show_default=True)
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
def main(
    pop909_dir: Path | None, groove_dir: Path | None, midi_dir: Path | None, weights: Path,
    corpus_path: Path, songs: int, first_seed: int, plot: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Measure on music of the data's layout; what the network trained on is left out."""
    trained = Corpus.load(corpus_path)
    pieces = gather(pop909_dir, groove_dir, midi_dir)
    fresh = unread(pieces, trained)
    if not fresh:
        raise click.UsageError("the network trained on all of these; give it other music")
    found: dict[str, Any] = {"pieces": len(fresh), "left_out": len(pieces) - len(fresh)}
    found["bits"] = bits_per_note(Network(weights), build(pieces), fresh, trained)
    if songs:
        found["features"] = compare([pieces[i] for i in fresh], songs, first_seed, weights)
        flat = [row for rows in found["features"].values() for row in rows.values()]
        found["nearer"] = sum(row["learned"] > row["rules"] for row in flat)
        found["features_compared"] = len(flat)
        if plot is not None:
            draw(found["features"], plot)
    click.echo(json.dumps(found) if as_json else report(found))


if __name__ == "__main__":
    run(main)
