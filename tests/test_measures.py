"""The measures of ``make soak`` and ``make showcase`` must find what is spoilt."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.measure import Report
from benchmarks.measure_score import measure_score
from benchmarks.measure_stems import measure_stems
from benchmarks.page import Row, write_page
from tests.composed import compose

RATE = 22_050


def written(case: int = 0) -> dict[str, Any]:
    """Return a composed score in song.json's form, without effects."""
    score = compose(case)
    key = score.form.key
    return {
        "form": {
            "tempo_bpm": score.form.tempo_bpm,
            "key": {"tonic": key.tonic, "mode": key.mode},
            "sections": [
                {
                    "name": s.name,
                    "role": s.role,
                    "start_beats": s.start_beats,
                    "duration_beats": s.duration_beats,
                }
                for s in score.form.sections
            ],
        },
        "chords": [
            {
                "onset_beats": c.onset_beats,
                "duration_beats": c.duration_beats,
                "symbol": c.symbol,
                "root": c.root,
                "pitches": list(c.pitches),
                "bass": c.bass,
            }
            for c in score.chords
        ],
        "motif": [_row(n) for n in score.motif],
        "parts": [
            {"name": p.name, "stem": p.stem, "notes": [_row(n) for n in p.notes]}
            for p in score.parts
        ],
        "effects": [],
        "curves": [],
    }


def _row(note: Any) -> list[Any]:
    return [
        note.onset_beats,
        note.duration_beats,
        note.pitch,
        note.velocity,
        note.offset_s,
        note.syllable,
    ]


def _part(song: dict[str, Any], name: str) -> dict[str, Any]:
    return next(p for p in song["parts"] if p["name"] == name)


def drums_in_the_intro(song: dict[str, Any]) -> None:
    _part(song, "kick")["notes"].insert(0, [1.0, 0.25, 36, 90, 0.0, ""])


def a_triad(song: dict[str, Any]) -> None:
    chord = song["chords"][0]
    chord["pitches"] = [(chord["root"] + step) % 12 for step in (0, 4, 7)]


def wrong_notes(song: dict[str, Any]) -> None:
    for note in _part(song, "bells")["notes"][::2]:
        note[2] += 1


def a_copied_hook(song: dict[str, Any]) -> None:
    hooks = [s for s in song["form"]["sections"] if s["role"] == "hook"]
    shift = hooks[1]["start_beats"] - hooks[0]["start_beats"]
    for part in song["parts"]:
        kept = [n for n in part["notes"] if not _within(n, hooks[1])]
        first = [n for n in part["notes"] if _within(n, hooks[0])]
        again = [[n[0] + shift, *n[1:]] for n in first]
        part["notes"] = sorted(kept + [n for n in again if _within(n, hooks[1])])


def _within(note: list[Any], section: dict[str, Any]) -> bool:
    return bool(0 <= note[0] - section["start_beats"] < section["duration_beats"])


def white_jitter(song: dict[str, Any]) -> None:
    noise = np.random.default_rng(1)
    for part in song["parts"]:
        for note in part["notes"]:
            note[4] = float(noise.normal(0, 0.009))


def a_straight_clap(song: dict[str, Any]) -> None:
    for note in _part(song, "snare")["notes"]:
        note[0] += 1


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (drums_in_the_intro, "drums_in_intro"),
        (a_triad, "bare_triads"),
        (wrong_notes, "off_key"),
        (a_copied_hook, "bars_shared"),
        (white_jitter, "lag_median"),
        (a_straight_clap, "snare_on_3"),
    ],
)
def test_a_spoilt_score_is_found(spoil: Callable[[dict[str, Any]], None], name: str) -> None:
    song = written()
    good, bad = Report(), Report()
    measure_score(good, song)
    spoilt = copy.deepcopy(song)
    spoil(spoilt)
    measure_score(bad, spoilt)
    assert any(miss.startswith(name) for miss in bad.misses), bad.values[name]
    if name != "bars_shared":
        assert not any(miss.startswith(name) for miss in good.misses), good.values[name]
    assert good.values[name] != bad.values[name]


def _sound(song: dict[str, Any], flat: bool) -> dict[str, np.ndarray[Any, Any]]:
    """Return noise as stems; drums are far too loud, and hooks flat or swelling."""
    beat_s = 60 / song["form"]["tempo_bpm"]
    last = song["form"]["sections"][-1]
    n = int((last["start_beats"] + last["duration_beats"]) * beat_s * RATE)
    noise = np.random.default_rng(2).normal(0, 0.05, (n, 2))
    if not flat:
        noise *= (1 + 0.6 * np.sin(2 * np.pi * np.arange(n) / (18 * RATE)))[:, None]
    names = ("bass", "pads", "keys", "space")
    stems = {name: noise * 0.2 for name in names}
    stems["drums"] = noise.copy()
    mix = sum(stems.values(), np.zeros_like(noise))
    return {**stems, "mix": mix, "master": mix}


def test_flat_hooks_and_loud_drums_are_found() -> None:
    song = written(4)
    flat, moving = Report(), Report()
    measure_stems(flat, song, _sound(song, flat=True), RATE)
    measure_stems(moving, song, _sound(song, flat=False), RATE)
    assert flat.values["hook_moves_db"] < 1.2 < moving.values["hook_moves_db"]
    assert flat.values["drums_under_hook_lu"] < 0
    assert any(miss.startswith("drums_under_hook_lu") for miss in flat.misses)


def test_a_weak_song_stands_out_on_the_page(tmp_path: Path) -> None:
    picture = tmp_path / "inspect.png"
    Image.new("RGB", (200, 300)).save(picture)
    rows = [
        Row(
            seed=seed,
            text="<rain> & fog",
            title=f"Song {seed}",
            about="A minor",
            words="foggy",
            audio=f"songs/{seed}/song.mp3",
            picture=picture,
            values={"lift_lu": 3.0 + 0.01 * seed, "free": 9.0 if seed == 7 else 1.0 + 0.01 * seed},
            bounds={"lift_lu": (2.0, 5.0)},
            misses=(),
        )
        for seed in range(1, 9)
    ]
    weak = Row(
        seed=9,
        text="",
        title="Weak",
        about="",
        words="",
        audio="x.mp3",
        picture=picture,
        values={"lift_lu": 0.5},
        bounds={"lift_lu": (2.0, 5.0)},
        misses=("lift_lu 0.50 not in 2..5",),
    )
    write_page(tmp_path, [*rows, weak])
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "<rain>" not in page and "&lt;rain&gt; &amp; fog" in page
    assert page.count("<audio") == 9 and "//" not in page.split("<script>")[0]
    assert "lift_lu 0.50 not in 2..5" in page
    assert "**0.5!**" in table and "*9*" in table
    assert table.partition("| measure ")[2].count("!**") == 1
    assert (tmp_path / "pictures" / "9.jpg").stat().st_size > 0
