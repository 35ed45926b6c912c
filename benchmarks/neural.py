"""The default engine beside MusicGen-small of true size, on one machine in one run: ``make bench``.

MusicGen's weights are random here, because the speed does not depend on them; its configuration is
that of the published checkpoint, so that it has as many parameters and steps.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.songs import TEXT, run
from benchmarks.truth import TRUE_SIZE

__all__ = ["true_size"]

MUSICGEN = """
import json, sys, time
import numpy as np
from benchmarks.neural import true_size
from halation.stems.neural.performance import Request
from halation.types import Key, Section
seconds = float(sys.argv[1])
model = true_size()
request = Request("dreamy ambient trap beat", seconds, 0.0, np.zeros((1, 0), np.float32), None,
                  Section("hook", "hook", 0.0, 16.0), 140.0, Key(9, "aeolian"), 1, False,
                  step=lambda share: None, stem="song")
started = time.perf_counter()
sound = model.play(request)
took = time.perf_counter() - started
print(json.dumps({"seconds": took, "duration_s": sound.shape[1] / model.sample_rate}))
"""


def true_size() -> Any:
    """Return MusicGen-small with random weights: T5-base, EnCodec at 32 kHz, 24 layers of 1024."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        EncodecConfig,
        MusicgenConfig,
        MusicgenDecoderConfig,
        MusicgenForConditionalGeneration,
        PreTrainedTokenizerFast,
        T5Config,
    )

    from halation.stems.neural import devices
    from halation.stems.neural.musicgen import Checkpoint

    torch.manual_seed(0)
    text = T5Config(vocab_size=32_128, d_model=768, d_kv=64, d_ff=3072, num_layers=12, num_heads=12)
    audio = EncodecConfig(
        sampling_rate=32_000, num_filters=64, hidden_size=128, codebook_size=2048,
        codebook_dim=128, upsampling_ratios=[8, 5, 4, 4], target_bandwidths=[2.2],
        normalize=False, chunk_length_s=None, use_causal_conv=False,
    )  # fmt: skip
    decoder = MusicgenDecoderConfig(
        vocab_size=2048, hidden_size=1024, num_hidden_layers=24, num_attention_heads=16,
        ffn_dim=4096, num_codebooks=4, pad_token_id=2048, bos_token_id=2048,
    )  # fmt: skip
    with devices.quiet("transformers"):
        config = MusicgenConfig(
            text_encoder=text.to_dict(), audio_encoder=audio.to_dict(), decoder=decoder.to_dict()
        )
        model: Any = MusicgenForConditionalGeneration(config)
        model = model.to(devices.device(), devices.precision())
    generation = model.generation_config
    generation.decoder_start_token_id = generation.pad_token_id = generation.bos_token_id = 2048
    vocabulary = Tokenizer(models.WordLevel({"<pad>": 0, "<unk>": 2}, unk_token="<unk>"))
    vocabulary.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer: Any = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=vocabulary, pad_token="<pad>", unk_token="<unk>"
    )
    return Checkpoint("musicgen-small of true size", model, tokenizer)


def row(what: str, duration_s: float, seconds: float, memory: float) -> None:
    """Print one line of the table."""
    print(f"{what:<48}{seconds:8.1f} s{duration_s / seconds:10.3g} x{memory:8.0f} MB", flush=True)


def main() -> None:
    """Print × real time and peak memory of both."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=6.0, help="what MusicGen plays")
    seconds = options.parse_args().seconds
    with tempfile.TemporaryDirectory() as place:
        command = [
            sys.executable,
            "-m",
            "halation",
            "make",
            TEXT,
            "--seed",
            "11",
            "--length",
            "150",
        ]
        command += ["--out", str(Path(place)), "--json"]
        took, memory, printed = run(command)
        row("halation, a finished song", json.loads(printed)["duration_s"], took, memory)
    _, memory, printed = run([sys.executable, "-c", MUSICGEN, str(seconds)])
    found = json.loads(printed)
    row("MusicGen-small, one stretch, loaded", found["duration_s"], found["seconds"], memory)
    speed = found["duration_s"] / found["seconds"]
    TRUE_SIZE.write_text(json.dumps({"musicgen": f"small, {speed:.2g} × real time"}) + "\n")


if __name__ == "__main__":
    main()
