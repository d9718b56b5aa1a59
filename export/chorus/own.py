"""Our own chorus network from what ``python -m export.training.chorus`` leaves in its work folder.

That is ``checkpoints/net0.pt``, ``net1.pt`` … (their mean is what is served) and, where songs with
annotations were at hand, ``calibration.json``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor as TorchTensor

from audio.chorus_features import COARSE, FRAME_SEC, N_FEATURES, REPEATS
from export.chorus.candidate import Candidate
from export.chorus.graph import exported
from export.configs import Spread, Tensor
from export.errors import ExportError
from export.front_ends import CHORUS
from export.proof import BATCHES, Inputs
from export.training.chorus.calibration import Calibration
from export.training.chorus.network import ChorusNet, Shape
from export.training.chorus.to_onnx import ServedNet

_FILE = re.compile(r"net(\d+)\.pt")
_BUCKETS = (256, 512)  # frames: 49 s, 98 s, then steps of 98 s
_ODD = (1, 26, 311)


def candidate(folder: Path) -> Candidate:
    """Read the networks.

    Raises:
        ExportError: there are none, they are damaged, or were trained on other features.
    """
    paths = _checkpoints(folder)
    nets = [_network(path) for path in paths]
    calibration = _calibration(folder)
    served = ServedNet(nets, calibration.scale, calibration.shift).eval()
    return Candidate(
        network=served,
        to_onnx=lambda _: _to_onnx(served),
        fused=0,
        inputs=[Tensor("FEATURES", "FP32", [-1, N_FEATURES]), Tensor("MASK", "FP32", [-1])],
        curves=3,
        usual={"FEATURES": [1024, N_FEATURES], "MASK": [1024]},
        batch=8,
        spread=Spread(),
        features={key: str(value) for key, value in asdict(CHORUS).items()}
        | {"features": "repeats", "frame_buckets": ",".join(map(str, _BUCKETS))},
        segments={"frame_sec": str(FRAME_SEC)},
        examples=_examples,
        notes={"network": "chorus_net", "networks": len(nets), "calibration": asdict(calibration)},
    )


def _checkpoints(folder: Path) -> list[Path]:
    there = folder / "checkpoints"
    there = there if there.is_dir() else folder
    numbered = {int(m[1]): each for each in there.iterdir() if (m := _FILE.fullmatch(each.name))}
    if not numbered:
        raise ExportError(
            f"{folder} holds no checkpoints (net0.pt …): give the work folder of "
            "python -m export.training.chorus, or DeepChorus' .h5 file"
        )
    return [path for _, path in sorted(numbered.items())]


def _network(path: Path) -> ChorusNet:
    """The average that training keeps.

    Raises:
        ExportError: the file is damaged, or its network is not ours.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)["average"]
        net = ChorusNet(_shape(state))
        net.load_state_dict(state)
    except Exception as error:  # a pickle of something else, a truncated file, other tensors
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ExportError(
            f"{path.name} is no checkpoint of the chorus recipe, or is damaged: {reason[:200]}"
        ) from error
    if net.told + 2 * REPEATS != N_FEATURES:
        raise ExportError(
            f"{path.name} was trained on {net.told + 2 * REPEATS} features, this version makes "
            f"{N_FEATURES}: train it again"
        )
    return net.eval()


def _shape(state: Mapping[str, TorchTensor]) -> Shape:
    """Sizes, from the tensors themselves; dilations double from block to block."""
    told = state["detail.weight"].shape[1]
    enter, over_time = state["enter.weight"], state["trunk.0.over_time.weight"]
    blocks = {key.split(".")[1] for key in state if key.startswith("trunk.")}
    return Shape(
        features=told + 2 * REPEATS,
        local=told - enter.shape[1],
        channels=enter.shape[0],
        fine_channels=state["detail.weight"].shape[0],
        kernel=over_time.shape[2],
        dilations=tuple(2**block for block in range(len(blocks))),
    )


def _calibration(folder: Path) -> Calibration:
    path = folder / "calibration.json"
    if not path.is_file():
        return Calibration(1.0, 0.0)
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        return Calibration(float(found["scale"]), float(found["shift"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ExportError(f"{path.name} does not hold a scale and a shift: {error}") from error


def _to_onnx(served: ServedNet) -> onnx.ModelProto:
    frames = 25  # any number that is no multiple of the pooling
    axes = {0: "batch", 1: "frames"}
    example = (torch.zeros(2, frames, N_FEATURES), torch.ones(2, frames))
    return exported(served, example, {"FEATURES": axes, "MASK": axes, "RAW_CURVES": axes})


def _examples() -> Iterator[Inputs]:
    """Chance features whose pointers point into the song; half of the songs end before the rest."""
    chance = np.random.default_rng(0)
    for batch in BATCHES:
        for frames in _ODD:
            told = chance.normal(size=(batch, frames, N_FEATURES - 2 * REPEATS))
            places = chance.integers(0, -(-frames // COARSE), (batch, frames, REPEATS))
            surely = chance.random((batch, frames, REPEATS))
            mask = np.ones((batch, frames), dtype=np.float32)
            mask[1::2, frames - frames // 3 :] = 0.0
            features = np.concatenate([told, places, surely], axis=2) * mask[..., np.newaxis]
            yield features.astype(np.float32), mask
