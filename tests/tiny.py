"""Checkpoints of the true architectures with random weights, so small that they play in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["hearing", "musicgen", "words"]

VOCABULARY = 64


def words(folder: Path, length: int = VOCABULARY, **more: str) -> Any:
    """Save a tokenizer that knows a few words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    known = ("dreamy", "ambient", "trap", "beat", "slow", "BPM", "heavy", "reverb", "hook", "verse")
    vocabulary = {"<pad>": 0, "</s>": 1, "<unk>": 2}
    vocabulary |= {word: i + 3 for i, word in enumerate(known)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast: Any = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=length,
        **more,
    )
    fast.save_pretrained(folder)
    return fast


def musicgen(folder: Path, *, melody: bool = False, stereo: bool = False, seed: int = 0) -> Path:
    """Save a MusicGen of 13 frames a second at 3.3 kHz."""
    import torch
    from transformers import (
        EncodecConfig,
        MusicgenConfig,
        MusicgenDecoderConfig,
        MusicgenForConditionalGeneration,
        MusicgenMelodyConfig,
        MusicgenMelodyDecoderConfig,
        MusicgenMelodyForConditionalGeneration,
        T5Config,
    )

    torch.manual_seed(seed)
    text = T5Config(
        vocab_size=VOCABULARY, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2,
    )  # fmt: skip
    audio = EncodecConfig(
        sampling_rate=3328, num_filters=4, hidden_size=16, codebook_size=32, codebook_dim=16,
        upsampling_ratios=[8, 8, 4], target_bandwidths=[0.26], normalize=False, chunk_length_s=None,
    )  # fmt: skip
    decoder = dict(
        vocab_size=32, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, ffn_dim=32,
        num_codebooks=8 if stereo else 4, audio_channels=2 if stereo else 1,
        pad_token_id=32, bos_token_id=32,
    )  # fmt: skip
    kinds: Any = (MusicgenConfig, MusicgenDecoderConfig, MusicgenForConditionalGeneration)
    if melody:
        kinds = (
            MusicgenMelodyConfig,
            MusicgenMelodyDecoderConfig,
            MusicgenMelodyForConditionalGeneration,
        )
        decoder |= {"num_chroma": 12, "chroma_length": 64}
    config_type, decoder_type, model_type = kinds
    config = config_type(
        text_encoder=text.to_dict(),
        audio_encoder=audio.to_dict(),
        decoder=decoder_type(**decoder).to_dict(),
        **({"num_chroma": 12, "chroma_length": 64} if melody else {}),
    )
    model = model_type(config)
    for layer in model.audio_encoder.quantizer.layers:  # born as zeros: all codes sound alike
        layer.codebook.embed.normal_()
    for name, weights in model.named_parameters():  # strong enough that what is told is heard
        if "dec_proj" in name or "lm_heads" in name:
            torch.nn.init.normal_(weights)
    generation = model.generation_config
    generation.decoder_start_token_id = generation.pad_token_id = generation.bos_token_id = 32
    generation.max_length = 1500
    model.save_pretrained(folder)
    words(folder)
    return folder


def hearing(folder: Path, sounds: Sequence[Any]) -> Path:
    """Teach a tiny MusicGen's codebooks what its encoder answers to sounds, shape (1, n) each.

    Without that all sounds have the same codes: what is random answers with little, and all of it
    lies nearest to one entry.
    """
    import torch
    from transformers import MusicgenForConditionalGeneration

    model: Any = MusicgenForConditionalGeneration.from_pretrained(folder)
    generator = torch.Generator().manual_seed(1)
    encoder = model.audio_encoder
    with torch.no_grad():
        last = encoder.encoder.layers[-1].conv
        answers = torch.cat([encoder.encoder(torch.as_tensor(x)[None])[0].T for x in sounds])
        last.bias.copy_((last.bias - answers.mean(0)) / answers.std(0))
        last.parametrizations.weight.original0 /= answers.std(0)[:, None, None]
        rest = (answers - answers.mean(0)) / answers.std(0)
        for layer in encoder.quantizer.layers:
            book = layer.codebook.embed
            book.copy_(rest[torch.randperm(len(rest), generator=generator)[: len(book)]])
            for _ in range(8):  # k-means
                nearest = torch.cdist(rest, book).argmin(1)
                for entry in set(nearest.tolist()):
                    book[entry] = rest[nearest == entry].mean(0)
            rest = rest - book[torch.cdist(rest, book).argmin(1)]
        for head in model.decoder.lm_heads:  # unsure, so that it can learn
            head.weight *= 0.2
    model.save_pretrained(folder)
    return folder
