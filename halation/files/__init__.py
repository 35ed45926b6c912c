"""Songs to disk and back: WAV, MP3, FLAC, MIDI, stems, cover, song.json.

The one writer of songs. Everything is written into a hidden folder beside the place where the song
is to be, which is renamed when all is complete: an interrupted run leaves no half song.
"""

from __future__ import annotations

import base64
import html as markup
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from halation.files import audio
from halation.files.audio import Mp3
from halation.files.folder import check_out, file_stem
from halation.files.recording import FORMATS, Recording, Written, cover_of, jpeg, record
from halation.files.songfile import ENGINE, SongFile, encode, engine_note, read
from halation.files.summary import summary
from halation.types import STEM_NAMES, Audio, Block, Song

__all__ = [
    "ENGINE",
    "FORMATS",
    "Recording",
    "SongFile",
    "Written",
    "check_out",
    "encode",
    "engine_note",
    "find_audio",
    "html",
    "needed_bytes",
    "read",
    "record",
    "summary",
    "write",
]

_BYTES_PER_S: Final = {"wav": 264_600, "flac": 200_000, "mp3": 40_000}
_BYTES_BESIDE: Final = 6 << 20
"""Cover, MIDI and song.json."""


def needed_bytes(duration_s: float, formats: Iterable[str], *, stems: bool) -> int:
    """Estimate what a song's folder takes on disk, for :func:`check_out`.

    Examples
    --------
    >>> needed_bytes(100.0, ("wav", "mp3"), stems=False) >> 20
    35
    """
    rate = sum(_BYTES_PER_S.get(name, 0) for name in formats)
    if stems:
        rate += len(STEM_NAMES) * _BYTES_PER_S["wav"]  # and the mix, but never all of them
    return int(duration_s * rate) + _BYTES_BESIDE


def write(
    song: Song,
    out: Path,
    *,
    formats: tuple[str, ...] = ("wav", "mp3"),
    stems: bool = False,
    mp3: Mp3 = "320",
) -> Written:
    """Write a song into a folder of its own, ``<title-slug>-<seed>``, under ``out``.

    If that folder exists it stays as it is, and this song's gets the suffix ``-2``, ``-3`` …

    Parameters
    ----------
    song : Song
    out : Path
        Made if missing.
    formats : tuple of ``"wav"``, ``"mp3"``, ``"flac"``
    stems : bool
        Write every stem and the pre-master mix as well.
    mp3 : ``"320"`` or ``"V2"``

    Raises
    ------
    BriefError
        If a format is unknown.
    FileError
        If the folder cannot be written or the disk is full; nothing is left behind.
    """
    with Recording(song.score, out, formats=formats, stems=stems, mp3=mp3) as recording:
        recording.take(Block(0, song.master, 0, song.mix.audio, song.mix.stems.tracks))
        return recording.finish(song)


def find_audio(folder: Path, recipe: SongFile) -> Audio | None:
    """Return the sound of a song that lies in the same folder as its song.json.

    Parameters
    ----------
    folder : Path
    recipe : SongFile
        What :func:`read` gave for it.

    Returns
    -------
    Audio, optional
        None where no WAV, FLAC or MP3 has the song's name and exact length.
    """
    score = recipe.plan.score
    name = file_stem(score.form.mood.title)
    for suffix in FORMATS:
        found = audio.load(folder / f"{name}.{suffix}", score.n_samples)
        if found:
            return found
    return None


def html(song: Song) -> str:
    """Return a song as a piece of HTML that needs no other file: cover, name and a player."""
    picture = base64.b64encode(jpeg(cover_of(song))).decode()
    sound = base64.b64encode(audio.mp3(song.master, "V2")).decode()
    form = song.score.form
    facts = f"{form.key.name} · {form.tempo_bpm:g} BPM · seed {song.brief.seed}"
    return (
        '<figure style="width:20em;margin:0">'
        f'<img alt="cover" style="width:100%" src="data:image/jpeg;base64,{picture}">'
        f"<figcaption><b>{markup.escape(song.title)}</b><br>{markup.escape(facts)}</figcaption>"
        f'<audio controls style="width:100%" src="data:audio/mpeg;base64,{sound}"></audio>'
        "</figure>"
    )
