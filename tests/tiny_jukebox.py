"""A Jukebox of the true architecture with random weights: three levels, a second in a second."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["RATE", "jukebox"]

RATE = 400
"""At the true strides: 50 codes a second at the lowest level, 3 at the highest."""


def jukebox(folder: Path, *, newer: bool = True, seed: int = 0) -> Path:
    """Save one as the hub does: the newer has its lyrics before its codes, the older an encoder."""
    import torch
    from safetensors.torch import save_file

    from halation.stems.neural.jukebox_checkpoint import library

    parts = library()

    def made(maker: str, hps: dict[str, Any], *more: Any) -> Any:
        module = getattr(parts.make_models, maker)(
            parts.hparams.setup_hparams("easy", hps), *more, "cpu"
        )
        for tensor in module.state_dict().values():  # some are born as zeros: all sounds alike
            if tensor.dim() > 1:
                tensor.normal_(std=0.3)
        return module

    torch.manual_seed(seed)
    vqvae = made("make_vqvae", _LIBRARY_VQVAE)
    state = {f"vqvae.{k}": v for k, v in vqvae.state_dict().items()}
    top = _NEWER if newer else _OLDER
    for level, hps in enumerate((_UPSAMPLER, _UPSAMPLER | {"cond_res_scale": True}, top)):
        prior = made("make_prior", hps | {"level": level}, vqvae)
        state |= {f"priors.{2 - level}.{k}": v.clone() for k, v in prior.state_dict().items()}
    folder.mkdir(parents=True)
    save_file(state, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(_config(newer)), encoding="utf-8")
    return folder


_LIBRARY_VQVAE: dict[str, Any] = {
    **{"levels": 3, "downs_t": (3, 2, 2), "strides_t": (2, 2, 2), "hvqvae_multipliers": (2, 1, 1)},
    **{"emb_width": 8, "l_bins": 32, "width": 8, "depth": 1, "dilation_growth_rate": 3},
    **{"sample_length": 128 * 960, "sr": RATE},
}
_SHARED: dict[str, Any] = {"heads": 1, "init_scale": 1.0, "sr": RATE, "max_duration": 600.0}
_UPSAMPLER = _SHARED | {
    **{"n_ctx": 64, "prior_width": 16, "prior_depth": 2, "attn_order": 2, "blocks": 16},
    **{"cond_width": 8, "cond_depth": 2, "cond_dilation_growth_rate": 3, "min_duration": 0.0},
    **{"cond_dilation_cycle": 8, "y_bins": (120, 4111), "max_bow_genre_size": 5, "t_bins": 8},
}
_TOP = _SHARED | {"prior_width": 16, "use_tokens": True, "t_bins": 8, "prime_loss_fraction": 0.4}
_NEWER = _TOP | {
    **{"n_ctx": 16, "prior_depth": 16, "attn_order": 12, "blocks": 4, "heads": 2},
    **{"n_tokens": 12, "n_vocab": 79, "y_bins": (604, 7898), "max_bow_genre_size": 1},
    **{"labels_v3": True, "single_enc_dec": True, "min_duration": 5.12},
}
_OLDER = _TOP | {
    **{"n_ctx": 16, "prior_depth": 19, "attn_order": 10, "blocks": 4, "heads": 2},
    **{"n_tokens": 16, "n_vocab": 80, "y_bins": (120, 4111), "max_bow_genre_size": 5},
    **{"prime_width": 16, "prime_depth": 2, "prime_heads": 2, "prime_attn_order": 2},
    **{"prime_blocks": 8, "merged_decoder": True, "min_duration": 5.12},
}


def _config(newer: bool) -> dict[str, Any]:
    """Return the same settings under the hub's names."""
    upsampler: dict[str, Any] = {
        **{"n_ctx": 64, "hidden_size": 16, "num_layers": 2, "n_heads": 1, "blocks": 16},
        **{"attention_pattern": "raw_column_previous_row_attention", "merged_decoder": False},
        **{"is_encoder_decoder": False, "nb_relevant_lyric_tokens": 0, "timing_dims": 8},
        **{"metadata_dims": [120, 4111], "res_conv_width": 8, "res_conv_depth": 2},
        **{"res_dilation_growth_rate": 3, "res_dilation_cycle": 8},
    }
    top: dict[str, Any] = {"hidden_size": 16, "n_heads": 2, "timing_dims": 8}
    if newer:
        top |= {
            **{"n_ctx": 16, "num_layers": 16, "blocks": 4, "merged_decoder": False},
            **{"attention_pattern": "enc_dec_with_lyrics", "is_encoder_decoder": True},
            **{"nb_relevant_lyric_tokens": 12, "lyric_vocab_size": 79},
            "metadata_dims": [604, 7898],
        }
    else:
        top |= {
            **{"n_ctx": 16, "num_layers": 19, "blocks": 4, "merged_decoder": True},
            "attention_pattern": "large_separated_enc_dec_w_lyrics",
            **{"is_encoder_decoder": False, "nb_relevant_lyric_tokens": 16},
            **{"lyric_vocab_size": 80, "metadata_dims": [120, 4111]},
            "encoder_config": {
                **{"hidden_size": 16, "num_layers": 2, "n_heads": 2, "blocks": 8},
                "attention_pattern": "raw_column_previous_row_attention",
            },
        }
    vqvae = {
        **{"embed_dim": 8, "nb_discrete_codes": 32, "res_conv_width": 8, "res_conv_depth": 1},
        "sample_length": 128 * 960,
    }
    return {
        "model_type": "jukebox",
        **{"nb_priors": 3, "sampling_rate": RATE, "max_duration": 600.0},
        "min_duration": 5.12,
        **{"prior_0": top, "prior_1": upsampler | {"conv_res_scale": True}, "prior_2": upsampler},
        "vqvae_config": vqvae,
    }
