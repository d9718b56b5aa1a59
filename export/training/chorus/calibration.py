"""Make the chorus probability mean what it says: Platt scaling, two numbers.

After J. Platt, Probabilistic Outputs for Support Vector Machines (1999). Every song weighs the
same, however long it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from export.training.evaluation.chorus_scores import calibration_error

Pair = tuple[NDArray[np.float64], NDArray[np.bool_]]  # a song's logits and its truth


@dataclass(frozen=True, slots=True)
class Calibration:
    """``probability = sigmoid(scale × logit + shift)``."""

    scale: float
    shift: float

    def error(self, songs: Sequence[Pair]) -> float:
        """Expected calibration error over the songs together."""
        logit, truth = (np.concatenate(side) for side in zip(*songs, strict=True))
        return calibration_error(_sigmoid(self.scale * logit + self.shift), truth)


def fit(songs: Sequence[Pair]) -> Calibration:
    """The calibration of least cross-entropy."""

    def loss(numbers: NDArray[np.float64]) -> float:
        each = [np.logaddexp(0, (1 - 2 * t) * (numbers[0] * x + numbers[1])) for x, t in songs]
        return float(np.mean([song.mean() for song in each]))

    found = scipy.optimize.minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead")
    scale, shift = found.x
    return Calibration(float(scale), float(shift))


def _sigmoid(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-logit))
