"""Everything that is registered keeps its contract, ours exactly as a stranger's would."""

from __future__ import annotations

import pytest

from halation import backends
from halation.testing import check_composer, check_player
from halation.types import BackendError

PATCHES = [
    *(("synth", patch, "pads") for patch in ("glass", "warm", "choirpad", "strings")),
    *(("synth", patch, "keys") for patch in ("fm_bell", "ice", "celesta", "music_box")),
    *(("synth", patch, "keys") for patch in ("string", "kalimba", "harp", "koto")),
    *(("synth", patch, "lead") for patch in ("flute", "ocarina", "airbrass", "supersaw")),
    *(("vocals", patch, "vocals") for patch in ("chops", "choir")),
    *(("weather", patch, "textures") for patch in ("rain", "wind", "hiss", "vinyl")),
    *(("weather", patch, "textures") for patch in ("thunder", "birds")),
]


@pytest.mark.parametrize(("player", "patch", "stem"), PATCHES)
def test_a_player_keeps_its_contract(player: str, patch: str, stem: str) -> None:
    lead_s = 0.15 if patch == "chops" else 0.0  # consonants come before the beat
    check_player(player, patch=patch, stem=stem, lead_s=lead_s)


@pytest.mark.parametrize("kit", ["soft", "glass", "dust", "vapour", "tape"])
def test_a_drum_kit_keeps_its_contract(kit: str) -> None:
    check_player("drums", patch=kit, stem="drums", pitches=(36, 38, 39, 42, 46, 37))


def test_the_808_keeps_its_contract() -> None:
    check_player("synth", patch="808", stem="bass", pitches=(30, 33, 36, 31))


def test_the_composer_keeps_its_contract() -> None:
    check_composer("rules")


def test_every_backend_describes_itself_and_can_be_used() -> None:
    rows = backends.backends()
    assert {row.name for row in rows} >= {"rules", "synth", "drums", "vocals", "weather"}
    for row in rows:
        assert row.usable or (row.description and row.description.extra), row.problem
        assert row.description is not None
        # Models that read words are asked for by name, and their own licences hold.
        ours = row.description.reads == "notes"
        assert row.description.commercial or not ours, "the engine's songs belong to their maker"


@pytest.mark.parametrize("name", ["synth", "vocals", "weather", "drums"])
def test_an_unknown_patch_is_refused_by_name(name: str) -> None:
    with pytest.raises(BackendError, match="no-such-patch"):
        check_player(name, patch="no-such-patch")


def test_a_missing_module_is_answered_with_its_cure() -> None:
    description = backends.Description("x", "MIT", False, ("no_such_module",), "musicgen")
    assert 'pip install "halation[musicgen]"' in backends._problem(description)
