"""DeepChorus' weights from the file that Keras writes (``save_weights``, ``save``: ``.h5``).

Such a file has a group a layer, listed in the attribute ``layer_names`` in an order that follows
the depth of the graph. What tells the order in which layers were *made* is their names: Keras
counts each kind (``conv1d``, ``conv1d_1`` …). The numbers may begin anywhere. A group's attribute
``weight_names`` lists its tensors; their last part is what they are (``kernel:0``).

==========================  =============================================  =======================
layer                       tensors                                        in PyTorch
==========================  =============================================  =======================
``conv2d``                  kernel (bands, time, in, out), bias            (out, in, bands, time)
``conv1d``                  kernel (time, in, out), bias                   (out, in, time)
``conv1d_transpose``        kernel (time, 1, out, in), bias                (in, out, time)
``batch_normalization``     gamma, beta, moving_mean, moving_variance      as they are
``multi_head_attention``    Wq, bq, Wk, bk, Wv, bv, Wo, bo                 W transposed
==========================  =============================================  =======================
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from export.chorus.deepchorus import Attention, DeepChorus, Sizes, layers
from export.errors import ExportError

Float32 = NDArray[np.float32]
Weights = dict[str, Float32]

_NAME = re.compile(r"(?P<kind>.+?)(?:_(?P<number>\d+))?")
_PARTS = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")
_ATTENTION_PARTS = ("Wq", "bq", "Wk", "bk", "Wv", "bv", "Wo", "bo")


def load(path: Path) -> DeepChorus:
    """The network with the file's weights, in evaluation mode.

    Raises:
        ExportError: the file is damaged, or holds another network.
    """
    found = _layers(path)
    sizes = _sizes(path, found)
    network = DeepChorus(sizes)
    for kind, wanted in layers(network).items():
        if len(found[kind]) != len(wanted):
            raise ExportError(
                f"{path.name} has {len(found[kind])} layers of the kind {kind}, DeepChorus has "
                f"{len(wanted)}: it is another network"
            )
        for number, (layer, weights) in enumerate(zip(wanted, found[kind], strict=True)):
            try:
                _fill(layer, weights)
            except (KeyError, RuntimeError, ValueError) as error:
                raise ExportError(
                    f"the tensors of {kind} number {number + 1} in {path.name} do not fit "
                    f"DeepChorus: {str(error).splitlines()[0]}"
                ) from error
    return network.eval()


def _layers(path: Path) -> dict[str, list[Weights]]:
    """The file's layers by kind, each in the order of their making."""
    try:
        with h5py.File(path) as file:
            group = file.get("model_weights", file)  # ``save`` writes the whole model, so named
            if "layer_names" not in group.attrs:
                raise ExportError(
                    f"{path.name} lists no layers: it is no .h5 file of Keras (2, or 3's "
                    "model.save)"
                )
            numbered = defaultdict(list)
            for name in map(_text, group.attrs["layer_names"]):
                weights = {
                    _part(_text(key)): np.asarray(group[name][_text(key)], dtype=np.float32)
                    for key in group[name].attrs["weight_names"]
                }
                match = _NAME.fullmatch(name)
                if weights and match:
                    numbered[match["kind"]].append((int(match["number"] or 0), weights))
    except (OSError, KeyError, TypeError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ExportError(f"{path.name} is no .h5 file, or is damaged: {reason}") from error
    in_order = {
        kind: [weights for _, weights in sorted(each, key=lambda pair: pair[0])]
        for kind, each in numbered.items()
    }
    return defaultdict(list, in_order)


def _sizes(path: Path, found: dict[str, list[Weights]]) -> Sizes:
    """Widths as the file has them."""
    try:
        one, two, three, four = (each["kernel"].shape[-1] for each in found["conv2d"])
        first, *_, chunk, detail, _ = (each["kernel"] for each in found["conv1d"])
        return Sizes(
            stem=(one, two, three, four),
            channels=first.shape[-1],
            summary=chunk.shape[-1],
            detail=detail.shape[-1],
            frames_a_score=chunk.shape[0],
        )
    except (KeyError, ValueError) as error:
        raise ExportError(
            f"{path.name} is not DeepChorus: it has {len(found['conv2d'])} convolutions over the "
            f"spectrogram and {len(found['conv1d'])} over time"
        ) from error


def _part(name: str) -> str:
    """What a tensor is: ``conv1d_3/kernel:0`` and ``attention/attention_Wq:0`` end with it."""
    last = name.rpartition("/")[2].partition(":")[0]
    for part in (*_PARTS, *_ATTENTION_PARTS):
        if last == part or last.endswith(f"_{part}"):
            return part
    return last


def _fill(layer: nn.Module, weights: Weights) -> None:
    """Put a Keras layer's tensors into ours.

    Raises:
        KeyError: one is missing.
        RuntimeError, ValueError: one has another shape.
    """
    if isinstance(layer, Attention):
        for name, part in zip("qkvo", layer.children(), strict=True):
            _set(part.weight, weights[f"W{name}"].T)
            _set(part.bias, weights[f"b{name}"])
    elif isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
        _set(layer.weight, weights["gamma"])
        _set(layer.bias, weights["beta"])
        _set(layer.running_mean, weights["moving_mean"])
        _set(layer.running_var, weights["moving_variance"])
    else:
        kernel = weights["kernel"]
        if isinstance(layer, nn.ConvTranspose1d):
            kernel = kernel.reshape(len(kernel), *kernel.shape[-2:]).transpose(2, 1, 0)
        else:
            kernel = np.moveaxis(kernel, (-1, -2), (0, 1))
        _set(layer.weight, kernel)
        _set(layer.bias, weights["bias"])


def _set(ours: torch.Tensor, theirs: Float32) -> None:
    if ours.shape != theirs.shape:
        raise ValueError(f"a tensor of {theirs.shape} where {tuple(ours.shape)} is wanted")
    if not np.isfinite(theirs).all():
        raise ValueError("a tensor holds values that are not numbers")
    with torch.no_grad():
        ours.copy_(torch.from_numpy(np.ascontiguousarray(theirs)))


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
