"""The plugin in docs/plugin, as it stands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from halation import backends, pipeline
from halation.testing import check_player
from halation.types import Brief, Song

PLUGIN = Path(__file__).parents[1] / "docs" / "plugin"
FONTS = Path("/usr/share/sounds/sf2")


@pytest.fixture(scope="module")
def font() -> str:
    """A SoundFont, and FluidSynth; Debian's where they may be installed."""
    if not shutil.which("fluidsynth") or not any(FONTS.glob("*.sf2")):
        may_install = shutil.which("apt-get") and os.geteuid() == 0  # in a container, as CI has
        for words in ("update", "install -y --no-install-recommends fluidsynth timgm6mb-soundfont"):
            if may_install:
                subprocess.run(["apt-get", "-q", *words.split()], check=False)
    if not shutil.which("fluidsynth") or not any(FONTS.glob("*.sf2")):
        pytest.skip("FluidSynth and a SoundFont cannot be installed here")
    return str(min(FONTS.glob("*.sf2"), key=lambda path: path.stat().st_size))


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The plugin as an installer would leave it."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    shutil.copy(PLUGIN / "halation_fluidsynth.py", tmp_path)
    metadata = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    rows = [
        line
        for group, points in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {place}" for name, place in points.items()))
    ]
    (metadata / "entry_points.txt").write_text("\n".join(rows))
    monkeypatch.syspath_prepend(tmp_path)
    backends._registered.cache_clear()
    yield
    backends._registered.cache_clear()
    sys.modules.pop("halation_fluidsynth", None)


@pytest.mark.usefixtures("installed")
def test_the_plugin_of_the_docs_keeps_the_contract(font: str) -> None:
    sound = check_player("fluidsynth", patch="", font=font)
    assert np.abs(sound.samples).max() > 0.003


@pytest.mark.usefixtures("installed")
def test_the_plugin_of_the_docs_plays_the_keys_of_a_song(font: str) -> None:
    wish = Brief(seed=3, length_s=30.0, players=(("keys", f"fluidsynth:{font}"),))
    *_, song = pipeline.produce(wish, workers=1)
    assert isinstance(song, Song)
    keys = song.mix.stems.get("keys")
    assert keys is not None
    assert np.sqrt(np.mean(keys.samples**2)) > 1e-3
    assert {p.player for p in song.score.parts if p.stem == "keys"} == {f"fluidsynth:{font}"}
