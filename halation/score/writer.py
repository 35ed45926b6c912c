"""The desk where a song is written: its material drawn once, then scene by scene into parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from halation import backends
from halation.score import bass, drums, events, figures, melody, palette, progress, timing
from halation.score.arrange import Scene, draw_cast, draw_scenes, is_last
from halation.score.author import Author, Lines
from halation.score.harmony import Changes
from halation.score.pitches import nearest, step
from halation.score.progress import Material
from halation.score.singing import Lyrics
from halation.seeds import rng
from halation.types import BEATS_PER_BAR, Chord, Event, Form, Note, Part, Score, Section

__all__ = ["Writer"]

VELOCITIES: Final = {
    "pad": 76, "wide": 78, "bells": 82, "vocals": 102, "saw": 84, "lead": 92, "pluck": 72,
    "arp": 54, "counter": 70, "choir": 70,
}  # fmt: skip
"""A hook's velocity of each part; other sections play at a share of it."""
SECOND_VOICES: Final = (-2, -2, -5)
"""Steps of the scale from the line to its second voice: a third or a sixth below."""
WEATHER: Final = {"intro": 74, "verse": 50, "hook": 42, "bridge": 76, "outro": 66}
CLOUD: Final = {"intro": 92, "hook": 58, "bridge": 98, "outro": 92}
CLOUD_WAITS_BEATS: Final = 2.0
ANSWER_BEATS: Final = 0.25
"""A counter-line's note has been heard, and a swell may rise behind it."""
HIGHEST_SUNG: Final = 62
"""D4: hooks that lie higher are sung an octave lower, where a voice still has its vowels."""
RANGES: Final = {"bells": (72, 96), "lead": (60, 84)}
"""Where they play: C5 to C7 and C4 to C6."""
DROPS: Final = ((), (), ("hats",), ("snare",), ("snare", "perc"))
"""Drums that play on in the first bars of a verse after a hook."""
DROP_BARS: Final = 1
"""Longer than some two seconds and the beat that comes back is heard as the seam."""
SWELL_BEATS: Final = 4.0
WEATHER_OVERLAP_BEATS: Final = 2.0
SILENT_END_BEATS: Final = 4.0
"""At the very end even the weather is over."""
PARTS: Final = tuple(palette.STEMS)


class Writer:
    """Writes one song: draws its material once, then every scene into the parts."""

    def __init__(self, form: Form, seed: int, author: Author) -> None:
        self.form, self.seed, self.key, self.author = form, seed, form.key, author
        self.material = self._material()
        self.scenes = self._staged()
        self.parts: dict[str, list[Note]] = {name: [] for name in PARTS}
        habits = rng(seed, "score", "habits")
        phrase_form = melody.PHRASE_FORMS[int(habits.integers(len(melody.PHRASE_FORMS)))]
        self.figures = [figures.PLUCK_FIGURES[int(i)]
                        for i in habits.permutation(len(figures.PLUCK_FIGURES))]  # fmt: skip
        self.arp_order = int(habits.integers(len(figures.ARP_ORDERS)))
        self.arp_ratio = figures.ARP_RATIOS[int(habits.integers(len(figures.ARP_RATIOS)))]
        own = backends.singable(form.mood.brief)
        self.lyrics = Lyrics(form.mood, own, rng(self._words_seed(), "score", "lyrics"))
        chords = self._laid()
        self.lines = self._thought(Changes(chords), phrase_form)
        hooks = [s.name for s in form.sections if s.role == "hook"]
        pitches = sorted(n.pitch for name in hooks for _, p in self.lines[name] for n in p)
        median = pitches[len(pitches) // 2] if pitches else 0
        self.sung_octave = -12 if median > HIGHEST_SUNG else 0
        whole = [n for phrases in self.lines.values() for _, p in phrases for n in p]
        whole.sort(key=lambda n: n.onset_beats)
        self.chords: tuple[Chord, ...] = self._cleared(chords, tuple(whole))
        self.changes = Changes(self.chords)
        answered = [
            (scene, tuple(n for _, p in self.lines[scene.section.name] for n in p))
            for scene in self.scenes
            if self._answers(scene)
        ]
        self.replies = author.counters(answered, self.material.motif, self.changes)
        self.groove = author.groove()
        self.voicings = figures.voicings_of(
            self.scenes, self.chords, self.material.top, self.material.motif.notes,
            dense=form.mood.density > 0.35, turn=self._turn(),
        )  # fmt: skip

    # ---------------------------------------------------------------- what may be given instead

    def _material(self) -> Material:
        return self.author.material()

    def _staged(self) -> tuple[Scene, ...]:
        cast = draw_cast(self.form.mood, rng(self.seed, "score", "cast"))
        return draw_scenes(self.form, cast, rng(self.seed, "score", "scenes"))

    def _laid(self) -> tuple[Chord, ...]:
        return progress.lay_chords(self.form, self.material, self.seed)

    def _cleared(self, chords: tuple[Chord, ...], line: tuple[Note, ...]) -> tuple[Chord, ...]:
        return progress.clear(self.key, chords, line)

    def _thought(self, changes: Changes, phrase_form: str) -> Lines:
        return self.author.lines(self.scenes, self.material, changes, phrase_form)

    def _answers(self, scene: Scene) -> bool:
        return scene.section.role == "hook" and "counter" in scene.layers

    def _skeleton(self, scene: Scene) -> drums.Skeleton:
        pattern = rng(self.seed, "score", "skeleton", scene.section.name)
        return drums.section_skeleton(self.groove, scene.section.role, scene.nth, pattern)

    def _rare(self) -> tuple[Event, ...]:
        stream = rng(self.seed, "score", "events")
        return events.draw_events(self.form, self.scenes, self.lines, stream)

    def _song_seed(self) -> int:
        """Return the seed of what belongs to the whole song, whatever is written again."""
        return self.seed

    def _words_seed(self) -> int:
        return self._song_seed()

    def _turn(self) -> int:
        return 0

    # ---------------------------------------------------------------- the score

    def score(self) -> Score:
        """Write every scene and give the notes their feel."""
        for scene in self.scenes:
            self._pads(scene)
            self._rhythm(scene)
            self._melodies(scene)
            self._accompaniment(scene)
            self._weather(scene)
        rare = self._rare()
        self.parts = events.worked_in(self.parts, rare)
        chords = events.lifted_chords(self.chords, rare, self.key)
        return Score(self.form, chords, self.material.motif.notes, self._played(), rare)

    # ---------------------------------------------------------------- layers

    def _velocity(self, part: str, scene: Scene) -> Callable[[float], int]:
        """Return a part's velocity over a scene: the outro fades, the intro comes near."""
        base, section = VELOCITIES[part] * scene.level, scene.section

        def at(beats: float) -> int:
            through = (beats - section.start_beats) / section.duration_beats
            ride = 1.0
            if section.role == "outro":
                ride = 1.0 - 0.45 * through
            elif section.role == "intro":
                ride = 0.85 + 0.15 * through
            return max(12, min(124, round(base * ride)))

        return at

    def _within(self, section: Section) -> list[Chord]:
        return self.changes.within(section.start_beats, section.end_beats)

    def _pads(self, scene: Scene) -> None:
        section, chords = scene.section, self._within(scene.section)
        end = scene.pad_stop_beats
        pad = figures.held(chords, self.voicings, self._velocity("pad", scene), end)
        self.parts["pad"] += pad
        if "swell" in scene.layers:  # the intro ends in voices that come near
            start = section.end_beats - BEATS_PER_BAR * (2 if section.bars >= 4 else 1)
            late = [replace(c, onset_beats=max(c.onset_beats, start),
                            duration_beats=c.onset_beats + c.duration_beats
                            - max(c.onset_beats, start))
                    for c in self.changes.within(start, section.end_beats)]  # fmt: skip
            voicings = {c.onset_beats: self.voicings[self.changes.at(c.onset_beats).onset_beats]
                        for c in late}  # fmt: skip
            for part in ("wide", "choir"):
                if part in scene.layers:
                    self._hold(part, scene, late, voicings, end)
            return
        for part in ("wide", "choir"):
            if part in scene.layers:
                self._hold(part, scene, chords, self.voicings, end)

    def _hold(
        self, part: str, scene: Scene, chords: list[Chord],
        voicings: dict[float, tuple[int, ...]], end: float,
    ) -> None:  # fmt: skip
        velocity = self._velocity(part, scene)
        if part == "wide":
            self.parts["wide"] += figures.wide(chords, voicings, velocity, end)
        else:
            first = scene.section.role == "hook" and scene.nth % 2 == 1
            sung = slice(-2 if first else -3, None)  # one voice more when the hook comes back
            vowel = self.lyrics.vowel
            self.parts["choir"] += figures.choir(chords, voicings, velocity, end, vowel, sung)

    def _rhythm(self, scene: Scene) -> None:
        section, name = scene.section, scene.section.name
        stream = rng(self.seed, "score", "drums", name)
        stop = scene.stop_beats
        skeleton = self._skeleton(scene)
        kit = drums.beat(section, self.groove, skeleton, scene.level, scene.layers, stop, stream)
        if section.role == "outro":
            kit = drums.leaving(kit, section)
        enters = section.start_beats
        if self._follows_hook(scene):  # the drop after a hook: the beat comes back later
            kept = DROPS[int(stream.integers(len(DROPS)))]
            enters += DROP_BARS * BEATS_PER_BAR
            kit = drums.entering(kit, enters, kept)
        for part in ("kick", "snare", "hats", "perc"):
            self.parts[part] += getattr(kit, part)
        self._seams(scene)
        if "bass" in scene.layers:
            stream = rng(self.seed, "score", "bass", name)
            line = bass.bass_line(
                section, scene.nth, skeleton, self.changes, scene.level, scene.bass_stop_beats,
                stream,
            )  # fmt: skip
            self.parts["bass"] += [n for n in line if n.onset_beats >= enters - 0.5]

    def _follows_hook(self, scene: Scene) -> bool:
        """Whether a scene is a verse of some length straight after a hook."""
        section = scene.section
        if section.role != "verse" or section.bars < 8 or section.start_beats <= 0.0:
            return False
        return self.form.section_at(section.start_beats - 1.0).role == "hook"

    def _seams(self, scene: Scene) -> None:
        """Put a reversed cymbal before a seam and an impact on a hook's first beat."""
        section = scene.section
        if section.role == "hook":
            self.parts["perc"].append(Note(section.start_beats, 4.0, drums.IMPACT, 104))
        first = next(s for s in self.form.sections if s.role == "verse")
        if section.start_beats < first.end_beats - 1e-9 and section.role == "intro":
            return
        if section.role == "outro":
            return
        end = section.end_beats
        following = self.form.section_at(end)
        if following.role == "hook":
            end -= melody.BREATH_BEATS
        lasts = min(SWELL_BEATS, end - section.start_beats)
        velocity = 92 if following.role == "hook" else 70
        self.parts["perc"].append(Note(end - lasts, lasts, drums.SWELL, velocity))

    def _melodies(self, scene: Scene) -> None:
        section = scene.section
        phrases = self.lines[section.name]
        line = tuple(n for _, phrase in phrases for n in phrase)
        if section.role == "hook":
            self._hook(scene, phrases)
        elif section.role == "verse":
            self._answer(scene, line)
        elif section.role == "bridge":
            if "vocals" in scene.layers and line:
                stream = rng(self.seed, "score", "alone", section.name)
                line = self.lyrics.phrase("p", line, scene.nth, stream)
                self._sing("vocals", scene, line, self.sung_octave)
                return
            part = next((p for p in ("lead", "counter", "bells") if p in scene.layers), "bells")
            self._sing(part, scene, line, 0)
        else:
            self._sing("bells", scene, line, 12)

    def _sing(self, part: str, scene: Scene, line: tuple[Note, ...], transpose: int) -> None:
        """Let a part play a line up to where the scene stops, in the octave that suits it."""
        velocity = self._velocity(part, scene)
        transpose += _octave(part, [n.pitch + transpose for n in line])
        for note in line:
            room = scene.stop_beats - note.onset_beats
            if room > 0.05:
                accent = 4 if note.duration_beats >= 1.0 else 0
                played = replace(
                    note,
                    pitch=note.pitch + transpose,
                    velocity=velocity(note.onset_beats) + accent,
                    duration_beats=min(note.duration_beats, room),
                )
                self.parts[part].append(played)

    def _hook(self, scene: Scene, phrases: tuple[tuple[str, tuple[Note, ...]], ...]) -> None:
        """One line on three voices; in later hooks a counter-line and a second voice as well."""
        line = tuple(n for _, phrase in phrases for n in phrase)
        section = scene.section
        self._sing("bells", scene, line, 12)
        if "counter" in scene.layers:  # first, so that voices know where it speaks
            self._sing("counter", scene, self.replies[section.name], 0)
        if "saw" in scene.layers:
            self._sing("saw", scene, line, 0)
        if "vocals" in scene.layers:
            self._sing("vocals", scene, self._sung(scene, phrases), self.sung_octave)
        elif "lead" in scene.layers:
            self._sing("lead", scene, line, 0)
        if (
            is_last(scene, self.scenes) and scene.nth > 1
        ):  # the crowned motif has an octave above it
            crown = tuple(n for letter, phrase in phrases if letter == "X" for n in phrase)
            self._sing("saw" if "saw" in scene.layers else "lead", scene, crown, 12)
        if "lead" in scene.layers and "vocals" in scene.layers:
            stream = rng(self.seed, "score", "second", section.name)
            by = SECOND_VOICES[int(stream.integers(len(SECOND_VOICES)))]
            self._sing("lead", scene, self._second_voice(line, by), 0)

    def _second_voice(self, line: tuple[Note, ...], by: int) -> tuple[Note, ...]:
        """Follow a line some steps of the scale away, on the chords' own notes where it rests."""
        other = tuple(replace(n, pitch=step(n.pitch, by, self.key.scale)) for n in line)
        return melody.adapt(other, self.changes, self.key)

    def _sung(
        self, scene: Scene, phrases: tuple[tuple[str, tuple[Note, ...]], ...]
    ) -> tuple[Note, ...]:
        """Give a hook's line its syllables, stutters and reversed entries."""
        stream = rng(self.seed, "score", "sung", scene.section.name)
        sung: list[Note] = []
        for letter, phrase in phrases:
            if not phrase:
                continue
            told = self.lyrics.phrase(letter, phrase, scene.nth, stream)
            first = told[0]
            before = sung or self.parts["vocals"]
            end = first.onset_beats if sung else self._stop_before(scene)
            heard = [n.onset_beats + n.duration_beats for n in before]
            heard += [n.onset_beats + ANSWER_BEATS for n in self.parts["counter"]
                      if n.onset_beats < end]  # fmt: skip
            swell = self._swell(first, end, end - max(heard, default=0.0), stream)
            sung += swell
            sung += told
        return tuple(sung)

    def _stop_before(self, scene: Scene) -> float:
        """Return where melodies stop before a scene."""
        start = scene.section.start_beats
        stops = [s.stop_beats for s in self.scenes if s.section.end_beats == start]
        return stops[0] if stops else start

    def _swell(
        self, first: Note, end: float, room: float, stream: np.random.Generator
    ) -> tuple[Note, ...]:
        """Let a reversed vowel swell into a phrase, on the chord that sounds until ``end``."""
        chord = self.changes.at(max(end - 1e-3, 0.0))
        clear = [p for p in chord.pitches if (p - 1) % 12 not in (*chord.pitches, chord.bass)]
        pitch = nearest(first.pitch, clear)
        return self.lyrics.entry(
            replace(first, pitch=pitch), end, min(room, end - chord.onset_beats), stream
        )

    def _answer(self, scene: Scene, line: tuple[Note, ...]) -> None:
        """Answer the motif in a verse; from the second verse on voices echo the answer's end."""
        section = scene.section
        part = "counter" if "counter" in scene.layers else "bells"
        self._sing(part, scene, line, 0)
        if "vocals" not in scene.layers:
            return
        stream = rng(self.seed, "score", "chops", section.name)
        velocity = round(self._velocity("vocals", scene)(section.start_beats) * 0.8)
        for bar in range(1, section.bars, 4):
            start = section.start_beats + 4.0 * bar + 2.0
            chop = self.lyrics.chops[int(stream.integers(3))]
            for k in range(int(stream.integers(2, 4))):
                onset = start + 0.5 * k
                if onset + 0.4 > scene.stop_beats:
                    break
                tones = self.changes.at(onset).pitches
                pitch = nearest(60 + 2 * k, tones)
                self.parts["vocals"].append(Note(onset, 0.35, pitch, velocity, syllable=chop))

    def _accompaniment(self, scene: Scene) -> None:
        section, k = scene.section, scene.nth
        if "pluck" in scene.layers:
            stream = rng(self.seed, "score", "pluck", section.name)
            shift = 2 * (k - 1) + (0 if section.role == "verse" else 1)
            pair = tuple(self.figures[(shift + i) % len(self.figures)] for i in (0, 1))
            velocity = self._velocity("pluck", scene)(section.start_beats)
            figure = figures.pluck(
                section, pair, self.voicings, self.changes, velocity, scene.stop_beats, stream
            )
            if section.role == "hook":  # out of the voices' way
                figure = tuple(replace(n, pitch=n.pitch + 12) for n in figure)
            elif section.role == "verse" and k > 1 and section.bars >= 8:
                # after a hook a verse begins with little, so that the seam is the larger step
                sparse = section.start_beats + 4.0 * BEATS_PER_BAR
                figure = tuple(
                    n for n in figure if n.onset_beats >= sparse or n.onset_beats % 2.0 == 0.0
                )
            self.parts["pluck"] += figure
        if "arp" in scene.layers:
            stream = rng(self.seed, "score", "arp", section.name)
            velocity = self._velocity("arp", scene)(section.start_beats)
            self.parts["arp"] += figures.arp(
                section, self.voicings, self.changes, self.arp_order + k, self.arp_ratio,
                velocity, scene.stop_beats, stream,
            )  # fmt: skip

    def _weather(self, scene: Scene) -> None:
        section = scene.section
        over = self.form.duration_beats - SILENT_END_BEATS
        end = min(section.end_beats + WEATHER_OVERLAP_BEATS, over)
        for part in ("weather", "haze"):
            if part in scene.layers:
                velocity = WEATHER[section.role] - (12 if part == "haze" else 0)
                lasts = end - section.start_beats
                self.parts[part].append(Note(section.start_beats, lasts, 60, velocity))
        loud = CLOUD.get(section.role, 0)
        if loud and end - section.start_beats > 2 * CLOUD_WAITS_BEATS:
            start = section.start_beats + CLOUD_WAITS_BEATS  # it needs something to be made of
            self.parts["cloud"].append(Note(start, end - start, 60, loud))

    # ---------------------------------------------------------------- parts

    def _played(self) -> tuple[Part, ...]:
        """Give every part its sound and its feel; parts without notes are left out."""
        form, mood, seed = self.form, self.form.mood, self.seed
        ordered = {name: tuple(sorted(notes, key=lambda n: (n.onset_beats, n.pitch)))
                   for name, notes in self.parts.items()}  # fmt: skip
        first = next(s.start_beats for s in form.sections if s.role == "verse")
        floors = (0.0, first)
        playing = timing.play(ordered, seed, floors, form.tempo_bpm, self._song_seed())
        kit = palette.draw_patch("kick", mood, rng(seed, "score", "patch", "kick"))
        chosen: dict[str, str] = {}
        parts = []
        for name in PARTS:
            if not playing[name]:
                continue
            stem, player = palette.STEMS[name]
            stream = rng(seed, "score", "patch", name)
            patch, settings = palette.draw_sound(name, mood, stream, _unlike(name, chosen))
            if stem == "drums":
                patch = kit
            chosen[name] = patch
            if name == "vocals" and self.lyrics.own:
                player = backends.WORD_SINGER
            hears = palette.draw_hearing(frozenset(chosen), stream) if player == "grains" else ()
            words = palette.describe(name, patch, mood)
            parts.append(Part(name, stem, player, patch, playing[name], settings, hears, words))
        return tuple(parts)


def _octave(part: str, pitches: list[int]) -> int:
    """Return the octaves in semitones that bring most of a line into a part's range."""
    if part not in RANGES:
        return 0
    low, high = RANGES[part]
    return min((0, 12, -12), key=lambda by: sum(not low <= p + by <= high for p in pitches))


def _unlike(part: str, chosen: dict[str, str]) -> tuple[str, ...]:
    """Return the patches that would make a part sound like one that is there already."""
    rivals = {"wide": ("pad",), "arp": ("bells", "pluck"), "counter": ("bells", "pluck", "arp"),
              "haze": ("weather",)}  # fmt: skip
    return tuple(chosen[r] for r in rivals.get(part, ()) if r in chosen)
