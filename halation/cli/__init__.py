"""The command line; its commands are in the modules beside this one.

Exit status: 0 done, 1 a failed run, 2 a wrong call, 130 interrupted. An error is one line.
"""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
import warnings
from typing import Any, NoReturn

import click

from halation.cli import backends, corpus, many, serve, songs, train
from halation.types import BriefError, HalationError

__all__ = ["cli", "main"]

log = logging.getLogger("halation")


def main() -> NoReturn:
    """Run the command line and leave with its exit status."""
    signal.signal(signal.SIGTERM, _terminate)
    warnings.showwarning = _warn
    if isinstance(sys.stdout, io.TextIOWrapper):  # a pipe of Windows does not hold every sign
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        cli.main(standalone_mode=False)
        status = 0
    except (KeyboardInterrupt, click.Abort):
        status = _complain("interrupted; nothing half-written is left", 130)
    except click.ClickException as error:
        status = _complain(" ".join(error.format_message().split()), 2)
    except BriefError as error:
        status = _complain(str(error), 2)
    except HalationError as error:
        status = _complain(str(error), 1)
    except BrokenPipeError:
        # The reader has gone; keep the interpreter from complaining when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except MemoryError:
        status = _complain("not enough memory; try a shorter --length", 1)
    except OSError as error:
        status = _complain(f"{error.strerror or error}: {error.filename or 'the disk'}", 1)
    except Exception as error:
        log.exception("unexpected error")
        if "--verbose" in sys.argv:
            raise
        status = _complain(
            f"unexpected error: {type(error).__name__}: {error}; this is a fault in halation, "
            "please report it with the output of the same command with --verbose",
            1,
        )
    sys.exit(status)


def _complain(message: str, status: int) -> int:
    print(f"halation: {message}", file=sys.stderr)
    return status


def _warn(message: Warning | str, category: type[Warning], *_where: Any, **_more: Any) -> None:
    """Tell a warning that is meant for the user in one line."""
    if issubclass(category, UserWarning):
        print(f"halation: {message}", file=sys.stderr)


def _terminate(_signal: int, _frame: Any) -> NoReturn:
    sys.exit(143)


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="halation")
@click.pass_context
def cli(context: click.Context) -> None:
    """Whole songs by themselves: dreamy, off-grid, ambient, emotional.

    "halation make" is all you need.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (
    songs.make,
    songs.remake,
    songs.inspect,
    backends.backends,
    serve.serve,
    many.batch,
    many.radio,
    corpus.corpus,
    train.train,
):
    cli.add_command(command)
