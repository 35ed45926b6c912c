"""Exports the composer's network to ONNX, where it runs without torch, and reads it back.

``python -m halation.training.export --checkpoint FOLDER/checkpoint.pt --out composer.onnx``
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import Tensor, nn

from halation.training import run
from halation.training.composer import load
from halation.training.model import Composer, Size
from halation.types import FileError

__all__ = ["export", "read"]

OPSET = 18
TURNED = ".turned"
"""Ends the name of a weight that stands in the file as its transpose."""
LARGE = 1024
"""Weights with at least so many numbers are stored as float16."""


class _Step(nn.Module):
    """The network's step as what an exporter calls."""

    def __init__(self, model: Composer) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, tokens: Tensor, hidden: Tensor, past: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        return self.model.step(tokens, hidden, past)


def export(model: Composer, out: Path) -> None:
    """Write a network into one file.

    Inputs are ``tokens``, ``hidden`` and each layer's keys and values ``past_0``, ``past_1`` …;
    outputs ``logits`` and these grown by the tokens, ``present_0`` …: one tensor each, so that
    nothing is copied twice.
    Weights are stored as float16, which halves the file, and are float32 when they compute; each
    has its parameter's name, so that :func:`read` finds it.
    """
    import onnx

    model.eval()
    size = model.size
    batch, time, before = (
        torch.export.Dim(n, min=1, max=4096) for n in ("batch", "time", "before")
    )
    tokens = torch.zeros(3, 2, dtype=torch.long)
    past = [torch.zeros(3, 5, size.width // size.n_heads) for _ in range(2 * size.n_layers)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _Step(model), (tokens, torch.zeros(3, 7), past), dynamo=True, opset_version=OPSET,
            verbose=False,
            input_names=["tokens", "hidden", *(f"past_{i}" for i in range(len(past)))],
            output_names=["logits", *(f"present_{i}" for i in range(len(past)))],
            dynamic_shapes={"tokens": {0: batch, 1: time},
                            "hidden": {0: batch, 1: torch.export.Dim.DYNAMIC},
                            "past": [{0: batch, 1: before} for _ in past]},
        )  # fmt: skip
    assert program is not None
    proto = program.model_proto
    _name(proto.graph, model)
    _halve(proto.graph)
    _forget(proto)
    part = out.with_name(f"{out.name}.part")
    onnx.save(proto, str(part))
    part.replace(out)


def _name(graph: Any, model: Composer) -> None:
    """Give every weight its parameter's name again, which the exporter took where it turned it."""
    from onnx import numpy_helper

    names = {}
    known = {k: v.detach().numpy() for k, v in model.named_parameters() if v.ndim == 2}
    for weight in graph.initializer:
        if weight.name.startswith("model."):
            names[weight.name] = weight.name.removeprefix("model.")
            continue
        values = numpy_helper.to_array(weight)
        for name, matrix in known.items():
            if values.shape == matrix.T.shape and np.array_equal(values, matrix.T):
                names[weight.name] = name + TURNED
    for weight in graph.initializer:
        weight.name = names.get(weight.name, weight.name)
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = names.get(name, name)


def _forget(proto: Any) -> None:
    """Leave out what the exporter notes of this machine: paths and lines of every step."""
    graph = proto.graph
    rows = (*graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer)
    for row in (proto, graph, *rows):
        del row.metadata_props[:]
        row.doc_string = ""


def _halve(graph: Any) -> None:
    """Store every large float32 weight as float16 with a cast behind it."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for weight in graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype == np.float32 and values.size >= LARGE:
            name = weight.name
            half = f"{name}.half"
            weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), half))
            casts.append(helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        graph.node.insert(0, cast)


def read(path: Path) -> Composer:
    """Read the network that :func:`export` wrote, to train it further.

    Raises
    ------
    FileError
        If the file is no such network.
    """
    import onnx
    from onnx import numpy_helper

    try:
        graph = onnx.load(str(path)).graph
        stored = {w.name.removesuffix(".half"): numpy_helper.to_array(w) for w in graph.initializer}
        weights = {}
        for name, values in stored.items():
            plain = name.removesuffix(TURNED)
            turned = values.T if name.endswith(TURNED) else values
            weights[plain] = torch.from_numpy(np.array(turned, np.float32, order="C"))
        past = [i for i in graph.input if i.name.startswith("past_")]
        head = past[0].type.tensor_type.shape.dim[2].dim_value
        n_words, width = weights["words.weight"].shape
        hidden = weights["layers.0.down.weight"].shape[1]
        size = Size(n_words, len(past) // 2, width, width // head, hidden)
        model = Composer(size)
        own = model.state_dict()
        model.load_state_dict({name: weights[name] for name in own})
    except Exception as error:  # protobuf's and torch's own kinds
        raise FileError(f"{path} is no composer that can be trained ({error})") from error
    return model


@click.command()
@click.option("--checkpoint", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(checkpoint: Path, out: Path) -> None:
    """Export a checkpoint."""
    model, _ = load(checkpoint)
    export(model, out)
    click.echo(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    run(main)
