"""Fetching weights from a Hugging Face hub: only what is needed, verified, and gone on with later.

A checkpoint grows in a hidden folder beside its place and is moved there when it is whole. What has
arrived when a download breaks off stays in that folder, and the next one goes on from there.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import queue
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from halation.types import BackendError
from halation.weights import catalogue
from halation.weights.catalogue import Weights
from halation.weights.contents import INDEX, File, is_weights, needed

__all__ = ["Offer", "hub", "install", "offer"]

T = TypeVar("T")
Agree = Callable[["Offer"], bool]
Tell = Callable[[str, int, int], None]

PATIENCE_S: Final = 15.0
"""How long the hub may take to say what it has, the search for its address included."""
CONNECT_S: Final = 5.0
READ_S: Final = 20.0
TRIES: Final = 3
"""How often in a row a file may break off without a byte having come."""
PAUSE_S: Final = 1.0
CHUNK_BYTES: Final = 2**20
UNUSED: Final = {"safety_checker"}
"""Parts of pipelines that no sound needs."""
ROOM_BYTES: Final = 100_000_000
"""What must stay free on the disk."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What there is to be installed, before anybody agreed to it.

    Parameters
    ----------
    row : Weights
    page : str
        Where its licence can be read.
    revision : str
    licence : str
        As the hub's own page names it, empty if it does not.
    files : tuple of File
    """

    row: Weights
    page: str
    revision: str
    licence: str
    files: tuple[File, ...]

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(file.size_bytes for file in self.files)


def hub() -> str:
    """Return the address of the hub: ``HF_ENDPOINT``, or Hugging Face's own."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def install(name: str, *, agree: Agree, tell: Tell = lambda *_: None) -> Path:
    """Fetch a checkpoint into its place; does nothing if it is there.

    Parameters
    ----------
    name : str
        As the catalogue knows it.
    agree : function of Offer
        Shows licence, size and origin, and says whether they are agreed to.
    tell : function of (str, int, int)
        Is told what is being done, and how many bytes of how many are here.

    Returns
    -------
    Path
        The checkpoint's folder.

    Raises
    ------
    BackendError
        If it is unknown, nobody agreed, the disk is too small, the hub cannot be reached or gives
        something else than it promised; the message has the cure.
    """
    row = catalogue.known(name)
    place = catalogue.place(name)
    if place.is_dir():
        return place
    offered = offer(name)
    if not agree(offered):
        raise BackendError(f"the licence of {name} was not agreed to: nothing was downloaded")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _alone(place), _asking(row):
            if not place.is_dir():  # nobody was faster
                unfinished = place.with_name(f".{name}.unfinished")
                _fetch_all(offered, unfinished, tell)
                unfinished.replace(place)
    except OSError as error:
        text = f"{name} cannot be written into {str(place.parent)!r}: {error.strerror or error}"
        raise BackendError(text) from error
    return place


def offer(name: str) -> Offer:
    """Ask the hub what a checkpoint consists of; errors as in :func:`install`."""
    row = catalogue.known(name)
    if not all(map(importlib.util.find_spec, ("huggingface_hub", "httpx2"))):
        raise BackendError('installing weights needs huggingface_hub: pip install "halation[hub]"')
    try:
        with _asking(row):
            return _soon(lambda: _offer(row))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackendError(
            f"{hub()} does not answer as a Hugging Face hub does; see HF_ENDPOINT"
        ) from error


def _offer(row: Weights) -> Offer:
    from huggingface_hub import HfApi

    info = HfApi(endpoint=hub()).model_info(row.repo, files_metadata=True, timeout=CONNECT_S)
    files = [File.of(sibling) for sibling in info.siblings or ()]
    parts = None
    if any(file.name == INDEX for file in files):
        parts = set(json.loads(_read(row.repo, info.sha or "main", INDEX))) - UNUSED
    chosen = needed(files, parts)
    if not any(is_weights(file) for file in chosen):
        raise BackendError(f"{row.repo} holds no weights that can be loaded without running code")
    licence = getattr(info.card_data, "license", None) or ""
    page = f"{hub()}/{row.repo}"
    return Offer(row, page, info.sha or "main", str(licence), tuple(chosen))


def _fetch_all(offered: Offer, folder: Path, tell: Tell) -> None:
    folder.mkdir(exist_ok=True)
    names = {folder / file.name for file in offered.files}
    for path in folder.rglob("*"):
        if path.is_file() and path not in names:  # of another revision
            path.unlink()
    here = sum(min(_size(folder / file.name), file.size_bytes) for file in offered.files)
    _check_room(offered.size_bytes - here, folder)
    done = 0
    for file in offered.files:

        def told(n_bytes: int, name: str = file.name, done: int = done) -> None:
            tell(name, done + n_bytes, offered.size_bytes)

        _fetch(offered, file, folder / file.name, told)
        done += file.size_bytes
    tell("", done, offered.size_bytes)


def _fetch(offered: Offer, file: File, path: Path, told: Callable[[int], None]) -> None:
    """Bring one file here, going on from what there is of it, and verify it."""
    import httpx2

    path.parent.mkdir(parents=True, exist_ok=True)
    if _size(path) >= file.size_bytes and path.exists():
        if _digest(path, file) == file.digest:
            return
        path.unlink()  # of another revision
    path.touch()
    tries = TRIES
    while (have := _size(path)) < file.size_bytes:
        told(have)
        broken: Exception | None = None
        try:
            _go_on(offered, file, path, told)
        except httpx2.TransportError as error:
            broken = error
        tries = TRIES if _size(path) > have else tries - 1
        if not tries:
            raise broken or httpx2.RemoteProtocolError(f"{file.name} does not come")
        if broken:
            time.sleep(PAUSE_S)
    told(file.size_bytes)
    if _digest(path, file) != file.digest:
        path.unlink()
        raise BackendError(
            f"{file.name} of {offered.row.repo} arrived damaged (wrong checksum) and was deleted: "
            f"call halation backends install {offered.row.name} again"
        )


def _go_on(offered: Offer, file: File, path: Path, told: Callable[[int], None]) -> None:
    """Load the rest of a file, or all of it from a hub that cannot go on."""
    have = _size(path)
    with _answer(offered.row.repo, offered.revision, file.name, have) as answer:
        if answer.status_code == 416:  # there is no such rest: another file lay here
            path.unlink()
            path.touch()
            return
        answer.raise_for_status()
        if answer.status_code != 206:
            have = 0
        with path.open("ab" if have else "wb") as out:
            for chunk in answer.iter_bytes():
                out.write(chunk)
                have += len(chunk)
                told(min(have, file.size_bytes))
                if have > file.size_bytes:
                    return  # more than was promised; the checksum will say so


@contextmanager
def _answer(repo: str, revision: str, name: str, start: int = 0) -> Iterator[Any]:
    import httpx2
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined] # it is public

    url = hf_hub_url(repo, name, revision=revision, endpoint=hub())
    headers = {**build_hf_headers(library_name="halation"), "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    timeout = httpx2.Timeout(READ_S, connect=CONNECT_S)
    with get_session().stream("GET", url, headers=headers, timeout=timeout) as answer:
        yield answer


def _read(repo: str, revision: str, name: str) -> bytes:
    with _answer(repo, revision, name) as answer:
        answer.raise_for_status()
        content: bytes = answer.read()
        return content


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _digest(path: Path, file: File) -> str:
    """Return the checksum of what is on the disk, of the kind that the hub gave."""
    digest = hashlib.sha256() if len(file.digest) == 64 else hashlib.sha1(usedforsecurity=False)
    if digest.name == "sha1":
        digest.update(b"blob %d\0" % path.stat().st_size)
    with path.open("rb") as content:
        while chunk := content.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _check_room(size_bytes: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if size_bytes + ROOM_BYTES > free:
        raise BackendError(
            f"{size_bytes / 1e9:.1f} GB are to come into {str(folder.parent)!r}, which has room "
            f"for {free / 1e9:.1f} GB: make room, or set HALATION_WEIGHTS to a larger disk"
        )


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Keep others of this machine from installing the same at the same time."""
    import filelock

    lock = filelock.FileLock(place.with_name(f".{place.name}.lock"), timeout=0)
    try:
        with lock:
            yield
    except filelock.Timeout as error:
        raise BackendError(f"{place.name} is being installed by another halation") from error


def _soon(ask: Callable[[], T]) -> T:
    """Return an answer that comes soon, or raise TimeoutError; nothing can end a name server."""
    answers: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put((ask(), None))
        except BaseException as error:
            answers.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        answer, error = answers.get(timeout=PATIENCE_S)
    except queue.Empty:
        raise TimeoutError("no answer") from None
    if error is not None:
        raise error
    return answer  # type: ignore[return-value]


@contextmanager
def _asking(row: Weights) -> Iterator[None]:
    """Say in one line what went wrong between us and the hub."""
    import httpx2
    from huggingface_hub import errors

    host = urlsplit(hub()).netloc or hub()
    page = f"{hub()}/{row.repo}"
    try:
        yield
    except errors.OfflineModeIsEnabled as error:
        raise BackendError(
            f"HF_HUB_OFFLINE is set, so {host} is not asked: unset it to install {row.name}"
        ) from error
    except (errors.HfHubHTTPError, httpx2.HTTPStatusError) as error:
        status = error.response.status_code
        if isinstance(error, errors.GatedRepoError) or status in (401, 403):
            text = f"accept the licence of {row.repo} on {page} and log in with: hf auth login"
        elif status == 404:
            text = f"{host} has no {row.repo}, or not this part of it"
        elif status == 429:
            text = f"{host} is asked too often; try again in some minutes"
        else:
            text = f"{host} answered with error {status}; try again later"
        raise BackendError(f"{row.name} was not installed: {text}") from error
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
        reason = " ".join(str(error).split())[:80] or type(error).__name__
        raise BackendError(
            f"{host} cannot be reached ({reason}): go online and call "
            f"halation backends install {row.name} again, or give the weights by --model FOLDER"
        ) from error
