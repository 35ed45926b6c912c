"""What is sung: a song's syllables and words, its stutters and its reversed entries."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np

from halation.types import REVERSED, Mood, Note

__all__ = ["CHOIR_VOWELS", "CLEAR", "OPEN", "WORDS", "Lyrics"]

CLEAR: Final = ("la", "na", "ha")
"""Syllables that fit every mood and begin with a consonant: by that a voice is known."""
OPEN: Final = ("ah", "oh", "ooh", "ey", "you", "uh")
"""Syllables that fit every mood and are hardly more than a vowel."""
CHOIR_VOWELS: Final = ("ah", "ooh", "oh")
WORDS: Final[dict[str, tuple[float, float]]] = {
    "alone": (-0.9, -0.4), "gone": (-0.8, 0.0), "tears": (-0.8, -0.3), "stay": (-0.6, -0.1),
    "fall": (-0.5, 0.2), "slow": (-0.1, -0.8), "home": (-0.1, -0.4),
    "snow": (0.0, -0.6), "me": (0.0, 0.3), "heaven": (0.5, -0.1),
    "sky": (0.5, 0.1), "angel": (0.6, 0.1), "light": (0.8, 0.1), "shine": (0.8, 0.4),
    "fly": (0.7, 0.6), "yeah": (0.5, 0.8),
}  # fmt: skip
"""Words of the bank that are heard as such when they are sung, and the valence and energy of the
mood that they suit."""
CLOSENESS: Final = 0.35
"""Distance between mood and word at which the word's chance has fallen to 60 %."""

WORD_BEATS: Final = 0.5
"""Shorter notes repeat the word before them."""
HELD_BEATS: Final = 1.0
STUTTER_CHANCE: Final = 0.45
STUTTERS: Final = ((3, 0.25), (2, 0.25), (4, 0.125))
"""Repeats of the onset, and the beats between them: sixteenths and thirty-seconds."""
ENTRY_CHANCE: Final = 0.6
ENTRY_BEATS: Final = (1.5, 2.0, 3.0)


class Lyrics:
    """The syllables and words of one song.

    Parameters
    ----------
    mood : Mood
        Chooses the words: heartbroken songs sing *alone* where euphoric ones sing *light*.
    own : tuple of str
        Words of the listener's text that can be sung; they take the place of ours in the hook.
    stream : np.random.Generator

    Examples
    --------
    >>> from halation.types import Brief
    >>> sad = Mood(Brief(seed=1), -0.9, -0.4, 0, 0, 0, (), "", True, "")
    >>> "light" in Lyrics(sad, (), np.random.default_rng(1)).words
    False
    """

    def __init__(self, mood: Mood, own: tuple[str, ...], stream: np.random.Generator) -> None:
        here = (mood.valence, mood.energy)
        weights = np.array([math.exp(-((math.dist(here, at) / CLOSENESS) ** 2) / 2)
                            for at in WORDS.values()]) + 1e-6  # fmt: skip
        drawn = stream.choice(len(WORDS), 3, replace=False, p=weights / weights.sum())
        opened = [OPEN[int(i)] for i in stream.permutation(len(OPEN))]
        self.own = own
        self.words = tuple(list(WORDS)[int(i)] for i in drawn)
        self.vowel = CHOIR_VOWELS[int(stream.integers(len(CHOIR_VOWELS)))]
        clear = [CLEAR[int(i)] for i in stream.choice(3, 2, replace=False, p=(0.5, 0.25, 0.25))]
        self.chops = (clear[0], self.words[0], clear[1], self.words[1], opened[0])
        self.says_words = bool(stream.random() < 0.6)

    def phrase(
        self, letter: str, phrase: tuple[Note, ...], nth: int, stream: np.random.Generator
    ) -> tuple[Note, ...]:
        """Give a phrase its word, its chops and what it holds: the motif (``A``) has its own.

        Parameters
        ----------
        letter : str
            The phrase's place in the form of the line.
        phrase : tuple of Note
        nth : int
            1 for the first hook.
        stream : np.random.Generator
            Where it stutters comes from it.
        """
        turn = {"A": 0, "a": 0, "B": 1, "b": 2, "C": 1}.get(letter, 0)
        if letter != "A":
            turn += nth - 1
        if self.own:
            sung = self._told(phrase, turn)
        else:
            chop = self.chops[turn % len(self.chops)]
            word = self.words[turn % len(self.words)]
            held = word if self.says_words and turn % 2 == 0 else self.vowel
            sung = tuple(
                replace(n, syllable=held if n.duration_beats >= HELD_BEATS else chop)
                for n in phrase
            )
            sung = (replace(sung[0], syllable=word), *sung[1:])  # a phrase begins with a word
        return stuttered(sung, stream) if stream.random() < STUTTER_CHANCE else sung

    def _told(self, phrase: tuple[Note, ...], turn: int) -> tuple[Note, ...]:
        """Lay the listener's words on a phrase, one a note; other phrases begin elsewhere."""
        at = turn * max(1, len(self.own) // 2) - 1
        sung = []
        for i, note in enumerate(phrase):
            at += i == 0 or note.duration_beats >= WORD_BEATS
            sung.append(replace(note, syllable=self.own[at % len(self.own)]))
        return tuple(sung)

    def entry(
        self, first: Note, end_beats: float, room_beats: float, stream: np.random.Generator
    ) -> tuple[Note, ...]:
        """Return a reversed vowel that swells into what follows, or nothing.

        Parameters
        ----------
        first : Note
            What follows, with its syllable.
        end_beats : float
            Where the swell is cut.
        room_beats : float
            How long it may be; the longest that fits is sung.
        stream : np.random.Generator
        """
        lengths = [beats for beats in ENTRY_BEATS if beats <= room_beats]
        if stream.random() >= ENTRY_CHANCE or not lengths:
            return ()
        swell = replace(
            first,
            onset_beats=end_beats - lengths[-1],
            duration_beats=lengths[-1],
            syllable=REVERSED + self.vowel,
        )
        return (swell,)


def stuttered(phrase: tuple[Note, ...], stream: np.random.Generator) -> tuple[Note, ...]:
    """Repeat the onset of a phrase's last note, quickly and louder each time, before it is held.

    Examples
    --------
    >>> last = Note(4.0, 2.0, 69, 90, syllable="la")
    >>> [n.duration_beats for n in stuttered((last,), np.random.default_rng(1))]
    [0.25, 0.25, 1.5]
    """
    times, beats = STUTTERS[int(stream.integers(len(STUTTERS)))]
    last = phrase[-1]
    if last.duration_beats < times * beats + WORD_BEATS:
        return phrase
    repeats = tuple(
        replace(
            last,
            onset_beats=last.onset_beats + k * beats,
            duration_beats=beats,
            velocity=max(1, last.velocity - 6 * (times - k)),
        )
        for k in range(times)
    )
    spent = times * beats
    held = replace(
        last, onset_beats=last.onset_beats + spent, duration_beats=last.duration_beats - spent
    )
    return (*phrase[:-1], *repeats, held)
