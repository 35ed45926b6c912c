"""Processes that make songs: one that is killed takes only its own task with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import psutil
import pytest

from halation.types import BackendError
from halation.workers import Processes, dask, died

LONG_S = 30.0


def hold(flag: str) -> int:
    """Say who is at work, and go on when the file ``flag`` is there."""
    Path(f"{flag}.{os.getpid()}").touch()
    while not Path(flag).exists():
        time.sleep(0.01)
    return os.getpid()


def double(number: int) -> int:
    return 2 * number


def fail() -> None:
    raise ValueError("no")


@pytest.fixture
def pool() -> Iterator[Processes]:
    pool = Processes(2)
    yield pool
    pool.kill()


def holders(flag: Path, count: int) -> list[int]:
    end = time.monotonic() + LONG_S
    while time.monotonic() < end:
        found = [int(path.suffix[1:]) for path in flag.parent.glob(f"{flag.name}.*")]
        if len(found) >= count:
            return found
        threading.Event().wait(0.01)
    raise AssertionError(f"{count} tasks never ran at once")


def test_a_killed_process_takes_only_its_own_task(pool: Processes, tmp_path: Path) -> None:
    flag = tmp_path / "go"
    tasks = [pool.submit(hold, str(flag)) for _ in range(2)]
    first, second = holders(flag, 2)
    os.kill(first, signal.SIGKILL)
    ended, (kept,) = wait(tasks, LONG_S, return_when=FIRST_COMPLETED)
    error = ended.pop().exception()
    assert isinstance(error, BrokenProcessPool)
    assert died(error)
    flag.touch()
    assert kept.result(LONG_S) == second
    # The pool has two processes again.
    assert [pool.submit(double, n).result(LONG_S) for n in range(6)] == [0, 2, 4, 6, 8, 10]


def test_one_killed_while_idle_is_replaced(pool: Processes) -> None:
    pids = {pool.submit(os.getpid).result(LONG_S) for _ in range(4)}
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], LONG_S)
    results: list[int] = []
    end = time.monotonic() + LONG_S
    while len(results) < 4 and time.monotonic() < end:
        try:
            results.append(pool.submit(double, 4).result(LONG_S))
        except BrokenProcessPool:  # it died with the task in its hands
            continue
    assert results == [8] * 4


def test_a_task_that_fails_is_no_death(pool: Processes) -> None:
    error = pool.submit(fail).exception(LONG_S)
    assert isinstance(error, ValueError)
    assert not died(error)
    assert pool.submit(double, 1).result(LONG_S) == 2


def test_nothing_is_taken_after_the_end() -> None:
    pool = Processes(1)
    assert pool.submit(double, 1).result(LONG_S) == 2
    pool.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(double, 1)
    with pytest.raises(ValueError, match="at least one"):
        Processes(0)


PARENT = """
import sys
from halation.workers import Processes
from tests.test_workers import hold
if __name__ == "__main__":
    pool = Processes(2)
    [pool.submit(hold, sys.argv[1]) for _ in range(2)]
    sys.stdin.read()
"""


def test_nobody_survives_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    flag = tmp_path / "go"
    root = str(Path(__file__).parent.parent)
    with subprocess.Popen(
        [sys.executable, str(script), str(flag)],
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root},
    ) as parent:
        children = [psutil.Process(pid) for pid in holders(flag, 2)]
        parent.kill()
        _, alive = psutil.wait_procs(children, LONG_S)
    assert not alive


def test_a_cluster_is_an_executor_like_any_other(cluster: str) -> None:
    with dask(cluster) as makers:
        executor = makers.executor
        assert isinstance(executor, Executor)
        assert (makers.slots, makers.share, makers.remote) == (1, 1, True)
        assert [executor.submit(abs, -n).result(LONG_S) for n in range(3)] == [0, 1, 2]
        with pytest.raises(ValueError, match="invalid literal"):
            executor.submit(int, "no").result(LONG_S)


def test_where_no_cluster_answers_the_way_to_one_is_told() -> None:
    with (
        pytest.raises(BackendError, match=r"no Dask scheduler answers at 'tcp://127\.0\.0\.1:9'"),
        dask("tcp://127.0.0.1:9"),
    ):
        pass
    with pytest.raises(BackendError, match="no Dask scheduler answers"), dask("nonsense://"):
        pass
