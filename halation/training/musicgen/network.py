"""What is tuned of a MusicGen, what a batch costs it, and how it is saved.

Only its decoder learns: small matrices beside its own (LoRA), or all of it. Its text encoder and
its audio encoder stay as they are. The words reach the decoder exactly as when it plays.

References
----------
Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022.
"""

from __future__ import annotations

import errno
import hashlib
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from halation.stems.neural import devices
from halation.stems.neural.musicgen import Checkpoint
from halation.training.musicgen.data import UNHEARD, Batch

if TYPE_CHECKING:
    import torch

__all__ = ["TARGETS", "Costs", "attach", "costs", "digest", "learning", "save", "told"]

TARGETS: Final = r"decoder\..*\.(q_proj|k_proj|v_proj|out_proj|fc1|fc2)"
"""The matrices of the decoder that an adapter stands beside."""


def attach(model: Any, base: str, *, rank: int, full: bool, seed: int) -> Any:
    """Choose what learns, and return what is saved: the model itself, or its adapter.

    Parameters
    ----------
    model
        A MusicGen of transformers; is changed in place.
    base : str
        Where the adapter finds the base again: a repository's name, or a folder.
    rank : int > 0
        Of the adapter's matrices.
    full : bool
        Whether the whole decoder learns, instead of an adapter.
    seed : int
        Of the adapter's first numbers.
    """
    import torch

    model.requires_grad_(False)
    with devices.quiet("transformers"):
        # A third more time, and a quarter of the memory: what a layer found is found again.
        model.decoder.gradient_checkpointing_enable({"use_reentrant": False})
    if full:
        model.decoder.requires_grad_(True)
        return model
    from peft import LoraConfig, get_peft_model

    model.config.name_or_path = model.name_or_path = base
    wanted = LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules=TARGETS)
    with torch.random.fork_rng(), devices.quiet("transformers"):
        torch.manual_seed(seed)
        return get_peft_model(model, wanted)


def learning(model: Any) -> dict[str, torch.nn.Parameter]:
    """Return the weights that learn, by name."""
    return {name: p for name, p in model.decoder.named_parameters() if p.requires_grad}


def told(
    checkpoint: Checkpoint, captions: Sequence[str], tunes: Any = None, drop: Sequence[bool] = ()
) -> dict[str, Any]:
    """Return what the decoder is told of the words, and of the tune if it follows one.

    Parameters
    ----------
    checkpoint : Checkpoint
    captions : sequence of str
    tunes : np.ndarray [shape=(batch, frames, 12)], float32, optional
    drop : sequence of bool, optional
        Whose words and tune are left out, as generation leaves them out to be guided.

    Returns
    -------
    dict
        What the decoder takes: the states, shape (batch, places, width), and their mask.
    """
    import torch

    model = checkpoint.model
    words = checkpoint.tokenizer(list(captions), return_tensors="pt", padding=True, truncation=True)
    mask = words["attention_mask"].to(model.device)
    with torch.no_grad():
        states = model.text_encoder(
            input_ids=words["input_ids"].to(model.device), attention_mask=mask
        )[0]
        if hasattr(model, "enc_to_dec_proj"):
            states = model.enc_to_dec_proj(states)
        states = states * mask[..., None]
        if checkpoint.follows:
            states = torch.cat([_followed(model, tunes), states], dim=1)
        kept = torch.tensor([not d for d in drop] or [True] * len(captions), device=model.device)
        states = states * kept[:, None, None]
    if checkpoint.follows:  # its decoder puts the states before the codes, unmasked
        return {"encoder_hidden_states": states}
    return {"encoder_hidden_states": states, "encoder_attention_mask": mask * kept[:, None]}


def _followed(model: Any, tunes: Any) -> Any:
    """Project tunes, shape (batch, frames, 12), and repeat or cut them to the model's length."""
    import torch

    x = torch.from_numpy(np.asarray(tunes)).to(model.device, model.dtype)
    if hasattr(model, "audio_enc_to_dec_proj"):
        x = model.audio_enc_to_dec_proj(x)
    length = model.config.chroma_length
    return x.repeat(1, math.ceil(length / x.shape[1]), 1)[:, :length]


class Costs:
    """What codes cost in nats, added up by codebook."""

    def __init__(self, sums: torch.Tensor, counts: torch.Tensor) -> None:
        self.sums, self.counts = sums, counts

    @property
    def loss(self) -> torch.Tensor:
        """The mean over the codebooks of the mean cost of a code [nats]."""
        return (self.sums / self.counts).mean()

    @property
    def bits(self) -> list[float]:
        """What a code of each codebook costs [bit]."""
        return [float(v) / math.log(2.0) for v in self.sums.detach() / self.counts]


def costs(decoder: Any, given: dict[str, Any], batch: Batch, device: Any) -> Costs:
    """Let a decoder say a batch's codes, and return what they cost it.

    Parameters
    ----------
    decoder
        Of the model, as :mod:`accelerate` wrapped it.
    given : dict
        From :func:`told`.
    batch : Batch
    device
        Where the decoder is.
    """
    import torch

    inputs, labels = batch.inputs.to(device), batch.labels.to(device)
    n_books, length = inputs.shape[1:]
    answer = decoder(input_ids=inputs.flatten(0, 1), use_cache=False, **given)
    # Shape (batch × codebooks, places, codes); those of the words come first.
    logits = answer.logits[:, -length:].float()
    wanted = labels.transpose(1, 2).flatten(0, 1)
    each = torch.nn.functional.cross_entropy(
        logits.transpose(1, 2), wanted, ignore_index=UNHEARD, reduction="none"
    )
    sums = each.view(-1, n_books, length).sum((0, 2))
    counts = (wanted != UNHEARD).view(-1, n_books, length).sum((0, 2))
    return Costs(sums, counts)


def save(saved: Any, tokenizer: Any, folder: Path, *, full: bool) -> None:
    """Write what :func:`attach` returned into a folder: an adapter, or a whole checkpoint.

    Raises
    ------
    OSError
        If the disk is full, or the folder cannot be written to.
    """
    from safetensors import SafetensorError

    try:
        with devices.quiet("transformers"):
            if full:
                saved.save_pretrained(folder)
                tokenizer.save_pretrained(folder)
            else:  # whether its words have changed would be asked on the hub
                saved.save_pretrained(folder, save_embedding_layers=False)
    except SafetensorError as error:  # has the system's number in its words alone
        number = re.search(r"os error (\d+)", str(error))
        raise OSError(int(number[1]) if number else errno.EIO, str(error)) from error


def digest(folder: Path) -> str:
    """Return the SHA-256 of a checkpoint's weights and configuration."""
    found = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".safetensors", ".bin") or path.name.endswith("config.json"):
            found.update(path.name.encode())
            with path.open("rb") as file:
                while piece := file.read(1 << 20):
                    found.update(piece)
    return found.hexdigest()
