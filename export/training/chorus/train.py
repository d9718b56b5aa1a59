"""Train one chorus network, with progress, checkpoints and the same result for the same seed."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from export.training.chorus.examples import Example
from export.training.chorus.network import ChorusNet, Shape

_BOUNDARY_WEIGHT = 2.0  # of the three boundary heads beside the chorus head: their events are rare


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained."""

    epochs: int = 4
    batch: int = 8
    rate: float = 2e-3
    weight_decay: float = 0.05
    decay: float = 0.995  # of the moving average of weights that is kept
    noise: float = 0.2  # standard deviation added to features


def train(
    songs: Sequence[Example], shape: Shape, recipe: Recipe, *, seed: int, checkpoint: Path
) -> ChorusNet:
    """Train on the songs, or go on where ``checkpoint`` stands.

    Args:
        songs: training examples.
        shape: of the network.
        recipe: of the training.
        seed: of weights, order, dropout and noise.
        checkpoint: file that is written after every epoch.

    Returns:
        The moving average of the weights, in evaluation mode.
    """
    torch.manual_seed(seed)
    net = ChorusNet(shape)
    average = copy.deepcopy(net).eval().requires_grad_(requires_grad=False)
    optimiser = torch.optim.AdamW(net.parameters(), recipe.rate, weight_decay=recipe.weight_decay)
    steps = recipe.epochs * math.ceil(len(songs) / recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.rate, total_steps=max(steps, 2), pct_start=0.15
    )
    parts = {"net": net, "average": average, "optimiser": optimiser, "schedule": schedule}
    first = _resume(checkpoint, parts)
    begun = time.monotonic()
    for epoch in range(first, recipe.epochs):
        torch.manual_seed(seed * 1000 + epoch)
        net.train()
        losses = [
            _step(net, average, batch, optimiser, schedule, recipe)
            for batch in _batches(songs, recipe, np.random.default_rng((seed, epoch)))
        ]
        _keep(checkpoint, parts, epoch + 1)
        left = (time.monotonic() - begun) / (epoch + 1 - first) * (recipe.epochs - epoch - 1)
        print(
            f"seed {seed} epoch {epoch + 1}/{recipe.epochs} loss {np.mean(losses):.4f}"
            f" {left / 60:.1f} min left",
            flush=True,
        )
    return average


def loss_of(logits: Tensor, targets: Tensor, weight: Tensor) -> Tensor:
    """Binary cross-entropy over real, undoubted frames: chorus plus boundaries."""
    each = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    mean = (each * weight.unsqueeze(2)).sum(dim=(0, 1)) / weight.sum().clamp(min=1)
    return mean[0] + _BOUNDARY_WEIGHT * mean[1:].sum()


def collate(songs: Sequence[Example]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pad songs to one length: features, mask, targets, weight."""
    frames = max(len(song.features) for song in songs)

    def padded(arrays: Sequence[np.ndarray]) -> Tensor:
        out = np.zeros((len(arrays), frames, *arrays[0].shape[1:]), dtype=np.float32)
        for row, array in zip(out, arrays, strict=True):
            row[: len(array)] = array
        return torch.from_numpy(out)

    mask = padded([np.ones(len(song.features), dtype=np.float32) for song in songs])
    return (
        padded([song.features for song in songs]),
        mask,
        padded([song.targets for song in songs]),
        padded([song.weight for song in songs]) * mask,
    )


def _batches(
    songs: Sequence[Example], recipe: Recipe, rng: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    order = rng.permutation(len(songs))
    for first in range(0, len(order), recipe.batch):
        yield collate([songs[i] for i in order[first : first + recipe.batch]])


def _step(
    net: ChorusNet,
    average: ChorusNet,
    batch: tuple[Tensor, Tensor, Tensor, Tensor],
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    recipe: Recipe,
) -> float:
    features, mask, targets, weight = batch
    told = features[:, :, : net.told]  # the columns behind are pointers
    features = torch.cat(
        [told + recipe.noise * torch.randn_like(told), features[:, :, net.told :]], 2
    )
    loss = loss_of(net(features, mask), targets, weight)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimiser.step()
    schedule.step()
    with torch.no_grad():
        step = schedule.last_epoch
        decay = min(recipe.decay, (1 + step) / (10 + step))
        for kept, new in zip(average.parameters(), net.parameters(), strict=True):
            kept.lerp_(new, 1 - decay)
    return float(loss.detach())


def _keep(path: Path, parts: dict, epoch: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".tmp")
    torch.save({"epoch": epoch, **{k: v.state_dict() for k, v in parts.items()}}, aside)
    aside.replace(path)


def _resume(path: Path, parts: dict) -> int:
    if not path.exists():
        return 0
    stored = torch.load(path, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(stored[name])
    return int(stored["epoch"])
