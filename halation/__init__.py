"""halation makes whole songs by itself.

>>> import halation
>>> song = halation.make("rain on a neon window", seed=7, length_s=150)  # doctest: +SKIP
>>> song.write("out/")  # doctest: +SKIP
"""

from __future__ import annotations

import warnings
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from halation.types import (
    DEFAULT_COMPOSER,
    BackendError,
    Brief,
    BriefError,
    FileError,
    HalationError,
    Key,
    Score,
    Song,
    Stems,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "BackendError",
    "Brief",
    "BriefError",
    "FileError",
    "HalationError",
    "Take",
    "__version__",
    "make",
    "remake",
]

__version__ = "0.1.0"


class Take:
    """A finished song, to write, to look at and to play in a notebook."""

    def __init__(self, song: Song) -> None:
        self.song = song

    @property
    def title(self) -> str:
        """The song's name."""
        return self.song.title

    @property
    def score(self) -> Score:
        """What is played."""
        return self.song.score

    @property
    def stems(self) -> Stems:
        """The stems, whose sum is the pre-master mix."""
        return self.song.mix.stems

    def write(
        self,
        out: str | PathLike[str],
        *,
        formats: Iterable[str] = ("wav", "mp3"),
        stems: bool = False,
    ) -> Path:
        """Write the song's folder under ``out``.

        Parameters
        ----------
        out : path
            Made if need be.
        formats : iterable of ``"wav"``, ``"mp3"``, ``"flac"``
        stems : bool
            Write the stems and the pre-master mix, too.

        Returns
        -------
        Path
            The folder ``<title>-<seed>``.

        Raises
        ------
        FileError
            If the folder cannot be written; nothing half-written is left.
        """
        from halation import files

        return files.write(self.song, Path(out), formats=tuple(formats), stems=stems).folder

    def _repr_html_(self) -> str:
        from halation import files

        return files.html(self.song)

    def __repr__(self) -> str:
        form = self.score.form
        return f"<halation.Take {self.title!r}, {form.duration_s:.0f} s, {form.key.name}>"


def make(
    text: str = "",
    *,
    seed: int | None = None,
    length_s: float | None = None,
    tempo_bpm: float | None = None,
    key: Key | str | None = None,
    instrumental: bool = False,
    loudness_lufs: float = -14.0,
    composer: str = DEFAULT_COMPOSER,
    players: Mapping[str, str] | None = None,
) -> Take:
    """Make a song.

    Parameters
    ----------
    text : str
        A mood in free words; empty lets halation choose.
    seed : int in 0..2⁵³−1, optional
        The same text and seed give the same song; none draws one.
    length_s : float in 30..600 [s], optional
    tempo_bpm : float in 60..200 [BPM], optional
    key : Key or str, optional
        Such as ``"F# minor"``.
    instrumental : bool
        Leave the voices out.
    loudness_lufs : float in −30..−8 [LUFS]
    composer : str
        Name of an installed composer.
    players : mapping of part or stem name → player name, optional
        Such as ``{"drums": "kit:MyDrums"}``, a folder of your own samples, or
        ``{"all": "musicgen:FOLDER"}``, a model of yours.

    Returns
    -------
    Take

    Raises
    ------
    BriefError
        If a wish is outside its range.
    BackendError
        If the composer or a player cannot be used.
    """
    from halation.pipeline import produce
    from halation.seeds import draw_seed

    brief = Brief(
        seed=draw_seed() if seed is None else seed,
        text=text,
        length_s=length_s,
        tempo_bpm=tempo_bpm,
        key=Key.parse(key) if isinstance(key, str) else key,
        instrumental=instrumental,
        loudness_lufs=loudness_lufs,
        composer=composer,
        players=tuple((players or {}).items()),
    )
    return Take(_song_of(produce(brief)))


def remake(song_json: str | PathLike[str], *, players: Mapping[str, str] | None = None) -> Take:
    """Make the very same song again from its ``song.json``.

    Parameters
    ----------
    song_json : path
        The file, or the song's folder.
    players : mapping of part or stem name → player name, optional
        A song with drums of your own samples needs their folder: ``{"drums": "kit:MyDrums"}``.

    Warns
    -----
    UserWarning
        If another engine made the song: the notes are the same, the sound may differ; or if an
        extra that took part in it is not installed here and another player stands in.

    Raises
    ------
    FileError
        If the file is missing, damaged, or asks for what no song has.
    """
    from halation import backends, files
    from halation.pipeline import replay

    recipe = files.read(Path(song_json))
    if recipe.engine != files.ENGINE:
        warnings.warn(files.engine_note(recipe.engine), stacklevel=2)
    for note in backends.stand_in_notes(recipe.plan.score):
        warnings.warn(note, stacklevel=2)
    return Take(_song_of(replay(recipe.plan, tuple((players or {}).items()))))


def _song_of(making: Iterable[object]) -> Song:
    """Return the last of all artefacts; the others are let go as they come."""
    artefact: object = None
    for artefact in making:  # noqa: B007
        pass
    assert isinstance(artefact, Song)
    return artefact
