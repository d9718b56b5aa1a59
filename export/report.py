"""``export.json``: where a network came from, and what was proven of it."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx

from export.configs import Target

_PACKAGES = ("torch", "transformers", "onnx", "onnxruntime-gpu")


def provenance(source: str, target: Target, file: Path) -> dict[str, Any]:
    """What made a network's file, and its fingerprint.

    Args:
        source: the checkpoint as it was asked for; of a path only the name is told.
        target: what the network is for.
        file: the ONNX file.
    """
    model = onnx.load(file)
    return {
        "source": Path(source).name if Path(source).exists() else source,
        "target": target.value,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "ir_version": model.ir_version,
        "opset": next(each.version for each in model.opset_import if not each.domain),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {each: version(each) for each in _PACKAGES}
        | {"python": platform.python_version()},
    }


def write(report: Mapping[str, Any], folder: Path) -> None:
    """Put the report beside the network."""
    (folder / "export.json").write_text(json.dumps(report, indent=2) + "\n")


def name_of(kind: str, checkpoint: str) -> str:
    """A model's name from its checkpoint's: ``genre_my_vit``."""
    slug = re.sub(r"[^a-z0-9]+", "_", Path(checkpoint).stem.lower()).strip("_")
    return f"{kind}_{slug}"


def listed(differences: Mapping[str, float]) -> str:
    """Differences in one line."""
    return ", ".join(f"{name} {value:.1e}" for name, value in differences.items())
