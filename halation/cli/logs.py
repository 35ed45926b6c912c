"""Where the command line writes down what happened."""

from __future__ import annotations

import logging
import os
from pathlib import Path

__all__ = ["start_logging"]

log = logging.getLogger("halation")


def start_logging(verbose: bool) -> None:
    """Log to a rotating file (HALATION_LOG names another folder) and, if asked, to stderr."""
    from logging.handlers import RotatingFileHandler

    import platformdirs

    log.setLevel(logging.DEBUG if verbose else logging.INFO)
    folder = Path(os.environ.get("HALATION_LOG") or platformdirs.user_log_dir("halation", False))
    form = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = RotatingFileHandler(
            folder / "halation.log",
            maxBytes=500_000,
            backupCount=2,
            encoding="utf-8",
            errors="backslashreplace",
        )
        file.setFormatter(form)
        log.addHandler(file)
    except OSError:
        pass  # a log that cannot be written must not keep anybody from a song
    if verbose:
        screen = logging.StreamHandler()
        screen.setFormatter(form)
        log.addHandler(screen)
