"""All that may be different about a song, as a listener wishes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from halation.reshape.again import again
from halation.reshape.edited import edited
from halation.reshape.lineage import child
from halation.reshape.shape import shape
from halation.types import Key, Plan

__all__ = ["Change", "changed"]


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be different; what is left out stays.

    Parameters
    ----------
    midi : bytes, optional
        The song's MIDI file, changed; see :func:`halation.reshape.edited`.
    midi_name : str
        What that file is called.
    again : tuple of str
        What is thrown again, with ``seed``; see :func:`halation.reshape.again`.
    seed : int in 0..2⁵³−1
    tempo_bpm, key, length_s, mood, instrumental
        See :func:`halation.reshape.shape`.
    """

    midi: bytes | None = None
    midi_name: str = ""
    again: tuple[str, ...] = ()
    seed: int = 0
    tempo_bpm: float | None = None
    key: Key | str | None = None
    length_s: float | None = None
    mood: Mapping[str, str | float] = field(default_factory=dict)
    instrumental: bool | None = None

    @property
    def told(self) -> list[str]:
        """What it does, each as it is typed.

        Examples
        --------
        >>> Change(again=("hook",), seed=5, mood={"warm": "+0.4"}, instrumental=False).told
        ['again hook (seed 5)', 'mood warm=+0.4', 'no-instrumental']
        """
        told = [f"midi {self.midi_name}".strip()] if self.midi is not None else []
        told += [f"again {name} (seed {self.seed})" for name in self.again]
        told += [f"tempo {self.tempo_bpm:g}"] if self.tempo_bpm is not None else []
        if self.key is not None:
            told.append(f"key {self.key.name if isinstance(self.key, Key) else self.key}")
        told += [f"length {self.length_s:g}"] if self.length_s is not None else []
        for axis, value in self.mood.items():
            told.append(f"mood {axis}={value if isinstance(value, str) else f'{value:g}'}")
        if self.instrumental is not None:
            told.append("instrumental" if self.instrumental else "no-instrumental")
        return told


def changed(plan: Plan, parent: str, change: Change) -> Plan:
    """Return what a song becomes: its child, or the song itself where nothing is to change.

    Parameters
    ----------
    plan : Plan
    parent : str
        The song's id, as :class:`halation.files.SongFile` has it.
    change : Change

    Raises
    ------
    BriefError
        If the song has no such thing, or a value is out of its range; one line says what to do.
    FileError
        If the MIDI file cannot be used.
    """
    told = change.told
    if not told:
        return plan
    if change.midi is not None:
        plan = edited(plan, change.midi)
    if change.again:
        plan = again(plan, change.again, change.seed)
    plan = shape(
        plan, tempo_bpm=change.tempo_bpm, key=change.key, length_s=change.length_s,
        mood=change.mood, instrumental=change.instrumental,
    )  # fmt: skip
    return child(plan, parent, told)
