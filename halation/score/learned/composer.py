"""The learned composer: a network that has read real music has the ideas, rules lay them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from halation.backends import Description
from halation.score import drums, melody
from halation.score.arrange import Scene
from halation.score.author import Lines, RulesAuthor
from halation.score.development import LINE_RANGE
from halation.score.harmony import Changes, colour_loop
from halation.score.learned.beats import ask_beats, choose_groove
from halation.score.learned.critic import is_known
from halation.score.learned.grid import BAR_BEATS
from halation.score.learned.lines import Ask, think_counters, think_lines
from halation.score.learned.loops import BEST, LENGTHS, Progression, think_loops
from halation.score.learned.motifs import think_motif
from halation.score.learned.network import Network, Scribe
from halation.score.motif import Motif
from halation.score.progress import (
    HOOK_RHYTHMS,
    Material,
    draw_bars,
    draw_verse,
    draw_verse_bars,
    homely,
    pedalled,
    slots_of,
)
from halation.score.rules import at_its_tempo
from halation.score.writer import Writer
from halation.seeds import rng
from halation.types import BackendError, Form, Note, Score

__all__ = ["WEIGHTS", "Learned", "LearnedAuthor", "load"]

WEIGHTS: Final = Path(__file__).parents[2] / "data" / "composer.onnx"
"""What ships; :mod:`halation.training` makes others."""
FREE: Final = frozenset("aBbSdD")
"""Letters of a hook's phrases that the network writes; the motif, its crown and closes stand."""
LOWEST: Final = 60
ROUND: Final = 4
"""Semitones by which a hook's line may rise over the motif's range; it falls under it by half."""
LOWEST_ANSWER: Final = 55
ANSWERS: Final = ("xyxz", "uxvx", "ywyx")
"""What the answers of the first, the second and later verses say; one letter is one phrase, which
comes again elsewhere, so that no verse copies another."""
UNDER: Final = 7
"""Semitones by which the verse lies under the hook."""


@lru_cache(maxsize=2)
def _network(path: Path, _written_ns: int) -> Network:
    return Network(path)


def load(path: Path) -> Network:
    """Read weights, once until their file changes."""
    return _network(path, path.stat().st_mtime_ns)


class Learned:
    """Composes with a network: its loops, motif, lines, counter-lines and beats.

    Parameters
    ----------
    path : str, optional
        Weights to compose with instead of those that ship, as ``--composer learned:PATH`` gives.

    Raises
    ------
    BackendError
        If the weights cannot be read.

    Examples
    --------
    >>> Learned.description.commercial
    True
    """

    description = Description(
        "A transformer trained on pop songs and human drummers has the ideas, rules lay them out.",
        "GPL-3.0-or-later; trained on POP909 (MIT) and Groove MIDI (CC BY 4.0)",
        True,
    )

    def __init__(self, path: str = "") -> None:
        self.path = Path(path).expanduser() if path else WEIGHTS
        if not self.path.is_file():
            raise BackendError(
                f"there is no composer at {self.path}; 'halation train composer' makes one"
            )

    def __call__(self, form: Form, seed: int) -> Score:
        """Write the score of a form.

        Parameters
        ----------
        form : Form
        seed : int in 0..2⁵³−1

        Returns
        -------
        Score
            The same for the same arguments on one machine, whatever the number of cores.
        """
        return at_its_tempo(form, lambda f: Writer(f, seed, self.author(f, seed)).score())

    def author(self, form: Form, seed: int) -> LearnedAuthor:
        """Return who has the ideas, for what is written again of a song."""
        return LearnedAuthor(form, seed, load(self.path))


class LearnedAuthor(RulesAuthor):
    """An author whose ideas come from a network; where it has none, from rules.

    Parameters
    ----------
    form : Form
    seed : int
    network : Network
    """

    def __init__(self, form: Form, seed: int, network: Network) -> None:
        super().__init__(form, seed)
        self.network, self.scribe = network, Scribe(network)
        self._beats = ask_beats(form, seed)
        # Nothing else depends on the beats: they are written beside whatever is.
        self.scribe.begin([draft for drafts in self._beats.values() for draft in drafts])

    def material(self) -> Material:
        """Write the loops, and a motif over the hook's."""
        loops = think_loops(self.scribe, self.form, self.seed)
        hook = self._choose(loops["hook"], "hook")
        if hook is None:
            return super().material()
        stream = rng(self.seed, "score", "harmony", "learned")
        key, mode = self.key, self.key.mode
        hook_loop = hook.loop(mode)
        chords, top = colour_loop(stream, key, hook.tokens)
        bars = hook.bars
        if sum(bars) not in LENGTHS["hook"]:
            bars = draw_bars(stream, HOOK_RHYTHMS[len(chords)])
        bars = homely(chords, bars, key)
        verse = self._choose(loops["verse"], "verse", hook)
        if verse is None:
            verse_loop, tokens = draw_verse(stream, key, self.form.mood, hook_loop)
        else:
            verse_loop, tokens = verse.loop(mode), pedalled(stream, verse.tokens, hook_loop)
        verse_chords, verse_top = colour_loop(stream, key, tokens)
        verse_bars = homely(verse_chords, draw_verse_bars(stream, len(verse_chords), bars), key)
        slots = slots_of(self.form, chords, bars)
        motif = think_motif(self.scribe, self.form, slots, self.seed)
        if motif is None:
            return super().material()
        return Material(
            hook_loop, verse_loop, chords, verse_chords, bars, verse_bars, (top, verse_top), motif
        )

    def _choose(
        self, options: Sequence[Progression], role: str, other: Progression | None = None
    ) -> Progression | None:
        """Take one of the best that is not the other section's loop, nor its two chords again."""
        known: dict[tuple[str, ...], Progression] = {}
        for option in options:
            if other is None or (
                option.tokens != other.tokens and len(option.roots | other.roots) > 2
            ):
                known.setdefault(option.tokens, option)
        best = list(known.values())[:BEST]
        if not best:
            return None
        return best[int(rng(self.seed, "score", "loops", role).integers(len(best)))]

    def groove(self) -> drums.Groove:
        """Play the beats; the sounds and habits are drawn."""
        self.scribe.finish()
        return choose_groove(self._beats, super().groove(), self.seed)

    def lines(
        self, scenes: tuple[Scene, ...], material: Material, changes: Changes, phrase_form: str
    ) -> Lines:
        """Write what develops the motif: the hooks' free phrases and the verses' answers."""
        drawn = super().lines(scenes, material, changes, phrase_form)
        heard = [n.pitch for n in material.motif.notes]
        around = (max(LOWEST, min(heard) - ROUND // 2), min(LINE_RANGE[1], max(heard) + ROUND))
        low = max(LOWEST_ANSWER, min(heard) - UNDER)
        under = (low, max(low + 12, max(heard) - UNDER))
        asks = []
        for scene in scenes:
            section = scene.section
            phrases = drawn[section.name]
            if section.role == "hook":
                given = tuple(None if letter in FREE else notes for letter, notes in phrases)
                letters = tuple(letter for letter, _ in phrases)
                asks.append(Ask(section.name, "hook", section.start_beats, given, letters, around))
            elif section.role == "verse" and section.bars >= 4:
                n = int(section.duration_beats // BAR_BEATS)
                answers = tuple(None if i % 2 else () for i in range(n))
                said = ANSWERS[min(scene.nth, len(ANSWERS)) - 1]
                names = tuple(said[i // 2 % len(said)] for i in range(n))
                asks.append(Ask(section.name, "verse", section.start_beats, answers, names, under))
        written = think_lines(self.scribe, self.form, material.motif, changes, asks, self.seed)
        lines = dict(drawn)
        known: dict[str, tuple[Note, ...]] = {}
        for ask in asks:
            section = next(s.section for s in scenes if s.section.name == ask.name)
            bent = []
            for i, notes in enumerate(written[ask.name]):
                start = ask.start_beats + BAR_BEATS * i
                if ask.given[i] is None:  # what an earlier section said by this name comes again
                    first = known.setdefault(f"{ask.role} {ask.keys[i]}", _moved(notes, -start))
                    notes = melody.adapt(_moved(first, start), changes, self.key)
                bent.append(notes)
            if is_known([n for notes in bent for n in notes]):
                continue  # rather by rules than somebody's tune
            if ask.role == "hook":
                letters = tuple(letter for letter, _ in drawn[ask.name])
                lines[ask.name] = tuple(
                    (letter, melody.short_of(notes, ask.start_beats + BAR_BEATS * (i + 1)))
                    for i, (letter, notes) in enumerate(zip(letters, bent, strict=True))
                )
            else:
                end = section.end_beats - melody.BREATH_BEATS
                line = melody.short_of(tuple(n for notes in bent for n in notes), end)
                lines[ask.name] = (("v", line),)
        return lines

    def counters(
        self, sung: Sequence[tuple[Scene, tuple[Note, ...]]], motif: Motif, changes: Changes
    ) -> dict[str, tuple[Note, ...]]:
        """Answer in each line's rests."""
        asked = [
            (scene.section.name, scene.section.start_beats, scene.stop_beats, line)
            for scene, line in sung
        ]
        written = think_counters(self.scribe, self.form, changes, asked, self.seed)
        bent = {name: melody.adapt(notes, changes, self.key) for name, notes in written.items()}
        # better silent than somebody's tune
        return {name: () if is_known(notes) else notes for name, notes in bent.items()}


def _moved(notes: tuple[Note, ...], by_beats: float) -> tuple[Note, ...]:
    return tuple(replace(n, onset_beats=n.onset_beats + by_beats) for n in notes)
