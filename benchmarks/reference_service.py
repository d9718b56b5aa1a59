"""The reference genre service, made anew from its description: the other side of the comparison.

One process; librosa decodes and transforms, matplotlib draws the spectrogram twice (once to show,
once for the network), and the network runs in PyTorch, one request at a time. The network and its
weights are the served ones.
"""

from __future__ import annotations

import io
import os

import librosa
import librosa.display
import matplotlib as mpl
import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from audio.picture import picture
from audio.windows import cut, windows
from benchmarks.in_process import MODELS
from benchmarks.torch_graph import TorchGraph
from deploy.embedded.repository import read_config
from export.front_ends import GENRE

mpl.use("Agg")
import matplotlib.pyplot as plt

_LABELS = (MODELS / "genre" / "labels.txt").read_text().splitlines()
_PARAMETERS = read_config(MODELS / "genre_mel" / "config.pbtxt").parameters
_WINDOW = int(_PARAMETERS["window_columns"].string_value)
_MOST = int(_PARAMETERS["window_buckets"].string_value.split(",")[-1])
_NETWORK = TorchGraph(MODELS / "genre_vit" / "1" / "model.onnx")


async def analyze(request: Request) -> JSONResponse:
    """Answer in the event loop, as the reference does: the next request waits."""
    async with request.form() as form:
        data = await form["file"].read()  # type: ignore[union-attr]
    samples, _ = librosa.load(io.BytesIO(data), sr=GENRE.sample_rate, mono=True)
    power = librosa.feature.melspectrogram(
        y=samples, sr=GENRE.sample_rate, n_mels=GENRE.n_mels, fmax=GENRE.fmax
    )
    decibels = librosa.power_to_db(power, ref=np.max)
    for _ in range(2):
        draw(decibels)
    probabilities = _infer(decibels)
    best = np.argsort(probabilities)[::-1][:5]
    return JSONResponse([[_LABELS[index], float(probabilities[index])] for index in best])


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


def _infer(decibels: np.ndarray) -> np.ndarray:
    columns = decibels.shape[1] // GENRE.pool
    pooled = decibels[:, : columns * GENRE.pool].reshape(len(decibels), columns, -1).mean(axis=2)
    whole = picture(np.ascontiguousarray(pooled.T))
    pictures = cut(whole, windows(columns, _WINDOW, _MOST), _WINDOW)
    weights = np.ones((1, len(pictures)), dtype=np.float32)
    return _NETWORK({"PICTURES": pictures[np.newaxis], "WEIGHTS": weights})[0][0]


async def live(_: Request) -> JSONResponse:
    """Answer: it listens."""
    return JSONResponse({})


app = Starlette(
    routes=[
        Route("/analyze-audio", analyze, methods=["POST"]),
        Route("/health/live", live),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), log_level="error")
