"""Each song's name: one to four words that fit its mood.

The stock is sorted by kind of word, not by mood: how well a word fits is measured with the same
table of meanings that reads the text, so the titles of a snowed-in song speak of snow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.mood.reader import direction, fitted
from halation.mood.text import Reading, read_words

__all__ = ["MAX_TITLE_LENGTH", "PATTERNS", "STOCK", "entitle"]

MAX_TITLE_LENGTH: Final = 40

Vector = NDArray[np.float64]

STOCK: Final[dict[str, tuple[str, ...]]] = {
    kind: tuple(words.split(", "))
    for kind, words in {
        "material": (
            "Glass, Silver, Velvet, Chrome, Pearl, Crystal, Golden, Paper, Marble, Plastic, "
            "Silk, Diamond, Ivory, Neon, Sugar, Honey, Ice, Porcelain, Platinum, Amber, Opal, "
            "Iron, Cotton, Emerald, Mercury, Smoke, Satin, Copper, Ruby, Steel, Lace, Wax"
        ),
        "quality": (
            "Soft, Pale, Holy, Lonely, Frozen, Hollow, Distant, Broken, Gentle, Silent, "
            "Burning, Drowned, Endless, Faded, Weightless, Sleepless, Hidden, Blurry, Bright, "
            "Dark, Sweet, Secret, Empty, Electric, Invisible, Wild, Lost, Warm, Cold, "
            "Blessed, Slow, Fallen, Haunted, Pure, Restless, Sacred, Tender, Hazy, Innocent, "
            "Cruel, Drowsy, Radiant, Bitter, Lucky, Furious, Divine, Fragile, Forgotten, "
            "Floating, Shattered, Blue, White, Violet, Pink, Black, Shining, Sunlit, Icy, "
            "Misty, Wounded, Victorious, Wicked"
        ),
        "thing": (
            "Tears, Angel, Heart, Mirror, Wings, Crown, Dream, Ghost, Halo, Rose, Star, Moon, "
            "Sun, Feather, Fountain, Candle, Letter, Sword, Butterfly, Swan, Comet, Diamonds, "
            "Flower, Kiss, Prayer, Lullaby, Secret, Promise, Goodbye, Memory, Shadow, Fever, "
            "Venom, Thorn, Bell, Locket, Ribbon, Satellite, Machine, Knight, Wolf, Dove, "
            "Unicorn, Vampire, Saint, Princess, Child, Stranger, Lover, Hunter, Dancer, "
            "Victory, Glory, Rage, Riot, Engine, Bullet, Lightning, Thunder, Fire, Flame, "
            "Ashes, Smile, Paradise, Heaven, Euphoria, Miracle, Whisper, Scream, Silence, "
            "Collapse, Surrender, Escape, Freedom, Gravity, Orbit, Eclipse, Planet, Ocean, "
            "Wave, Pearl, Whale, Raindrop, Snowflake, Icicle, Cloud, Fog, Needle, Scar, "
            "Bruise, Blood, Venus, Lily, Orchid, Peach, Cherry, Perfume, Mascara"
        ),
        "weather": (
            "Weather, Rain, Snow, Mist, Fog, Storm, Season, Tide, Wind, Haze, Frost, Thunder, "
            "Sunrise, Sunset, Drizzle, Blizzard, Breeze, Twilight, Dawn, Moonlight, Static, "
            "Dust, Glow, Drift, Aurora, Heatwave, Monsoon, Starlight, Daylight, Winter, "
            "Summer, Autumn"
        ),
        "place": (
            "Hotel, Garden, Arcade, Palace, Station, Cathedral, Corridor, Motorway, Airport, "
            "Lake, Harbour, Tower, Island, Forest, Desert, Castle, Elevator, Hospital, Motel, "
            "Chapel, Ballroom, Rooftop, Theatre, Museum, Bridge, Beach, Graveyard, "
            "Club, Avenue, Kitchen, Bedroom, Window, Pool, Mountain, Valley, Temple, "
            "Playground, City, Cinema"
        ),
        "time": (
            "Midnight, November, December, Sunday, Forever, Tomorrow, Yesterday, January, "
            "August, July, October, April, Tonight, Dusk, Morning, Friday, Afterlife, "
            "Childhood"
        ),
        "deed": (
            "Sleeping, Floating, Falling, Dancing, Crying, Drowning, Waiting, Running, "
            "Dreaming, Burning, Melting, Flying, Fading, Driving, Praying, Kissing, Hiding, "
            "Breathing, Shining, Screaming, Sinking, Wandering, Freezing, Glowing, Healing, "
            "Smiling"
        ),
        "ending": "exe, wav, zip, png, tmp, mov, ini, log, bak, jpg",
    }.items()
}
"""Words by the place that they may take in a title."""

PATTERNS: Final[tuple[tuple[str, float], ...]] = (
    ("{material} {thing}", 3.0),
    ("{quality} {thing}", 3.0),
    ("{material} {weather}", 2.0),
    ("{quality} {weather}", 1.5),
    ("{thing} {weather}", 2.0),
    ("{material} {weather} {place}", 1.5),
    ("{quality} {place}", 1.5),
    ("{thing} {place}", 1.5),
    ("{weather} {place}", 1.0),
    ("{time} {weather}", 0.8),
    ("{time} {thing}", 1.2),
    ("{thing} and {weather}", 0.7),
    ("{deed} at the {place}", 1.0),
    ("{place} of {weather}", 1.0),
    ("{quality} {material} {thing}", 1.0),
    ("{thing}.{ending}", 1.0),
    ("{quality}_{thing}.{ending}", 0.5),
    ("{deed}", 0.25),
)
"""Titles' shapes and how often each is drawn, relative to the others."""

TEXT_SHARE: Final = 0.35
"""How often a title takes up a word of the text."""
COSINE_GAIN: Final = 6.0
PLACE_GAIN: Final = 1.8
"""How strongly a word's meaning and place pull it into a title: stronger is apter and repeats."""
OWN_WORDS: Final = 24
"""Words of a long text that are looked at."""
LOWER_CASE_SHARE: Final = 0.2

PLAIN_WORDS: Final = frozenset(
    (
        "won", "lost", "left", "took", "take", "gone", "went", "came", "come", "made", "make",
        "knew", "know", "want", "feel", "felt", "think", "said", "tell", "told", "gave", "give",
        "keep", "kept", "find", "found", "look", "forget", "forgot", "remember", "nothing", "never",
        "something", "everything", "everyone", "nobody", "always", "again", "away", "only",
        "last", "first", "song", "music", "asleep", "reflected", "back", "between", "inside",
        "outside", "through", "please", "need", "stay", "leave", "carry", "carried", "bring",
    )
)  # fmt: skip
"""Words of a text that make no title, however near to the stock they are."""
KINSHIP: Final = 0.45
"""Least cosine between a word of the text and one of the stock, whose place it then may take."""


@dataclass(frozen=True, slots=True, eq=False)
class _Shelf:
    """One kind's words, as unit directions, the same centred, and as places on the axes."""

    words: tuple[str, ...]
    raw: Vector
    directions: Vector
    places: Vector


@cache
def _shelf(kind: str) -> _Shelf:
    words = STOCK[kind]
    directions = np.array([direction(read_words(word)) for word in words])
    centred = directions - directions.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    return _Shelf(
        words, directions, centred / np.maximum(lengths, 1e-9), fitted().place(directions)
    )


def _odds(kind: str, toward: Vector, place: Vector) -> Vector:
    """Return each word's chance to be drawn for a mood."""
    if kind == "ending":
        return np.full(len(STOCK[kind]), 1.0 / len(STOCK[kind]))
    shelf = _shelf(kind)
    distance = np.sqrt(np.mean((shelf.places - place) ** 2, axis=1))
    cosine = shelf.directions @ (toward - fitted().centre)
    odds = np.exp(COSINE_GAIN * (cosine - cosine.max()) - PLACE_GAIN * distance)
    total: Vector = odds / odds.sum()
    return total


def _own_words(reading: Reading) -> tuple[tuple[str, str], ...]:
    """Return words of the text that may stand in a title, each with its kind.

    A word has the kind of the stock's word that is nearest in meaning; one that is near none
    (a verb, a name, an insult) is left alone.
    """
    words = tuple(
        dict.fromkeys(
            word
            for word, weight in zip(reading.words, reading.weights, strict=True)
            if weight > 0 and 3 <= len(word) <= 11 and word not in PLAIN_WORDS
        )
    )[:OWN_WORDS]
    own = []
    for word in words:
        toward = direction(Reading((word,), (1.0,), True))
        kin = {kind: float(np.max(_shelf(kind).raw @ toward)) for kind in STOCK if kind != "ending"}
        kind = max(kin, key=lambda kind: kin[kind])
        if kin[kind] >= KINSHIP:
            own.append((word, kind))
    return tuple(own)


def entitle(
    reading: Reading,
    toward: Vector,
    place: Vector,
    random: np.random.Generator,
) -> str:
    """Name a song.

    Parameters
    ----------
    reading : Reading
        The text, of which a word may be taken up.
    toward : np.ndarray [shape=(dims,)]
        The text's direction.
    place : np.ndarray [shape=(5,)]
        The mood's axes.
    random : np.random.Generator
        What draws.

    Returns
    -------
    str
        ASCII letters, spaces, underscores and at most one dot inside, at most
        :data:`MAX_TITLE_LENGTH` characters: safe as the name of a file.
    """
    own = _own_words(reading)
    taken, slot = "", ""
    if own and random.random() < TEXT_SHARE:
        taken, slot = own[int(random.integers(len(own)))]
    shapes = [(shape, odds) for shape, odds in PATTERNS if f"{{{slot}}}" in shape or not slot]
    chances = np.array([odds for _, odds in shapes])
    shape = shapes[int(random.choice(len(shapes), p=chances / chances.sum()))][0]
    words = {}
    for kind in STOCK:
        word = STOCK[kind][int(random.choice(len(STOCK[kind]), p=_odds(kind, toward, place)))]
        words[kind] = taken.capitalize() if kind == slot else word
    title = shape.format(**words)
    lower = "." in title or random.random() < LOWER_CASE_SHARE
    title = _without_echo(title.lower() if lower else title)
    return title if len(title) <= MAX_TITLE_LENGTH else title[:MAX_TITLE_LENGTH].rsplit(" ", 1)[0]


def _without_echo(title: str) -> str:
    """Return a title in which no word stands twice ("Pearl Pearl" becomes "Pearl")."""
    return " ".join(dict.fromkeys(title.split(" ")))
