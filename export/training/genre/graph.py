"""The served graph: both branches fused, from windows of pictures to calibrated probabilities."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import torch
from torch import Tensor, nn

from export.training.genre.clips import BANDS, WINDOW
from export.training.genre.covariance import Covariance
from export.training.genre.fusion import Factors
from export.training.genre.network import CROP, Transformer

CROPS = ("first", "last")
"""The two crops of a window that are looked at: together they cover it."""

_OPSET = 18


def decibels(pictures: Tensor) -> Tensor:
    """Grey ``(B, W, 1, 128, columns)`` to dB about the middle grey ``(B, W, 128, columns)``, ± 40.

    The middle is at zero so that squares stay small; both branches ignore a constant.
    """
    return pictures.squeeze(2).float() * (80.0 / 255.0) - 40.0


def transformer_view(network: Transformer, crop: str, sound: Tensor, weights: Tensor) -> Tensor:
    """Log-probabilities of one crop a window, averaged over the real windows: ``(B, classes)``."""
    clips, windows = weights.shape
    part = sound[..., :CROP] if crop == "first" else sound[..., -CROP:]
    answers = (
        network(part.reshape(clips * windows, 1, BANDS, CROP))
        .log_softmax(dim=-1)
        .reshape(clips, windows, -1)
    )
    share = weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-6)
    return (answers * share.unsqueeze(-1)).sum(dim=1)


class Served(nn.Module):
    """What ``genre_vit`` computes: softmax of a weighted sum of both branches' answers.

    Args:
        covariance: fitted.
        readout: weights ``(172², classes)`` and bias of the covariance branch.
        networks: the transformers; each looks at one of the two crops of every window, by turns.
        factors: of the covariance scores and of the transformers' mean log-probabilities (the
            temperature is in them).
    """

    def __init__(
        self,
        covariance: Covariance,
        readout: tuple[Tensor, Tensor],
        networks: Sequence[Transformer],
        factors: Factors,
    ) -> None:
        super().__init__()
        self.covariance = covariance
        self.register_buffer("weights", readout[0])
        self.register_buffer("bias", readout[1])
        self.networks = nn.ModuleList(networks)
        for name, values in factors._asdict().items():
            self.register_buffer(f"of_{name}", torch.from_numpy(values).float())

    def forward(self, pictures: Tensor, weights: Tensor) -> Tensor:
        """Pictures ``(B, W, 1, 128, columns)``, weights ``(B, W)`` to ``(B, classes)``, sum 1."""
        sound = decibels(pictures)
        scores = self.covariance(sound, weights) @ self.weights + self.bias
        views = [
            transformer_view(network, CROPS[index % 2], sound, weights)
            for index, network in enumerate(self.networks)
        ]
        opinion = torch.stack(views).mean(dim=0)
        logits = self.of_scores * scores + self.of_opinions * opinion + self.of_bias
        return logits.softmax(dim=-1)


def to_onnx(served: Served) -> onnx.ModelProto:
    """The graph with dynamic batch and windows, opset 18, large weights stored as float16."""
    served.eval()
    example = (
        torch.randint(0, 255, (2, 3, 1, BANDS, WINDOW), dtype=torch.uint8),
        torch.ones(2, 3),
    )
    auto = torch.export.Dim.DYNAMIC
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            served,
            example,
            path,
            input_names=["PICTURES", "WEIGHTS"],
            output_names=["PROBABILITIES"],
            dynamic_shapes={"pictures": {0: auto, 1: auto, 4: auto}, "weights": {0: auto, 1: auto}},
            opset_version=_OPSET,
            external_data=False,
            dynamo=True,
            verbose=False,
        )
        model = onnx.load(path)
    _name_dimensions(model)
    _store_as_half(model)
    return model


def _name_dimensions(model: onnx.ModelProto) -> None:
    """Call the open dimensions by what they are, instead of the exporter's numbers."""
    names = {0: "batch", 1: "windows", 4: "columns"}
    for value in [*model.graph.input, *model.graph.output]:
        for axis, dimension in enumerate(value.type.tensor_type.shape.dim):
            if dimension.HasField("dim_param"):
                dimension.dim_param = names[axis]


def _store_as_half(model: onnx.ModelProto) -> None:
    """Halve the file: large float32 constants become float16 and a ``Cast``, folded at load."""
    graph = model.graph
    casts = []
    for constant in graph.initializer:
        values = onnx.numpy_helper.to_array(constant)
        if values.dtype != np.float32 or values.size < 4096:
            continue
        name = constant.name
        half = onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}.half")
        constant.CopyFrom(half)
        casts.append(
            onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT)
        )
    for node in reversed(casts):
        graph.node.insert(0, node)
    del graph.value_info[:]
