"""The genre model as Triton serves it, on the labelled clips' pictures.

There is no audio of the clips, so their pictures go straight to ``genre_vit``. The shipped model
has learnt from these very clips: the table shows that what is served is what was trained, not how
good it is on new music. That stands in the model card, cross-validated.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.training.evaluation import PICTURES
from export.training.evaluation.genre_scores import (
    genre_table,
    reliability,
    table,
)
from export.training.genre.clips import GENRES, Clips, load, padded_batch

_BATCH = 8
_WARNING = (
    "The served model was trained on these clips: **not** a measure of new music. The honest, "
    "cross-validated figures are in `model_repository/genre_vit/model_card.md`."
)


def evaluate(url: str, data: Path) -> str:
    """Score what a Triton answers, and draw the confusion and the reliability.

    Args:
        url: Triton's gRPC address, ``host:port``.
        data: folder that holds ``genre/``.

    Returns:
        Markdown tables, per collection and per genre.

    Raises:
        FileNotFoundError: the clips are not there.
        tritonclient.utils.InferenceServerException: the server is not there, or refuses.
    """
    clips = load(data)
    probabilities = _answers(url, clips)
    PICTURES.mkdir(parents=True, exist_ok=True)
    _draw_confusion(probabilities, clips.labels, PICTURES / "genre_confusion.png")
    _draw_reliability(probabilities, clips.labels, PICTURES / "genre_reliability.png")
    return "\n\n".join(
        [
            _WARNING,
            table(probabilities, clips.labels, clips.groups, clips.collections),
            genre_table(probabilities, clips.labels, GENRES),
        ]
    )


def _answers(url: str, clips: Clips) -> NDArray[np.float64]:
    """``(clips, 16)`` probabilities from the server."""
    import tritonclient.grpc as triton

    results = []
    with triton.InferenceServerClient(url) as client:
        for first in range(0, len(clips), _BATCH):
            pictures, weights = padded_batch(clips.pictures[first : first + _BATCH])
            inputs = [
                triton.InferInput("PICTURES", list(pictures.shape), "UINT8"),
                triton.InferInput("WEIGHTS", list(weights.shape), "FP32"),
            ]
            inputs[0].set_data_from_numpy(pictures)
            inputs[1].set_data_from_numpy(weights)
            answer = client.infer("genre_vit", inputs, client_timeout=60)
            results.append(answer.as_numpy("PROBABILITIES"))
    return np.concatenate(results).astype(np.float64)


def _draw_confusion(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], path: Path
) -> None:
    from matplotlib.figure import Figure

    counts = np.zeros((len(GENRES), len(GENRES)))
    np.add.at(counts, (labels, probabilities.argmax(axis=1)), 1)
    figure = Figure(figsize=(7, 6), layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(counts / counts.sum(axis=1, keepdims=True).clip(min=1), vmin=0, vmax=1)
    axes.set_xticks(range(len(GENRES)), GENRES, rotation=90)
    axes.set_yticks(range(len(GENRES)), GENRES)
    axes.set(xlabel="answered", ylabel="labelled")
    figure.colorbar(picture, label="share of the label's clips")
    figure.savefig(path)


def _draw_reliability(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], path: Path
) -> None:
    from matplotlib.figure import Figure

    sure, right, _ = zip(*reliability(probabilities, labels), strict=True)
    figure = Figure(figsize=(4, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.plot(sure, right, marker="o")
    axes.set(xlabel="top probability", ylabel="share right", xlim=(0, 1), ylim=(0, 1))
    figure.savefig(path)
