"""How long a network takes, a line a batch size, several networks by turns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from export import proof
from export.errors import ExportError

BATCHES = (1, 2, 4, 8)


def table(models: Sequence[Path], threads: int, rounds: int) -> str:
    """A Markdown table of milliseconds.

    Args:
        models: folders of versions with a ``model.onnx`` that takes pictures, or such files.
        threads: of each network.
        rounds: calls of each batch size.

    Raises:
        ExportError: there is no such network.
    """
    networks = [_Network(path, threads) for path in models]
    lines = ["| network | precision | batch | mean | p50 | p95 | p99 |", "|---|---|" + "---|" * 5]
    for batch in BATCHES:
        for network in networks:  # by turns, so that all see the same machine
            (seconds,) = proof.latencies(network.run, network.pictures, [batch], rounds)
            ms = np.asarray(seconds) * 1000
            figures = [ms.mean(), *np.percentile(ms, [50, 95, 99])]
            shown = " | ".join(f"{figure:.1f}" for figure in figures)
            lines.append(f"| {network.name} | {network.precision} | {batch} | {shown} |")
    return "\n".join([*lines, "", f"Milliseconds a call; {threads} threads, {rounds} calls each."])


class _Network:
    """A network that takes pictures, and pictures for it."""

    def __init__(self, path: Path, threads: int) -> None:
        file = path / "model.onnx" if path.is_dir() else path
        if not file.is_file():
            raise ExportError(f"there is no network at {file}")
        try:
            model = onnx.load(file)
        except DecodeError:
            raise ExportError(f"{file} is no network in ONNX's form") from None
        shapes = {each.name: each.type.tensor_type.shape.dim for each in model.graph.input}
        if set(shapes) != {"PICTURES", "WEIGHTS"}:
            raise ExportError(f"{file} takes {', '.join(shapes)}, not PICTURES and WEIGHTS")
        size = [dim.dim_value for dim in shapes["PICTURES"]][2:]
        size = [each or 216 for each in size]  # the bundled network takes any width
        note = file.with_name("export.json")
        self.precision = json.loads(note.read_text())["precision"] if note.is_file() else "fp32"
        self.name = file.parent.parent.name
        self.run = proof.runner(model, threads)
        chance = np.random.default_rng(0)
        self.pictures = chance.integers(0, 256, (max(BATCHES), *size), dtype=np.uint8)
