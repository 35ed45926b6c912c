"""Measure what is written: the notes, chords, effects and curves of a song.json.

Every bound is SOUND.md's or follows from it. A voice that a song lacks gives no value.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.measure import Report

Row = list[Any]
"""A note as song.json has it: onset, duration, pitch, velocity, offset in seconds, syllable."""

SCALES = {
    "ionian": (0, 2, 4, 5, 7, 9, 11),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "aeolian": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
}
MELODY = ("vocals", "lead", "bells")
LATENESS_MS = {"snare": (6, 27), "bells": (-7, 17), "bass": (-2, 8), "hats": (-2, 3)}
"""SOUND.md's ranges, and two milliseconds for the mean of a walk that is correlated."""
FRACTIONS = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1, 4 / 3, 3 / 2, 2, 3, 4)
"""Lengths in beats that a delay in time with the song would have."""


@dataclass(frozen=True, slots=True)
class Written:
    """A song.json with what the measures ask it for."""

    song: dict[str, Any]

    @property
    def sections(self) -> list[dict[str, Any]]:
        """Sections in order."""
        return list(self.song["form"]["sections"])

    @property
    def beat_s(self) -> float:
        """Seconds a beat."""
        return 60.0 / float(self.song["form"]["tempo_bpm"])

    def of(self, role: str) -> list[dict[str, Any]]:
        """Return the sections of a role."""
        return [s for s in self.sections if s["role"] == role]

    def notes(self, name: str) -> list[Row]:
        """Return a part's notes, none if the song has no such part."""
        return [n for p in self.song["parts"] if p["name"] == name for n in p["notes"]]

    def chord(self, beats: float) -> dict[str, Any]:
        """Return the chord that sounds at ``beats``."""
        before = [c for c in self.song["chords"] if c["onset_beats"] <= beats + 1e-6]
        return dict(before[-1] if before else self.song["chords"][0])

    def melody(self) -> list[Row]:
        """Return the notes of the first voice that sings the melody."""
        return next((n for n in map(self.notes, MELODY) if n), [])


def inside(notes: Iterable[Row], section: dict[str, Any]) -> list[Row]:
    """Return the notes that begin in a section."""
    start = section["start_beats"]
    return [n for n in notes if start <= n[0] < start + section["duration_beats"]]


def bars_of(notes: Iterable[Row], section: dict[str, Any]) -> list[tuple[tuple[float, int], ...]]:
    """Return a section's bars as place and pitch of their notes."""
    bars: list[list[tuple[float, int]]] = [[] for _ in range(round(section["duration_beats"] / 4))]
    for note in inside(notes, section):
        place = note[0] - section["start_beats"]
        bars[min(int(place // 4), len(bars) - 1)].append((round(place % 4, 2), note[2]))
    return [tuple(bar) for bar in bars]


def measure_score(report: Report, song: dict[str, Any], *, usual: bool = True) -> None:
    """Add the measures of the written song; ``usual`` asks the bounds of the usual length."""
    written = Written(song)
    _time(report, written)
    _harmony(report, written)
    _motif(report, written)
    _melody(report, written)
    _form(report, written, usual)
    _development(report, written)
    _beat(report, written)
    _effects(report, written)


def _time(report: Report, written: Written) -> None:
    lags, sigmas = [], []
    for part in written.song["parts"]:
        name = part["name"]
        offsets = {n[0]: 1000 * n[4] for n in part["notes"]}
        if len(offsets) < 24 or part["stem"] == "textures":
            continue
        played = np.array(list(offsets.values()))
        sigma = float(played.std())
        centred = played - played.mean()
        lag = float(np.mean(centred[1:] * centred[:-1]) / max(sigma**2, 1e-12))
        if name in LATENESS_MS:
            report.note(f"late_{name}_ms", float(played.mean()), *LATENESS_MS[name])
            report.values[f"lag_{name}"] = round(lag, 2)
        if name == "hats":
            report.note("sigma_hats_ms", sigma, 2.5, 5.5)
        else:
            lags.append(lag)
            sigmas.append(sigma)
    if sigmas:
        report.note("sigma_others_ms", float(np.median(sigmas)), 7.5, 12.5)
        report.note("lag_median", float(np.median(lags)), 0.1, 0.9)
    hats = [n[3] for n in written.notes("hats")]
    if hats:
        report.note("hats_velocity_sd", float(np.std(hats)), 3, 40)


def _harmony(report: Report, written: Written) -> None:
    chords = written.song["chords"]
    bare = 0
    for chord in chords:
        steps = {(p - chord["root"]) % 12 for p in chord["pitches"]}
        bare += len(steps) < 4 and bool(steps & {3, 4}) and 7 in steps
    report.note("bare_triads", bare, 0, 0)
    report.note("chord_symbols", len({c["symbol"] for c in chords}), 3, 40)
    steady = [
        c["duration_beats"] / 4
        for s in written.sections
        if s["role"] in ("verse", "hook")
        for c in chords
        if s["start_beats"] <= c["onset_beats"] < s["start_beats"] + s["duration_beats"]
    ]
    report.note("longest_chord_bars", max(steady), 0.5, 4)
    report.note("harmonic_rhythms", len({round(x, 2) for x in steady}), 2, 20)
    loops = {s["name"]: _loop(written, s) for s in written.sections}
    report.note("loops", len(set(loops.values())), 3, 20)
    pads = written.notes("pad")
    tops = [
        max((n[2] for n in pads if n[0] <= t + 1e-6 < n[0] + n[1]), default=0)
        for t in (c["onset_beats"] for c in chords)
    ]
    fours = [tops[i : i + 4] for i in range(len(tops) - 3)]
    kept = [max(map(four.count, four)) >= 3 for four in fours]
    if kept:
        report.note("top_note_kept", float(np.mean(kept)), 0.6, 1)
    report.note("top_notes", len(set(tops) - {0}), 2, 24)
    low = sorted((n for n in pads if n[2] < 48), key=lambda n: n[0])
    close = sum(
        abs(a[2] - b[2]) in (3, 4) and b[0] < a[0] + a[1] - 0.1
        for a, b in itertools.combinations(low, 2)
    )
    report.note("low_closed_thirds", close, 0, 0)
    bass = written.notes("bass")
    if bass:
        fits = [n[2] % 12 in _bass_tones(written, n) for n in bass]
        report.note("bass_on_chord", float(np.mean(fits)), 0.85, 1)


def _loop(written: Written, section: dict[str, Any]) -> tuple[tuple[int, str], ...]:
    start, end = section["start_beats"], section["start_beats"] + section["duration_beats"]
    inner = [c for c in written.song["chords"] if start <= c["onset_beats"] < end]
    return tuple((round(c["onset_beats"] - start), c["symbol"]) for c in inner)


def _bass_tones(written: Written, note: Row) -> set[int]:
    # Half a bar early is allowed, so the chord that comes counts as well.
    tones: set[int] = set()
    for beats in (note[0], note[0] + 2):
        chord = written.chord(beats)
        tones |= {chord["bass"], chord["root"], *chord["pitches"][:3]}
    return tones


def _motif(report: Report, written: Written) -> None:
    motif = written.song["motif"]
    report.note("motif_notes", len(motif), 5, 9)
    sounding = sum(n[1] for n in motif)
    report.note("motif_silence", 1 - sounding / 8, 0.35, 0.9)
    i = max(range(len(motif)), key=lambda k: motif[k][1])
    report.note("motif_longest_beats", motif[i][1], 2, 6)
    hook = written.of("hook")[0]
    root = written.chord(hook["start_beats"] + motif[i][0])["root"]
    colour = (motif[i][2] - root) % 12 in (1, 2, 8, 9, 10, 11)
    report.values["motif_long_on_colour"] = float(colour)
    leaps = [(abs(b[2] - a[2]), b[0]) for a, b in itertools.pairwise(motif)]
    leap, place = max(leaps)
    report.note("motif_leap_semitones", leap, 7, 12)
    report.note("motif_leap_at_beat", place, 4, 8)
    report.note("motif_range_semitones", np.ptp([n[2] for n in motif]), 5, 19)
    for role, least in (("intro", 1), ("hook", 2), ("outro", 2)):
        told = [_statements(written, s) for s in written.of(role)]
        report.note(f"motif_in_{role}", min(told), least, 60)


def _statements(written: Written, section: dict[str, Any]) -> int:
    """Count the bars of a section on which some voice begins the motif, most of it there."""
    motif = written.song["motif"]
    first = motif[0][0] // 4 * 4
    bars = set()
    for part in written.song["parts"]:
        if part["stem"] not in ("keys", "lead", "vocals"):
            continue
        at = {round(n[0] * 4): n[2] for n in inside(part["notes"], section)}
        for bar in range(round(section["duration_beats"] / 4)):
            start = section["start_beats"] + 4 * bar - first
            said = [(n[2], at.get(round((start + n[0]) * 4))) for n in motif]
            shifts = [theirs - ours for ours, theirs in said if theirs is not None]
            # A hint leaves notes out; a diatonic shift moves some by a semitone.
            if len(shifts) >= max(3, 0.5 * len(motif)) and np.ptp(np.array(shifts) % 12) <= 2:
                bars.add(bar)
    return len(bars)


def _melody(report: Report, written: Written) -> None:
    for name, low, high in (("bells", 72, 96), ("lead", 60, 84)):
        pitches = [n[2] for n in written.notes(name)]
        if pitches:
            share = float(np.mean([low <= p <= high for p in pitches]))
            report.note(f"{name}_in_range", share, 0.8, 1)
    melody = sorted(written.melody(), key=lambda n: n[0])
    line = [n for s in written.of("hook") for n in inside(melody, s)]
    strong = [n for n in line if n[0] % 2 < 0.05]
    if strong:
        fits = [n[2] % 12 in written.chord(n[0])["pitches"] for n in strong]
        report.note("strong_on_chord", float(np.mean(fits)), 0.6, 1)
    steps = [abs(b[2] - a[2]) for a, b in itertools.pairwise(line) if b[0] - a[0] < 4]
    if steps:
        report.note("steps", float(np.mean([s <= 2 for s in steps])), 0.35, 1)
    counter = written.notes("counter")
    if counter and melody:
        free = [not any(m[0] + 0.01 < n[0] < m[0] + m[1] - 0.01 for m in melody) for n in counter]
        report.note("counter_in_rests", float(np.mean(free)), 0.8, 1)
    report.note("off_key", _off_key(written), 0, 0.03)


def _off_key(written: Written) -> float:
    key = written.song["form"]["key"]
    scale = {(key["tonic"] + step) % 12 for step in SCALES[key["mode"]]}
    wrong = total = 0
    for section in written.sections:
        start, end = section["start_beats"], section["start_beats"] + section["duration_beats"]
        chords = (c for c in written.song["chords"] if start <= c["onset_beats"] < end)
        allowed = scale.union(*(c["pitches"] for c in chords))
        for part in written.song["parts"]:
            if part["stem"] not in ("drums", "textures"):
                notes = inside(part["notes"], section)
                total += len(notes)
                wrong += sum(n[2] % 12 not in allowed for n in notes)
    return wrong / max(total, 1)


def _form(report: Report, written: Written, usual: bool) -> None:
    sections = written.sections
    if usual:
        for role, low, high in (("intro", 8, 16), ("bridge", 4, 16), ("outro", 8, 16)):
            report.note(f"{role}_bars", written.of(role)[0]["duration_beats"] / 4, low, high)
        for role in ("verse", "hook"):
            bars = [s["duration_beats"] / 4 for s in written.of(role)]
            report.note(f"{role}_bars_most", max(bars), 12, 24)
    parts = written.song["parts"]
    early = sum(len(inside(p["notes"], sections[0])) for p in parts if p["stem"] == "drums")
    report.note("drums_in_intro", early, 0, 0)
    end = sections[-1]["start_beats"] + sections[-1]["duration_beats"]
    last = max(n[0] for p in parts if p["stem"] != "textures" for n in p["notes"])
    report.note("silent_bars_at_end", (end - last) / 4, 2, 8)


def _development(report: Report, written: Written) -> None:
    """How much of a section is told again, note for note."""
    shared, whole = [0.0], 0
    for role in ("verse", "hook"):
        first, *later = written.of(role)
        for section in later:
            same = total = 0
            for part in written.song["parts"]:
                known = set(bars_of(part["notes"], first))
                bars = [bar for bar in bars_of(part["notes"], section) if bar]
                total += len(bars)
                same += sum(bar in known for bar in bars)
            shared.append(same / max(total, 1))
            whole += same == total
    report.note("sections_copied", whole, 0, 0)
    report.note("bars_shared", max(shared), 0, 0.55)
    again = []
    for section in written.of("hook"):
        columns = [
            bars_of(p["notes"], section)
            for p in written.song["parts"]
            if p["stem"] not in ("drums", "textures")
        ]
        bars = list(zip(*columns, strict=True))
        again.append(1 - len(set(bars)) / len(bars))
    report.note("hook_bars_again", max(again), 0, 0.25)
    voices = [
        sum(bool(inside(p["notes"], s)) for p in written.song["parts"]) for s in written.of("hook")
    ]
    report.values["voices_in_hook"] = float(max(voices))


def _beat(report: Report, written: Written) -> None:
    """Note the habits of the hooks' drums, in those bars that no rare moment touches."""
    hooks = written.of("hook")
    rare = {
        int(event["onset_beats"] // 4) + k
        for event in written.song.get("events", [])
        if event["name"] != "key_lift"
        for k in range(math.ceil((event["onset_beats"] % 4 + event["duration_beats"]) / 4))
    }

    def played(part: str) -> list[Any]:
        notes = (n for s in hooks for n in inside(written.notes(part), s))
        return [n for n in notes if int(n[0] // 4) not in rare]

    hats = played("hats")
    spans = [(int(s["start_beats"] // 4), int(s["duration_beats"] // 4)) for s in hooks]
    bars = len({start + k for start, size in spans for k in range(size)} - rare)
    if not bars:
        return
    if hats:
        eighths = {round(n[0] * 2) for n in hats if abs(n[0] * 2 - round(n[0] * 2)) < 0.02}
        report.note("hats_left_out", 1 - len(eighths) / (8 * bars), 0.08, 0.27)
        places = sorted(n[0] for n in hats)
        rolls = {int(a // 8) for a, b in itertools.pairwise(places) if 0.01 < b - a < 0.3}
        report.note("rolls_per_pair", len(rolls) / (bars / 2), 0.3, 1.5)
    snares = [n for n in played("snare") if n[3] >= 80]
    if snares:
        backbeat = {int(n[0] // 4) for n in snares if abs(n[0] % 4 - 2) < 0.1}
        report.note("snare_on_3", len(backbeat) / bars, 0.8, 1)
        wrong = [abs(n[0] % 2 - 1) < 0.05 for n in snares]
        report.note("snare_on_2_4", float(np.mean(wrong)), 0, 0.1)
    bass = played("bass")
    if bass:
        report.note("bass_hits_per_pair", len(bass) / (bars / 2), 2, 6)


def _effects(report: Report, written: Written) -> None:
    effects = written.song["effects"]
    bounds = {"near": (0.6, 1.1), "hall": (3.5, 5.0), "shimmer": (6.0, 8.0)}
    for effect in effects:
        values = effect["parameters"]
        if effect["kind"] == "reverb" and effect["target"] in bounds:
            low, high = bounds[effect["target"]]
            report.note(f"t60_{effect['target']}_s", values["t60_s"], low, high)
        if effect["kind"] == "delay" and "left_s" in values:
            times = [values[side] / written.beat_s for side in ("left_s", "right_s")]
            away = [min(abs(math.log(t / f)) for f in FRACTIONS) for t in times]
            report.note("delay_off_grid", min(away), 0.015, 1)
    tapes = [e["parameters"] for e in effects if e["kind"] == "tape"]
    if tapes:
        report.note("wow_cents", max(t["wow_cents"] for t in tapes), 3, 12)
        report.note("flutter_cents", max(t["flutter_cents"] for t in tapes), 0.5, 3)
    worn = sum(e["kind"] == "tape" and e["target"] in ("drums", "bass") for e in effects)
    report.note("tape_on_drums", worn, 0, 0)
    ducks = {e["target"]: e["parameters"]["depth_db"] for e in effects if e["kind"] == "duck"}
    for target in {"pads", "vocals", "space"} & ducks.keys():
        report.note(f"duck_{target}_db", ducks[target], 3.5, 6.5)
    moved = {c["target"] for c in written.song["curves"]}
    parts = [p["name"] for p in written.song["parts"] if p["stem"] not in ("drums", "bass")]
    report.note("parts_that_move", float(np.mean([p in moved for p in parts])), 1, 1)
    report.values["effect_kinds"] = float(len({e["kind"] for e in effects}))
