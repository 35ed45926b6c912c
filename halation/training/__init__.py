"""Build-time and training code; it imports heavy libraries, and is imported only when called."""

from __future__ import annotations

import sys

import click

from halation.types import HalationError

__all__ = ["run"]


def run(command: click.Command) -> None:
    """Run a module of this room as a program; an error is one line."""
    try:
        command.main()
    except HalationError as error:
        sys.exit(f"halation: {error}")
