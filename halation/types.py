"""What flows through halation, in the order of its making.

Every artefact is frozen and carries its predecessor, so that a stage needs one argument.
Three clocks are never mixed: ``_beats`` in form and score, ``_s`` in briefs and parameters,
``_samples`` inside dsp; :meth:`Score.seconds_at` is the only converter from beats to seconds.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE: Final = 44_100
"""Samples a second of everything that halation renders."""

BEATS_PER_BAR: Final = 4
SAME_HIT_S: Final = 0.03
"""Onsets of kick and bass that lie nearer than this are one hit."""

MAX_SEED: Final = 2**53 - 1
DEFAULT_COMPOSER: Final = "learned"
LENGTH_RANGE_S: Final = (30.0, 600.0)
TEMPO_RANGE_BPM: Final = (60.0, 200.0)
LOUDNESS_RANGE_LUFS: Final = (-30.0, -8.0)
MAX_TEXT_LENGTH: Final = 10_000

REVERSED: Final = "<"
"""Before a note's syllable: it is sung backwards and swells into what follows."""

WHOLE_SONG: Final = "song"
"""The stem, and its only part, of a model that plays everything at once."""

STEM_NAMES: Final = (
    *("drums", "bass", "pads", "keys", "lead", "vocals", "textures"),
    *(WHOLE_SONG, "space"),
)
"""The stems of a song in the order in which they are summed; ``space`` holds the shared returns."""

Mode = Literal["aeolian", "dorian", "ionian", "lydian"]
Role = Literal["intro", "verse", "hook", "bridge", "outro"]

MODE_STEPS: Final[dict[str, tuple[int, ...]]] = {
    "aeolian": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "ionian": (0, 2, 4, 5, 7, 9, 11),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
}
"""Semitones above the tonic of each mode's seven degrees."""

_SHARP_NAMES: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_FLAT_NAMES: Final = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_FLAT_MAJORS: Final = (5, 10, 3, 8, 1)
"""F, Bb, Eb, Ab and Db: the major scales written with flats; in minor modes F# is, too."""

PITCH_CLASSES: Final = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


class HalationError(Exception):
    """Something went wrong in a way that the user can mend; the message says how."""


class BriefError(HalationError):
    """The wish itself cannot be fulfilled (exit status 2)."""


class AudioError(HalationError):
    """A signal has the wrong shape, type or values."""


class BackendError(HalationError):
    """A composer or player is unknown, not installed, or broke its contract."""


class FileError(HalationError):
    """A file or folder cannot be read or written."""


@dataclass(frozen=True, slots=True)
class Key:
    """A tonic and a mode.

    Parameters
    ----------
    tonic : int in 0..11
        Pitch class, 0 = C.
    mode : str
        ``aeolian`` (minor), ``dorian``, ``ionian`` (major) or ``lydian``.
    """

    tonic: int
    mode: Mode

    def __post_init__(self) -> None:
        if not 0 <= self.tonic <= 11 or self.mode not in MODE_STEPS:
            raise BriefError(f"no such key: tonic {self.tonic!r}, mode {self.mode!r}")

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read a key as musicians write it.

        Parameters
        ----------
        text : str
            ``"F# minor"``, ``"Bb"``, ``"Am"``, ``"d dorian"``, ``"E♭ lydian"`` …

        Raises
        ------
        BriefError
            If the text names no key.

        Examples
        --------
        >>> Key.parse("F# minor"), Key.parse("Bbm").name
        (Key(tonic=6, mode='aeolian'), 'Bb minor')
        """
        plain = text.strip().replace("♯", "#").replace("♭", "b")
        found = re.fullmatch(
            r"([A-Ga-g])([#b]?)\s*(m|M|(?i:min|minor|maj|major|aeolian|dorian|ionian|lydian))?",
            plain,
        )
        if not found:
            raise BriefError(
                f"no such key: {text[:40]!r}; write a tonic and a mode, such as 'F# minor', "
                "'C major', 'D dorian' or 'Ab lydian'"
            )
        letter, accidental, mode = found.groups()
        tonic = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[letter.upper()]
        tonic += {"#": 1, "b": -1, "": 0}[accidental]
        word = mode if mode == "m" else (mode or "major").lower()
        modes: dict[str, Mode] = {
            "m": "aeolian", "min": "aeolian", "minor": "aeolian", "aeolian": "aeolian",
            "maj": "ionian", "major": "ionian", "ionian": "ionian",
            "dorian": "dorian", "lydian": "lydian",
        }  # fmt: skip
        return cls(tonic % 12, "ionian" if mode == "M" else modes[word])

    @property
    def name(self) -> str:
        """The key as a musician writes it, such as ``"F# minor"``."""
        words = {"aeolian": "minor", "ionian": "major"}
        return f"{self.spell(self.tonic)} {words.get(self.mode, self.mode)}"

    @property
    def minor(self) -> bool:
        """Whether the third is minor."""
        return self.mode in ("aeolian", "dorian")

    def spell(self, pitch_class: int) -> str:
        """Name a pitch class with the accidentals of this key.

        Examples
        --------
        >>> Key.parse("F minor").spell(1), Key.parse("E major").spell(1)
        ('Db', 'C#')
        """
        below = {"aeolian": 9, "dorian": 2, "ionian": 0, "lydian": 5}[self.mode]
        relative = (self.tonic - below) % 12
        flats = relative in _FLAT_MAJORS or (relative == 6 and self.minor)
        return (_FLAT_NAMES if flats else _SHARP_NAMES)[pitch_class]

    @property
    def scale(self) -> tuple[int, ...]:
        """The seven pitch classes from the tonic up."""
        return tuple((self.tonic + step) % 12 for step in MODE_STEPS[self.mode])


@dataclass(frozen=True, slots=True)
class Brief:
    """What the listener asked for; everything has a default.

    Parameters
    ----------
    seed : int in 0..2⁵³−1
        All randomness of the song comes from it.
    text : str, up to 10,000 characters
        A mood in free words; empty lets halation choose.
    length_s : float in 30..600 [s], optional
        Wished duration, tail included.
    tempo_bpm : float in 60..200 [BPM], optional
    key : Key, optional
    instrumental : bool
        Leave the voices out.
    loudness_lufs : float in −30..−8 [LUFS]
        Integrated loudness of the master.
    composer : str
        Name of an installed composer.
    players : tuple of (part or stem name, player name)
        Overrides of the player that plays a part; a player may have an argument (``kit:FOLDER``).

    Raises
    ------
    BriefError
        If a value is outside its range; the message says what to do.
    """

    seed: int
    text: str = ""
    length_s: float | None = None
    tempo_bpm: float | None = None
    key: Key | None = None
    instrumental: bool = False
    loudness_lufs: float = -14.0
    composer: str = DEFAULT_COMPOSER
    players: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise BriefError(f"the seed must be a whole number, not {self.seed!r}")
        if not 0 <= self.seed <= MAX_SEED:
            raise BriefError(f"the seed must lie between 0 and {MAX_SEED}, not {self.seed}")
        if not isinstance(self.text, str):
            raise BriefError(f"the text must be a string, not {type(self.text).__name__}")
        if len(self.text) > MAX_TEXT_LENGTH:
            raise BriefError(
                f"the text has {len(self.text):,} characters; at most {MAX_TEXT_LENGTH:,} are read"
            )
        # Half a surrogate pair, as a terminal passes on broken bytes, cannot be written down.
        object.__setattr__(self, "text", self.text.encode(errors="replace").decode())
        _check_range("length", self.length_s, LENGTH_RANGE_S, "seconds")
        _check_range("tempo", self.tempo_bpm, TEMPO_RANGE_BPM, "BPM")
        _check_range("loudness", self.loudness_lufs, LOUDNESS_RANGE_LUFS, "LUFS")

    @property
    def entropy(self) -> int:
        """The integer that every stage after the mood draws from.

        The seed itself without a text; with one, seed and text together, so that two texts at one
        seed share neither key nor melody.

        Examples
        --------
        >>> Brief(seed=7).entropy, Brief(seed=7, text="fog").entropy != Brief(seed=7).entropy
        (7, True)
        """
        if not self.text.strip():
            return self.seed
        digest = hashlib.sha256(f"{self.seed} {self.text}".encode()).digest()
        return int.from_bytes(digest[:8], "little") & MAX_SEED


def _check_range(what: str, value: float | None, bounds: tuple[float, float], unit: str) -> None:
    if value is None:
        return
    low, high = bounds
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        raise BriefError(f"the {what} must lie between {low:g} and {high:g} {unit}, not {value!r}")


@dataclass(frozen=True, slots=True)
class Mood:
    """A place in the space of moods; every axis runs from −1 to 1.

    Parameters
    ----------
    valence
        −1 heartbroken … 1 euphoric.
    energy
        −1 still … 1 driving.
    warmth
        −1 icy … 1 warm.
    density
        −1 sparse … 1 dense.
    haze
        −1 clean … 1 hazy.
    words : tuple of str
        The nearest named moods, nearest first.
    phrase : str
        The text that was read: the listener's, or one that halation drew.
    understood : bool
        Whether the listener's text carried meaning that could be read.
    title : str
        The song's name.
    """

    brief: Brief
    valence: float
    energy: float
    warmth: float
    density: float
    haze: float
    words: tuple[str, ...]
    phrase: str
    understood: bool
    title: str


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of whole bars with one job.

    ``name`` is unique in the song (``"verse"``, ``"hook2"`` …); ``role`` is what it does.
    """

    name: str
    role: Role
    start_beats: float
    duration_beats: float

    @property
    def end_beats(self) -> float:
        """Where the next section starts."""
        return self.start_beats + self.duration_beats

    @property
    def bars(self) -> int:
        """Length in bars of four beats."""
        return round(self.duration_beats / BEATS_PER_BAR)


@dataclass(frozen=True, slots=True)
class Form:
    """Sections end to end from beat 0; the tail lies inside the last one's silent bars."""

    mood: Mood
    template: str
    tempo_bpm: float
    key: Key
    sections: tuple[Section, ...]

    @property
    def duration_beats(self) -> float:
        """Length of the whole song, tail included."""
        return self.sections[-1].end_beats

    @property
    def duration_s(self) -> float:
        """Length of the whole song in seconds, tail included."""
        return self.duration_beats * 60.0 / self.tempo_bpm

    def section_at(self, beats: float) -> Section:
        """Return the section that sounds at ``beats`` (the last one from the end on)."""
        for section in self.sections:
            if beats < section.end_beats:
                return section
        return self.sections[-1]


@dataclass(frozen=True, slots=True)
class Note:
    """One played event.

    Parameters
    ----------
    onset_beats, duration_beats : float
        The nominal place; an independent clock may put it off the grid.
    pitch : int in 0..127
        MIDI number; for drums the General MIDI drum number.
    velocity : int in 1..127
        Drives level and brightness.
    offset_s : float [s]
        The human deviation, kept apart from the nominal place.
    syllable : str
        What a voice sings, empty otherwise; after :data:`REVERSED` it is sung backwards.
    """

    onset_beats: float
    duration_beats: float
    pitch: int
    velocity: int
    offset_s: float = 0.0
    syllable: str = ""


@dataclass(frozen=True, slots=True)
class Chord:
    """A harmony that sounds for a while.

    ``pitches`` are pitch classes from the root up, ``bass`` is the bass note's pitch class.
    """

    onset_beats: float
    duration_beats: float
    symbol: str
    root: int
    pitches: tuple[int, ...]
    bass: int


@dataclass(frozen=True, slots=True)
class Part:
    """What one player plays.

    Parameters
    ----------
    name : str
        Unique in the score, such as ``"bells"``.
    stem : str
        The stem that it is summed into; one of :data:`STEM_NAMES` but ``space``.
    player : str
        Name of an installed player, with its argument where it has one (``kit:FOLDER``).
    patch : str
        The player's own name for the sound.
    notes : tuple of Note
        In order of onset.
    settings : tuple of (name, value)
        Drawn parameters of the patch (``("brightness", 0.4)``).
    hears : tuple of str
        Stems that must be rendered before and are handed to the player.
    description : str
        The part in words, for players that read text.
    instead : tuple of Part
        The parts in whose place it plays, as they were written: MIDI and pictures show these.
    """

    name: str
    stem: str
    player: str
    patch: str
    notes: tuple[Note, ...]
    settings: tuple[tuple[str, float], ...] = ()
    hears: tuple[str, ...] = ()
    description: str = ""
    instead: tuple[Part, ...] = ()

    def setting(self, name: str, default: float) -> float:
        """Return a drawn parameter, or ``default`` where none was drawn."""
        return dict(self.settings).get(name, default)


@dataclass(frozen=True, slots=True)
class Event:
    """A rare moment of a song that is already in its notes: bars at half the tempo, a key lift.

    ``amount`` is what the event has to say in numbers: a key lift's semitones, otherwise 0.
    """

    name: str
    onset_beats: float
    duration_beats: float
    amount: float = 0.0


@dataclass(frozen=True, slots=True)
class Score:
    """Everything that is played, and why; ``events`` names the rare moments in it."""

    form: Form
    chords: tuple[Chord, ...]
    motif: tuple[Note, ...]
    parts: tuple[Part, ...]
    events: tuple[Event, ...] = ()

    @property
    def written(self) -> tuple[Part, ...]:
        """The parts as they were written, whoever plays in their place."""
        return tuple(row for part in self.parts for row in part.instead or (part,))

    def seconds_at(self, beats: float) -> float:
        """Convert a place in beats to seconds from the start of the song."""
        return beats * 60.0 / self.form.tempo_bpm

    def onset_s(self, note: Note) -> float:
        """Return when a note sounds, its human deviation included; never before 0."""
        return max(0.0, self.seconds_at(note.onset_beats) + note.offset_s)

    @property
    def hits_s(self) -> tuple[float, ...]:
        """When the kick or the bass hits, for ducking; the two together count once."""
        onsets = sorted(
            self.onset_s(note)
            for part in self.written
            if part.name == "kick" or part.stem == "bass"
            for note in part.notes
        )
        hits: list[float] = []
        for onset in onsets:
            if not hits or onset - hits[-1] > SAME_HIT_S:
                hits.append(onset)
        return tuple(hits)

    @property
    def duration_s(self) -> float:
        """Length of the song, tail included."""
        return self.form.duration_s

    @property
    def n_samples(self) -> int:
        """Length of every stem in samples."""
        return round(self.duration_s * SAMPLE_RATE)

    def chord_at(self, beats: float) -> Chord:
        """Return the chord that sounds at ``beats``."""
        found = self.chords[0]
        for chord in self.chords:
            if chord.onset_beats > beats + 1e-9:
                break
            found = chord
        return found


@dataclass(frozen=True, slots=True)
class Curve:
    """A drawn automation: values first, applied later.

    Linear between points (in octaves for ``_hz``), held before the first and after the last.

    Parameters
    ----------
    target : str
        A part, a stem, a bus (``"hall"``, ``"delay"`` …) or ``"music"`` (all but drums and bass).
    parameter : str
        With its unit: ``"cutoff_hz"``, ``"gain_db"``, ``"send_db"``, ``"width"`` …
    times_beats, values : tuple of float
        Points in ascending order of time.
    """

    target: str
    parameter: str
    times_beats: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """One drawn effect: what it is, whom it treats, and its parameters."""

    kind: str
    target: str
    parameters: tuple[tuple[str, float], ...]

    def __getitem__(self, name: str) -> float:
        return dict(self.parameters)[name]


@dataclass(frozen=True, slots=True)
class Origin:
    """Of what song another one was made, and how.

    Parameters
    ----------
    parent : str
        The id of the parent: a digest of its song.json.
    title : str
        The parent's.
    change : tuple of str
        What was done, each as it was typed: ``"again hook2"``, ``"tempo 140"``.
    """

    parent: str
    title: str
    change: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Every drawn effect of a song, as data.

    ``desk`` holds what mix and master measured and set, by names such as ``"hook2/drums"``; a
    remake sets the same again. ``origin`` is there where the song was made of another one.
    """

    score: Score
    effects: tuple[Effect, ...]
    curves: tuple[Curve, ...]
    desk: tuple[tuple[str, float], ...] = ()
    origin: Origin | None = None

    def curve(self, target: str, parameter: str) -> Curve | None:
        """Return the curve of one parameter, if one was drawn."""
        for curve in self.curves:
            if curve.target == target and curve.parameter == parameter:
                return curve
        return None

    def effect(self, kind: str, target: str) -> Effect | None:
        """Return the effect of a kind on a target, if one was drawn."""
        for effect in self.effects:
            if effect.kind == kind and effect.target == target:
                return effect
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """Sound: float32 ``(channels, samples)``, full scale 1.0, finite, read-only.

    The samples are copied at birth, unless they come as a read-only array that owns its memory.

    Raises
    ------
    AudioError
        If the shape is not (1 or 2, n), or a sample is not finite.
    """

    samples: NDArray[np.float32]
    sample_rate: int = SAMPLE_RATE

    def __post_init__(self) -> None:
        given = np.asarray(self.samples)
        if given.ndim != 2 or given.shape[0] not in (1, 2):
            raise AudioError(f"audio must have shape (1 or 2, samples), not {given.shape}")
        if given.dtype.kind != "f":
            raise AudioError(f"audio must be floating point, not {given.dtype}")
        if self.sample_rate <= 0:
            raise AudioError(f"the sample rate must be positive, not {self.sample_rate}")
        owned = given
        if given.dtype != np.float32 or given.flags.writeable or given.base is not None:
            owned = np.array(given, dtype=np.float32, order="C")
            owned.flags.writeable = False
        if not all_finite(owned):
            raise AudioError("audio must be finite; a sample is infinite or not a number")
        object.__setattr__(self, "samples", owned)

    def __getstate__(self) -> tuple[Any, int]:
        return (self.samples, self.sample_rate)

    def __setstate__(self, state: tuple[Any, int]) -> None:
        # Checked before they were pickled; they may lie in memory that another process has filled.
        state[0].flags.writeable = False
        object.__setattr__(self, "samples", state[0])
        object.__setattr__(self, "sample_rate", state[1])

    @classmethod
    def take(cls, samples: NDArray[np.float32], sample_rate: int = SAMPLE_RATE) -> Audio:
        """Make audio of an array that the caller gives up, without a copy.

        The array must own its memory and must not be written to afterwards (it is made read-only).
        """
        if samples.base is None and samples.dtype == np.float32:
            samples.flags.writeable = False
        return cls(samples, sample_rate)

    @classmethod
    def window(cls, whole: NDArray[np.float32], start: int, end: int) -> Audio:
        """Make audio of a stretch of an array that is still being filled, uncopied.

        It is silent where it is not yet filled; whether its samples are finite is not asked here.
        """
        view = whole[:, start:end]
        if view.dtype != np.float32 or view.shape[0] not in (1, 2):
            return cls(view)
        return cls._checked(view, SAMPLE_RATE)

    @classmethod
    def _checked(cls, samples: NDArray[np.float32], sample_rate: int) -> Audio:
        """Make audio of samples of which every one is known to be finite."""
        samples.flags.writeable = False
        audio = object.__new__(cls)
        object.__setattr__(audio, "samples", samples)
        object.__setattr__(audio, "sample_rate", sample_rate)
        return audio

    @property
    def channels(self) -> int:
        """1 or 2."""
        return int(self.samples.shape[0])

    @property
    def n_samples(self) -> int:
        """Length in samples."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.sample_rate


def all_finite(samples: NDArray[np.float32]) -> bool:
    """Whether every sample is finite; one fast pass, and a slow one only where that is in doubt."""
    flat = samples.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        energy = float(np.dot(flat, flat))  # a sample that is not finite makes the sum so
    return math.isfinite(energy) or bool(np.isfinite(samples).all())


@dataclass(frozen=True, slots=True)
class Stem:
    """One rendered stem."""

    name: str
    audio: Audio


@dataclass(frozen=True, slots=True)
class Stems:
    """Rendered stems, in the order of :data:`STEM_NAMES`."""

    score: Score
    tracks: tuple[Stem, ...]

    def get(self, name: str) -> Audio | None:
        """Return a stem by name, or None where the song has none."""
        for track in self.tracks:
            if track.name == name:
                return track.audio
        return None


@dataclass(frozen=True, slots=True)
class Mix:
    """The stems after level, place and ducking, and their sum: the pre-master mix.

    ``gain_db`` is the one common gain that keeps every stem and the sum below full scale;
    it is already applied. ``rides_db`` are the section faders that were set after measuring.
    """

    plan: Plan
    stems: Stems
    audio: Audio
    gain_db: float
    rides_db: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Measures:
    """What a meter says of the master."""

    loudness_lufs: float
    true_peak_dbtp: float
    loudness_range_lu: float
    sections_lufs: tuple[tuple[str, float], ...]
    spectrum_slope_db_per_octave: float
    correlation: float
    limiter_db: float


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A stretch of a song that is finished while the rest is still being made.

    Blocks come in order and without a gap. The master lags behind the mix, because it looks ahead.

    Parameters
    ----------
    start : int [samples]
        Where ``master`` begins in the song.
    master : Audio
        May be empty.
    mix_start : int [samples]
        Where ``mix`` and ``stems`` begin.
    mix : Audio, optional
    stems : tuple of Stem
        Only where they were asked for.
    """

    start: int
    master: Audio
    mix_start: int = 0
    mix: Audio | None = None
    stems: tuple[Stem, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """A sound seen from afar, for pictures: one value for every 256 samples.

    Parameters
    ----------
    peaks : np.ndarray [shape=(steps,)], float32
        The largest magnitude of all channels.
    levels : np.ndarray [shape=(steps,)], float32
        RMS of the channels' sum.
    """

    peaks: NDArray[np.float32]
    levels: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Song:
    """A finished song.

    The sound of one that has gone out block by block is not kept: its stems, mix and master are
    empty.
    """

    mix: Mix
    master: Audio
    measures: Measures
    versions: tuple[tuple[str, str], ...] = field(default=())
    outline: Outline | None = None

    @property
    def score(self) -> Score:
        """What is played."""
        return self.mix.plan.score

    @property
    def brief(self) -> Brief:
        """What was asked for."""
        return self.score.form.mood.brief

    @property
    def title(self) -> str:
        """The song's name."""
        return self.score.form.mood.title
