"""Names, tempo, key and cover inside the sound files."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from halation.files.folder import clean
from halation.files.midi import key_signature
from halation.types import Score

__all__ = ["Tags", "of_score", "tag_flac", "tag_wav", "with_id3"]

ARTIST: Final = "halation"
COMMENT_LENGTH: Final = 1_000
"""The text in the comment is cut here; song.json holds all of it."""

COVER_SIZE: Final = 800
COVER_QUALITY: Final = 86


@dataclass(frozen=True, slots=True)
class Tags:
    """What the sound files say of a song.

    ``cover_jpeg`` is empty for none.
    """

    title: str
    tempo_bpm: float
    key: str
    comment: str
    software: str
    cover_jpeg: bytes = b""

    @property
    def strings(self) -> tuple[tuple[str, str], ...]:
        """The fields of a WAV file's INFO list."""
        return (
            ("title", self.title),
            ("artist", ARTIST),
            ("comment", self.comment),
            ("software", self.software),
        )


def of_score(score: Score, cover_jpeg: bytes = b"") -> Tags:
    """Return the tags of a song."""
    mood, form = score.form.mood, score.form
    text = clean(mood.brief.text or mood.phrase)[:COMMENT_LENGTH]
    return Tags(
        title=clean(mood.title),
        tempo_bpm=form.tempo_bpm,
        key=key_signature(form.key),
        comment=f"seed {mood.brief.seed}: {text}",
        software=_software(),
        cover_jpeg=cover_jpeg,
    )


def _software() -> str:
    try:
        return f"halation {version('halation')}"
    except PackageNotFoundError:
        return "halation"


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Raise mutagen's errors, a full disk among them, as the OSError that they are."""
    from mutagen import MutagenError

    try:
        yield
    except MutagenError as error:
        cause = error.args[0] if error.args else None
        raise cause if isinstance(cause, OSError) else OSError(str(error)) from error


def _fill(id3: Any, tags: Tags) -> None:
    from mutagen import id3 as module

    frames: Any = module  # mutagen's frames have no types
    utf8 = frames.Encoding.UTF8
    id3.add(frames.TIT2(encoding=utf8, text=tags.title))
    id3.add(frames.TPE1(encoding=utf8, text=ARTIST))
    id3.add(frames.TBPM(encoding=utf8, text=str(round(tags.tempo_bpm))))
    id3.add(frames.TKEY(encoding=utf8, text=tags.key))
    id3.add(frames.TSSE(encoding=utf8, text=tags.software))
    id3.add(frames.COMM(encoding=utf8, lang="eng", desc="", text=tags.comment))
    if tags.cover_jpeg:
        cover = {"mime": "image/jpeg", "desc": "cover", "data": tags.cover_jpeg}
        id3.add(frames.APIC(encoding=utf8, type=frames.PictureType.COVER_FRONT, **cover))


def with_id3(stream: bytes, tags: Tags) -> bytes:
    """Return an MP3 stream with an ID3 tag before it."""
    from mutagen import id3 as module

    frames: Any = module
    id3 = frames.ID3()
    _fill(id3, tags)
    head = io.BytesIO()
    id3.save(head, v2_version=3)
    return head.getvalue() + stream


def tag_wav(path: Path, tags: Tags) -> None:
    """Add an ID3 chunk to the end of a WAV file."""
    from mutagen import wave as module

    wave: Any = module
    with _plain_errors():
        file = wave.WAVE(path)
        file.add_tags()
        _fill(file.tags, tags)
        file.save(v2_version=3)


def tag_flac(path: Path, tags: Tags) -> None:
    """Add Vorbis comments and the cover to a FLAC file."""
    from mutagen import flac as module

    flac: Any = module
    with _plain_errors():
        file = flac.FLAC(path)
    file["title"], file["artist"] = tags.title, ARTIST
    file["bpm"], file["initialkey"] = str(round(tags.tempo_bpm)), tags.key
    file["comment"], file["encoder"] = tags.comment, tags.software
    if tags.cover_jpeg:
        picture = flac.Picture()
        picture.type, picture.mime = 3, "image/jpeg"  # 3: front cover
        picture.data, picture.desc = tags.cover_jpeg, "cover"
        picture.width = picture.height = COVER_SIZE
        picture.depth = 24
        file.add_picture(picture)
    with _plain_errors():
        file.save()
