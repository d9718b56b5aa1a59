"""The reference genre service, made anew from its description: the other side of the comparison.

One process; librosa decodes and transforms, matplotlib draws the spectrogram twice (once to show,
once for the network), and the network runs in PyTorch, one request at a time. The network and its
weights are the served ones.
"""

from __future__ import annotations

import numpy as np

from audio.picture import picture
from audio.windows import cut, windows
from benchmarks.drawing_service import draw, serve
from benchmarks.in_process import MODELS
from benchmarks.torch_graph import TorchGraph
from deploy.embedded.repository import read_config
from export.front_ends import GENRE

_LABELS = (MODELS / "genre" / "labels.txt").read_text().splitlines()
_PARAMETERS = read_config(MODELS / "genre_mel" / "config.pbtxt").parameters
_WINDOW = int(_PARAMETERS["window_columns"].string_value)
_MOST = int(_PARAMETERS["window_buckets"].string_value.split(",")[-1])
_NETWORK = TorchGraph(MODELS / "genre_vit" / "1" / "model.onnx")


def answer(decibels: np.ndarray) -> list[list[object]]:
    """The five best genres."""
    for _ in range(2):
        draw(decibels)
    probabilities = _infer(decibels)
    best = np.argsort(probabilities)[::-1][:5]
    return [[_LABELS[index], float(probabilities[index])] for index in best]


def _infer(decibels: np.ndarray) -> np.ndarray:
    columns = decibels.shape[1] // GENRE.pool
    pooled = decibels[:, : columns * GENRE.pool].reshape(len(decibels), columns, -1).mean(axis=2)
    whole = picture(np.ascontiguousarray(pooled.T))
    pictures = cut(whole, windows(columns, _WINDOW, _MOST), _WINDOW)
    weights = np.ones((1, len(pictures)), dtype=np.float32)
    return _NETWORK({"PICTURES": pictures[np.newaxis], "WEIGHTS": weights})[0][0]


if __name__ == "__main__":
    serve(answer)
