"""The package that people install has everything that runs, the page among it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_a_wheel_brings_the_page_the_loops_and_the_tables(tmp_path: Path) -> None:
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)),
        ],
        check=True,
    )
    (wheel,) = tmp_path.glob("halation-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert "halation/server/page/index.html" in names
    assert any(name.startswith("halation/server/page/assets/") for name in names)
    assert any(name.startswith("halation/dsp/loops/libloops") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "frontend/"))]
