"""One curve of chorus scores to the three curves that segments are cut from.

Our own network gives three: chorus, start, end. DeepChorus (He et al., 2022) gives one score a
second and is published with what comes behind it: scores are stretched to 0–1 within the song, then
smoothed by a mean that leaves out the greatest and the least of nine. Starts and ends are ours: how
far the stretched score rises or falls at a moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]
Float32 = NDArray[np.float32]

SCALINGS = ("none", "min_max")

_LEAST_SPAN = 1e-6  # a curve that varies less is constant: there is nothing to stretch


@dataclass(frozen=True, slots=True)
class ChorusCurves:
    """What is done with a network's scores; travels in ``config.pbtxt`` like a front end.

    Attributes:
        scaling: ``min_max`` stretches the song's least score to 0 and its greatest to 1 (a constant
            curve stays as it is); ``none`` leaves scores alone.
        smoothing_frames: frames of the trimmed mean, odd; 1 does not smooth.
        edge_frames: frames before and after a moment whose means are compared for starts and ends;
            0 for a network that gives all three curves itself.
    """

    scaling: str = "none"
    smoothing_frames: int = 1
    edge_frames: int = 0

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, str]) -> Self:
        """Read them from configuration text; absent ones keep their default.

        Raises:
            ValueError: a value is no number, the scaling is unknown, or the smoothing is not odd.
        """
        scaling = parameters.get("scaling", "none")
        smoothing = int(parameters.get("smoothing_frames", "1"))
        if scaling not in SCALINGS or smoothing < 1 or smoothing % 2 == 0:
            raise ValueError(
                f"scaling is one of {', '.join(SCALINGS)}, smoothing_frames an odd number"
            )
        return cls(scaling, smoothing, int(parameters.get("edge_frames", "0")))

    def of(self, scores: NDArray[np.floating[Any]]) -> Float32:
        """Scores ``(T, 3)``, or ``(T, 1)`` where starts and ends are told from them, to ``(T, 3)``.

        ``T`` is at least 1; the columns are probabilities of chorus, of a start, of an end.
        """
        if not self.edge_frames:
            return np.asarray(scores, dtype=np.float32)
        chorus = np.asarray(scores[:, 0], dtype=np.float64)
        if self.scaling == "min_max":
            chorus = _stretched(chorus)
        rise = _rises(chorus, self.edge_frames)
        chorus = trimmed_mean(chorus, self.smoothing_frames)
        curves = [chorus, np.maximum(rise[:-1], 0), np.maximum(-rise[1:], 0)]
        return np.asarray(np.stack(curves, axis=1), dtype=np.float32)


def trimmed_mean(curve: Curve, frames: int) -> Curve:
    """The mean of each frame's neighbourhood without its greatest and its least value.

    As published, down to a slip: the curve is mirrored at both ends, but the first value behind its
    end is that of the song's first frame.

    Args:
        curve: ``(T,)``, at least one value.
        frames: of a neighbourhood, odd; 1 gives the curve itself.
    """
    if frames < 3:
        return curve
    steps = np.arange(frames // 2)
    before = curve[np.minimum(steps, len(curve) - 1)][::-1]
    behind = curve[np.maximum(len(curve) - steps, 0) % len(curve)]
    around = np.lib.stride_tricks.sliding_window_view(
        np.concatenate([before, curve, behind]), frames
    )
    kept = around.sum(axis=1) - around.max(axis=1) - around.min(axis=1)
    return np.asarray(kept / (frames - 2))


def _stretched(curve: Curve) -> Curve:
    low, high = curve.min(), curve.max()
    return curve if high - low < _LEAST_SPAN else (curve - low) / (high - low)


def _rises(curve: Curve, frames: int) -> Curve:
    """``(T + 1,)``: the mean after each edge less the mean before it; outside is no chorus."""
    silence = np.zeros(frames)
    sums = np.concatenate([[0.0], np.cumsum(np.concatenate([silence, curve, silence]))])
    means = (sums[frames:] - sums[:-frames]) / frames
    return np.asarray(means[frames:] - means[:-frames])
