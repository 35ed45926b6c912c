"""The place where a song is put: safe names, a hidden workshop, one rename at the end."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from halation.types import FileError

__all__ = ["check_out", "clean", "file_stem", "folder_name", "put_in_place", "slug", "workshop"]

PREFIX: Final = ".halation-unfinished-"
"""Hidden folders of this name are ours: a song that is being written, or a killed run's rest."""

STALE_AFTER_S: Final = 3_600.0
"""A song is written in seconds; what is older than this belongs to a run that was killed."""

SLUG_LENGTH: Final = 60
STEM_BYTES: Final = 120
"""Longest file stem in UTF-8: file systems allow 255 bytes, ``-grid.mid`` included."""

RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that Windows keeps for devices, with or without a suffix."""


def clean(text: str) -> str:
    """Replace what UTF-8 cannot hold (half a surrogate pair, as a broken terminal sends it).

    Examples
    --------
    >>> clean("rain"), clean("ra" + chr(0xDCFF) + "in")
    ('rain', 'ra?in')
    """
    return text.encode("utf-8", "replace").decode("utf-8")


def slug(title: str) -> str:
    """Return a title in lower-case ASCII words joined by hyphens, ``"song"`` if nothing remains.

    Examples
    --------
    >>> slug("Rosé / Glass, again"), slug("../../etc"), slug("雨")
    ('rose-glass-again', 'etc', 'song')
    """
    plain = unicodedata.normalize("NFKD", clean(title)).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain)[:SLUG_LENGTH].strip("-")
    return words or "song"


def folder_name(title: str, seed: int) -> str:
    """Return the name of a song's folder, ``<title-slug>-<seed>``."""
    return f"{slug(title)}-{seed}"


def file_stem(title: str) -> str:
    """Return a title as a file name that every system takes; letters of any script stay.

    Examples
    --------
    >>> file_stem("Rosé / Glass?"), file_stem("../../etc"), file_stem("NUL"), file_stem("雨")
    ('Rosé Glass', 'etc', 'NUL_', '雨')
    """
    text = unicodedata.normalize("NFC", clean(title))
    kept = "".join(" " if c in '<>:"/\\|?*' or not c.isprintable() else c for c in text)
    stem = " ".join(kept.split()).strip(". ")
    stem = stem.encode()[:STEM_BYTES].decode("utf-8", "ignore").strip(". ")
    if not stem:
        return "song"
    return f"{stem}_" if RESERVED.fullmatch(stem) else stem


def check_out(out: Path, *, needed_bytes: int = 16 << 20) -> None:
    """Make sure, before anything is rendered, that a song can be written under a folder.

    Nothing is left behind: a folder that does not exist yet is not made.

    Parameters
    ----------
    out : Path
        Where the song's folder is to appear.
    needed_bytes : int >= 0
        Free space that the song will take, about.

    Raises
    ------
    FileError
        If the folder cannot be made or written to, or the disk is too full.
    """
    try:
        if "\0" in str(out):
            raise ValueError("its name has a null character")
        place = out.absolute()
        while not place.exists() and place != place.parent:  # a drive may be missing
            place = place.parent
        if not place.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "it is a file, not a folder", str(place))
        probe = place / f"{PREFIX}{secrets.token_hex(6)}"
        probe.mkdir()
        probe.rmdir()
        free = shutil.disk_usage(place).free
    except (OSError, ValueError) as error:
        raise file_error(out, error) from error
    if free < needed_bytes:
        raise FileError(
            f"the disk has {free / 1e6:.0f} MB left and a song needs about "
            f"{needed_bytes / 1e6:.0f} MB; free some space or choose another folder"
        )


@contextlib.contextmanager
def workshop(out: Path) -> Iterator[Path]:
    """Give a hidden folder under ``out`` to write a song in; it is gone when the block ends.

    What the block has made is kept by :func:`put_in_place`, which moves the folder away. On any
    other way out, Ctrl-C included, the folder and everything in it is removed, and so is ``out``
    if it was made for this song. Rests of killed runs under ``out`` are cleared.

    Raises
    ------
    FileError
        For every error of the file system inside the block.
    """
    made: list[Path] = []
    try:
        folder = out.absolute()
        for place in reversed([folder, *folder.parents]):
            if not place.exists():
                place.mkdir(exist_ok=True)
                made.append(place)
        _clear_stale(folder)
        room = folder / f"{PREFIX}{secrets.token_hex(6)}"
        made.append(room)
        room.mkdir()
        yield room
    except OSError as error:
        raise file_error(out, error) from error
    finally:
        if made and made[-1].name.startswith(PREFIX):
            shutil.rmtree(made.pop(), ignore_errors=True)
        for place in reversed(made):
            with contextlib.suppress(OSError):
                place.rmdir()  # only succeeds on what is still empty


def put_in_place(room: Path, name: str) -> Path:
    """Move a finished folder to its name beside it, or to ``name-2``, ``name-3`` … if taken.

    An existing folder is never touched, not even an empty one.

    Returns
    -------
    Path
        Where the folder is now.
    """
    number = 1
    while True:
        target = room.parent / (name if number == 1 else f"{name}-{number}")
        number += 1
        if os.path.lexists(target):
            continue
        try:
            return room.rename(target)
        except OSError as error:  # another run was faster
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise


def file_error(out: Path, error: OSError | ValueError) -> FileError:
    """Turn an error of the file system into one line that says what to do."""
    code = error.errno if isinstance(error, OSError) else None
    if code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        cure = "the disk is full; free some space or choose another folder with --out"
    elif code in (errno.EACCES, errno.EPERM, errno.EROFS):
        cure = "it may not be written to; choose another folder with --out"
    elif code in (errno.ENOTDIR, errno.EEXIST):
        cure = "there is a file of that name in the way; choose another folder with --out"
    else:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        cure = f"{reason}; choose another folder with --out"
    return FileError(f"cannot write a song into {out}: {cure}")


def _clear_stale(folder: Path) -> None:
    for rest in folder.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            age_s = time.time() - rest.stat(follow_symlinks=False).st_mtime
            if age_s > STALE_AFTER_S and rest.is_dir() and not rest.is_symlink():
                shutil.rmtree(rest, ignore_errors=True)
