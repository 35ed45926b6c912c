"""Sound to notes: what the composer can learn from music that only exists as audio.

The network is basic-pitch's (Apache-2.0, 230 kB); its package does not install on new Pythons, but
its wheel without what it asks for does: ``pip install --no-deps basic-pitch``. What the network
says of every moment becomes notes here.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from halation.corpus.disk import draft, file_errors
from halation.corpus.layout import Corpus, Source
from halation.corpus.notes import Heard, melody, notes_of
from halation.corpus.rates import resampled
from halation.types import BackendError, FileError

if TYPE_CHECKING:
    import mido

__all__ = ["Heard", "melody", "midi_folder", "midi_of", "model", "read", "transcribe", "write_midi"]

Signal = NDArray[np.float32]
Values = NDArray[np.float32]

SAMPLE_RATE: Final = 22_050
HOP: Final = 256
FRAME_S: Final = HOP / SAMPLE_RATE
WINDOW: Final = 43_844
EDGE: Final = 15  # frames at each end of a window that its neighbour knows better
ONSET: Final = 0.5
FRAME: Final = 0.3
SHORTEST_S: Final = 0.1
AT_ONCE: Final = 8

TICKS: Final = 480
MOST_S: Final = 600.0
"""Of a recording the first ten minutes are transcribed."""
NO_TEMPO_BPM: Final = 120.0
BASS_PITCH: Final = 52
FIT_SPANS_S: Final = (15.0, 30.0, 60.0, 120.0, 300.0, 36_000.0)
MOST_CHANGE: Final = 0.005


def model(chosen: Path | None = None) -> Path:
    """Return the network's file: a chosen one, that of the weights folder or of the wheel.

    Raises
    ------
    BackendError
        If there is none; the message has the command that brings it.
    """
    from halation.weights import catalogue

    places = [chosen] if chosen else [catalogue.place("basic-pitch") / "nmp.onnx", _in_wheel()]
    found = next((path for path in places if path is not None and path.is_file()), None)
    if found is None:
        where = f"no such file: {chosen}; " if chosen else ""
        raise BackendError(
            f"{where}notes are heard by basic-pitch's network (Apache-2.0, 1 MB), which is not "
            "here: pip install --no-deps basic-pitch"
        )
    return found


def _in_wheel() -> Path | None:
    try:
        wheel = distribution("basic-pitch")
    except PackageNotFoundError:
        return None
    paths = [Path(str(wheel.locate_file(f))) for f in wheel.files or () if f.name == "nmp.onnx"]
    return paths[0] if paths else None


@lru_cache(maxsize=1)
def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # songs are heard side by side
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # it raises types of its own for what the bytes make it stumble over
        raise BackendError(f"{path} is no network that can be read") from error
    if len(session.get_outputs()) != 3 or session.get_inputs()[0].shape[1:] != [WINDOW, 1]:
        raise BackendError(f"{path} is another network than basic-pitch's")
    return session


def transcribe(
    x: Signal,
    sample_rate: int,
    *,
    path: Path | None = None,
    onset: float = ONSET,
    frame: float = FRAME,
    shortest_s: float = SHORTEST_S,
) -> tuple[Heard, ...]:
    """Hear the notes of a recording.

    A note begins where the network's onset curve of its pitch peaks, and lasts while its frame
    curve stays up; then what is still up and belongs to no note becomes one, the highest first.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
    sample_rate : int > 0 [Hz]
    path : Path, optional
        The network, where it is not found by itself.
    onset, frame : float in 0..1
        From where on an onset and a sounding note are believed.
    shortest_s : float > 0 [s]
        Shorter notes are left out.

    Returns
    -------
    tuple of Heard
        In order of onset.

    Raises
    ------
    BackendError
        If the network is missing or broken.

    References
    ----------
    Bittner et al., "A Lightweight Instrument-Agnostic Model for Polyphonic Note Transcription and
    Multipitch Estimation", ICASSP 2022.
    """
    mono = resampled(x.mean(axis=0, dtype=np.float32), sample_rate, SAMPLE_RATE)
    onsets, frames = _curves(_session(model(path)), mono)
    return notes_of(onsets, frames, FRAME_S, onset=onset, frame=frame, shortest_s=shortest_s)


def _curves(session: Any, mono: Signal) -> tuple[Values, Values]:
    """Return onset and frame curves, each of shape (frames, 88)."""
    names = sorted(o.name for o in session.get_outputs())
    wanted = [names[2], names[1]]  # contours, notes, onsets
    entry = session.get_inputs()[0].name
    step = WINDOW // HOP + 1 - 2 * EDGE
    count = max(1, -(-(len(mono) // HOP + 1) // step))
    padded = np.pad(mono, (EDGE * HOP, (count * step + 2 * EDGE) * HOP))
    rows: list[list[Values]] = [[], []]
    for first in range(0, count, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, count))
        windows = np.stack([padded[n * step * HOP :][:WINDOW, None] for n in numbers])
        for kept, found in zip(rows, session.run(wanted, {entry: windows}), strict=True):
            kept.append(found[:, EDGE : EDGE + step].reshape(-1, found.shape[2]))
    n_frames = len(mono) // HOP + 1
    onsets, frames = (np.concatenate(kept)[:n_frames] for kept in rows)
    return onsets, frames


def write_midi(
    path: Path,
    notes: Iterable[Heard],
    tempo_bpm: float | None,
    *,
    first_beat_s: float = 0.0,
    tune: Iterable[Heard] | None = None,
) -> None:
    """Write heard notes as a MIDI file in four, its melody on a track of its own.

    Parameters
    ----------
    path : Path
        Written whole or not at all.
    notes : iterable of Heard
    tempo_bpm : float or None [BPM]
        None writes seconds at 120 BPM.
    first_beat_s : float [s]
        Where in the recording a bar begins.
    tune : iterable of Heard, optional
        The melody; by default :func:`melody` of the notes.

    Raises
    ------
    FileError
        If the file cannot be written.
    """
    import mido

    rows = sorted(notes)
    tempo_bpm = tempo_bpm or NO_TEMPO_BPM
    sung = set(melody(rows) if tune is None else tune)
    bar_s = 240.0 / tempo_bpm
    # Notes before the first bar line keep their place: the file begins as many bars earlier.
    start_s = first_beat_s - bar_s * np.ceil(max(0.0, first_beat_s) / bar_s)
    head = mido.MidiTrack()
    head.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo_bpm)))
    head.append(mido.MetaMessage("time_signature", numerator=4, denominator=4))
    parts = (
        ("Melody", [n for n in rows if n in sung]),
        ("Keys", [n for n in rows if n not in sung]),
    )
    file = mido.MidiFile(ticks_per_beat=TICKS)
    file.tracks.append(head)
    for channel, (name, part) in enumerate(parts):
        if part:
            file.tracks.append(_track(name, channel, part, start_s, tempo_bpm))
    with file_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        hidden = draft(path)
        try:
            file.save(str(hidden))
            hidden.replace(path)
        finally:
            hidden.unlink(missing_ok=True)


def _track(
    name: str, channel: int, notes: list[Heard], start_s: float, tempo_bpm: float
) -> mido.MidiTrack:
    import mido

    def ticks(seconds: float) -> int:
        return max(0, round((seconds - start_s) * tempo_bpm / 60.0 * TICKS))

    events = [(ticks(n.onset_s), 1, n) for n in notes]
    events += [(max(ticks(n.end_s), ticks(n.onset_s) + 1), 0, n) for n in notes]
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
    now = 0
    for at, on, note in sorted(events, key=lambda event: event[:2]):
        kind = "note_on" if on else "note_off"
        velocity = note.velocity if on else 0
        track.append(mido.Message(kind, note=note.pitch, velocity=velocity, channel=channel,
                                  time=at - now))  # fmt: skip
        now = at
    return track


def read(path: Path, most_s: float = MOST_S) -> tuple[Signal, int]:
    """Read the beginning of a sound file, channels first.

    Raises
    ------
    FileError
        If it cannot be read.
    """
    import soundfile

    try:
        with soundfile.SoundFile(str(path)) as file:
            sample_rate = file.samplerate
            x = file.read(round(most_s * sample_rate), dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise FileError(f"cannot read {path.name} as sound") from error
    return np.ascontiguousarray(x.T), int(sample_rate)


def midi_of(corpus: Corpus, source: Source, *, path: Path | None = None) -> Path:
    """Transcribe a prepared source of a corpus into ``midi/<id>.mid``; nothing is done twice.

    Parameters
    ----------
    corpus : Corpus
    source : Source
        Decoded; what was kept after separation is heard where there is such, ten minutes at most.
    path : Path, optional
        The network.

    Returns
    -------
    Path
        The MIDI file; without notes, if none were heard.

    Raises
    ------
    BackendError
        If the network is missing.
    FileError
        If there is no sound of the source, or the file cannot be written.
    """
    out = corpus.folder / "midi" / f"{source.id}.mid"
    if out.exists():
        return out
    folder = corpus.work(source.id)
    sounds = [folder / name for name in ("stems.flac", "decoded.flac")]
    sound = next((file for file in sounds if file.exists()), None)
    if sound is None:
        raise FileError(f"{source.name} is not decoded yet: halation corpus prepare")
    x, sample_rate = read(sound)
    notes = transcribe(x, sample_rate, path=path)
    tempo_bpm, first_beat_s = _bars(x, sample_rate, notes)
    write_midi(out, notes, tempo_bpm, first_beat_s=first_beat_s)
    return out


def midi_folder(corpus: Corpus) -> Path:
    """Put a corpus's own MIDI beside what was transcribed of it, and return the folder.

    Raises
    ------
    FileError
        If there is neither, or a file cannot be copied.
    """
    folder = corpus.folder / "midi"
    for source in corpus.sources():
        out = folder / f"{source.id}.mid"
        if source.kind == "midi" and source.state != "failed" and not out.exists():
            with file_errors(Path(source.path), "copy"):
                folder.mkdir(parents=True, exist_ok=True)
                hidden = draft(out)
                shutil.copyfile(source.path, hidden)
                hidden.replace(out)
    if not any(folder.glob("*.mid")):
        raise FileError(
            f"there is no MIDI in {corpus.folder}: add some (halation corpus add FOLDER), or have "
            "its recordings transcribed (halation corpus prepare --midi)"
        )
    return folder


def _bars(x: Signal, sample_rate: int, notes: tuple[Heard, ...]) -> tuple[float | None, float]:
    """Return the tempo and where a bar begins: on the beat on which most low notes begin."""
    from halation.corpus.beats import onset_strength, tempo
    from halation.stems.neural.beat import measure

    found = tempo(*onset_strength(x.mean(axis=0), sample_rate)).tempo_bpm
    if found is None:
        return None, 0.0
    beat_s = 60.0 / found
    beat = measure(x, sample_rate, beat_s)
    if beat is None:
        return found, 0.0
    beat_s, first_s = _fitted(notes, beat_s * beat.ratio, beat.offset_s)
    weights = np.zeros(4)
    for note in notes:
        place = (note.onset_s - first_s) / beat_s
        if abs(place - round(place)) < 0.2:
            heavy = 2.0 if note.pitch < BASS_PITCH else 1.0
            weights[round(place) % 4] += heavy * note.velocity * note.duration_s
    return 60.0 / beat_s, first_s + beat_s * int(np.argmax(weights)) % (4.0 * beat_s)


def _fitted(notes: tuple[Heard, ...], beat_s: float, first_s: float) -> tuple[float, float]:
    """Return length and place of the beats as the notes have them, on a grid of sixteenths.

    A tempo that is off by little is far off after minutes: the line through the first notes says
    where the next ones are.
    """
    onsets_s = np.array([note.onset_s for note in notes])
    step_s = beat_s / 4.0
    for span_s in FIT_SPANS_S:
        some = onsets_s[onsets_s < span_s]
        steps = np.round((some - first_s) / step_s)
        near = np.abs(some - first_s - steps * step_s) < 0.3 * step_s
        if near.sum() < 8 or np.ptp(steps[near]) < 16:
            continue
        slope, start_s = np.polyfit(steps[near], some[near], 1)
        if abs(slope / step_s - 1.0) < MOST_CHANGE:
            step_s, first_s = float(slope), float(start_s)
    return 4.0 * step_s, first_s
