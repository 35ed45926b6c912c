"""Jukebox's weights: from a folder as the hub has it to the modules of ``jukebox-infer``.

The hub's folders (``openai/jukebox-1b-lyrics``) were written for a library that has since dropped
Jukebox; ``jukebox-infer`` carries the code, and expects names, plain pickle, a graphics card and a
terminal to itself. Here the names are translated, weights alone are read, and it is kept quiet.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from halation.stems.neural import devices
from halation.types import BackendError

__all__ = ["Checkpoint", "library", "renamed", "stepping"]

CURE: Final = 'pip install "halation[jukebox]"'

log = logging.getLogger("halation")

_ORDERS: Final = {
    "full_dense_attention": 0,
    "raw_column_previous_row_attention": 2,
    "large_separated_enc_dec_w_lyrics": 10,
    "enc_dec_with_lyrics": 12,
}
"""How layers attend, by the hub's name: the library's number."""

_VQVAE: Final = {
    "embed_dim": ("emb_width", 64),
    "nb_discrete_codes": ("l_bins", 2048),
    "multipliers": ("hvqvae_multipliers", (2, 1, 1)),
    "res_conv_depth": ("depth", 4),
    "res_conv_width": ("width", 32),
    "res_convolution_multiplier": ("m_conv", 1),
    "res_dilation_cycle": ("dilation_cycle", None),
    "res_dilation_growth_rate": ("dilation_growth_rate", 3),
    "res_downs_t": ("downs_t", (3, 2, 2)),
    "res_strides_t": ("strides_t", (2, 2, 2)),
    "levels": ("levels", 3),
    "sample_length": ("sample_length", 1_058_304),
}
"""The hub's names of settings, the library's, and what a folder means that does not say."""

_TRANSFORMER: Final = {
    "num_layers": ("depth", 72),
    "hidden_size": ("width", 2048),
    "n_heads": ("heads", 2),
    "blocks": ("blocks", 64),
    "spread": ("spread", None),
    "attention_multiplier": ("m_attn", 0.25),
    "mlp_multiplier": ("m_mlp", 1.0),
    "attn_res_scale": ("res_scale", False),
    "init_scale": ("init_scale", 0.2),
}
_PRIOR: Final = {
    "n_ctx": ("n_ctx", 6144),
    "nb_relevant_lyric_tokens": ("n_tokens", 384),
    "lyric_vocab_size": ("n_vocab", 80),
    "metadata_dims": ("y_bins", (604, 7898)),
    "timing_dims": ("t_bins", 64),
    "is_encoder_decoder": ("single_enc_dec", True),
    "merged_decoder": ("merged_decoder", True),
    "res_conv_depth": ("cond_depth", 3),
    "res_conv_width": ("cond_width", 128),
    "res_convolution_multiplier": ("cond_m_conv", 1),
    "res_dilation_cycle": ("cond_dilation_cycle", None),
    "res_dilation_growth_rate": ("cond_dilation_growth_rate", 1),
    "conv_res_scale": ("cond_res_scale", None),
}
TRAINED: Final[dict[int, dict[str, Any]]] = {
    1920: {
        "attention_pattern": "raw_column_previous_row_attention",
        **{"n_ctx": 8192, "blocks": 128, "n_heads": 1, "merged_decoder": False},
    },
    2048: {
        "attention_pattern": "enc_dec_with_lyrics",
        **{"n_ctx": 6144, "blocks": 64, "n_heads": 2, "merged_decoder": False},
    },
    4800: {
        "attention_pattern": "large_separated_enc_dec_w_lyrics",
        **{"n_ctx": 8192, "blocks": 128, "n_heads": 8, "merged_decoder": True},
    },
}
"""How the published levels were trained, by their width: the hub's configuration of the largest
says other blocks, which load as well and sound like nothing."""
_V3_GENRES: Final = 604
"""Checkpoints of the newer vocabulary have so many genres, and take one a song."""
_OLD_GENRES: Final = 5
"""The older ones take up to so many words of one."""

_STEP: Final[ContextVar[Callable[[], None]]] = ContextVar("jukebox_step")


@contextmanager
def stepping(step: Callable[[], None]) -> Iterator[None]:
    """Have a function called before every token that is drawn in this block."""
    token = _STEP.set(step)
    try:
        yield
    finally:
        _STEP.reset(token)


def _watched(steps: Iterable[int]) -> Iterator[int]:
    """Stand in for the library's progress bar: tell who waits of every token."""
    for step in steps:
        if isinstance(steps, range):  # a token; otherwise a piece of what was drawn before
            _STEP.get(lambda: None)()
        yield step


class _AnyDevice:
    """PyTorch, but for the one type that the library asserts and only graphics cards have."""

    def __init__(self, torch: Any) -> None:
        self._torch = torch
        self.cuda = SimpleNamespace(LongTensor=torch.Tensor)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._torch, name)


@cache
def library() -> Any:
    """Return ``jukebox_infer``'s parts that are used here, quiet and fit for any device."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from jukebox_infer import hparams, make_models, sample
            from jukebox_infer.prior import autoregressive, conditioners, prior
        except ImportError as error:
            raise BackendError(f"Jukebox needs {error.name}: {CURE}") from error
    for name, module in list(sys.modules.items()):
        if name.startswith("jukebox_infer"):
            setattr(module, "print", _logged)  # noqa: B010 no module has such a name for mypy
    for module in (autoregressive, conditioners, prior):
        setattr(module, "t", _AnyDevice(torch))  # noqa: B010
    for module in (autoregressive, sample):  # its own also sweeps the whole program, each window
        setattr(module, "empty_cache", torch.cuda.empty_cache)  # noqa: B010
    setattr(autoregressive, "get_range", _watched)  # noqa: B010
    return SimpleNamespace(hparams=hparams, make_models=make_models, sample=sample)


def _logged(*words: object, **_more: object) -> None:
    log.debug("jukebox: %s", " ".join(map(str, words)))


class Checkpoint:
    """A Jukebox on disk; its parts are read one by one, since none needs another's memory.

    Parameters
    ----------
    folder : Path
        As the hub has it: ``config.json``, and weights as safetensors or ``pytorch_model*.bin``.
    name : str
        What it is called in messages.

    Raises
    ------
    BackendError
        If the folder holds something else, or is damaged.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BackendError(f"{str(folder)!r} holds no Jukebox that loads: {error}") from error
        kind = config.get("model_type") if isinstance(config, dict) else None
        if kind != "jukebox":
            raise BackendError(f"{str(folder)!r} is no Jukebox but a model of type {kind!r}")
        self._config = config
        self._vqvae_config = config.get("vqvae_config") or {}
        priors = config.get("prior_config_list")
        if not priors:
            priors = [config.get(f"prior_{i}") or {} for i in range(config.get("nb_priors", 3))]
        # The hub counts from the top.
        self._priors = [row | TRAINED.get(row.get("hidden_size"), {}) for row in priors[::-1]]
        self.levels = len(self._priors)
        self.sample_rate = int(config.get("sampling_rate", 44_100))
        self.most_s = float(config.get("max_duration", 600.0))
        settings = _translated(self._vqvae_config, _VQVAE)
        self._downs: tuple[int, ...] = settings["downs_t"]
        strides = zip(settings["strides_t"], self._downs, strict=True)
        self.hops = [1] * self.levels
        """Samples that a code lasts, the lowest level's first."""
        for level, (stride, down) in enumerate(strides):
            self.hops[level] = (self.hops[level - 1] if level else 1) * stride**down
        hops = self._vqvae_config.get("hop_fraction", (0.125, 0.5, 0.5))
        self.hop_fractions: tuple[float, ...] = tuple(hops)[::-1]

    def context(self, level: int) -> int:
        """Return how many codes a level sees at once."""
        return int(self._priors[level].get("n_ctx", 6144))

    @property
    def least_s(self) -> float:
        """What the top level believes to be the shortest song [s]."""
        window_s = self.context(self.levels - 1) * self.hops[-1] / self.sample_rate
        return float(self._config.get("min_duration") or window_s)

    @property
    def newer(self) -> bool:
        """Whether the top level knows artists and genres by the newer vocabulary."""
        return _newer(self._priors[-1])

    def size(self, level: int) -> int:
        """Return about how many weights a level has that every code goes through."""
        row = _translated(self._priors[level], _TRANSFORMER)
        attention, mlp = 4 * row["m_attn"], 2 * row["m_mlp"]
        return int(row["depth"] * row["width"] ** 2 * (attention + mlp))

    def layers(self, level: int) -> int:
        """Return how many layers a level has."""
        return int(self._priors[level].get("num_layers", 72))

    def heard_around(self) -> int:
        """Return how many of the lowest level's codes on each side a sample hears."""
        row = _translated(self._vqvae_config, _VQVAE)
        blocks = range(row["depth"] * row["hvqvae_multipliers"][0])
        cycle = row["dilation_cycle"] or len(blocks)
        reach = sum(row["dilation_growth_rate"] ** (block % cycle) for block in blocks)
        # At the codes' rate, then at twice and four times it; and what joins those.
        return sum(-(-reach // row["strides_t"][0] ** i) + 2 for i in range(row["downs_t"][0] + 1))

    def vqvae(self) -> Any:
        """Return what turns codes to sound.

        Raises
        ------
        BackendError
            If the weights are damaged.
        """
        hps = _translated(self._vqvae_config, _VQVAE)
        return self._made(lambda make, hps: make.make_vqvae(hps, "meta"), "vqvae", hps, "vqvae.")

    def prior(self, level: int, vqvae: Any) -> Any:
        """Return what draws the codes of a level; errors as in :meth:`vqvae`."""
        row = self._priors[level]
        hps = {f"prior_{key}": value for key, value in _translated(row, _TRANSFORMER).items()}
        for key in ("heads", "blocks", "spread", "m_attn", "m_mlp", "res_scale", "init_scale"):
            hps[key] = hps.pop(f"prior_{key}")
        hps |= _translated(row, _PRIOR)
        hps |= {
            "level": level,
            "sr": self.sample_rate,
            "attn_order": _ORDERS[row.get("attention_pattern", "enc_dec_with_lyrics")],
            "labels_v3": _newer(row),
            "max_bow_genre_size": 1 if _newer(row) else _OLD_GENRES,
            "use_tokens": hps["n_tokens"] > 0,
            "min_duration": self.least_s,
            "max_duration": self.most_s,
        }
        # Cards compute in half precision; the library would halve the weights for every code.
        hps["fp16_params"] = devices.device() == "cuda"
        encoder = row.get("encoder_config")
        if encoder:
            settings = _translated(encoder, _TRANSFORMER)
            hps |= {f"prime_{key}": value for key, value in settings.items()}
            hps["prime_attn_order"] = _ORDERS[encoder["attention_pattern"]]
        prefix = f"priors.{self.levels - 1 - level}."
        return self._made(
            lambda make, hps: make.make_prior(hps, vqvae, "meta"),
            f"prior_{level}",
            hps,
            prefix,
        )

    def _made(
        self, make: Callable[[Any, Any], Any], what: str, settings: dict[str, Any], prefix: str
    ) -> Any:
        """Build a module without memory of its own, and give it the weights that are on disk."""
        import torch

        parts = library()
        try:
            hps = parts.hparams.setup_hparams("easy", settings)
            with devices.fitting(self.name), torch.device("meta"):
                module = make(parts.make_models, hps)
            device = devices.device()
            wanted = module.state_dict()
            state = {}
            for name, tensor in self._weights(prefix):
                if name in wanted:
                    state[name] = tensor.to(device, wanted[name].dtype)
            if "prior.x_out.weight" in wanted:  # saved once where it is the same as this
                state.setdefault("prior.x_out.weight", state.get("prior.x_emb.weight"))
            module.load_state_dict(state, strict=True, assign=True)
        except BackendError:
            raise
        except Exception as error:  # whatever the library and three file formats raise
            if isinstance(error, MemoryError) or "memory" in str(error):
                raise
            reason = " ".join(str(error).split())[:160]
            raise BackendError(
                f"{str(self.folder)!r} holds no Jukebox that loads ({what}): {reason}"
            ) from error
        return module.requires_grad_(False).eval()

    def _weights(self, prefix: str) -> Iterator[tuple[str, Any]]:
        """Yield one part's weights under the library's names, as they lie on disk."""
        import torch
        from safetensors import safe_open

        safe = sorted(self.folder.glob("*.safetensors"))
        pickled = [] if safe else sorted(self.folder.glob("pytorch_model*.bin"))
        if not safe and not pickled:
            raise OSError("there are no weights in it")
        for path in safe:
            with safe_open(path, framework="pt") as file:
                for name in file.keys():  # noqa: SIM118 it is no dict
                    if name.startswith(prefix):
                        yield renamed(name[len(prefix) :], self._downs), file.get_tensor(name)
        for path in pickled:
            state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
            for name, tensor in state.items():
                if name.startswith(prefix):
                    yield renamed(name[len(prefix) :], self._downs), tensor


def _translated(config: dict[str, Any], table: dict[str, tuple[str, Any]]) -> dict[str, Any]:
    """Return settings under the library's names."""
    found = {name: config.get(key, default) for key, (name, default) in table.items()}
    return {key: tuple(v) if isinstance(v, list) else v for key, v in found.items()}


def _newer(row: dict[str, Any]) -> bool:
    return int(row.get("metadata_dims", (_V3_GENRES,))[0]) == _V3_GENRES


_NAMES: Final = (
    (r"conditioner_blocks\.embed_tokens\.", "conditioner_blocks.0.x_emb."),
    (r"conditioner_blocks\.layer_norm\.", "conditioner_blocks.0.ln."),
    (r"conditioner_blocks\.upsampler\.", "conditioner_blocks.0.cond."),
    (r"^metadata_embedding\.(artist|bow_genre)_emb\.weight", r"y_emb.\1_emb.emb.weight"),
    (r"^metadata_embedding\.", "y_emb."),
    (r"^encoder\.proj_in\.", "prime_state_proj."),
    (r"^encoder\.final_layer_norm\.", "prime_state_ln."),
    (r"^encoder\.lm_head\.", "prime_x_out."),
    (r"^encoder\.", "prime_prior."),
    (r"\.embed_tokens\.", ".x_emb."),
    (r"\.fc_proj_out\.", ".x_out."),
    (r"\.layer_norm_([01])\.", r".ln_\1."),
    (r"\.codebook$", ".k"),
    (r"\.conv1d_1\.", ".model.1."),
    (r"\.conv1d_2\.", ".model.3."),
    (r"\.resnet_block\.", ".model."),
    (r"(\.c_\w+|^prime_state_proj)\.weight$", r"\1.w"),
    (r"(\.c_\w+|^prime_state_proj)\.bias$", r"\1.b"),
    (r"(level_blocks\.\d+|\.cond)\.proj_in\.", r"\1.model.0."),
)
"""The hub's names of weights as patterns, and the library's."""


def renamed(name: str, downs: tuple[int, ...]) -> str:
    """Return the library's name of a weight; those that have it already are left alone.

    Parameters
    ----------
    name : str
        Without its part's prefix.
    downs : tuple of int
        How often each level of the encoder halves.

    Examples
    --------
    >>> renamed("prior.transformer._attn_mods.3.mlp.c_fc.weight", (3, 2, 2))
    'prior.transformer._attn_mods.3.mlp.c_fc.w'
    >>> renamed("decoders.0.level_blocks.0.upsample_block.1.bias", (3, 2, 2))
    'decoders.0.level_blocks.0.model.1.1.bias'
    """
    for pattern, new in _NAMES:
        name = re.sub(pattern, new, name)
    name = re.sub(
        r"(level_blocks\.(\d+))\.proj_out\.", lambda m: f"{m[1]}.model.{downs[int(m[2])]}.", name
    )
    name = re.sub(r"\.downsample_block\.(\d+)\.", lambda m: _pair(int(m[1])), name)
    return re.sub(r"\.upsample_block\.(\d+)\.", lambda m: _pair(int(m[1]), first=1), name)


def _pair(place: int, first: int = 0) -> str:
    """Return a place in a flat list of pairs as the pair's and the place in it."""
    return f".model.{place // 2 + first}.{place % 2}."
