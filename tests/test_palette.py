"""Sixty songs of sixty moods: hardly two of them sound of the same instruments."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import combinations

from halation import mood
from halation.score import palette
from halation.seeds import rng
from halation.stems.kits import KITS
from halation.stems.patches import PATCHES, patch
from halation.stems.weather import SKIES
from halation.types import Brief

SLOTS = ("pad", "wide", "bells", "pluck", "lead", "bass", "kick", "weather")
SONGS = 60


@cache
def palettes() -> tuple[tuple[str, ...], ...]:
    found = []
    for seed in range(SONGS):
        brief = Brief(seed)
        feeling = mood.read(brief)
        chosen: dict[str, str] = {}
        for slot in SLOTS:
            stream = rng(brief.entropy, "score", "patch", slot)
            but = (chosen["pad"],) if slot == "wide" else ()
            chosen[slot] = palette.draw_sound(slot, feeling, stream, but)[0]
        found.append(tuple(chosen.values()))
    return tuple(found)


def test_two_songs_hardly_ever_share_a_palette() -> None:
    shared = [
        sum(a == b for a, b in zip(one, other, strict=True))
        for one, other in combinations(palettes(), 2)
    ]
    assert sum(n == len(SLOTS) for n in shared) < 0.01 * len(shared)
    assert sum(n >= 4 for n in shared) < 0.1 * len(shared)


def test_every_patch_gets_its_turn_and_none_is_everywhere() -> None:
    for i, slot in enumerate(SLOTS):
        counts = Counter(name for song in palettes() for name in song[i].split("+"))
        assert len(counts) >= min(6, len(palette.PATCHES[slot]))
        if slot != "bass":  # the 808 is the style's own
            assert counts.most_common(1)[0][1] < 0.5 * SONGS
    assert Counter(song[SLOTS.index("bass")].split("+")[0] for song in palettes())["808"] > 30


def test_a_mood_draws_near_patches_and_blends_them() -> None:
    def near(warmth: float) -> Counter[str]:
        feeling = mood.read(Brief(1))
        feeling = type(feeling)(
            feeling.brief, 0.0, 0.0, warmth, 0.0, 0.0, (), "", True, ""
        )  # fmt: skip
        draws = [palette.draw_sound("pad", feeling, rng(i, "test"))[0] for i in range(200)]
        assert 60 < sum("+" in name for name in draws) < 160
        return Counter(name for sound in draws for name in sound.split("+"))

    cold, warm = near(-0.9), near(0.9)
    assert cold["glass"] + cold["bowed"] > 3 * (warm["glass"] + warm["bowed"])
    assert warm["warm"] > 3 * cold["warm"]


def test_a_blend_says_its_share_and_can_be_played() -> None:
    feeling = mood.read(Brief(3))
    for part in palette.BLENDED:
        for i in range(40):
            name, settings = palette.draw_sound(part, feeling, rng(i, "test", part))
            assert set(name.split("+")) <= set(PATCHES)
            if "+" in name:
                low, high = palette.BLEND_RANGE
                assert low <= dict(settings)["blend"] <= high
                assert patch(name, dict(settings)["blend"]).name == name


def test_every_name_of_the_tables_can_be_played() -> None:
    for part in ("kick", "snare", "hats", "perc"):
        assert set(palette.PATCHES[part]) <= set(KITS)
    for part in ("weather", "haze"):
        assert set(palette.PATCHES[part]) <= set(SKIES)


def test_a_cloud_hears_what_the_song_has() -> None:
    whole = frozenset({"pad", "vocals", "bells"})
    heard = Counter(palette.draw_hearing(whole, rng(i, "test")) for i in range(200))
    assert heard["pads",] > heard["pads", "vocals"] > heard["pads", "keys"] > 0
    assert palette.draw_hearing(frozenset({"kick"}), rng(1, "test")) == ()
    assert palette.draw_hearing(frozenset({"pad", "kick"}), rng(1, "test")) == ("pads",)
