"""What all tests share: the one switch that writes goldens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write what the code gives now as the new goldens (raise the engine number with it)",
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether goldens are written on purpose in this run."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """Address of a Dask cluster of one worker; both are processes, as on other machines."""
    with ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory())

        def start(*command: str) -> IO[str]:
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "distributed.cli.dask_" + command[0], *command[1:]],
                    stderr=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    text=True,
                    cwd=place,
                    env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
                )
            )
            stack.callback(process.kill)
            assert process.stderr is not None
            return process.stderr

        said = start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        address = next(filter(None, (re.search(r"tcp://\S+:\d+", line) for line in said)))[0]
        said = start("worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny")
        assert any("Registered to" in line for line in said)
        yield address
