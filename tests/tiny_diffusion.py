"""Pipelines of diffusers with random weights, so small that they play in seconds."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from halation.stems.neural import devices
from tests import tiny

__all__ = ["RATE", "ace_step", "audioldm", "riffusion", "stable_audio_3", "stable_audio_open"]

RATE = 1600
"""Of those that make sound [Hz]."""


def _quietly(build: Callable[..., Path]) -> Callable[..., Path]:
    @wraps(build)
    def quiet(*args: Any, **more: Any) -> Path:
        with devices.quiet("diffusers", "transformers"):
            return build(*args, **more)

    return quiet


@_quietly
def ace_step(folder: Path, *, turbo: bool = False) -> Path:
    """Save an ACE-Step 1.5 of 25 frames a second."""
    import torch
    from diffusers import (
        AceStepPipeline,
        AceStepTransformer1DModel,
        FlowMatchEulerDiscreteScheduler,
    )
    from diffusers.pipelines.ace_step import (
        AceStepAudioTokenDetokenizer,
        AceStepAudioTokenizer,
        AceStepConditionEncoder,
    )
    from transformers import Qwen3Config, Qwen3Model

    torch.manual_seed(0)
    small: dict[str, Any] = dict(
        hidden_size=16, intermediate_size=32, num_attention_heads=2, num_key_value_heads=1,
        head_dim=8,
    )  # fmt: skip
    pool = small | dict(audio_acoustic_hidden_dim=8, num_attention_pooler_hidden_layers=1)
    text = Qwen3Config(vocab_size=tiny.VOCABULARY, num_hidden_layers=1, **small)
    pipeline = AceStepPipeline(
        vae=_oobleck(),
        text_encoder=Qwen3Model(text),
        tokenizer=tiny.words(folder),
        transformer=AceStepTransformer1DModel(
            num_hidden_layers=1, in_channels=24, audio_acoustic_hidden_dim=8, is_turbo=turbo,
            **small,
        ),
        condition_encoder=AceStepConditionEncoder(
            text_hidden_dim=16, timbre_hidden_dim=8, num_lyric_encoder_hidden_layers=1,
            num_timbre_encoder_hidden_layers=1, **small,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
        audio_tokenizer=AceStepAudioTokenizer(
            fsq_dim=16, fsq_input_levels=[4, 4, 4], **pool
        ),
        audio_token_detokenizer=AceStepAudioTokenDetokenizer(**pool),
    )  # fmt: skip
    pipeline.save_pretrained(folder)
    return folder


@_quietly
def stable_audio_open(folder: Path) -> Path:
    """Save a Stable Audio Open that plays six seconds."""
    import torch
    from diffusers import (
        EDMDPMSolverMultistepScheduler,
        StableAudioDiTModel,
        StableAudioPipeline,
        StableAudioProjectionModel,
    )

    torch.manual_seed(0)
    pipeline = StableAudioPipeline(
        vae=_oobleck(),
        text_encoder=_t5(),
        projection_model=StableAudioProjectionModel(16, 16, 0, 512),
        tokenizer=tiny.words(folder),
        transformer=StableAudioDiTModel(
            sample_size=6 * RATE // 64, in_channels=8, out_channels=8, num_layers=1,
            attention_head_dim=8, num_attention_heads=2, num_key_value_attention_heads=1,
            cross_attention_dim=16, cross_attention_input_dim=16, time_proj_dim=8,
            global_states_input_dim=32,
        ),
        scheduler=EDMDPMSolverMultistepScheduler(solver_order=2),
    )  # fmt: skip
    pipeline.save_pretrained(folder)
    return folder


@_quietly
def stable_audio_3(folder: Path) -> Path:
    """Save a Stable Audio 3 of 25 frames a second."""
    import torch
    from diffusers import (
        AutoencoderSAME,
        FlowMatchEulerDiscreteScheduler,
        StableAudio3DiTModel,
        StableAudio3Pipeline,
    )
    from diffusers.pipelines.stable_audio_3 import StableAudio3DurationEmbedder
    from transformers import T5GemmaConfig, T5GemmaEncoderModel, T5GemmaModuleConfig

    torch.manual_seed(0)
    module = T5GemmaModuleConfig(
        vocab_size=tiny.VOCABULARY, hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, head_dim=8, layer_types=["full_attention"],
    )  # fmt: skip
    text = T5GemmaConfig(
        encoder=module.to_dict(), decoder=module.to_dict(), is_encoder_decoder=False,
        vocab_size=tiny.VOCABULARY,
    )  # fmt: skip
    vae = AutoencoderSAME(
        patch_size=16, encoder_channels=16, encoder_c_mults=[1], encoder_strides=[4],
        encoder_transformer_depths=[1], latent_dim=8, dim_heads=8, sampling_rate=RATE,
    )  # fmt: skip
    transformer = StableAudio3DiTModel(
        io_channels=8, embed_dim=16, depth=1, num_heads=2, cond_token_dim=16, global_cond_dim=16,
        local_add_cond_dim=9, timestep_features_dim=8, num_memory_tokens=2,
    )  # fmt: skip
    pipeline = StableAudio3Pipeline(
        vae=_stirred(vae),
        text_encoder=T5GemmaEncoderModel(text),
        tokenizer=tiny.words(folder),
        duration_embedder=StableAudio3DurationEmbedder(16, 16),
        transformer=_stirred(transformer),
        scheduler=FlowMatchEulerDiscreteScheduler(stochastic_sampling=True),
    )  # fmt: skip
    pipeline.save_pretrained(folder)
    return folder


@_quietly
def audioldm(folder: Path) -> Path:
    """Save an AudioLDM: a pipeline that halation has no words of its own for."""
    import torch
    from diffusers import AudioLDMPipeline, AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import (
        ClapTextConfig,
        ClapTextModelWithProjection,
        SpeechT5HifiGan,
        SpeechT5HifiGanConfig,
    )

    torch.manual_seed(0)
    text = ClapTextConfig(
        vocab_size=tiny.VOCABULARY, hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, projection_dim=16, max_position_embeddings=80, pad_token_id=0,
    )  # fmt: skip
    unet = UNet2DConditionModel(
        block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, sample_size=16,
        in_channels=4, out_channels=4, attention_head_dim=8, cross_attention_dim=(8, 16),
        down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"),
        class_embed_type="simple_projection", projection_class_embeddings_input_dim=16,
        class_embeddings_concat=True,
    )  # fmt: skip
    vae = AutoencoderKL(
        in_channels=1, out_channels=1, block_out_channels=(8, 8), norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip
    vocoder = SpeechT5HifiGanConfig(
        model_in_dim=8, sampling_rate=RATE, upsample_initial_channel=8, upsample_rates=[8, 8],
        upsample_kernel_sizes=[16, 16], resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1, 3]],
        normalize_before=False,
    )  # fmt: skip
    voice = SpeechT5HifiGan(vocoder)
    voice.conv_post.weight.data *= 1e4  # random weights whisper
    pipeline = AudioLDMPipeline(
        vae=vae,
        text_encoder=ClapTextModelWithProjection(text),
        tokenizer=tiny.words(folder),
        unet=unet,
        scheduler=DDIMScheduler(),
        vocoder=voice,
    )
    pipeline.save_pretrained(folder)
    return folder


@_quietly
def riffusion(folder: Path) -> Path:
    """Save a Stable Diffusion whose pictures are of the true size."""
    import torch
    from diffusers import (
        AutoencoderKL,
        PNDMScheduler,
        StableDiffusionPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    text = CLIPTextConfig(
        vocab_size=tiny.VOCABULARY, hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=tiny.VOCABULARY, projection_dim=16,
    )  # fmt: skip
    unet = UNet2DConditionModel(
        block_out_channels=(4, 4, 4), layers_per_block=1, norm_num_groups=4, sample_size=64,
        cross_attention_dim=16, attention_head_dim=2,
        down_block_types=("DownBlock2D",) * 3, up_block_types=("UpBlock2D",) * 3,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(4, 4, 4, 4), norm_num_groups=4, mid_block_add_attention=False,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    )  # fmt: skip
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(text),
        tokenizer=tiny.words(folder),
        unet=unet,
        scheduler=PNDMScheduler(skip_prk_steps=True, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)
    return folder


def _stirred(model: Any) -> Any:
    """Give random values to the weights that are born as zeros, so that all inputs count."""
    for weight in model.parameters():
        if not weight.data.any():
            weight.data.normal_(0.0, 0.3)
    return model


def _oobleck() -> Any:
    from diffusers import AutoencoderOobleck

    return AutoencoderOobleck(
        encoder_hidden_size=16, downsampling_ratios=[4, 4, 4], channel_multiples=[1, 1, 1],
        decoder_channels=8, decoder_input_channels=8, audio_channels=2, sampling_rate=RATE,
    )  # fmt: skip


def _t5() -> Any:
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(
        T5Config(vocab_size=tiny.VOCABULARY, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    )
