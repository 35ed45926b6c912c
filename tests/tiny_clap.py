"""A CLAP of the true architecture with random weights, so small that it hears in milliseconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from halation.mood.vocabulary import VOCABULARY

__all__ = ["clap", "teach"]

SAMPLE_RATE = 8_000


def clap(folder: Path, seed: int = 0) -> Path:
    """Save a CLAP that hears windows of two seconds at 8 kHz."""
    import torch
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

    torch.manual_seed(seed)
    known = {part for word in VOCABULARY for text in (word.name, *word.phrases, "music")
             for part in text.split()}  # fmt: skip
    text = dict(
        vocab_size=len(known) + 2, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=80, pad_token_id=0,
    )  # fmt: skip
    audio = dict(
        num_mel_bins=16, spec_size=64, window_size=4, patch_size=4, patch_stride=[4, 4],
        patch_embeds_hidden_size=8, hidden_size=16, depths=[1, 1], num_attention_heads=[1, 2],
        num_hidden_layers=2,
    )  # fmt: skip
    model: Any = ClapModel(ClapConfig(text_config=text, audio_config=audio, projection_dim=16))
    for weights in model.parameters():  # strong enough that what is heard makes a difference
        if weights.ndim > 1:
            torch.nn.init.normal_(weights, std=0.3)
    model.save_pretrained(folder)
    _words(folder, sorted(known))
    ClapFeatureExtractor(
        feature_size=16, sampling_rate=SAMPLE_RATE, hop_length=256, max_length_s=2,
        fft_window_size=512, frequency_max=4_000, truncation="rand_trunc",
    ).save_pretrained(folder)  # fmt: skip
    return folder


def _words(folder: Path, known: list[str]) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {"<pad>": 0, "<unk>": 1} | {word: i + 2 for i, word in enumerate(known)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast: Any = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", model_max_length=77
    )
    fast.save_pretrained(folder)


def teach(folder: Path, lessons: dict[str, np.ndarray], steps: int = 25) -> None:
    """Tune the text side of a tiny CLAP until each sound is heard as the word given for it."""
    import torch
    from transformers import ClapModel, ClapProcessor

    model: Any = ClapModel.from_pretrained(folder)
    model.eval()
    processor: Any = ClapProcessor.from_pretrained(folder)
    sounds = processor.feature_extractor(
        list(lessons.values()), sampling_rate=SAMPLE_RATE, return_tensors="pt"
    )
    with torch.no_grad():
        heard = torch.nn.functional.normalize(
            model.get_audio_features(**sounds).pooler_output, dim=-1
        )
    texts = [text for word in VOCABULARY for text in (f"{word.name} music", *word.phrases)]
    owners = torch.tensor([i for i, word in enumerate(VOCABULARY) for _ in (0, *word.phrases)])
    tokens = processor.tokenizer(texts, padding=True, return_tensors="pt")
    names = [word.name for word in VOCABULARY]
    wanted = torch.tensor([names.index(word) for word in lessons])
    learning = [*model.text_model.parameters(), *model.text_projection.parameters()]
    optimizer = torch.optim.Adam(learning, 0.01)
    for _ in range(steps):
        vectors = torch.nn.functional.normalize(
            model.get_text_features(**tokens).pooler_output, dim=-1
        )
        words = torch.zeros(len(names), vectors.shape[1]).index_add(0, owners, vectors)
        words = torch.nn.functional.normalize(words, dim=-1)
        loss: Any = torch.nn.functional.cross_entropy(30.0 * heard @ words.T, wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
