"""Answers to every clip by models that heard no clip of its artist: the honest figures.

The shipped networks learn from all clips, so only these answers say how good the recipe is, and
only they may set the fusion and its temperature.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from export.training.genre.clips import Clips, padded_batch
from export.training.genre.covariance import Covariance, ridge
from export.training.genre.graph import CROPS, decibels, transformer_view
from export.training.genre.network import Transformer

Float64 = NDArray[np.float64]
Readout = tuple[torch.Tensor, torch.Tensor]

_BATCH = 16


@dataclass(frozen=True)
class Unseen:
    """Both branches' answers, ``(clips, classes)``: see ``fusion``."""

    scores: Float64
    opinions: Float64


def covariances(clips: Clips) -> torch.Tensor:
    """``(clips, 172, 172)`` covariances of the clips' served windows, dB²."""
    branch = Covariance(clips.pictures[0].shape[0])
    with torch.no_grad():
        found = [
            branch.covariance(decibels(pictures), weights)
            for pictures, weights in _batches(clips, np.arange(len(clips)))
        ]
    return torch.cat(found)


def readout(
    matrices: torch.Tensor, clips: Clips, use: NDArray[np.int64], strength: float
) -> tuple[Covariance, Readout]:
    """The covariance branch and its linear readout, fitted on the clips ``use``."""
    branch = Covariance(clips.pictures[0].shape[0])
    branch.fit(matrices[use])
    with torch.no_grad():
        features = branch.curved(matrices[use])
    labels = torch.from_numpy(clips.labels[use])
    return branch, ridge(features, labels, len(clips.genres), strength)


def cross_validated(
    clips: Clips,
    matrices: torch.Tensor,
    strength: float,
    network_without: Callable[[int], Transformer],
) -> Unseen:
    """Every fold's clips, answered by a readout and a network made from the other folds.

    Args:
        clips: the clips.
        matrices: their :func:`covariances`.
        strength: the ridge penalty.
        network_without: trains the network that must not see a fold.
    """
    scores = np.zeros((len(clips), len(clips.genres)))
    opinions = np.zeros_like(scores)
    for fold in clips.fold_numbers:
        held = np.flatnonzero(clips.folds == fold)
        branch, (weights, bias) = readout(
            matrices, clips, np.flatnonzero(clips.folds != fold), strength
        )
        network = network_without(fold)
        with torch.no_grad():
            scores[held] = (branch.curved(matrices[held]) @ weights + bias).numpy()
            opinions[held] = opinion(network, clips, held)
    return Unseen(scores, opinions)


def opinion(network: Transformer, clips: Clips, use: NDArray[np.int64]) -> Float64:
    """Log-probabilities that one network gives, over both crops of every served window."""
    answers = []
    for pictures, weights in _batches(clips, use):
        sound = decibels(pictures)
        views = [transformer_view(network, crop, sound, weights) for crop in CROPS]
        answers.append(torch.stack(views).mean(dim=0))
    return torch.cat(answers).double().numpy()


def _batches(clips: Clips, use: NDArray[np.int64]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for first in range(0, len(use), _BATCH):
        pictures, weights = padded_batch([clips.pictures[i] for i in use[first : first + _BATCH]])
        yield torch.from_numpy(pictures), torch.from_numpy(weights)
