"""Sound and files on their way to the browser, read from disk as they go."""

from __future__ import annotations

import io
from collections.abc import Iterable
from email.utils import formatdate
from pathlib import Path
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from halation.files.folder import file_stem
from halation.server.models import Song
from halation.types import SAMPLE_RATE, FileError

__all__ = ["file", "piece", "saved_as", "zipped"]

TYPES: Final = {
    ".wav": "audio/wav", ".mp3": "audio/mpeg", ".flac": "audio/flac", ".mid": "audio/midi",
    ".json": "application/json", ".png": "image/png", ".jpg": "image/jpeg",
}  # fmt: skip

_CACHE: Final = "private, max-age=86400"
"""A song's files never change; its id is of no other song."""


def saved_as(song: Song, name: str) -> str:
    """Return the name under which a browser saves a file.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> saved_as(SimpleNamespace(title="Neon/Rain"), "song-grid.mid")
    'Neon Rain-grid.mid'
    """
    title = file_stem(song.title)
    inner = name.removeprefix("stems/")
    return title + inner.removeprefix("song") if inner.startswith("song") else f"{title} {inner}"


def file(request: Request, path: Path, name: str, download: str | None) -> Response:
    """Answer with a file, a part of it, or that it has not changed."""
    status = path.stat()
    etag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    headers = {"ETag": etag, "Cache-Control": _CACHE, "Accept-Ranges": "bytes"}
    known = [
        tag.strip().removeprefix("W/")
        for tag in request.headers.get("if-none-match", "").split(",")
    ]
    if etag in known:
        return Response(status_code=304, headers=headers)
    headers["Last-Modified"] = formatdate(status.st_mtime, usegmt=True)
    if download is not None:
        headers["Content-Disposition"] = _attachment(download)
    return FileResponse(
        path,
        headers=headers,
        media_type=TYPES.get(Path(name).suffix, "application/octet-stream"),
        stat_result=status,
    )


def zipped(song: Song, stems: Iterable[tuple[str, Path]], download: str | None) -> Response:
    """Answer with a ZIP of stems, put together as it is read; FLAC does not get smaller by it."""
    from zipstream import ZIP_STORED, ZipStream

    archive = ZipStream(compress_type=ZIP_STORED, sized=True)
    title = file_stem(song.title)
    for stem, path in stems:
        archive.add_path(path, f"{title} stems/{stem}.flac")
    headers = {"Content-Length": str(len(archive)), "Cache-Control": "private, no-cache"}
    if download is not None:
        headers["Content-Disposition"] = _attachment(download)
    return StreamingResponse(iter(archive), media_type="application/zip", headers=headers)


def piece(path: Path, start_s: float, duration_s: float) -> bytes:
    """Return a stretch of a FLAC file as FLAC, from and to the nearest samples."""
    import soundfile

    start = round(start_s * SAMPLE_RATE)
    end = round((start_s + duration_s) * SAMPLE_RATE)
    buffer = io.BytesIO()
    try:
        with soundfile.SoundFile(path) as whole:
            start, end = min(start, whole.frames), min(end, whole.frames)
            whole.seek(start)
            sound = whole.read(end - start, dtype="int32", always_2d=True)
        soundfile.write(buffer, sound, SAMPLE_RATE, "PCM_24", format="FLAC", compression_level=0.0)
    except soundfile.SoundFileError as error:
        raise FileError(f"the stem {path.stem} is damaged; delete the song's stems") from error
    return buffer.getvalue()


def _attachment(name: str) -> str:
    plain = name.encode("ascii", "ignore").decode().replace('"', "").replace("\\", "")
    return f"attachment; filename=\"{plain or 'song'}\"; filename*=UTF-8''{quote(name, safe='')}"
