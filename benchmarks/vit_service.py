"""The reference genre service with a ViT-B/16 in PyTorch: what ``export genre`` is compared with.

As :mod:`benchmarks.reference_service`, but the network sees the drawing itself, as published
checkpoints were trained on. One request at a time.
"""

from __future__ import annotations

import io
import os

import librosa
import numpy as np
import torch
import uvicorn
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.reference_service import draw, live
from export.front_ends import GENRE
from export.genre.checkpoint import load

_CHECKPOINT = load(os.environ["CHECKPOINT"])
_MEAN = torch.tensor(_CHECKPOINT.mean).reshape(3, 1, 1)
_STD = torch.tensor(_CHECKPOINT.std).reshape(3, 1, 1)


async def analyze(request: Request) -> JSONResponse:
    """Answer in the event loop, as the reference does: the next request waits."""
    async with request.form() as form:
        data = await form["file"].read()  # type: ignore[union-attr]
    samples, _ = librosa.load(io.BytesIO(data), sr=GENRE.sample_rate, mono=True)
    power = librosa.feature.melspectrogram(
        y=samples, sr=GENRE.sample_rate, n_mels=GENRE.n_mels, fmax=GENRE.fmax
    )
    decibels = librosa.power_to_db(power, ref=np.max)
    drawings = [draw(decibels) for _ in range(2)]
    size = (_CHECKPOINT.size, _CHECKPOINT.size)
    shown = Image.open(io.BytesIO(drawings[-1])).convert("RGB").resize(size, Image.BILINEAR)
    pixels = torch.from_numpy(np.asarray(shown).copy()).permute(2, 0, 1) / 255
    with torch.no_grad():
        logits = _CHECKPOINT.network(((pixels - _MEAN) / _STD)[None]).logits
    probabilities = logits.softmax(dim=-1)[0]
    best = probabilities.argsort(descending=True)[:5].tolist()
    return JSONResponse([[_CHECKPOINT.labels[i], float(probabilities[i])] for i in best])


app = Starlette(
    routes=[
        Route("/analyze-audio", analyze, methods=["POST"]),
        Route("/health/live", live),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), log_level="error")
