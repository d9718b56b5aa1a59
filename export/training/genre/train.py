"""Training one transformer: batches, schedule, moving average, checkpoints, progress."""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from export.training.genre.augmentation import crops
from export.training.genre.clips import Clips
from export.training.genre.network import Size, Transformer

_QUICK_IN_BFLOAT16 = torch.backends.cpu.get_cpu_capability() not in {"DEFAULT", "AVX2"}
"""Older processors compute it in software, thirteen times slower than single precision."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training run gives, besides the clips and the thread count."""

    epochs: int = 80
    batch: int = 32
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    mix_up: float = 0.3
    balance: float = 0.5  # a clip is drawn with weight (clips of its genre) ** -balance
    networks: int = 2
    ridge: float = 1.0
    seed: int = 0
    size: Size = field(default_factory=Size)


class Run:
    """One network on its way: made from a recipe, saved and loaded whole, deterministic."""

    def __init__(self, recipe: Recipe, clips: Clips, use: np.ndarray, seed: int) -> None:
        self.recipe, self.clips, self.use = recipe, clips, use
        torch.manual_seed(seed)
        self.chance = np.random.default_rng(seed)
        self.network = Transformer(recipe.size, len(clips.genres), clips.pictures[0].shape[0])
        self.average = copy.deepcopy(self.network).eval()
        matrices = [p for p in self.network.parameters() if p.ndim > 1]
        vectors = [p for p in self.network.parameters() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": recipe.weight_decay},
             {"params": vectors, "weight_decay": 0.0}],
            lr=recipe.learning_rate, betas=(0.9, 0.98), fused=True,
        )  # fmt: skip
        counts = np.bincount(clips.labels[use], minlength=len(clips.genres))
        weight = counts[clips.labels[use]] ** -recipe.balance
        self.weight = weight / weight.sum()
        self.steps_an_epoch = max(1, len(use) // recipe.batch)
        self.step = 0

    def epoch(self) -> float:
        """Train for one epoch; the mean loss."""
        self.network.train()
        return sum(self._train_step() for _ in range(self.steps_an_epoch)) / self.steps_an_epoch

    def _train_step(self) -> float:
        recipe = self.recipe
        drawn = self.chance.choice(self.use, recipe.batch, p=self.weight)
        pictures = crops([self.clips.pictures[clip] for clip in drawn], self.chance)
        genres = len(self.clips.genres)
        targets = functional.one_hot(torch.from_numpy(self.clips.labels[drawn]), genres)
        targets = targets * (1 - recipe.label_smoothing) + recipe.label_smoothing / genres
        if self.chance.random() < 0.6:
            pictures, targets = self._mixed(pictures, targets)
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.learning_rate * self._pace()
        with torch.autocast("cpu", torch.bfloat16, enabled=_QUICK_IN_BFLOAT16):
            logits = self.network(pictures)
        loss = -(targets * logits.float().log_softmax(dim=-1)).sum(dim=-1).mean()
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 2.0)
        self.optimizer.step()
        self.step += 1
        self._follow()
        return float(loss.detach())

    def _mixed(self, pictures: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        share = float(self.chance.beta(self.recipe.mix_up, self.recipe.mix_up))
        share = max(share, 1 - share)
        other = torch.from_numpy(self.chance.permutation(len(pictures)))
        return (
            share * pictures + (1 - share) * pictures[other],
            share * targets + (1 - share) * targets[other],
        )

    def _pace(self) -> float:
        """Learning rate against its peak: 8 % of the steps up, then half a cosine down."""
        done = self.step / (self.steps_an_epoch * self.recipe.epochs)
        return min(1.0, (done + 1e-4) / 0.08) * (0.49 * (1 + math.cos(math.pi * done)) + 0.02)

    def _follow(self) -> None:
        """The moving average of the weights, which is what is kept in the end."""
        decay = min(0.997, self.step / (self.step + 20))
        with torch.no_grad():
            for mean, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(now, 1 - decay)
            for mean, now in zip(self.average.buffers(), self.network.buffers(), strict=True):
                mean.copy_(now)

    def save(self, path: Path) -> None:
        """Put the whole state at ``path``, so that a stopped run goes on as if it had not been."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "chance": self.chance.bit_generator.state,
            "torch": torch.get_rng_state(),
        }
        aside = path.with_suffix(".part")
        torch.save(state, aside)
        aside.replace(path)

    def load(self, path: Path) -> None:
        """Take up a saved state."""
        state = torch.load(path, weights_only=False)  # our own file, from the work folder
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
        self.chance.bit_generator.state = state["chance"]
        torch.set_rng_state(state["torch"])


def trained(recipe: Recipe, clips: Clips, use: np.ndarray, path: Path, name: str) -> Transformer:
    """Train on the clips ``use`` (indices), going on from ``path`` if it exists.

    Args:
        recipe: how.
        clips: the clips.
        use: indices of the clips to learn from.
        path: the checkpoint; written every five epochs and at the end.
        name: what to call the network in the progress lines; it also decides the random numbers.

    Returns:
        The moving average of the network, in evaluation mode.
    """
    run = Run(recipe, clips, use, seed=recipe.seed * 1000 + sum(name.encode()))
    if path.exists():
        run.load(path)
    first = run.step // run.steps_an_epoch
    begun = time.monotonic()
    for epoch in range(first, recipe.epochs):
        loss = run.epoch()
        if (epoch + 1) % 5 == 0 or epoch + 1 == recipe.epochs:
            run.save(path)
            left = (time.monotonic() - begun) / (epoch + 1 - first) * (recipe.epochs - epoch - 1)
            print(
                f"{name}: epoch {epoch + 1}/{recipe.epochs}, loss {loss:.3f}, "
                f"{left / 60:.1f} min left for this network",
                flush=True,
            )
    return run.average
