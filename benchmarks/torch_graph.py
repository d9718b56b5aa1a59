"""An ONNX graph executed by PyTorch, node by node: the same network and weights as are served.

The reference service runs its network in PyTorch. The bundled weights exist as ONNX, so the graph
itself is what both can run; the operators are those that our exports consist of.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch.nn import functional

Attributes = dict[str, Any]
Operator = Callable[..., torch.Tensor]


def _axes(tensor: torch.Tensor | None) -> list[int]:
    return [] if tensor is None else [int(axis) for axis in tensor]


def _slice(
    x: torch.Tensor, starts: torch.Tensor, ends: torch.Tensor, *rest: torch.Tensor, **_: Any
) -> torch.Tensor:
    axes = _axes(rest[0]) if rest else list(range(len(starts)))
    steps = _axes(rest[1]) if len(rest) > 1 else [1] * len(axes)
    index = [slice(None)] * x.dim()
    for axis, start, end, step in zip(axes, starts.tolist(), ends.tolist(), steps, strict=True):
        index[axis] = slice(start, min(end, x.shape[axis]), step)
    return x[tuple(index)]


def _reshape(x: torch.Tensor, shape: torch.Tensor, **_: Any) -> torch.Tensor:
    sizes = [x.shape[axis] if size == 0 else size for axis, size in enumerate(shape.tolist())]
    return x.reshape(sizes)


def _squeeze(x: torch.Tensor, axes: torch.Tensor | None = None, **_: Any) -> torch.Tensor:
    for axis in sorted(_axes(axes), reverse=True):
        x = x.squeeze(axis)
    return x


def _unsqueeze(x: torch.Tensor, axes: torch.Tensor, **_: Any) -> torch.Tensor:
    for axis in sorted(_axes(axes)):
        x = x.unsqueeze(axis)
    return x


def _reduced(reduce: Callable[..., torch.Tensor]) -> Operator:
    def apply(x: torch.Tensor, axes: torch.Tensor | None = None, **given: Any) -> torch.Tensor:
        chosen = _axes(axes) or list(given.get("axes", range(x.dim())))
        return reduce(x, dim=chosen, keepdim=bool(given.get("keepdims", 1)))

    return apply


def _convolution(x: torch.Tensor, *weights: torch.Tensor, **given: Any) -> torch.Tensor:
    pads = given.get("pads", [0] * 4)[:2]
    strides, groups = given.get("strides", 1), given.get("group", 1)
    return functional.conv2d(x, *weights, stride=strides, padding=pads, groups=groups)


def _pooled(x: torch.Tensor, **given: Any) -> torch.Tensor:
    """Average over the last axes, as many as the kernel has."""
    kernel, strides = given["kernel_shape"], given.get("strides", 1)
    pads = given.get("pads", [0] * 2 * len(kernel))[: len(kernel)]
    counted = bool(given.get("count_include_pad", 0))
    pool = functional.avg_pool1d if len(kernel) == 1 else functional.avg_pool2d
    return pool(x, kernel, strides, pads, count_include_pad=counted)


def _gemm(a: torch.Tensor, b: torch.Tensor, *c: torch.Tensor, **given: Any) -> torch.Tensor:
    a = a.T if given.get("transA") else a
    b = b.T if given.get("transB") else b
    product = given.get("alpha", 1.0) * (a @ b)
    return product + given.get("beta", 1.0) * c[0] if c else product


def _cast(x: torch.Tensor, *, to: int) -> torch.Tensor:
    kind = helper.tensor_dtype_to_np_dtype(to)
    return x.to(torch.from_numpy(np.zeros(1, dtype=kind)).dtype)


def _layer_norm(x: torch.Tensor, *weights: torch.Tensor, **given: Any) -> torch.Tensor:
    shape = x.shape[given.get("axis", -1) :]
    return functional.layer_norm(x, shape, *weights, eps=given.get("epsilon", 1e-5))


_OPERATORS: dict[str, Operator] = {
    "Abs": torch.abs,
    "Add": torch.add,
    "AveragePool": _pooled,
    "Cast": _cast,
    "Clip": lambda x, low=None, high=None: torch.clip(x, low, high),
    "Concat": lambda *parts, axis: torch.cat(parts, axis),
    "Conv": _convolution,
    "Div": torch.div,
    "Erf": torch.erf,
    "Expand": lambda x, shape: x.expand(torch.broadcast_shapes(x.shape, tuple(shape.tolist()))),
    "Gather": lambda x, index, axis=0: x.index_select(axis, index.reshape(-1)).reshape(
        *x.shape[:axis], *index.shape, *x.shape[axis + 1 :]
    ),
    "Gemm": _gemm,
    "LayerNormalization": _layer_norm,
    "LogSoftmax": lambda x, axis=-1: torch.log_softmax(x, axis),
    "MatMul": torch.matmul,
    "Mul": torch.mul,
    "Neg": torch.neg,
    "Pow": torch.pow,
    "ReduceMax": _reduced(torch.amax),
    "ReduceMean": _reduced(torch.mean),
    "ReduceSum": _reduced(torch.sum),
    "Relu": torch.relu,
    "Reshape": _reshape,
    "Shape": lambda x, start=0, end=None: torch.tensor(x.shape[start:end]),
    "Sigmoid": torch.sigmoid,
    "Slice": _slice,
    "Softmax": lambda x, axis=-1: torch.softmax(x, axis),
    "Sqrt": torch.sqrt,
    "Squeeze": _squeeze,
    "Sub": torch.sub,
    "Tanh": torch.tanh,
    "Transpose": lambda x, perm: x.permute(perm),
    "Unsqueeze": _unsqueeze,
}


class TorchGraph:
    """Runs the graph of an ONNX file in PyTorch.

    Raises:
        ValueError: the graph has an operator that is not known here.
    """

    def __init__(self, path: Path) -> None:
        graph = onnx.load(path).graph
        unknown = {node.op_type for node in graph.node} - _OPERATORS.keys()
        if unknown:
            raise ValueError(f"operators without a translation: {', '.join(sorted(unknown))}")
        self.outputs = [output.name for output in graph.output]
        self.constants = {
            each.name: torch.from_numpy(numpy_helper.to_array(each).copy())
            for each in graph.initializer
        }
        self.steps = []
        for node in graph.node:
            given = {each.name: helper.get_attribute_value(each) for each in node.attribute}
            given.pop("allowzero", None)
            given.pop("saturate", None)
            given.pop("noop_with_empty_axes", None)
            given.pop("stash_type", None)
            self.steps.append((_OPERATORS[node.op_type], list(node.input), node.output[0], given))

    @torch.inference_mode()
    def __call__(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """The outputs for these inputs."""
        values: dict[str, torch.Tensor | None] = {"": None, **self.constants}
        values.update({name: torch.from_numpy(array) for name, array in feed.items()})
        for operator, inputs, output, given in self.steps:
            values[output] = operator(*(values[name] for name in inputs), **given)
        return [values[name].numpy() for name in self.outputs]  # type: ignore[union-attr]
