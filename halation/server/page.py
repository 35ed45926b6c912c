"""The built page, as it lies in the package."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.responses import PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

__all__ = ["BUILT", "mount"]

BUILT: Final = Path(__file__).parent / "page"
"""Where ``npm run build`` in frontend/ puts it."""

_MISSING: Final = (
    "The page is not built. In a checkout of halation, `make serve` builds it; "
    "an installed package brings it along. The API is there: see /openapi.json.\n"
)

_FOREVER: Final = "public, max-age=31536000, immutable"


class _Page(StaticFiles):
    """Files whose name changes with their content are kept; the others are asked for again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        lasting = path.startswith("assets/") and response.status_code == 200
        response.headers["Cache-Control"] = _FOREVER if lasting else "no-cache"
        return response


def mount(app: FastAPI, folder: Path | None = None) -> None:
    """Show the page at ``/``."""
    folder = folder or BUILT
    if (folder / "index.html").is_file():
        app.mount("/", _Page(directory=folder, html=True), name="page")
        return

    @app.get("/", include_in_schema=False)
    async def missing() -> Response:
        return PlainTextResponse(_MISSING, 503)
