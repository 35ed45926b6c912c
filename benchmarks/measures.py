"""Every measure of SOUND.md of one finished song; ``make soak`` and ``make showcase`` share it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import faults
from benchmarks.measure import Report, measure_files, read_all
from benchmarks.measure_score import measure_score
from benchmarks.measure_stems import measure_stems

FAULTS: dict[str, Callable[[Any, int], tuple[faults.Fault, ...]]] = {
    "holes": faults.holes,
    "gaps": faults.gaps,
    "mud_banks": faults.mud_banks,
}
"""What an ear hears at once; none of it may be in a song."""


def measure_all(summary: dict[str, Any], length_s: float | None = None) -> Report:
    """Measure a song written with stems: its files, its notes, its sound.

    Parameters
    ----------
    summary : dict
        What ``halation make --stems --json`` printed.
    length_s : float [s], optional
        What was asked for with ``--length``; bounds of the usual form are then left out.
    """
    report = Report()
    song = json.loads(Path(summary["paths"]["song_json"]).read_text(encoding="utf-8"))
    audio, rate = read_all(summary)
    measure_files(report, summary, (audio, rate), length_s)
    measure_score(report, song, usual=length_s is None)
    measure_stems(report, song, audio, rate)
    for name, find in FAULTS.items():
        report.note(name, len(find(audio["master"], rate)), 0, 0)
    master: Any = audio["master"]
    clicks = faults.clicks(master, rate, _onsets_s(song))
    report.note("clicks", len(clicks), 0, 0)
    return report


def _onsets_s(song: dict[str, Any]) -> list[float]:
    """Return when the score strikes something: a drum's edge is no click."""
    beat_s = 60.0 / song["form"]["tempo_bpm"]
    return [note[0] * beat_s + note[4] for part in song["parts"] for note in part["notes"]]
