"""The command's work: load a checkpoint, convert it, prove it, write three models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from audio.pictures import Pictures
from export import configs, onnx_graphs, proof
from export.clips import pictures_of
from export.configs import Machine
from export.errors import ExportError
from export.genre.checkpoint import Checkpoint, load
from export.genre.graph import Served, attentions, shape_of, to_onnx
from export.genre.models import GenreModels
from export.report import listed, name_of, provenance, write
from export.staging import staging

_MEL = {
    "sample_rate": 22_050,
    "n_fft": 2048,
    "hop_length": 512,
    "n_mels": 128,
    "fmin": 0,
    "fmax": 8000,
    "top_db": 1000,  # a window is cut off at 80 dB below its own loudest, not the song's
}
_BUCKETS = (1, 2, 4, 8)
_LONGEST_WINDOW_SECONDS = 600
_ROUNDS = 5  # calls that are timed, one thread each
Tell = Callable[[str], None]


class Precision(StrEnum):
    """Of the network's weights and sums."""

    FP32 = "fp32"
    INT8 = "int8"
    FP16 = "fp16"


class Picture(StrEnum):
    """What the network was trained on."""

    SPECSHOW = "specshow"
    GREY = "grey"


@dataclass(frozen=True, slots=True)
class Request:
    """What is wanted; the defaults are those of the command."""

    checkpoint: str
    repository: Path
    name: str | None = None
    version: int = 1
    labels: Path | None = None
    picture: Picture = Picture.SPECSHOW
    window_seconds: float = 30.0
    precision: Precision = Precision.FP32
    clips: Path | None = None
    machine: Machine = field(default_factory=Machine)


def export_genre(request: Request, tell: Tell = print) -> dict[str, Any]:
    """Do it; the repository has three new models at the end, or is as it was.

    Returns:
        What ``export.json`` says.

    Raises:
        ExportError: with what to change.
    """
    if request.precision is Precision.FP16 and request.machine.target is configs.Target.CPU:
        raise ExportError("fp16 is for GPUs: add --target cuda, or take --precision int8")
    checkpoint = load(request.checkpoint, request.labels)
    name = request.name or name_of("genre", request.checkpoint)
    tell(f"{request.checkpoint}: {len(checkpoint.labels)} genres, pictures of {checkpoint.size}")
    parameters = _parameters(request, checkpoint)
    look = Pictures.from_parameters(parameters, _BUCKETS[-1])
    models = GenreModels(
        name, request.version, checkpoint.labels, _picture(request, checkpoint), parameters,
        _BUCKETS,
    )  # fmt: skip
    with staging(request.repository, request.version) as stage:
        folder = models.write(stage, request.machine)
        model, report = _proven(request, checkpoint, look, tell)
        onnx.save(model, folder / "model.onnx")
        report |= {"precision": request.precision.value, "picture": request.picture.value}
        report |= provenance(request.checkpoint, request.machine.target, folder / "model.onnx")
        write(report, folder)
    tell(f"{name}, {name}_mel and {name}_vit are in {request.repository}")
    return report


def _proven(
    request: Request, checkpoint: Checkpoint, look: Pictures, tell: Tell
) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """The graph in the precision that is wanted, held against PyTorch."""
    served = Served(checkpoint).eval()
    channels = 1 if request.picture is Picture.GREY else 3
    pictures = pictures_of(request.clips, look)
    tell(f"converting; proving on {len(pictures)} pictures")
    shown = list(proof.examples(pictures))
    expected = proof.answers(_torch_runner(served), shown)  # before it is changed for its export
    plain, exporter = to_onnx(served, channels, checkpoint.size)
    on_gpu = request.machine.target is not configs.Target.CPU
    fused = onnx_graphs.fuse_transformer(plain, **shape_of(served), norms=on_gpu)
    found, wanted = onnx_graphs.fused_attentions(fused), attentions(served)
    if found != wanted:
        raise ExportError(
            f"{found} of {wanted} attentions were fused: the installed transformers or torch "
            "write a graph that ONNX Runtime does not know"
        )
    for each in (plain, fused):
        onnx_graphs.stamp(each)
    differences = {
        "onnx": proof.hold("ONNX", expected, proof.runner(plain), shown, proof.EXACT),
        "fused": proof.hold("fused", expected, proof.runner(fused), shown, proof.EXACT),
    }
    report: dict[str, Any] = {
        "exporter": exporter,
        "largest_difference": differences,
    }
    if request.precision is Precision.INT8:
        model = onnx_graphs.quantised(plain)
        onnx_graphs.stamp(model)
        gate = proof.gate(fused, model, pictures)
        tell(
            f"int8: {gate.speed:.2f} times as fast, the same first genre for {gate.agreement:.1%}, "
            f"probabilities off by {gate.mean_difference:.4f} on average"
        )
        gate.refuse()
        report["gate"] = asdict(gate)
    elif request.precision is Precision.FP16:
        model = onnx_graphs.halved(plain)
        onnx_graphs.stamp(model)
        run = proof.runner(model)
        differences["fp16"] = proof.hold("fp16", expected, run, shown, proof.HALF)
    else:
        # TensorRT makes its own fusions, and does not know ONNX Runtime's.
        model = plain if request.machine.target is configs.Target.TENSORRT else fused
    report["fused"] = {k: n for k, n in onnx_graphs.operators(model).items() if k in _FUSED}
    (seconds,) = proof.latencies(proof.runner(model), pictures, [1], _ROUNDS)
    report["milliseconds_a_picture"] = round(1000 * float(np.median(seconds)), 2)
    tell(f"largest differences from PyTorch: {listed(differences)}")
    return model, report


_FUSED = {"Attention", "BiasGelu", "Gelu", "SkipLayerNormalization"}


def _torch_runner(served: Served) -> proof.Run:
    def run(pictures: proof.UInt8, weights: proof.Float32) -> proof.Float32:
        with torch.no_grad():
            return np.asarray(served(torch.from_numpy(pictures), torch.from_numpy(weights)))

    return run


def _parameters(request: Request, checkpoint: Checkpoint) -> dict[str, str]:
    if not 0 < request.window_seconds <= _LONGEST_WINDOW_SECONDS:  # NaN compares false
        raise ExportError(
            f"a window is more than 0 and at most {_LONGEST_WINDOW_SECONDS} seconds of a song"
        )
    columns = round(request.window_seconds * _MEL["sample_rate"] / _MEL["hop_length"])
    if columns < 1:
        raise ExportError("a window of no time shows nothing")
    numbers = {key: str(value) for key, value in _MEL.items()}
    return numbers | {
        "picture": request.picture.value,
        "picture_size": str(checkpoint.size),
        "window_columns": str(columns),
    }


def _picture(request: Request, checkpoint: Checkpoint) -> list[int]:
    channels = 1 if request.picture is Picture.GREY else 3
    if channels > checkpoint.channels:
        raise ExportError("a network of one channel is shown grey pictures: add --picture grey")
    return [channels, checkpoint.size, checkpoint.size]
