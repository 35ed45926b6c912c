"""Small folders of music in the layout of the training data, for tests."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np

TICKS = 480
LOOPS = (("C:maj", "G:maj", "A:min", "F:maj"), ("A:min", "F:maj", "C:maj", "G:maj"),
         ("F:maj", "G:maj", "E:min", "A:min"))  # fmt: skip
ROOTS = {"C": 48, "G": 43, "A": 45, "F": 41, "E": 40}


def write_midi(
    path: Path, tracks: dict[str, list[tuple[float, float, int, int]]], bpm: float, channel: int = 0
) -> None:
    """Write notes (onset in beats, duration, pitch, velocity) into a file."""
    file = mido.MidiFile(ticks_per_beat=TICKS)
    first = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm), time=0)])
    file.tracks.append(first)
    for name, notes in tracks.items():
        events = []
        for onset, lasts, pitch, velocity in notes:
            events.append((round(onset * TICKS), "note_on", pitch, velocity))
            events.append((round((onset + lasts) * TICKS), "note_off", pitch, 0))
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=name, time=0)])
        at = 0
        for when, kind, pitch, velocity in sorted(events, key=lambda e: (e[0], e[1])):
            track.append(
                mido.Message(kind, note=pitch, velocity=velocity, time=when - at, channel=channel)
            )
            at = when
        file.tracks.append(track)
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save(str(path))


def song(
    seed: int, n_bars: int = 16
) -> tuple[dict[str, list[tuple[float, float, int, int]]], list[str]]:
    """Make up a pop song: a loop, a melody that repeats, an accompaniment."""
    dice = np.random.default_rng(seed)
    loop = LOOPS[seed % len(LOOPS)]
    scale = (60, 62, 64, 65, 67, 69, 71, 72, 74, 76)
    phrase = [(float(t), int(dice.integers(len(scale)))) for t in sorted(
        dice.choice(16, 7, replace=False) / 2.0)]  # fmt: skip
    melody, piano = [], []
    for bar in range(n_bars):
        root = ROOTS[loop[bar % 4][0]]
        third = 3 if loop[bar % 4].endswith("min") else 4
        piano.append((4.0 * bar, 4.0, root, 60))
        piano += [(4.0 * bar, 4.0, root + 12 + k, 60) for k in (0, third, 7)]
        if bar % 2 == 0:
            shift = 0 if bar % 4 == 0 else 1
            melody += [
                (4.0 * bar + t, 0.45, scale[(i + shift) % len(scale)], 80) for t, i in phrase
            ]
    return {"MELODY": melody, "BRIDGE": melody[::3], "PIANO": piano}, [
        loop[b % 4] for b in range(n_bars)
    ]


def write_pop909(folder: Path, numbers: range, n_bars: int = 16, bpm: float = 72.0) -> Path:
    """Write songs in POP909's layout."""
    beat = 60.0 / bpm
    for number in numbers:
        tracks, chords = song(number, n_bars)
        place = folder / f"{number:03d}"
        write_midi(place / f"{number:03d}.mid", tracks, bpm)
        beats = [
            f"{i * beat} {float(i % 2 == 0)} {float(i % 4 == 0)}" for i in range(4 * n_bars + 1)
        ]
        (place / "beat_midi.txt").write_text("\n".join(beats))
        rows = [f"{4 * i * beat} {4 * (i + 1) * beat} {c}" for i, c in enumerate(chords)]
        (place / "chord_midi.txt").write_text("\n".join(rows))
        (place / "key_audio.txt").write_text(f"0.0 {4 * n_bars * beat} C:maj\n")
    return folder


def write_groove(folder: Path, n: int, n_bars: int = 4, first: int = 0) -> Path:
    """Write performances in the Groove set's layout."""
    lines = ["drummer,session,id,style,bpm,beat_type,time_signature,midi_filename,duration,split"]
    for k in range(first, first + n):
        dice = np.random.default_rng(k)
        notes = []
        for bar in range(n_bars):
            notes += [(4.0 * bar + b, 0.1, 36, 90) for b in (0.0, 1.5 + 0.25 * (k % 4), 2.5)]
            notes += [(4.0 * bar + b + 0.01, 0.1, 38, 110) for b in (1.0, 3.0)]
            notes += [(4.0 * bar + i / 2, 0.1, 42, int(dice.integers(40, 90))) for i in range(8)]
        name = f"drummer1/session1/{k}_hiphop_{90 + k}_beat_4-4.mid"
        write_midi(folder / name, {"drums": notes}, 90.0 + k, channel=9)
        lines.append(f"drummer1,s,drummer1/session1/{k},hiphop,{90 + k},beat,4-4,{name},10.0,train")
    (folder / "info.csv").write_text("\n".join(lines))
    return folder
