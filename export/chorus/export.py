"""The command's work: load a chorus network, convert it, prove it, write four models."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from export import configs, onnx_graphs, proof
from export.chorus import own, published
from export.chorus.candidate import Candidate
from export.chorus.graph import FUSED_ATTENTION
from export.configs import AUDIO, TIMES, Machine, Target, Tensor
from export.errors import ExportError
from export.report import listed, name_of, provenance, write
from export.staging import Staging, staging

_BUNDLED = Path(__file__).parents[2] / "model_repository"
_ROUNDS = 3
_DURATION = Tensor("DURATION", "FP32", [1])
_SEGMENTS = Tensor("SEGMENTS", "STRING", [1])
_CURVES = Tensor("CURVES", "FP32", [-1, 3])
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What is wanted; the defaults are those of the command."""

    checkpoint: Path
    repository: Path
    name: str | None = None
    version: int = 1
    machine: Machine = field(default_factory=Machine)


def export_chorus(request: Request, tell: Tell = print) -> dict[str, Any]:
    """Do it; the repository has four new models at the end, or is as it was.

    Returns:
        What ``export.json`` says.

    Raises:
        ExportError: with what to change.
    """
    candidate = _load(request.checkpoint)
    name = request.name or name_of("chorus", str(request.checkpoint))
    tell(f"{request.checkpoint}: {_told(candidate.notes)}")
    with staging(request.repository, request.version) as stage:
        network = _write_configs(stage, name, candidate, request)
        tell("converting; proving")
        model, report = _proven(candidate, request.machine.target, tell)
        onnx.save(model, network / "model.onnx")
        source, target = str(request.checkpoint), request.machine.target
        report |= provenance(source, target, network / "model.onnx")
        write(report, network)
    tell(f"{name}, {name}_mel, {name}_net and {name}_segments are in {request.repository}")
    return report


def _load(checkpoint: Path) -> Candidate:
    if checkpoint.is_dir():
        return own.candidate(checkpoint)
    if checkpoint.is_file():
        return published.candidate(checkpoint)
    raise ExportError(
        f"there is no {checkpoint}: give DeepChorus' .h5 file, or the work folder of "
        "python -m export.training.chorus"
    )


def _write_configs(stage: Staging, name: str, candidate: Candidate, request: Request) -> Path:
    """The configurations of all four models; the folder that the network goes to."""
    machine, batch = request.machine, candidate.batch
    mask = [each for each in candidate.inputs if each.name == "MASK"]
    raw = Tensor("RAW_CURVES", "FP32", [-1, candidate.curves])
    features = next(each for each in candidate.inputs if each.name == "FEATURES")
    mel = configs.python_stage(
        f"{name}_mel", [AUDIO], [features, Tensor("MASK", "FP32", [-1]), _DURATION, TIMES],
        candidate.features, machine, batch,
    )  # fmt: skip
    net = configs.network(
        f"{name}_net", candidate.inputs, [raw], candidate.usual, machine, batch, candidate.spread
    )
    cut = configs.python_stage(
        f"{name}_segments", [raw, *mask, _DURATION], [_SEGMENTS, _CURVES], candidate.segments,
        machine, batch,
    )  # fmt: skip
    whole = configs.ensemble(
        name, [_SEGMENTS, _CURVES, _DURATION, TIMES], [mel, net, cut],
        {"model_version": f"{request.version}.0.0"}, batch,
    )  # fmt: skip
    for config, bundled in ((mel, "chorus_mel"), (cut, "chorus_segments")):
        shutil.copyfile(_BUNDLED / bundled / "1" / "model.py", stage.model(config) / "model.py")
    network = stage.model(net)
    (stage.model(whole) / ".keep").touch()
    return network


def _proven(
    candidate: Candidate, target: Target, tell: Tell
) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """The graph for the target, held against PyTorch; so is the one for other targets."""
    shown = list(candidate.examples())
    expected = proof.answers(_torch_runner(candidate), shown)
    graphs, differences = {}, {}
    for form in ("plain", "fused")[: 2 if candidate.fused else 1]:
        graph = candidate.to_onnx(form == "fused")
        onnx_graphs.stamp(graph)
        differences[form] = proof.hold(form, expected, proof.runner(graph), shown, proof.EXACT)
        graphs[form] = graph
    # TensorRT makes its own fusions, and does not know ONNX Runtime's.
    served = "plain" if target is Target.TENSORRT or not candidate.fused else "fused"
    model = graphs[served]
    fused = onnx_graphs.operators(model)[FUSED_ATTENTION]
    if served == "fused" and fused != candidate.fused:
        raise ExportError(
            f"{fused} of {candidate.fused} attentions were fused: the installed torch writes "
            "another graph"
        )
    tell(f"largest differences from PyTorch: {listed(differences)}")
    return model, {
        **candidate.notes,
        "precision": "fp32",
        "graph": served,
        "fused": {FUSED_ATTENTION: fused} if fused else {},
        "largest_difference": differences,
        "milliseconds": _milliseconds(model, shown),
    }


def _torch_runner(candidate: Candidate) -> proof.Run:
    def run(*inputs: NDArray[Any]) -> proof.Float32:
        with torch.no_grad():
            return np.asarray(candidate.network(*map(torch.from_numpy, inputs)))

    return run


def _milliseconds(model: onnx.ModelProto, shown: Sequence[proof.Inputs]) -> dict[str, Any]:
    """What a song took on one thread, and how long it was."""
    run = proof.runner(model)
    inputs = max((each for each in shown if len(each[0]) == 1), key=lambda each: each[0].shape[1])
    seconds = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        run(*inputs)
        seconds.append(time.perf_counter() - started)
    return {"frames": inputs[0].shape[1], "median": round(1000 * float(np.median(seconds)), 1)}


def _told(notes: Any) -> str:
    return ", ".join(f"{key} {value}" for key, value in notes.items())
