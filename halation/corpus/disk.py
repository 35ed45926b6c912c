"""How the files of a corpus are written and read: whole or not at all, errors in one line."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from halation.types import FileError

__all__ = [
    "DRAFT",
    "draft",
    "file_error",
    "file_errors",
    "lines_of",
    "read_json",
    "remove",
    "row_text",
    "write_json",
    "write_text",
]

DRAFT: Final = ".unfinished-"
"""What a file or folder is called until it is whole."""

_ODD: Final = re.compile("[\ud800-\udfff]")


def read_json(path: Path) -> dict[str, Any]:
    """Read a file that holds a JSON object.

    Raises
    ------
    FileError
        If it cannot be read, or holds something else.
    """
    with file_errors(path, "read"):
        content = path.read_bytes()
    try:
        found = json.loads(content)
    except ValueError as error:
        raise FileError(f"{path} is damaged: it is not JSON") from error
    if not isinstance(found, dict):
        raise FileError(f"{path} is damaged: it is not a JSON object")
    return found


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file, whole or not at all.

    Raises
    ------
    FileError
        If the disk is full, or the folder cannot be written to.
    """
    with file_errors(path):
        write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def draft(path: Path) -> Path:
    """Return the name beside ``path`` under which it is written."""
    return path.with_name(f"{DRAFT}{secrets.token_hex(4)}-{path.name}")


def remove(path: Path) -> None:
    """Remove a file or folder with all that is in it, if it can be."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


class file_errors:
    """Tell an error of the file system inside the block in one line, as a FileError."""

    def __init__(self, place: Path, doing: str = "write") -> None:
        self._place, self._doing = place, doing

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError):
            raise file_error(self._place, error, self._doing) from error


def file_error(place: Path, error: OSError, doing: str = "write") -> FileError:
    """Turn an error of the file system into one line that says what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return FileError(
            f"the disk is full at {place}; free some space and call the same again: "
            "what is done stays done"
        )
    return FileError(f"cannot {doing} {place}: {error.strerror or error}")


def row_text(row: Mapping[str, Any]) -> str:
    """Return a JSON object as one line, without the line's end."""
    text = json.dumps(row, ensure_ascii=False)
    # A file's name need not be UTF-8; Python keeps its odd bytes as halves of surrogate pairs.
    return text if text.isascii() or not _ODD.search(text) else json.dumps(row)


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a file of lines; a line that a killed run left is passed over."""
    if not path.exists():
        return
    with file_errors(path, "read"), path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            with suppress(ValueError):
                row = json.loads(line)
                if isinstance(row, dict):
                    yield row


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all; the errors of the file system are raised as such."""
    hidden = draft(path)
    try:
        with hidden.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        hidden.replace(path)
    except BaseException:
        hidden.unlink(missing_ok=True)
        raise
