"""CLAP: a model that hears how well words fit a recording."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from halation.corpus.rates import resampled
from halation.mood.vocabulary import VOCABULARY
from halation.types import BackendError

__all__ = ["likeness"]

Signal = NDArray[np.float32]
Values = NDArray[np.float64]

SHARPNESS: Final = 30.0
"""How fast a word's weight falls with its cosine: exp(30 × difference)."""
MOST_WINDOWS: Final = 6
"""A recording is heard in at most so many windows of the model's length (10 s as published)."""
TEXTS_AT_ONCE: Final = 64


def likeness(folder: Path, x: Signal, sample_rate: int) -> Values:
    """Return how well each word of halation's vocabulary fits a recording; the sum is 1.

    A word is its name as music (``"foggy music"``) and the phrases that mean it; what all words
    have in common is taken off.

    Parameters
    ----------
    folder : Path
        A CLAP checkpoint as transformers saves it; safetensors, or weights alone.
    x : np.ndarray [shape=(channels, n)], float32
    sample_rate : int [Hz]

    Returns
    -------
    np.ndarray [shape=(words,)]
        In the order of :data:`halation.mood.vocabulary.VOCABULARY`.

    Raises
    ------
    BackendError
        If transformers is missing, or the folder holds no CLAP that can be used.

    References
    ----------
    Wu et al., "Large-Scale Contrastive Language-Audio Pretraining with Feature Fusion and
    Keyword-to-Caption Augmentation", ICASSP 2023.
    """
    model, processor, words = _loaded(folder.resolve())
    cosines = _heard(model, processor, x, sample_rate) @ words.T
    weights: Values = np.exp(SHARPNESS * (cosines - cosines.max()))
    weights /= weights.sum()
    return weights


@lru_cache(maxsize=1)
def _loaded(folder: Path) -> tuple[Any, Any, Values]:
    """Return model, processor and a direction for each word, shape (words, dims)."""
    try:
        import transformers
    except ImportError as error:
        raise BackendError(
            'mood tags by CLAP need transformers and torch: pip install "halation[train]"'
        ) from error
    from halation.stems.neural import devices

    with devices.quiet("transformers"):
        try:
            kind = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
            if kind.model_type != "clap":
                raise BackendError(f"{str(folder)!r} is no CLAP but of type {kind.model_type!r}")
            processor = transformers.ClapProcessor.from_pretrained(folder, local_files_only=True)
            # By torch's own loader only where there are no safetensors, and then weights alone.
            model: Any = transformers.ClapModel.from_pretrained(
                folder, local_files_only=True, weights_only=True
            )
        except BackendError:
            raise
        except Exception as error:  # a damaged file fails in any way
            reason = " ".join(str(error).split())[:160]
            raise BackendError(f"the CLAP in {str(folder)!r} does not load: {reason}") from error
        model = model.eval().to(devices.device())
        return model, processor, _words(model, processor)


def _words(model: Any, processor: Any) -> Values:
    texts, owners = [], []
    for number, word in enumerate(VOCABULARY):
        for text in (f"{word.name} music", *word.phrases):
            texts.append(text)
            owners.append(number)
    rows: list[Values] = []
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        some = texts[start : start + TEXTS_AT_ONCE]
        tokens = processor.tokenizer(some, padding=True, truncation=True, return_tensors="pt")
        rows.append(_vectors(model.get_text_features, model, tokens))
    vectors = np.concatenate(rows)
    words = np.array(
        [vectors[np.array(owners) == number].mean(axis=0) for number in range(len(VOCABULARY))]
    )
    return _unit(_unit(words) - _unit(words).mean(axis=0))


def _heard(model: Any, processor: Any, x: Signal, sample_rate: int) -> Values:
    """Return the direction of a recording, the mean over its windows, shape (dims,)."""
    extractor = processor.feature_extractor
    wanted = int(extractor.sampling_rate)
    mono = resampled(x.mean(axis=0), sample_rate, wanted)
    size = int(extractor.nb_max_samples)
    count = int(np.clip(len(mono) // size, 1, MOST_WINDOWS))
    starts = np.linspace(0, max(0, len(mono) - size), count).astype(int)
    windows = [np.array(mono[start : start + size]) for start in starts]
    # No window is longer than the model's, so nothing is cut at random; the kind must fit.
    fused = bool(model.config.audio_config.enable_fusion)
    inputs = extractor(
        windows,
        sampling_rate=wanted,
        truncation="fusion" if fused else "rand_trunc",
        return_tensors="pt",
    )
    heard = _vectors(model.get_audio_features, model, inputs)
    return _unit(_unit(heard).mean(axis=0))


def _vectors(call: Any, model: Any, inputs: Any) -> Values:
    import torch

    with torch.inference_mode():
        found = call(**{name: value.to(model.device) for name, value in inputs.items()})
    # Newer releases of transformers wrap the projected vectors in an output of the tower.
    vectors = getattr(found, "pooler_output", found)
    return np.asarray(vectors.float().cpu().numpy(), np.float64)


def _unit(vectors: Values) -> Values:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Values = vectors / np.maximum(lengths, 1e-12)
    return unit
