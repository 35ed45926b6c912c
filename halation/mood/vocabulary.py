"""The mood words of halation: named points on the five axes, and phrases that mean them.

One vocabulary for reading a listener's text and for tagging music. Each word lies at a place that
was set by hand; the phrases beside it teach the reader (:mod:`halation.mood.reader`) which way the
meaning of a text points. Single phrases are noisy, several are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["AXES", "POLES", "VOCABULARY", "MoodWord"]

AXES: Final = ("valence", "energy", "warmth", "density", "haze")
"""The axes of a mood, each from −1 to 1, in the order of :class:`halation.types.Mood`."""


@dataclass(frozen=True, slots=True)
class MoodWord:
    """A named mood.

    Parameters
    ----------
    name : str
        One lower-case word.
    place : tuple of 5 floats in −1..1
        Where it lies on :data:`AXES`.
    phrases : tuple of str
        What a listener might write who means it.
    """

    name: str
    place: tuple[float, float, float, float, float]
    phrases: tuple[str, ...]


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(text.split(", "))


def _word(
    name: str,
    valence: float,
    energy: float,
    warmth: float,
    density: float,
    haze: float,
    phrases: str,
) -> MoodWord:
    return MoodWord(name, (valence, energy, warmth, density, haze), _phrases(phrases))


# fmt: off
VOCABULARY: Final[tuple[MoodWord, ...]] = (
    # name, valence, energy, warmth, density, haze
    _word("euphoric", 0.95, 0.75, 0.45, 0.50, -0.10,
          "euphoric joy, pure ecstasy, overwhelming happiness, the best night of our lives, "
          "high on life"),
    _word("triumphant", 0.90, 0.80, 0.35, 0.65, -0.35,
          "we won, victory, a champion's triumph, crowned with glory, celebrating success"),
    _word("ecstatic", 0.90, 0.95, 0.40, 0.75, 0.05,
          "dancing in ecstasy, the crowd goes wild with joy, screaming with happiness, rave "
          "at sunrise"),
    _word("hopeful", 0.70, 0.15, 0.40, 0.00, -0.15,
          "hope for tomorrow, a new beginning, the light at the end, everything will be fine, "
          "spring is coming"),
    _word("playful", 0.75, 0.50, 0.35, 0.15, -0.35,
          "playful and silly, kids playing games, a cute toy, jumping and laughing, bubblegum "
          "and candy"),
    _word("tender", 0.45, -0.50, 0.70, -0.40, 0.15,
          "a tender touch, gentle hands, soft whisper in my ear, holding you close, a lullaby "
          "for a child"),
    _word("loving", 0.75, -0.05, 0.80, 0.05, 0.10,
          "I love you, falling in love, kissing my lover, two hearts together, you are my "
          "everything"),
    _word("blissful", 0.80, -0.35, 0.45, -0.05, 0.45,
          "blissful peace, paradise, floating in pure bliss, content and blessed, heaven is "
          "here"),
    _word("serene", 0.45, -0.80, 0.15, -0.60, 0.05,
          "serene calm, a quiet lake in the morning, peaceful meditation, still water, calm "
          "breathing"),
    _word("sunlit", 0.75, 0.20, 0.90, 0.05, -0.20,
          "bright sunshine, golden summer afternoon, warm sunlight on my skin, a sunny day at "
          "the beach, sunrise over the fields"),
    _word("golden", 0.55, -0.10, 0.85, 0.10, 0.35,
          "golden hour, honey and amber light, sunset glow, gold dust in the air, autumn gold"),
    _word("dreamy", 0.25, -0.40, 0.15, -0.05, 0.85,
          "dreamy, lost in a dream, dreamscape, half asleep, dreaming with open eyes"),
    _word("floating", 0.25, -0.50, 0.00, -0.45, 0.70,
          "floating, weightless, drifting in the air, hovering above the ground, floating "
          "through clouds"),
    _word("ethereal", 0.30, -0.45, -0.15, -0.30, 0.70,
          "ethereal, otherworldly light, fairy dust, a spirit made of air, translucent veil"),
    _word("angelic", 0.55, -0.35, 0.15, 0.00, 0.35,
          "angels, angel wings, heavenly choir, halo of light, an angel sings in the sky"),
    _word("sacred", 0.25, -0.45, 0.10, 0.25, 0.30,
          "holy cathedral, a sacred prayer, church organ, divine light, kneeling at the altar"),
    _word("magical", 0.55, 0.10, 0.10, 0.20, 0.30,
          "magic spell, enchanted forest, unicorns and fairies, a wizard's castle, sparkling "
          "fantasy world"),
    _word("celestial", 0.25, -0.35, -0.25, -0.10, 0.30,
          "stars in the sky, the milky way, moon and planets, galaxy of light, constellations"),
    _word("cosmic", 0.10, -0.20, -0.40, -0.20, 0.45,
          "outer space, astronaut drifting in the void, the infinite universe, black hole, "
          "orbiting a distant planet"),
    _word("nostalgic", 0.05, -0.40, 0.55, -0.10, 0.60,
          "nostalgia, memories of childhood, old photographs, remember when we were young, "
          "the summer we lost"),
    _word("wistful", -0.15, -0.45, 0.25, -0.35, 0.35,
          "wistful longing, I wish you were here, what we lost, looking back at the "
          "past, days gone by, you are gone, what you took with you"),
    _word("yearning", -0.25, 0.05, 0.35, -0.05, 0.25,
          "I miss you, longing for your touch, waiting for your call, I want you back, aching "
          "desire"),
    _word("bittersweet", -0.05, -0.15, 0.30, -0.05, 0.20,
          "bittersweet, smiling through tears, a happy memory that hurts, sweet sorrow, the "
          "last goodbye of summer"),
    _word("melancholic", -0.55, -0.45, -0.10, -0.25, 0.30,
          "melancholy, feeling blue, sad and beautiful, a gloomy afternoon, quiet sadness"),
    _word("heartbroken", -0.95, -0.25, -0.15, -0.25, 0.10,
          "heartbroken, my heart shattered, she left me, she left, left behind, he took "
          "everything and left, you broke my heart, crying over a breakup, he does not love "
          "me anymore"),
    _word("grieving", -0.95, -0.60, -0.30, -0.45, 0.15,
          "grief, a funeral, mourning the dead, at your grave, I lost my mother"),
    _word("lonely", -0.70, -0.50, -0.35, -0.75, 0.15,
          "lonely, all alone, nobody is here, an empty room, by myself in the night, "
          "abandoned and isolated"),
    _word("tearful", -0.75, -0.30, 0.05, -0.25, 0.25,
          "crying, tears on my face, weeping at night, sobbing into the pillow, wet eyes"),
    _word("desperate", -0.85, 0.45, -0.20, 0.20, 0.00,
          "desperate, begging for help, unable to breathe, panic and despair, screaming for "
          "someone to save me"),
    _word("hopeless", -0.95, -0.55, -0.45, -0.40, 0.20,
          "hopeless, depression, nothing matters, I want to disappear, empty inside, numb, I "
          "want to die, suicide"),
    _word("anxious", -0.60, 0.30, -0.30, 0.25, 0.10,
          "anxiety, nervous, worried, panic attack, my heart is racing with fear"),
    _word("weary", -0.40, -0.70, 0.00, -0.35, 0.35,
          "tired, exhausted, can't sleep, insomnia, worn out after a long day"),
    _word("icy", -0.20, -0.20, -1.00, -0.35, -0.45,
          "ice, frozen, ice skating, frost on the glass, freezing cold, glacier"),
    _word("wintry", -0.15, -0.40, -0.90, -0.30, 0.15,
          "winter, snow falling, snowflakes, a snowy night, december, november night, cold "
          "north wind"),
    _word("crystalline", 0.20, -0.10, -0.60, -0.15, -0.85,
          "crystal, clear as glass, diamonds, transparent prism, sharp and pure light"),
    _word("metallic", -0.25, 0.35, -0.65, 0.40, -0.60,
          "metal, chrome and steel, sharp blades, machines, robotic, silver armor"),
    _word("neon", 0.15, 0.45, -0.20, 0.45, 0.10,
          "neon lights, neon signs in the city, cyberpunk, electric glow, tokyo at night"),
    _word("digital", 0.00, 0.35, -0.50, 0.35, -0.55,
          "digital, computer screen, internet, pixel game, cyberspace, glitch"),
    _word("urban", 0.00, 0.35, -0.10, 0.55, -0.10,
          "city streets, traffic, skyscrapers, subway, downtown crowd, concrete"),
    _word("nocturnal", -0.15, -0.15, -0.25, -0.05, 0.25,
          "night, midnight, after dark, driving at 3 am, the city sleeps"),
    _word("moonlit", 0.10, -0.50, -0.40, -0.35, 0.25,
          "moonlight, full moon over the sea, silver moon, moonlit garden, under the moon"),
    _word("foggy", -0.20, -0.40, -0.30, -0.05, 1.00,
          "fog, mist, foggy morning, lost in the mist, haze over the hills, I can't see "
          "through the fog"),
    _word("smoky", -0.05, -0.10, 0.30, 0.25, 0.85,
          "smoke, smoking weed, a smoky room, cigarette, blurred vision, drugs slow "
          "everything down"),
    _word("rainy", -0.30, -0.30, -0.25, 0.15, 0.65,
          "rain, raindrops on the window, rain on the window, rainy day, wet streets, "
          "puddles, drizzle"),
    _word("stormy", -0.45, 0.75, -0.35, 0.75, 0.40,
          "storm, thunder and lightning, hurricane, raging sea, violent wind"),
    _word("underwater", 0.00, -0.45, -0.30, 0.15, 0.90,
          "underwater, deep ocean, sinking, drowning, swimming with whales, submerged"),
    _word("oceanic", 0.20, -0.15, -0.10, 0.15, 0.45,
          "ocean waves, the sea, tide on the shore, a wide blue horizon, coast"),
    _word("watery", 0.10, -0.35, -0.20, -0.15, 0.45,
          "water, river, flowing stream, waterfall, ripples on a pond"),
    _word("verdant", 0.40, -0.40, 0.40, 0.15, 0.10,
          "green forest, garden of flowers, leaves and moss, meadow, birds in the trees"),
    _word("windswept", -0.05, 0.15, -0.40, -0.35, 0.35,
          "wind, breeze in my hair, open plains, on top of a mountain, dust blowing across "
          "the desert"),
    _word("desolate", -0.60, -0.50, -0.45, -0.95, 0.20,
          "desolate wasteland, empty desert, ruins, abandoned house, nothing for miles"),
    _word("dark", -0.65, 0.00, -0.45, 0.10, 0.25,
          "darkness, pitch black, shadows, black night, the dark side"),
    _word("haunted", -0.60, -0.20, -0.50, -0.10, 0.60,
          "ghost, haunted house, phantom, spirits of the dead, haunted by you"),
    _word("sinister", -0.75, 0.30, -0.45, 0.30, 0.20,
          "evil, demons, satan, horror, blood and knives, a nightmare"),
    _word("gothic", -0.50, -0.05, -0.40, 0.35, 0.35,
          "gothic castle, vampire, black lace, ravens and graves, dead roses"),
    _word("furious", -0.75, 1.00, 0.10, 0.80, -0.20,
          "rage, anger, I hate you, fury, burn it all down, fight and destroy"),
    _word("fiery", 0.00, 0.85, 0.75, 0.65, 0.05,
          "fire, flames, burning, inferno, volcano, explosion"),
    _word("restless", -0.20, 0.70, -0.10, 0.45, 0.00,
          "running, speed, chasing, restless, fast cars, driving fast, racing through the "
          "streets"),
    _word("driving", 0.20, 0.90, -0.05, 0.65, -0.30,
          "party, dance, club, hard bass, energy, jump, turn up"),
    _word("proud", 0.55, 0.65, 0.10, 0.50, -0.35,
          "money, rich, king, boss, diamonds on my neck, flex, I am the best"),
    _word("rebellious", -0.05, 0.90, 0.00, 0.60, -0.25,
          "rebellion, break the rules, riot, freedom fighters, outlaws"),
    _word("free", 0.70, 0.45, 0.20, -0.15, 0.00,
          "freedom, flying like a bird, open road, wild and free, nothing can hold me"),
    _word("innocent", 0.50, -0.30, 0.30, -0.40, -0.20,
          "innocence, a child, a pure heart, white dress, kitten, baby"),
    _word("fragile", -0.25, -0.55, -0.25, -0.65, -0.10,
          "fragile, broken glass, delicate, porcelain, a thin thread"),
    _word("intimate", 0.30, -0.50, 0.65, -0.55, 0.20,
          "intimate, in your arms, in bed together, a private room, candlelight"),
    _word("cozy", 0.55, -0.55, 0.95, -0.10, 0.20,
          "cozy, fireplace, warm blanket, home, hot chocolate, tea in the kitchen"),
    _word("sensual", 0.40, 0.15, 0.70, 0.20, 0.40,
          "sensual, seductive, your body, lips, velvet and perfume"),
    _word("sleepy", 0.15, -0.85, 0.30, -0.50, 0.60,
          "sleepy, sleep, pillow, drowsy, falling asleep, closing my eyes"),
    _word("minimal", 0.00, -0.60, -0.20, -1.00, -0.45,
          "silence, simple, a single note, minimal, bare white room, nothing but quiet"),
    _word("lush", 0.35, 0.10, 0.35, 0.95, 0.40,
          "lush, full orchestra, abundant, overflowing, a wall of sound, many voices"),
    _word("chaotic", -0.25, 0.95, -0.10, 1.00, 0.15,
          "chaos, noise, madness, too much at once, crowded, everything collides"),
    _word("surreal", 0.00, 0.05, -0.15, 0.30, 0.70,
          "surreal, psychedelic, hallucination, strange vision, melting clocks, a parallel "
          "world"),
    _word("mysterious", -0.15, -0.20, -0.30, -0.10, 0.50,
          "mystery, secret, unknown, hidden door, a riddle"),
)
"""Every mood that halation has a word for."""

POLES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "valence": (
        _phrases(
            "sad, misery and pain, sorrow, heartbreak, suffering, tragedy, I feel terrible, "
            "the end of love, death, bad day, despair, regret, betrayal, cruel, gone, she is "
            "leaving"
        ),
        _phrases(
            "happy, joy, delight, wonderful, smiling, good times, I feel great, beautiful "
            "day, laughter, celebration, paradise, love, sweet, lucky"
        ),
    ),
    "energy": (
        _phrases(
            "calm, slow, slow dance, slow motion, sleep, still, quiet, resting, peaceful, "
            "motionless, gentle, soft, relaxed, lazy afternoon, lullaby, breathing slowly"
        ),
        _phrases(
            "energetic, fast, running, loud, dancing, rage, wild, explosive, intense, power, "
            "aggressive, party all night, adrenaline, driving fast, screaming"
        ),
    ),
    "warmth": (
        _phrases(
            "cold, ice, frozen, snow, winter, frost, freezing, north pole, chrome, blue "
            "light, november, arctic, frosty glass, distant stars"
        ),
        _phrases(
            "warm, sun, summer, hot, fire, heat, sunshine, cozy, tropical, golden light, "
            "july, desert heat, embrace, honey"
        ),
    ),
    "density": (
        _phrases(
            "empty, sparse, alone, silence, void, bare, a single voice, desert, hollow, "
            "nothing, solitude, minimal, one candle, vast open space"
        ),
        _phrases(
            "crowded, dense, full, thousands of people, orchestra, busy city, chaos, storm, a "
            "choir of voices, swarm, jungle, party, layers, army"
        ),
    ),
    "haze": (
        _phrases(
            "clear, clean, sharp, crystal, precise, transparent, bright and clear, focus, "
            "diamond, pure, digital, steel, clarity, dry"
        ),
        _phrases(
            "hazy, blurry, fog, smoke, dream, underwater, clouds, mist, faded, vague memory, "
            "drunk, soft focus, veil, dust, rain on glass"
        ),
    ),
}
"""For each axis, phrases that mean its lower and its upper end."""
# fmt: on
