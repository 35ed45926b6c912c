"""Songs to disk and back: WAV, MP3, FLAC, MIDI, stems, cover, song.json.

The one writer of songs. Everything is written into a hidden folder beside the place where the song
is to be, which is renamed when all is complete: an interrupted run leaves no half song.
"""

from __future__ import annotations

import base64
import html as markup
import io
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halation.files import audio, midi, tags
from halation.files.audio import Mp3
from halation.files.folder import check_out, file_stem, folder_name, put_in_place, workshop
from halation.files.songfile import ENGINE, SongFile, encode, engine_note, read
from halation.files.summary import summary
from halation.types import STEM_NAMES, Audio, BriefError, Song

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "ENGINE",
    "FORMATS",
    "SongFile",
    "Written",
    "check_out",
    "encode",
    "engine_note",
    "find_audio",
    "html",
    "needed_bytes",
    "read",
    "summary",
    "write",
]

FORMATS: Final = ("wav", "mp3", "flac")
"""Sound files that can be asked for."""


@dataclass(frozen=True, slots=True)
class Written:
    """Where a song's files are; None or empty for what was not asked for."""

    folder: Path
    song_json: Path
    cover: Path
    midi: Path
    midi_grid: Path
    wav: Path | None = None
    mp3: Path | None = None
    flac: Path | None = None
    stems: tuple[Path, ...] = ()

    def as_strings(self) -> dict[str, str | list[str]]:
        """Return the absolute paths by name, what was not written left out."""
        found: dict[str, str | list[str]] = {}
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if isinstance(value, Path):
                found[name] = str(value.absolute())
            elif value:
                found[name] = [str(path.absolute()) for path in value]
        return found


def _check_formats(names: Iterable[str]) -> None:
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not tuple(names):
        what = f"no such format: {unknown[0][:40]!r}" if unknown else "no format was named"
        raise BriefError(f"{what}; choose from {', '.join(FORMATS)}")


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
    _check_formats(formats)
    with workshop(Path(out)) as room:
        draft = _fill(song, room, formats, stems, mp3)
        folder = put_in_place(room, folder_name(song.title, song.brief.seed))
    return _moved(draft, room, folder)


def _fill(song: Song, room: Path, formats: tuple[str, ...], stems: bool, mp3: Mp3) -> Written:
    """Write everything into ``room``: the sound files side by side, all else meanwhile."""
    name = file_stem(song.title)
    stop = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        try:
            encoding = (
                pool.submit(audio.mp3, song.master, mp3, cancelled=stop.is_set)
                if "mp3" in formats
                else None
            )
            wav = room / f"{name}.wav"
            writing = (
                pool.submit(audio.write_wav, wav, song.master, tags.of_song(song).strings)
                if "wav" in formats
                else None
            )
            picture = _cover(song)
            picture.save(room / "cover.png", compress_level=1)
            tag = tags.of_song(song, _jpeg(picture))
            draft = Written(
                folder=room,
                song_json=room / "song.json",
                cover=room / "cover.png",
                midi=room / f"{name}.mid",
                midi_grid=room / f"{name}-grid.mid",
                wav=wav if writing else None,
                mp3=room / f"{name}.mp3" if encoding else None,
                flac=room / f"{name}.flac" if "flac" in formats else None,
                stems=_stems(song, room) if stems else (),
            )
            midi.write(draft.midi, song.score)
            midi.write(draft.midi_grid, song.score, quantised=True)
            draft.song_json.write_bytes(encode(song))
            if writing:
                writing.result()
                tags.tag_wav(wav, tag)
            if draft.flac:
                audio.write_flac(draft.flac, song.master)
                tags.tag_flac(draft.flac, tag)
            if draft.mp3 and encoding:
                draft.mp3.write_bytes(tags.with_id3(encoding.result(), tag))
        finally:
            stop.set()  # a failure or Ctrl-C here must not wait for the MP3
    return draft


def _cover(song: Song) -> Image:
    from halation.pictures import cover

    return cover.draw(song.score, song.master)


def _jpeg(picture: Image) -> bytes:
    buffer = io.BytesIO()
    small = picture.convert("RGB").resize((tags.COVER_SIZE, tags.COVER_SIZE), reducing_gap=2.0)
    small.save(buffer, "JPEG", quality=tags.COVER_QUALITY)
    return buffer.getvalue()


def _stems(song: Song, room: Path) -> tuple[Path, ...]:
    folder = room / "stems"
    folder.mkdir()
    rows = [(stem.name, stem.audio) for stem in song.mix.stems.tracks]
    for name, sound in [*rows, ("mix", song.mix.audio)]:
        audio.write_wav(folder / f"{name}.wav", sound)
    return tuple(folder / f"{name}.wav" for name in [*(name for name, _ in rows), "mix"])


def _moved(draft: Written, room: Path, folder: Path) -> Written:
    def at(path: Path | None) -> Path | None:
        return folder / path.relative_to(room) if path else None

    return Written(
        folder=folder,
        song_json=folder / "song.json",
        cover=folder / "cover.png",
        midi=folder / draft.midi.name,
        midi_grid=folder / draft.midi_grid.name,
        wav=at(draft.wav),
        mp3=at(draft.mp3),
        flac=at(draft.flac),
        stems=tuple(folder / path.relative_to(room) for path in draft.stems),
    )


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
    picture = base64.b64encode(_jpeg(_cover(song))).decode()
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
