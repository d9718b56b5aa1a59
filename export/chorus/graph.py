"""Chorus networks as ONNX graphs: DeepChorus, and our own."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Mapping, Sequence

import onnx
import torch
from torch import Tensor, nn

from export.chorus.deepchorus import BANDS, Attention, DeepChorus

_OPSET = 17
FUSED_ATTENTION = "MultiHeadAttention"


def deepchorus_to_onnx(network: DeepChorus, *, fused: bool) -> onnx.ModelProto:
    """``FEATURES`` ``(batch, frames, BANDS)`` to ``RAW_CURVES`` ``(batch, scores, 1)``.

    Args:
        network: in evaluation mode.
        fused: attention as ONNX Runtime's own operator, which never holds a matrix of frames by
            frames (CPU and CUDA); else plain products, for TensorRT.
    """
    for module in network.modules():
        if isinstance(module, Attention):
            module.fused = fused
    axes = {"FEATURES": {0: "batch", 1: "frames"}, "RAW_CURVES": {0: "batch", 1: "scores"}}
    return exported(network, (torch.zeros(2, 99, BANDS),), axes)


def exported(
    network: nn.Module, example: Sequence[Tensor], axes: Mapping[str, Mapping[int, str]]
) -> onnx.ModelProto:
    """A graph with open axes; ``axes`` names the inputs in order, then the output."""
    *inputs, output = axes
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter announces its successor
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(
            network.eval(), tuple(example), buffer, dynamo=False, opset_version=_OPSET,
            input_names=inputs, output_names=[output], dynamic_axes=dict(axes),
        )  # fmt: skip
    model = onnx.load_from_string(buffer.getvalue())
    del model.graph.value_info[:]
    return model
