"""Graphs made smaller, faster or narrower, each from the plain one."""

from __future__ import annotations

import copy
import logging
import tempfile
from collections import Counter
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model

from export.configs import NEWEST_IR, NEWEST_OPSET
from export.errors import ExportError

_KEPT_WHOLE = ["LayerNormalization", "Softmax"]


def fuse_transformer(
    model: onnx.ModelProto, heads: int, hidden: int, *, norms: bool
) -> onnx.ModelProto:
    """Attention, biases with GELU and, where ``norms``, layer norms with their sums as one each.

    The operators are ONNX Runtime's own (``com.microsoft``), on CPU and CUDA. On a CPU its norm
    with a sum is not vectorised and takes several times what the two take apart.
    """
    options = FusionOptions("vit")
    options.enable_skip_layer_norm = norms
    return _fused(model, options, heads, hidden)


def fuse_gelu(model: onnx.ModelProto) -> onnx.ModelProto:
    """GELU as one operator, and nothing else."""
    options = FusionOptions("vit")
    options.enable_attention = options.enable_skip_layer_norm = options.enable_bias_gelu = False
    return _fused(model, options)


def _fused(
    model: onnx.ModelProto, options: FusionOptions, heads: int = 0, hidden: int = 0
) -> onnx.ModelProto:
    logging.getLogger("onnxruntime.transformers").setLevel(logging.ERROR)
    logging.getLogger("fusion_base").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(model, path)
        optimised = optimize_model(
            str(path),
            model_type="vit",
            num_heads=heads,
            hidden_size=hidden,
            optimization_options=options,
            opt_level=0,
        )
    fused: onnx.ModelProto = optimised.model
    del fused.graph.value_info[:]
    if not any(each.domain == "com.microsoft" for each in fused.opset_import):
        fused.opset_import.add(domain="com.microsoft", version=1)
    return fused


def fused_attentions(model: onnx.ModelProto) -> int:
    """How many attentions are one operator."""
    return operators(model)["Attention"]


def operators(model: onnx.ModelProto) -> Counter[str]:
    """How often each operator stands in the graph."""
    return Counter(node.op_type for node in model.graph.node)


def quantised(model: onnx.ModelProto) -> onnx.ModelProto:
    """Matrix products in 8 bits: weights a column at a time, inputs as they come; GELU fused.

    Made from the plain graph: an attention that was fused first would keep its products in float.
    """
    logging.getLogger().setLevel(logging.ERROR)  # it warns about what is done here on purpose
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "model.onnx", Path(folder) / "int8.onnx"
        onnx.save(fuse_gelu(model), source)
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )
        return onnx.load(target)


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """Weights and activations in 16 bits, for GPUs; norms and softmax stay in 32.

    Made from the plain graph, whose every type can be inferred.
    """
    whole = copy.deepcopy(model)
    _give_own_constants(whole, _KEPT_WHOLE)
    converted: onnx.ModelProto = convert_float_to_float16(
        whole, keep_io_types=True, op_block_list=_KEPT_WHOLE
    )
    del converted.graph.value_info[:]
    return converted


def stamp(model: onnx.ModelProto) -> None:
    """Say what every Triton served with can read, and drop the exporter's notes and paths.

    Raises:
        ExportError: the graph needs a newer opset.
    """
    for opset in model.opset_import:
        if opset.domain in {"", "ai.onnx"} and opset.version > NEWEST_OPSET:
            raise ExportError(f"the graph needs opset {opset.version}, over {NEWEST_OPSET}")
    model.ir_version = NEWEST_IR
    del model.metadata_props[:]
    graph = model.graph
    for each in [graph, *graph.node, *graph.initializer, *graph.input, *graph.output]:
        each.ClearField("metadata_props")
        each.ClearField("doc_string")


def _give_own_constants(model: onnx.ModelProto, kinds: list[str]) -> None:
    """Constants that several nodes share are converted once a node, under one name: copy them."""
    constants = {each.name: each for each in model.graph.initializer}
    for number, node in enumerate(model.graph.node):
        if node.op_type not in kinds:
            continue
        for place, name in enumerate(node.input):
            if name in constants:
                own = model.graph.initializer.add()
                own.CopyFrom(constants[name])
                own.name = f"{name}.{number}"
                node.input[place] = own.name
    used = {name for node in model.graph.node for name in node.input}
    for each in [each for each in model.graph.initializer if each.name not in used]:
        model.graph.initializer.remove(each)
