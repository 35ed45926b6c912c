"""Every way in which a request is not fulfilled, as one kind of answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.routing import BaseRoute

from halation.server.jobs import GoingDown, QueueFull
from halation.types import BriefError, FileError, HalationError

__all__ = ["answer_errors"]


def _allowed(path: str, routes: Sequence[BaseRoute]) -> str:
    """Return the methods that a path knows, for the Allow header."""
    methods = set[str]()
    for route in routes:
        if isinstance(route, APIRoute) and route.path_regex.match(path):
            methods |= route.methods or set()
    return ", ".join(sorted(methods or {"GET", "HEAD"}))


def answer_errors(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Turn every error into one :class:`~halation.server.models.Problem`.

    Parameters
    ----------
    app : FastAPI
    routes : sequence of BaseRoute
        Those whose methods are named where another one was tried.
    """

    def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
        return JSONResponse({"detail": detail, "where": []}, status, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = [str(step)[:80] for step in first["loc"]]
        detail = f"{'.'.join(where[1:]) or 'the request'}: {first['msg']}"
        return JSONResponse({"detail": detail, "where": where}, 422)

    @app.exception_handler(AnyHTTPException)
    async def refused(request: Request, error: AnyHTTPException) -> Response:
        headers = dict(error.headers) if error.headers else None
        if error.status_code == 405:  # the page, which is everywhere, knows its own methods only
            headers = {"Allow": _allowed(request.url.path, routes)}
        return problem(error.status_code, str(error.detail), headers)

    @app.exception_handler(QueueFull)
    async def full(_request: Request, error: QueueFull) -> JSONResponse:
        return problem(429, str(error), {"Retry-After": str(error.wait_s)})

    @app.exception_handler(GoingDown)
    async def leaving(_request: Request, error: GoingDown) -> JSONResponse:
        return problem(503, str(error), {"Retry-After": "5"})

    @app.exception_handler(BriefError)
    async def impossible(_request: Request, error: BriefError) -> JSONResponse:
        return problem(422, str(error))

    @app.exception_handler(FileError)
    async def damaged(_request: Request, error: FileError) -> JSONResponse:
        return problem(404, str(error))

    @app.exception_handler(HalationError)
    async def failed(_request: Request, error: HalationError) -> JSONResponse:
        return problem(409, str(error))

    @app.exception_handler(sqlite3.Error)
    async def unwritable(_request: Request, error: sqlite3.Error) -> JSONResponse:
        return problem(507, f"the library cannot be read or written ({error}); is the disk full?")

    @app.exception_handler(OSError)
    async def no_disk(_request: Request, error: OSError) -> JSONResponse:
        return problem(507, f"the library cannot be read or written ({error.strerror or error})")
