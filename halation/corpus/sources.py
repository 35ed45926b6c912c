"""Music for a corpus: files and folders, told apart by what they hold, and addresses on the web.

Nothing is copied: a corpus knows where its files are, and by their digest what they are.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from halation.corpus.disk import file_error
from halation.corpus.layout import Corpus, Source
from halation.files.folder import clean
from halation.types import BackendError

__all__ = ["Found", "add", "identity", "kind_of"]

Kind = Literal["audio", "midi"]
Say = Callable[[str], None]

TOGETHER: Final = 64
"""So many finds are written down at a time; Ctrl-C writes down the rest."""

DEEPEST: Final = 3
"""Playlists of playlists of playlists; what lies deeper is passed over."""

SUFFIXES: Final = frozenset(
    (
        *(".wav", ".wave", ".w64", ".flac", ".mp3", ".mp2", ".ogg", ".oga", ".opus", ".aif"),
        *(".aiff", ".aifc", ".m4a", ".mp4", ".aac", ".webm", ".mka", ".wma", ".au"),
        *(".snd", ".mid", ".midi", ".kar", ".rmi"),
    )
)
"""What should be music by its name; if it is not, that is told. Other files are passed over."""


@dataclass(frozen=True, slots=True)
class Found:
    """What became of one file or address.

    Parameters
    ----------
    name : str
        Its path or address.
    state : str
        ``"added"``, ``"known"`` (the same bytes are in the corpus already) or ``"skipped"``.
    source : Source, optional
        None for what was skipped.
    message : str
        Why it was skipped, or what it is the same as.
    """

    name: str
    state: Literal["added", "known", "skipped"]
    source: Source | None = None
    message: str = ""


def kind_of(head: bytes) -> Kind | None:
    """Tell what a file is from its first bytes, or None if it is no music.

    Examples
    --------
    >>> kind_of(b"MThd" + bytes(12)), kind_of(b"fLaC" + bytes(12)), kind_of(b"GIF89a" + bytes(10))
    ('midi', 'audio', None)
    """
    if head.startswith(b"MThd") or (head[:4] == b"RIFF" and head[8:12] == b"RMID"):
        return "midi"
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE":
        return "audio"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "audio"
    if head[4:8] == b"ftyp" or head.startswith(_BEGINNINGS):
        return "audio"
    # An MPEG frame: eleven set bits, then layer 2 or 3 (or AAC), a bit rate and a sample rate.
    if len(head) >= 3 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        layer, rate = head[1] >> 1 & 3, head[2] >> 2 & 3
        if head[1] & 0xF6 == 0xF0:
            return "audio"
        return "audio" if layer in (1, 2) and rate != 3 and head[2] >> 4 != 15 else None
    return None


_BEGINNINGS: Final = (
    *(b"fLaC", b"OggS", b"ID3", b"caff", b".snd", b"\x1aE\xdf\xa3", b"riff"),
    b"0&\xb2u\x8ef\xcf\x11",
)
"""FLAC, Ogg, MP3 with tags, Core Audio, AU, Matroska and WebM, Wave 64, Windows Media."""


def identity(path: Path) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def add(corpus: Corpus, places: tuple[str, ...], say: Say = lambda _text: None) -> Iterator[Found]:
    """Add files, folders with all that lies under them, and addresses on the web.

    What is found is written down as it is found; after Ctrl-C the same call goes on.

    Parameters
    ----------
    corpus : Corpus
    places : tuple of str
        Paths, or addresses that begin with http:// or https://.
    say : callable
        Told what is being downloaded.

    Yields
    ------
    Found
        For everything that is music, or should be by its name.

    Raises
    ------
    BackendError
        If something is to be downloaded and yt-dlp is not installed.
    FileError
        If the corpus cannot be written to, or its disk is full.
    """
    known = {source.id: source for source in corpus.sources()}
    fresh: list[Source] = []
    try:
        for place in places:
            found = (
                _from_web(corpus, place, known, say)
                if _is_url(place)
                else _from_disk(corpus, Path(place), known)
            )
            for one in found:
                source = one.source
                if source is not None and known.get(source.id) != source:
                    known[source.id] = source
                    fresh.append(source)
                if len(fresh) >= TOGETHER or (fresh and fresh[-1].url):
                    corpus.note(*fresh)
                    fresh.clear()
                yield one
    finally:
        if fresh:
            corpus.note(*fresh)
        corpus.tidy()


def _is_url(place: str) -> bool:
    return place.lower().startswith(("http://", "https://"))


def _from_disk(corpus: Corpus, place: Path, known: dict[str, Source]) -> Iterator[Found]:
    if not place.exists():
        yield Found(str(place), "skipped", message="there is no such file or folder")
        return
    if not place.is_dir():
        yield _file(place, known) or Found(str(place), "skipped", message=_NO_MUSIC)
        return
    unreadable: list[OSError] = []
    ours = corpus.folder.resolve()
    for folder, inner, names in os.walk(place, onerror=unreadable.append):
        inner[:] = sorted(name for name in inner if Path(folder, name).resolve() != ours)
        for name in sorted(names):
            path = Path(folder, name)
            found = None if name.startswith("._") else _file(path, known)
            if found is not None:
                yield found
            elif path.suffix.lower() in SUFFIXES and not name.startswith("."):
                yield Found(str(path), "skipped", message=_NO_MUSIC)
        while unreadable:
            yield _not_read(unreadable.pop(), folder)
    while unreadable:
        yield _not_read(unreadable.pop(), str(place))


_NO_MUSIC: Final = "it holds neither sound nor MIDI"


def _not_read(error: OSError, place: str) -> Found:
    reason = error.strerror or str(error)
    return Found(str(error.filename or place), "skipped", message=f"it cannot be read: {reason}")


def _file(path: Path, known: dict[str, Source], name: str = "", url: str = "") -> Found | None:
    """Look at a file; None if it is no music."""
    try:
        if not path.is_file():  # a pipe would be read for ever
            return None
        with path.open("rb") as file:
            head = file.read(16)
        if not head and path.suffix.lower() in SUFFIXES:
            return Found(str(path), "skipped", message="the file is empty")
        kind = kind_of(head)
        if kind is None:
            return None
        source = Source(identity(path), kind, clean(name or path.stem), str(path.absolute()), url)
    except OSError as error:
        return _not_read(error, str(path))
    before = known.get(source.id)
    if before is None:
        return Found(str(path), "added", source)
    if not Path(before.path).exists():  # it has moved
        return Found(str(path), "known", replace(before, path=source.path), "it has moved")
    same = "" if Path(before.path) == path.absolute() else f"the same file as {before.path}"
    return Found(str(path), "known", before, same)


def _from_web(corpus: Corpus, url: str, known: dict[str, Source], say: Say) -> Iterator[Found]:
    try:
        import yt_dlp  # noqa: F401  (says now what is missing)
    except ImportError as error:
        raise BackendError('downloads need an extra: pip install "halation[corpus]"') from error
    have = {source.url: source for source in known.values() if source.url}
    for address, title, got in _downloads(corpus, url, "", have, say, 0):
        if isinstance(got, Source):
            yield Found(address, "known", got)
        elif isinstance(got, str):
            yield Found(address, "skipped", message=got)
        else:
            found = _file(got, known, title, address)
            if found is None:
                found = Found(address, "skipped", message=_NO_MUSIC)
            yield replace(found, name=address)


Download = tuple[str, str, "Path | Source | str"]
"""Address and title of an item; its file, the source that it is already, or what is wrong."""


def _downloads(
    corpus: Corpus, url: str, title: str, have: dict[str, Source], say: Say, depth: int
) -> Iterator[Download]:
    """Yield the items of a page or playlist as they are there."""
    from yt_dlp import YoutubeDL
    from yt_dlp.utils import YoutubeDLError

    if url in have and Path(have[url].path).exists():
        yield url, title, have[url]
        return
    say(f"looking at {url}")
    folder = corpus.downloads / hashlib.sha256(url.encode()).hexdigest()[:12]
    try:
        with YoutubeDL(_options(folder, say)) as web:
            info: dict[str, Any] = web.extract_info(url, download=False) or {}
            entries = info.get("entries")
            if entries is None:
                title = title or info.get("title") or url
                say(f"downloading {title}")
                yield url, title, _fetched(web, info, folder)
                return
            entries = list(entries)  # pages of a long list come as they are asked for
    except YoutubeDLError as error:
        if os.strerror(errno.ENOSPC) in str(error):
            full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise file_error(folder, full) from error
        yield url, title, _reason(error)
        return
    except OSError as error:
        raise file_error(folder, error) from error
    for entry in entries:
        address = (entry or {}).get("url") or (entry or {}).get("webpage_url")
        if address and depth < DEEPEST:
            inner = _downloads(corpus, address, entry.get("title") or "", have, say, depth + 1)
            yield from inner
        else:
            yield url, "", "an item of the list is not available"


def _fetched(web: Any, info: dict[str, Any], folder: Path) -> Path | str:
    folder.mkdir(parents=True, exist_ok=True)
    done = web.process_ie_result(info, download=True)
    files = [Path(item["filepath"]) for item in done.get("requested_downloads") or ()]
    if not files or not files[0].is_file():
        return "nothing was downloaded"
    return files[0]


def _options(folder: Path, say: Say) -> dict[str, Any]:
    """Return how yt-dlp is to work: sound only, without ffmpeg, going on where it was."""
    return {
        "format": "bestaudio/best",
        "outtmpl": {"default": str(folder / "%(id).60B.%(ext)s").replace("\\", "/")},
        "restrictfilenames": True,
        "extract_flat": "in_playlist",
        "continuedl": True,
        "fixup": "never",
        "cachedir": False,
        "socket_timeout": 20,
        "retries": 3,
        "quiet": True,
        "noprogress": True,
        "progress_hooks": [lambda at: _tell(at, say)],
        "logger": _Silent(),
    }


class _Silent:
    """Where yt-dlp says what it does; errors are raised besides."""

    def debug(self, _text: str) -> None:
        """Take a remark."""

    info = warning = error = debug


def _tell(at: dict[str, Any], say: Say) -> None:
    got, whole = at.get("downloaded_bytes"), at.get("total_bytes") or at.get("total_bytes_estimate")
    if at.get("status") == "downloading" and got and whole:
        name = Path(at.get("filename") or "").name
        say(f"downloading {name}: {100.0 * got / whole:.0f} % of {whole / 1e6:.1f} MB")


def _reason(error: Exception) -> str:
    """Return in one line why a download failed."""
    text = " ".join(str(error).split()).removeprefix("ERROR: ")
    return f"it cannot be downloaded: {text.split('; please report')[0][:200]}"
