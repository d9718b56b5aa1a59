"""Trained networks to the one file that Triton serves: averaged, calibrated, with a sigmoid."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from export.training.chorus.network import ChorusNet
from export.training.onnx_file import save

_OPSET = 17

METADATA = {
    "model_version": "1.1.0",
    "license": "Apache-2.0",
    "description": "Chorus, section start and section end probabilities every 0.192 s of a song",
}


class ServedNet(nn.Module):
    """Several networks as one: the mean of their logits, calibrated, as probabilities."""

    def __init__(self, nets: Sequence[ChorusNet], scale: float, shift: float) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)
        self.register_buffer("scale", torch.tensor([scale, 1.0, 1.0]))
        self.register_buffer("shift", torch.tensor([shift, 0.0, 0.0]))

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Probabilities ``(batch, frames, 3)``: chorus, start, end; 0 where the mask is 0."""
        logits = torch.stack([net(features, mask) for net in self.nets]).mean(dim=0)
        edges = torch.maximum(logits[:, :, 1:3], logits[:, :, 3:])  # of a chorus or any section
        logits = torch.cat([logits[:, :, :1], edges], dim=2)
        curves = torch.sigmoid(logits * self.scale + self.shift)
        return curves * mask.unsqueeze(2)


def write(served: ServedNet, features: int, path: Path) -> None:
    """Export with dynamic batch and length, check, and put in place."""
    buffer = io.BytesIO()
    frames = 25  # any number that is no multiple of the pooling
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter announces its successor
        torch.onnx.export(
            served.eval(),
            (torch.zeros(2, frames, features), torch.ones(2, frames)),
            buffer,
            dynamo=False,
            opset_version=_OPSET,
            input_names=["FEATURES", "MASK"],
            output_names=["CURVES"],
            dynamic_axes={
                "FEATURES": {0: "batch", 1: "frames"},
                "MASK": {0: "batch", 1: "frames"},
                "CURVES": {0: "batch", 1: "frames"},
            },
        )
    save(onnx.load_from_string(buffer.getvalue()), path, metadata=METADATA)
