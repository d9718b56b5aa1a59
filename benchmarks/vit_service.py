"""The reference genre service with a ViT-B/16 in PyTorch: what ``export genre`` is compared with.

As :mod:`benchmarks.reference_service`, but the network sees the drawing itself, as published
checkpoints were trained on.
"""

from __future__ import annotations

import io
import os

import numpy as np
import torch
from PIL import Image

from benchmarks.drawing_service import draw, serve
from export.genre.checkpoint import load

_CHECKPOINT = load(os.environ["CHECKPOINT"])
_MEAN = torch.tensor(_CHECKPOINT.mean).reshape(3, 1, 1)
_STD = torch.tensor(_CHECKPOINT.std).reshape(3, 1, 1)


def answer(decibels: np.ndarray) -> list[list[object]]:
    """The five best genres."""
    drawings = [draw(decibels) for _ in range(2)]  # one is shown to the user
    size = (_CHECKPOINT.size, _CHECKPOINT.size)
    resized = Image.open(io.BytesIO(drawings[1])).convert("RGB").resize(size, Image.BILINEAR)
    pixels = torch.from_numpy(np.asarray(resized).copy()).permute(2, 0, 1) / 255
    with torch.no_grad():
        logits = _CHECKPOINT.network(((pixels - _MEAN) / _STD)[None]).logits
    probabilities = logits.softmax(dim=-1)[0]
    best = probabilities.argsort(descending=True)[:5].tolist()
    return [[_CHECKPOINT.labels[index], float(probabilities[index])] for index in best]


if __name__ == "__main__":
    serve(answer)
