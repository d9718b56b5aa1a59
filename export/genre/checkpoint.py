"""Vision transformers as people publish them, with what one must know to show them a picture."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import ViTConfig, ViTForImageClassification
from transformers.utils import cached_file
from transformers.utils import logging as transformers_logging

from export.errors import ExportError
from export.genre.state_dict import from_torchvision

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_PROCESSOR_FILE = "preprocessor_config.json"
_BILINEAR = 2  # Pillow's number
_UNNAMED = re.compile(r"LABEL_\d+")


@dataclass(frozen=True)
class Checkpoint:
    """A network and its picture.

    Attributes:
        network: in evaluation mode.
        size: height and width of its picture.
        channels: 3, or 1.
        mean: subtracted from picture elements (0–1), a channel.
        std: divided by, a channel.
        labels: of the classes, in the network's order.
        source: where it came from, as it was asked for.
    """

    network: ViTForImageClassification
    size: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    labels: tuple[str, ...]
    source: str


def load(checkpoint: str, labels: Path | None = None) -> Checkpoint:
    """Load a checkpoint.

    Args:
        checkpoint: a folder as ``save_pretrained`` writes it, a hub name (``owner/model``), or a
            file with a torchvision ``vit_b_16`` (or like) state dict.
        labels: file with one label a line; needed where the checkpoint has none.

    Raises:
        ExportError: there is none, it is no vision transformer, or it is damaged.
    """
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    path = Path(checkpoint)
    if path.is_file():
        network, processor, names = from_torchvision(_weights(path)), {}, None
    elif path.is_dir() or _HUB_NAME.fullmatch(checkpoint):
        network, names = _pretrained(checkpoint)
        processor = _processor(checkpoint)
    else:
        raise ExportError(
            f"{checkpoint} is neither a folder, nor a file, nor the name of a model on the hub "
            "(owner/model)"
        )
    config = network.config
    if config.image_size % config.patch_size:
        raise ExportError(
            f"pictures of {config.image_size} cannot be cut into patches of {config.patch_size}"
        )
    mean, std = _normalisation(processor, config.num_channels)
    return Checkpoint(
        network=network.eval(),
        size=_size(processor, config.image_size),
        channels=config.num_channels,
        mean=mean,
        std=std,
        labels=_labels(labels, names, _classes(network)),
        source=checkpoint,
    )


def _weights(path: Path) -> Mapping[str, torch.Tensor]:
    """The tensors of a file, and nothing else: a pickle may hold code, which is not run."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # each library has its own for a truncated or foreign file
        raise ExportError(
            f"{path.name} holds no weights that can be read safely, or is damaged: "
            f"{_first_line(error)}"
        ) from error
    for wrapped in ("state_dict", "model"):
        if isinstance(state, Mapping) and isinstance(state.get(wrapped), Mapping):
            state = state[wrapped]
    if not isinstance(state, Mapping) or not all(torch.is_tensor(v) for v in state.values()):
        raise ExportError(f"{path.name} is no state dict: it holds other things than tensors")
    return {key.removeprefix("module."): value for key, value in state.items()}


def _pretrained(checkpoint: str) -> tuple[ViTForImageClassification, dict[int, str]]:
    try:
        found, _ = ViTConfig.get_config_dict(checkpoint)
    except Exception as error:
        raise ExportError(f"{checkpoint} has no config.json: {_first_line(error)}") from error
    if not found:
        raise ExportError(f"{checkpoint} has no config.json")
    kind = found.get("model_type", "nothing")
    named = found.get("architectures") or ["ViTForImageClassification"]
    if kind != "vit" or named[0] != "ViTForImageClassification":
        raise ExportError(
            f"{checkpoint} is {named[0]} ({kind}), and only ViTForImageClassification is exported"
        )
    names = _id2label(found)
    try:
        network, report = ViTForImageClassification.from_pretrained(
            checkpoint, output_loading_info=True
        )
    except Exception as error:
        raise ExportError(
            f"the weights of {checkpoint} cannot be loaded, or are damaged: {_first_line(error)}"
        ) from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise ExportError(f"{checkpoint} lacks {len(missing)} tensors, such as {missing[0]}")
    return network, names


def _id2label(config: Mapping[str, Any]) -> dict[int, str]:
    names = {int(key): str(value) for key, value in (config.get("id2label") or {}).items()}
    if sorted(names) != list(range(len(names))):
        raise ExportError(f"id2label counts {sorted(names)[:5]} …, not 0, 1, 2 …")
    return names


def _processor(checkpoint: str) -> dict[str, Any]:
    """What the checkpoint says of its pictures; nothing, if it says nothing."""
    try:
        path = cached_file(checkpoint, _PROCESSOR_FILE, _raise_exceptions_for_missing_entries=False)
    except OSError as error:
        raise ExportError(f"{checkpoint}: {_first_line(error)}") from error
    if path is None:
        return {}
    try:
        found: dict[str, Any] = json.loads(Path(path).read_text())
    except ValueError as error:
        raise ExportError(f"{_PROCESSOR_FILE} of {checkpoint} is not JSON") from error
    resample = found.get("resample", _BILINEAR)
    if found.get("do_resize", True) and resample != _BILINEAR:
        raise ExportError(f"pictures resized with filter {resample}; only bilinear (2) is drawn")
    return found


def _size(processor: Mapping[str, Any], image_size: int) -> int:
    size = processor.get("size", image_size)
    if isinstance(size, Mapping):
        size = size.get("height", size.get("shortest_edge"))
    if size != image_size:
        raise ExportError(f"the processor makes pictures of {size}, the network takes {image_size}")
    return image_size


def _normalisation(
    processor: Mapping[str, Any], channels: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation a channel; Hugging Face's default for a ViT is 0.5."""
    values = []
    for name in ("image_mean", "image_std"):
        found = processor.get(name, 0.5) if processor.get("do_normalize", True) else None
        if found is None:
            found = 0.0 if name == "image_mean" else 1.0
        each = [float(v) for v in found] if isinstance(found, list) else [float(found)] * channels
        if len(each) != channels or (name == "image_std" and min(each) <= 0):
            raise ExportError(f"{name} is {found}, for a network of {channels} channels")
        values.append(tuple(each))
    return values[0], values[1]


def _classes(network: ViTForImageClassification) -> int:
    layers = [m for m in network.classifier.modules() if isinstance(m, torch.nn.Linear)]
    return int(layers[-1].out_features)


def _labels(path: Path | None, names: dict[int, str] | None, classes: int) -> tuple[str, ...]:
    if path is not None:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ExportError(f"the labels cannot be read: {error}") from error
        labels = [line.strip() for line in lines if line.strip()]
    else:
        labels = list((names or {}).values())
        if not labels or all(_UNNAMED.fullmatch(label) for label in labels):
            raise ExportError(
                f"the checkpoint names none of its {classes} classes: "
                "give --labels FILE, one a line"
            )
    if len(labels) != classes:
        raise ExportError(f"{len(labels)} labels for {classes} classes")
    if len(set(labels)) != len(labels):
        raise ExportError("a label stands there twice")
    return tuple(labels)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
