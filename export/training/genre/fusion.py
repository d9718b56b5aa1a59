"""How far each branch is to be believed, genre by genre; the temperature is in it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

Float64 = NDArray[np.float64]

_SHRINKAGE = 0.1  # of what sets a genre apart from the others; .001 and .01 measured alike


class Factors(NamedTuple):
    """``(classes,)`` each: logits are ``scores × scores' + opinions × opinions' + bias``."""

    scores: Float64
    opinions: Float64
    bias: Float64


def fitted(scores: Float64, opinions: Float64, labels: NDArray[np.int64]) -> Factors:
    """Factors of both branches that make the fused answers likeliest.

    The answers must come from models that had not seen the clips: on its own training clips each
    branch looks far better than it is, and the factors would be too bold. Two factors are common
    to all genres; what a genre has of its own is held near nothing, as some have a dozen clips.

    Args:
        scores: ``(clips, classes)`` of the covariance branch.
        opinions: ``(clips, classes)`` log-probabilities of the transformer branch.
        labels: ``(clips,)``.
    """
    parts = torch.tensor(np.stack([scores, opinions]))
    wanted = torch.from_numpy(labels)
    common = torch.tensor([2.0, -0.5], dtype=torch.float64, requires_grad=True)
    own = torch.zeros(3, scores.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([common, own], max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        weights = (common[:, None] + own[:2]).exp()
        logits = (weights[:, None] * parts).sum(dim=0) + own[2]
        value = functional.cross_entropy(logits, wanted) + _SHRINKAGE * own.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    weights = (common[:, None] + own[:2]).exp().detach().numpy()
    return Factors(weights[0], weights[1], own[2].detach().numpy())


def fused(scores: Float64, opinions: Float64, factors: Factors) -> Float64:
    """``(clips, classes)`` probabilities."""
    logits = factors.scores * scores + factors.opinions * opinions + factors.bias
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
