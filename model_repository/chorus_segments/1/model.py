"""Curves in, segments as JSON out: the adapter between Triton and ``audio.segments``."""

from __future__ import annotations

import json
import traceback
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from audio.chorus_curves import ChorusCurves
from audio.padding import padded
from audio.segments import SegmentRules, segments


class TritonPythonModel:
    """``RAW_CURVES``, ``DURATION`` → ``SEGMENTS`` and the ``CURVES`` that they were cut from.

    A ``MASK`` tells which frames are real; where the model has none, all are.
    """

    def initialize(self, args: dict[str, str]) -> None:
        """Read the rules and run them once."""
        text = json.loads(args["model_config"])["parameters"]
        parameters = {key: value["string_value"] for key, value in text.items()}
        self.frame_sec = float(parameters["frame_sec"])
        self.form = ChorusCurves.from_parameters(parameters)
        self.rules = SegmentRules.from_parameters(parameters)
        self._segments(np.zeros((200, 3), dtype=np.float32), 38.4)

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer each request by itself: one that fails takes no other along."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        try:
            raw, seconds = (
                pb_utils.get_input_tensor_by_name(request, name).as_numpy()
                for name in ("RAW_CURVES", "DURATION")
            )
            mask = pb_utils.get_input_tensor_by_name(request, "MASK")
            frames = [raw.shape[1]] * len(raw) if mask is None else _counts(mask.as_numpy())
            songs = [self.form.of(song[:n]) for song, n in zip(raw, frames, strict=True)]
            texts = [
                self._segments(song, float(duration))
                for song, duration in zip(songs, seconds.ravel(), strict=True)
            ]
            # Songs sent in one request share a tensor: as long as the longest, zero behind.
            curves, _ = padded(songs, max(frames))
        except Exception:  # a fault of ours must not fail the other requests of the batch
            pb_utils.Logger.log_error(traceback.format_exc())
            return pb_utils.InferenceResponse(
                error=pb_utils.TritonError("ServerError: chorus_segments")
            )
        return pb_utils.InferenceResponse(
            [
                pb_utils.Tensor("SEGMENTS", np.asarray(texts, dtype=np.object_).reshape(-1, 1)),
                pb_utils.Tensor("CURVES", curves),
            ]
        )

    def _segments(self, curves: np.ndarray[Any, Any], duration: float) -> bytes:
        found = segments(curves, duration, self.frame_sec, self.rules)
        return json.dumps(found, separators=(",", ":")).encode()


def _counts(mask: np.ndarray[Any, Any]) -> list[int]:
    """How many frames of each song are real."""
    return [int(count) for count in mask.sum(axis=1)]
