"""The served graph of a vision transformer: pictures of a song's windows to its genre."""

from __future__ import annotations

import logging
import math
import tempfile
import warnings
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn
from transformers import AttentionInterface

from export.genre.checkpoint import Checkpoint
from export.onnx_graphs import fuse_transformer, fused_attentions

_EXAMPLE_BATCH, _EXAMPLE_WINDOWS = 2, 3
_ATTENTION = "divided_attention"


class Served(nn.Module):
    """Pictures ``(B, W, C, H, W')`` 0–255 and weights ``(B, W)`` to probabilities ``(B, classes)``.

    Each window's probabilities are averaged with its weight; a weight of 0 is padding.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__()
        self.network = checkpoint.network
        shape = (1, checkpoint.channels, 1, 1)
        self.register_buffer("mean", torch.tensor(checkpoint.mean).reshape(shape) * 255)
        self.register_buffer("std", torch.tensor(checkpoint.std).reshape(shape) * 255)

    def forward(self, pictures: Tensor, weights: Tensor) -> Tensor:
        """Average a song's windows."""
        songs, windows = weights.shape
        each = pictures.flatten(0, 1).float()
        if each.shape[1] < self.mean.shape[1]:  # a grey picture for a network of colours
            each = each.expand(-1, self.mean.shape[1], -1, -1)
        logits = self.network(pixel_values=(each - self.mean) / self.std).logits
        probabilities = logits.softmax(dim=-1).reshape(songs, windows, -1)
        share = weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-6)
        return (probabilities * share.unsqueeze(-1)).sum(dim=1)


def to_onnx(served: Served, picture_channels: int, size: int) -> tuple[onnx.ModelProto, str]:
    """The plain graph, and which exporter made it.

    PyTorch has two exporters; which of them leaves attention in a form that ONNX Runtime fuses
    changes with its version. The newer is asked first, and the older if that one's does not fuse.
    """
    served.eval()
    AttentionInterface.register(_ATTENTION, _divided_attention)
    served.network.set_attn_implementation(_ATTENTION)
    layers = served.network.vit.layers
    layers[-1] = _FirstTokenOnly(layers[-1])
    shape = (_EXAMPLE_BATCH, _EXAMPLE_WINDOWS, picture_channels, size, size)
    example = (
        torch.randint(0, 255, shape, dtype=torch.uint8),
        torch.ones(_EXAMPLE_BATCH, _EXAMPLE_WINDOWS),
    )
    wanted = attentions(served)
    best, made_by, most = None, "", -1
    for name, dynamo in (("dynamo", True), ("torchscript", False)):
        model = _exported(served, example, dynamo=dynamo)
        fused = fused_attentions(fuse_transformer(model, **shape_of(served), norms=False))
        if fused > most:
            best, made_by, most = model, name, fused
        if most == wanted:
            break
    assert best is not None  # noqa: S101  for the type checker: the loop ran
    return best, made_by


class _FirstTokenOnly(nn.Module):
    """The last layer, for the one token that the classifier reads.

    What it computes for the others is never looked at: five sixths of the layer's work.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, tokens: Tensor, *_: Any, **__: Any) -> Tensor:
        attention = self.layer.attention
        normed = self.layer.layernorm_before(tokens)
        query, key, value = (
            project(seen).unflatten(-1, (-1, attention.head_dim)).transpose(1, 2)
            for project, seen in (
                (attention.q_proj, normed[:, :1]),
                (attention.k_proj, normed),
                (attention.v_proj, normed),
            )
        )
        attended, _ = _divided_attention(attention, query, key, value)
        first = attention.o_proj(attended.flatten(2)) + tokens[:, :1]
        return first + self.layer.mlp(self.layer.layernorm_after(first))


def attentions(served: Served) -> int:
    """How many attentions must fuse: those over all tokens, in every layer but the last."""
    return int(served.network.config.num_hidden_layers) - 1


def shape_of(served: Served) -> dict[str, int]:
    """What ONNX Runtime's fusion must know of the network."""
    config = served.network.config
    return {"heads": config.num_attention_heads, "hidden": config.hidden_size}


def _exported(served: Served, example: tuple[Tensor, Tensor], *, dynamo: bool) -> onnx.ModelProto:
    names: dict[str, Any] = {
        "input_names": ["PICTURES", "WEIGHTS"],
        "output_names": ["PROBABILITIES"],
    }
    auto = torch.export.Dim.DYNAMIC
    if dynamo:
        names["dynamic_shapes"] = {"pictures": {0: auto, 1: auto}, "weights": {0: auto, 1: auto}}
        names |= {"opset_version": 18, "external_data": False, "verbose": False}
    else:
        axes = {0: "batch", 1: "windows"}
        names["dynamic_axes"] = {"PICTURES": axes, "WEIGHTS": axes, "PROBABILITIES": {0: "batch"}}
        names["opset_version"] = 17
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        path = Path(folder) / "model.onnx"
        torch.onnx.export(served, example, path, dynamo=dynamo, **names)
        model = onnx.load(path)
    for value in [*model.graph.input, *model.graph.output]:
        for axis, dimension in enumerate(value.type.tensor_type.shape.dim):
            if dimension.HasField("dim_param"):
                dimension.dim_param = ("batch", "windows")[axis]
    del model.graph.value_info[:]  # the exporters' own guesses; some are wrong after folding
    return model


def _divided_attention(
    _: nn.Module, query: Tensor, key: Tensor, value: Tensor, *__: Any, **___: Any
) -> tuple[Tensor, None]:
    """Attention, written so that ONNX Runtime's fusion knows it: it looks for the division."""
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    return (scores.softmax(dim=-1) @ value).transpose(1, 2).contiguous(), None
