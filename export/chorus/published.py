"""DeepChorus as published: its front end, its smoothing, and its length rule as configuration."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from export.chorus import keras_file
from export.chorus.candidate import Candidate
from export.chorus.deepchorus import BANDS, FRAMES_MULTIPLE
from export.chorus.graph import deepchorus_to_onnx
from export.configs import Spread, Tensor
from export.proof import BATCHES, Inputs

SAMPLE_RATE, HOP_LENGTH = 22_050, 512
"""43 frames of which are the second that the network scores."""

_MEL = {
    "sample_rate": SAMPLE_RATE,
    "n_fft": 2048,
    "hop_length": HOP_LENGTH,
    "n_mels": BANDS,
    "fmin": 20,
    "fmax": 5000,
    "power": 1,
    "pad_mode": "reflect",
    "features": "mel",
    "frame_multiple": FRAMES_MULTIPLE,
}
_CURVES = {
    "scaling": "min_max",
    "smoothing_frames": 9,
    "edge_frames": 4,
    # A frame is chorus from one half on, whatever the song's best is and wherever edges are
    "chorus_threshold": 0.5,
    "best_share": 0,
    "edge_weight": 0,
}
_USUAL_FRAMES = 288 * FRAMES_MULTIPLE  # a minute; an engine is built for ten
_ODD = (5, 14, 31)  # lengths in the proofs, times FRAMES_MULTIPLE


def candidate(path: Path) -> Candidate:
    """Read the weights.

    Raises:
        ExportError: the file is damaged, or holds another network.
    """
    network = keras_file.load(path)
    chunk = network.sizes.frames_a_score
    least = -(-chunk // FRAMES_MULTIPLE) * FRAMES_MULTIPLE
    frame_sec = chunk * HOP_LENGTH / SAMPLE_RATE
    return Candidate(
        network=network,
        to_onnx=lambda fused: deepchorus_to_onnx(network, fused=fused),
        fused=len(network.blocks),
        inputs=[Tensor("FEATURES", "FP32", [-1, BANDS])],
        curves=1,
        usual={"FEATURES": [_USUAL_FRAMES, BANDS]},
        batch=1,
        spread=Spread(least=least, most=10),
        features=_text(_MEL | {"least_frames": least}),
        segments=_text(_CURVES | {"frame_sec": round(frame_sec, 6)}),
        examples=partial(_examples, least),
        notes={"network": "DeepChorus", "seconds_a_score": round(frame_sec, 6)},
    )


def _examples(least: int) -> Iterator[Inputs]:
    """Magnitudes as spectrograms have them, many small and few large."""
    chance = np.random.default_rng(0)
    for batch in BATCHES:
        for odd in _ODD:
            frames = max(least, odd * FRAMES_MULTIPLE)
            yield (chance.exponential(1.0, (batch, frames, BANDS)).astype(np.float32),)


def _text(values: dict[str, object]) -> dict[str, str]:
    return {key: str(value) for key, value in values.items()}
