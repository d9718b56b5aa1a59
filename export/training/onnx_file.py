"""Write an ONNX file that every Triton we serve with can load, or none at all.

The ONNX Runtime backend of Triton 24.10 (ONNX Runtime 1.19) refuses newer files than IR 9 and
opset 20, and current ``onnx`` and PyTorch write newer ones unless told otherwise. Both training
recipes save through here, so that the rule stands in one place.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import onnx
import onnx.checker

from export.configs import NEWEST_IR, NEWEST_OPSET

LARGEST_FILE = 12 * 1024 * 1024  # bytes: what the repository is willing to carry per model


def save(model: onnx.ModelProto, path: Path, *, metadata: Mapping[str, str]) -> None:
    """Check a model, stamp it, and put it at ``path`` whole: a reader never sees half a file.

    Args:
        model: a graph with its weights inside (no external data).
        path: the file to make; its folder is made if needed.
        metadata: text entries such as ``model_version``, ``license``, ``description``; they
            replace whatever entries the exporter left.

    Raises:
        ValueError: the graph needs a newer opset than :data:`NEWEST_OPSET`, or the file would be
            larger than :data:`LARGEST_FILE`.
        onnx.checker.ValidationError: the graph is not lawful ONNX.
    """
    for opset in model.opset_import:
        if opset.domain in ("", "ai.onnx") and opset.version > NEWEST_OPSET:
            raise ValueError(f"opset {opset.version} is newer than {NEWEST_OPSET}")
    model.ir_version = NEWEST_IR
    del model.metadata_props[:]
    _forget_the_exporter(model.graph)
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString()
    if len(content) > LARGEST_FILE:
        raise ValueError(f"{len(content)} bytes is more than the {LARGEST_FILE} a model may have")
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_bytes(content)
    aside.replace(path)


def _forget_the_exporter(graph: onnx.GraphProto) -> None:
    """Drop stack traces and other notes of the exporter: paths of a machine, unknown to IR 9."""
    notes = [graph, *graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info]
    for each in notes:
        each.ClearField("metadata_props")
        each.ClearField("doc_string")
