"""Scores as text, exact: a change of what is played must be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from halation.types import Score
from tests.composed import CASES, compose

FOLDER = Path(__file__).parent / "golden"


def as_text(score: Score) -> str:
    """Write a score down, a line a chord and a note."""
    form = score.form
    lines = [f"{form.template} {form.tempo_bpm} {form.key.name}"]
    lines += [f"{s.name} {s.start_beats:g} {s.duration_beats:g}" for s in form.sections]
    lines += [f"{c.onset_beats:g} {c.duration_beats:g} {c.symbol}" for c in score.chords]
    for part in score.parts:
        lines.append(f"[{part.name} {part.stem} {part.player} {part.patch}]")
        lines += [
            f"{n.onset_beats:.4f} {n.duration_beats:.4f} {n.pitch} {n.velocity} "
            f"{n.offset_s * 1e3:.2f} {n.syllable}".rstrip()
            for n in part.notes
        ]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("case", [3, 4, 8])
def test_a_score_is_what_it_was(case: int, update_golden: bool) -> None:
    path = FOLDER / f"score-{CASES[case][0]}.txt"
    text = as_text(compose(case))
    if update_golden:
        path.write_text(text)
    assert path.exists(), f"no golden {path.name}: run pytest tests --update-golden and read it"
    assert text == path.read_text()
