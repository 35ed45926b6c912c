"""A small corpus that halation itself plays: songs of drums, and songs of pads, with captions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from halation import backends
from halation.seeds import rng
from halation.testing import small_score
from halation.types import SAMPLE_RATE, Note, Part, Stems

__all__ = ["CAPTIONS", "CHUNK_S", "sound", "write"]

CAPTIONS = {"drums": "heavy trap beat, 140 BPM", "pads": "slow dreamy ambient reverb"}
CHUNK_S = 4.0


def sound(kind: str, seed: int) -> NDArray[np.float32]:
    """Play a song of 17 s of one kind, shape (2, n)."""
    draws = rng(seed, "corpus", kind)
    if kind == "drums":
        notes = [
            Note(0.5 * i, 0.25, int(draws.choice([36, 38, 42])), int(draws.integers(70, 120)))
            for i in range(80)
        ]
        part = Part("drums", "drums", "drums", "soft", tuple(notes))
    else:
        chords = [draws.choice([45, 48, 52, 55, 57, 60], 3, replace=False) for _ in range(10)]
        notes = [Note(4.0 * i, 4.0, int(p), 80) for i, chord in enumerate(chords) for p in chord]
        part = Part("pad", "pads", "synth", "warm", tuple(notes))
    score = small_score(part, seed=seed, bars=2)
    blocks = list(backends.player(part.player)(part, score, Stems(score, ()), seed))
    return np.concatenate([block.samples for block in blocks], axis=1)


def write(folder: Path, n_songs: int = 4, n_held_out: int = 1) -> Path:
    """Write a corpus as ``halation corpus prepare`` leaves it; so many songs of each kind."""
    rows: dict[str, list[str]] = {"train": [], "validation": []}
    for number in range(n_songs):
        for kind, caption in CAPTIONS.items():
            split = "train" if number < n_songs - n_held_out else "validation"
            x = sound(kind, number + 1)
            n_chunk = round(CHUNK_S * SAMPLE_RATE)
            for start in range(n_chunk, x.shape[1] - n_chunk + 1, n_chunk):
                place = folder / "dataset" / split
                place.mkdir(parents=True, exist_ok=True)
                name = f"{len(rows[split]):04d}-{kind}{number}.flac"
                soundfile.write(place / name, x[:, start : start + n_chunk].T, SAMPLE_RATE)
                row = {
                    "file_name": name, "text": caption, "tags": caption.split()[:2],
                    "tempo_bpm": 140.0, "key": None, "title": f"{kind} {number}",
                    "source": f"{kind}{number}", "start_s": start / SAMPLE_RATE,
                    "duration_s": CHUNK_S, "axes": {}, "measures": {},
                }  # fmt: skip
                rows[split].append(json.dumps(row))
    for split, lines in rows.items():
        (folder / "dataset" / split / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    about = {"schema": 1, "rights_confirmed": "2026-01-01", "settings": {"chunk_s": CHUNK_S}}
    (folder / "corpus.json").write_text(json.dumps(about))
    return folder
