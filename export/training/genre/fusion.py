"""How far each branch is to be believed: two factors that also hold the temperature."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

Float64 = NDArray[np.float64]


def fitted(scores: Float64, opinions: Float64, labels: NDArray[np.int64]) -> tuple[float, float]:
    """Factors of both branches that make the fused answers likeliest.

    The answers must come from models that had not seen the clips: on its own training clips each
    branch looks far better than it is, and the factors would be too bold.

    Args:
        scores: ``(clips, classes)`` of the covariance branch.
        opinions: ``(clips, classes)`` log-probabilities of the transformer branch.
        labels: ``(clips,)``.

    Returns:
        Factors of ``scores`` and of ``opinions``, both positive.
    """
    parts = torch.tensor(np.stack([scores, opinions]))
    logarithms = torch.tensor([2.0, -0.5], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([logarithms], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        fused = (logarithms.exp()[:, None, None] * parts).sum(dim=0)
        value = functional.cross_entropy(fused, torch.from_numpy(labels))
        value.backward()
        return value

    optimizer.step(loss)
    first, second = logarithms.detach().exp().tolist()
    return first, second


def fused(scores: Float64, opinions: Float64, factors: tuple[float, float]) -> Float64:
    """``(clips, classes)`` probabilities."""
    logits = factors[0] * scores + factors[1] * opinions
    logits -= logits.max(axis=1, keepdims=True)
    odds = np.exp(logits)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def fused_by_folds(
    scores: Float64, opinions: Float64, labels: NDArray[np.int64], folds: NDArray[np.int64]
) -> Float64:
    """As :func:`fused`, each fold with the factors that the *other* folds give."""
    result = np.zeros_like(scores)
    for fold in np.unique(folds):
        held = folds == fold
        factors = fitted(scores[~held], opinions[~held], labels[~held])
        result[held] = fused(scores[held], opinions[held], factors)
    return result
