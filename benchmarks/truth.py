"""What is known of every text-to-audio back end, as a table: ``python -m benchmarks.truth``.

The tests that carry the mark ``backend("NAME")``, and those that are repeated for each back end's
``name``, are run on tiny random checkpoints (of ``hf``: against a server on this machine) and
counted; what was run at true size stands in ``true-size.json``, which :mod:`benchmarks.neural`
writes. The table is put into the README.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from halation import backends

__all__ = ["TABLE", "counted", "readers", "written"]

ROOT: Final = Path(__file__).parents[1]
TRUE_SIZE: Final = Path(__file__).with_name("true-size.json")
TABLE: Final = re.compile(r"(<!-- truth -->\n).*?(<!-- /truth -->)", re.DOTALL)
LISTENED: Final[dict[str, str]] = {}
"""Who listened to which checkpoint with its true weights, and when."""


class _Counting:
    """Counts the tests of each back end: all, or those that passed."""

    def __init__(self) -> None:
        self.passed: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
        report = (yield).get_result()
        names = [mark.args[0] for mark in item.iter_markers("backend")]
        given = getattr(item, "callspec", None)
        if given is not None and not names:  # one test for several back ends
            names = [re.split("[: ]", str(given.params.get("name", "")))[0]]
        for name in names:
            if report.failed:
                self.failed[name] += 1
            elif report.passed and call.when == "call":
                self.passed[name] += 1


def readers() -> list[str]:
    """Return the installed players that are told in words what to play."""
    rows = backends.backends()
    return [r.name for r in rows if r.description and r.description.reads == "words"]


def counted() -> _Counting:
    """Run the tests of all back ends."""
    counting = _Counting()
    files = [str(path) for path in sorted((ROOT / "tests").glob("test_*.py"))]
    marked = [path for path in files if "mark.backend(" in Path(path).read_text()]
    pytest.main(["-q", "-p", "no:cacheprovider", *marked], plugins=[counting])
    return counting


def written(passed: Counter[str], failed: Counter[str]) -> str:
    """Return the table."""
    large = json.loads(TRUE_SIZE.read_text()) if TRUE_SIZE.exists() else {}
    lines = [
        "| back end | written | run on a tiny random checkpoint | run at true size, random weights "
        "| listened to with true weights |",
        "|---|---|---|---|---|",
    ]
    for name in readers():
        tiny = f"yes, {passed[name]} tests" if passed[name] and not failed[name] else "no"
        tiny = f"no: {failed[name]} tests fail" if failed[name] else tiny
        if name == "hf" and tiny.startswith("yes"):
            tiny += ", against a server here"
        lines.append(
            f"| `{name}` | yes | {tiny} | {large.get(name, 'no')} | {LISTENED.get(name, 'no')} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Put the table into the README."""
    counting = counted()
    table = written(counting.passed, counting.failed)
    page = ROOT / "README.md"
    page.write_text(TABLE.sub(lambda found: found[1] + table + found[2], page.read_text()))
    print(table)


if __name__ == "__main__":
    main()
