"""``halation serve``: the page with one button."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import webbrowser
from pathlib import Path
from typing import Final

import click

from halation.cli.logs import start_logging
from halation.types import LENGTH_RANGE_S

__all__ = ["serve"]

PORT: Final = 4747

CHROMIUMS: Final = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "brave-browser",
    "microsoft-edge", "vivaldi", "chrome", "msedge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)  # fmt: skip
"""Browsers that know ``--app``."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, metavar="NAME")
@click.option(
    "--port", type=click.IntRange(0, 65_535), help=f"0 takes any free one.  [default: {PORT}]"
)
@click.option(
    "--library",
    type=click.Path(path_type=Path),
    envvar="HALATION_LIBRARY",
    show_envvar=True,
    help="Folder of songs [default: the system's place for such].",
)
@click.option("--workers", type=click.IntRange(1, 64), help="Songs made at a time.")
@click.option("--dask", metavar="ADDRESS", help="Have songs made by a Dask cluster.")
@click.option("--queue", type=click.IntRange(1, 1_000), default=32, show_default=True)
@click.option(
    "--quota",
    "quota_mb",
    type=click.IntRange(200),
    default=5_000,
    show_default=True,
    metavar="MB",
    help="Room for songs, until the page sets another.",
)
@click.option(
    "--length",
    "length_s",
    type=click.FloatRange(*LENGTH_RANGE_S),
    metavar="SECONDS",
    help="Length of every song.",
)
@click.option(
    "--allow-host", "hosts", multiple=True, metavar="NAME", help="Another name of this server."
)
@click.option("--browser/--no-browser", default=True, help="Open the page.")
@click.option("--app", is_flag=True, help="Open it in a window of its own, by Chromium or alike.")
@click.option("--verbose", is_flag=True, help="Tell what happens, and all of an error.")
def serve(
    *,
    host: str,
    port: int | None,
    library: Path | None,
    hosts: tuple[str, ...],
    browser: bool,
    app: bool,
    verbose: bool,
    **how: int | float | str | None,
) -> None:
    """Show the page with one button, and make the songs that it asks for."""
    start_logging(verbose)
    import platformdirs

    from halation.server import run

    if port is None and run.answers(host, PORT):
        url = run.url_of(host, PORT)
        print(f"halation is already running at {url}")
        open_page(url, browser=browser, app=app)
        return
    folder = library or Path(platformdirs.user_data_dir("halation", False)) / "library"
    listener = run.listen(host, PORT if port is None else port)
    url = run.url_of(host, listener.getsockname()[1])
    if not run.is_loopback(host):
        print(
            "halation: everybody who reaches this machine may make songs and delete them",
            file=sys.stderr,
        )

    def ready() -> None:
        print(f"halation is at {url}  (Ctrl-C ends it)", flush=True)
        open_page(url, browser=browser, app=app)

    service = run.Service(folder, hosts=(*hosts, *run.names_of(host)), **how)  # type: ignore[arg-type]
    run.serve(service, listener, ready)


def open_page(url: str, *, browser: bool, app: bool) -> None:
    """Open the page, if there is a screen to open it on."""
    if not browser and not app:
        return
    headless = sys.platform == "linux" and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    if app and not headless:
        found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
        if found:
            subprocess.Popen(
                [found, f"--app={url}"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            return
        print(
            "halation: no Chromium-like browser is here; the usual one is opened", file=sys.stderr
        )
    if headless or not webbrowser.open(url):
        print("halation: no browser could be opened; open the address yourself", file=sys.stderr)
