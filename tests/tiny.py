"""Checkpoints of the true architectures with random weights, so small that they play in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["musicgen", "words"]

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
