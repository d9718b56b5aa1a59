"""What both reference services do: a spectrogram, its drawing, one request at a time."""

from __future__ import annotations

import io
import os
from collections.abc import Callable

import librosa
import librosa.display
import matplotlib as mpl
import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from export.front_ends import GENRE

mpl.use("Agg")
import matplotlib.pyplot as plt

Answer = Callable[[np.ndarray], list[list[object]]]
"""Decibels ``(bands, frames)`` to the best genres, each with its probability."""


def spectrogram(data: bytes) -> np.ndarray:
    """Decibels below the loudest, ``(bands, frames)``."""
    samples, _ = librosa.load(io.BytesIO(data), sr=GENRE.sample_rate, mono=True)
    power = librosa.feature.melspectrogram(
        y=samples, sr=GENRE.sample_rate, n_mels=GENRE.n_mels, fmax=GENRE.fmax
    )
    return librosa.power_to_db(power, ref=np.max)


def draw(decibels: np.ndarray) -> bytes:
    """The spectrogram as a PNG, in the reference's manner."""
    figure = plt.figure(figsize=(10, 4))
    librosa.display.specshow(
        decibels, sr=GENRE.sample_rate, fmax=GENRE.fmax, x_axis="time", y_axis="mel"
    )
    plt.axis("off")
    plt.tight_layout(pad=0)
    buffer = io.BytesIO()
    plt.savefig(buffer, format="png")
    plt.close(figure)
    return buffer.getvalue()


def serve(answer: Answer) -> None:
    """Serve on ``PORT``, in the event loop, as the reference does: the next request waits."""

    async def analyze(request: Request) -> JSONResponse:
        async with request.form() as form:
            data = await form["file"].read()  # type: ignore[union-attr]
        return JSONResponse(answer(spectrogram(data)))

    async def live(_: Request) -> JSONResponse:
        return JSONResponse({})

    routes: list[Route] = [
        Route("/analyze-audio", analyze, methods=["POST"]),
        Route("/health/live", live),
    ]
    app = Starlette(routes=routes)
    uvicorn.run(app, port=int(os.environ["PORT"]), log_level="error")
