"""Whether the learned composer copies: no melody may share twelve notes with a training song.

``python -m benchmarks.copies --songs 200``. It does not use the critic's table: the training
melodies are read from the corpus, and runs compared as they are, intervals and rhythm.
"""

from __future__ import annotations

import time
from itertools import pairwise

import click
import numpy as np

from halation import backends
from halation.score.learned.grid import STEP_BEATS
from halation.score.learned.tokens import STEPS
from halation.training.corpus import Corpus
from halation.training.evaluate import CORPUS, form_of

RUN = 12
TWICE = 0.01
"""Share of the songs that may chance upon another's motif: five notes have only so many ways."""
MELODIES = ("bells", "lead", "vocals", "saw", "counter")

Run = tuple[tuple[int, int], ...]


def runs(notes: list[tuple[int, int]]) -> set[Run]:
    """Return every run of :data:`RUN` notes as its intervals and the steps between its onsets."""
    moves = [(b[1] - a[1], b[0] - a[0]) for a, b in pairwise(notes)]
    return {tuple(moves[i : i + RUN - 1]) for i in range(len(moves) - RUN + 2)}


def read(corpus: Corpus) -> set[Run]:
    """Return the runs of all lines that were read, melodies and second voices."""
    found: set[Run] = set()
    for bars in corpus.decoded(("melody", "counter")):
        for part in ("melody", "counter"):
            tones = [(i, tone) for i, bar in enumerate(bars) for tone in getattr(bar, part)]
            found |= runs([(STEPS * i + tone.step, tone.pitch) for i, tone in tones])
    return found


@click.command()
@click.option("--songs", default=200, show_default=True)
@click.option("--first-seed", default=300_000, show_default=True)
def main(songs: int, first_seed: int) -> None:
    """Compose songs and compare their melodies with what was read."""
    known = read(Corpus.load(CORPUS))
    composer = backends.composer("learned")
    n_runs, copies, tunes, seconds = 0, [], set(), []
    for seed in range(first_seed, first_seed + songs):
        form = form_of(seed)
        started = time.perf_counter()
        score = composer(form, seed)
        seconds.append(time.perf_counter() - started)
        tunes.add(tuple((n.onset_beats, n.pitch - score.motif[0].pitch) for n in score.motif))
        for part in score.parts:
            if part.name in MELODIES:
                # one voice: where two notes begin together, the upper one
                line = {round(n.onset_beats / STEP_BEATS): n.pitch for n in
                        sorted(part.notes, key=lambda n: n.pitch)}  # fmt: skip
                mine = runs(sorted(line.items()))
                n_runs += len(mine)
                if mine & known:
                    copies.append((seed, part.name))
    click.echo(
        f"{songs} songs, {n_runs} runs of {RUN} notes against {len(known)} that were read: "
        f"{len(copies)} shared; {len(tunes)} different motifs; a score takes "
        f"{np.median(seconds):.2f} s (at most {max(seconds):.2f})"
    )
    if copies or songs - len(tunes) > TWICE * songs:
        raise SystemExit(f"copied: {copies}; motifs twice: {songs - len(tunes)}")


if __name__ == "__main__":
    main()
