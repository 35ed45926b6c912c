"""The table of back ends in the README."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks import truth


def test_the_readme_tells_of_every_model_what_was_tried() -> None:
    page = (Path(__file__).parents[1] / "README.md").read_text()
    found = truth.TABLE.search(page)
    assert found is not None
    rows = re.findall(r"^\| `([\w-]+)` \|(.*)$", found[0], re.MULTILINE)
    assert [name for name, _ in rows] == truth.readers(), "write it anew: make truth"
    assert all("yes, " in row and " tests" in row for _, row in rows), rows
