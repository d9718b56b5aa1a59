"""The transformer branch: a compact convolutional transformer over six-second crops.

Convolutions turn the picture into one token per 186 ms (Hassani et al., "Escaping the Big Data
Paradigm with Compact Transformers", 2021, and Won et al., "Semi-supervised music tagging
transformer", 2021: small data wants convolutional tokens); a pre-norm transformer relates them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

CROP = 128
"""Columns of a crop: 5.9 s of 46.4 ms columns."""

_TOKEN_COLUMNS = 4
_STEM = ((1, 32, 5, (2, 2)), (32, 64, 3, (2, 1)), (64, 128, 3, (2, 1)), (128, 160, 3, (2, 2)))


@dataclass(frozen=True)
class Size:
    """Width and depth of the transformer."""

    width: int = 192
    layers: int = 4
    heads: int = 4


class Layer(nn.Module):
    """A pre-norm transformer layer with stochastic depth; attention as plain products.

    (PyTorch's fused attention on a CPU was the slowest part of a training step.)
    """

    def __init__(self, size: Size, drop: float) -> None:
        super().__init__()
        self.heads, self.drop = size.heads, drop
        self.norm_attention = nn.LayerNorm(size.width)
        self.norm_mixing = nn.LayerNorm(size.width)
        self.query_key_value = nn.Linear(size.width, 3 * size.width)
        self.output = nn.Linear(size.width, size.width)
        self.widen = nn.Linear(size.width, 3 * size.width)
        self.narrow = nn.Linear(3 * size.width, size.width)

    def forward(self, tokens: Tensor) -> Tensor:
        """``(N, tokens, width)`` to the same."""
        tokens = tokens + self._dropped(self._attention(self.norm_attention(tokens)))
        mixed = self.narrow(functional.gelu(self.widen(self.norm_mixing(tokens))))
        return tokens + self._dropped(mixed)

    def _attention(self, tokens: Tensor) -> Tensor:
        batch, count, width = tokens.shape
        each = width // self.heads
        joined = self.query_key_value(tokens).reshape(batch, count, 3, self.heads, each)
        query, key, value = joined.permute(2, 0, 3, 1, 4)
        share = ((query * each**-0.5) @ key.transpose(-1, -2)).softmax(dim=-1)
        return self.output((share @ value).transpose(1, 2).reshape(batch, count, width))

    def _dropped(self, branch: Tensor) -> Tensor:
        if not self.training:
            return branch
        keep = torch.rand(branch.shape[0], 1, 1) > self.drop
        return branch * keep / (1.0 - self.drop)


def _convolution(inputs: int, outputs: int, kernel: int, stride: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class Transformer(nn.Module):
    """``(N, 1, 128, 128)`` decibels to ``(N, classes)`` logits.

    The crop's mean is taken out first: a song's decibels are relative to its loudest moment, which
    may lie outside the crop.
    """

    def __init__(self, size: Size, classes: int, bands: int = 128) -> None:
        super().__init__()
        self.tokeniser = nn.Sequential(*(_convolution(*stage) for stage in _STEM))
        self.projection = nn.Linear(_STEM[-1][1] * bands // 16, size.width)
        self.position = nn.Parameter(torch.randn(1, CROP // _TOKEN_COLUMNS, size.width) * 0.02)
        deepest = 0.1
        self.layers = nn.Sequential(
            *(Layer(size, deepest * (index + 1) / size.layers) for index in range(size.layers))
        )
        self.norm = nn.LayerNorm(size.width)
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(2 * size.width, classes)

    def forward(self, decibels: Tensor) -> Tensor:
        """See the class."""
        crops = (decibels - decibels.mean(dim=(1, 2, 3), keepdim=True)) / 16.0
        maps = self.tokeniser(crops.contiguous(memory_format=torch.channels_last))
        tokens = self.projection(maps.permute(0, 3, 1, 2).flatten(2)) + self.position
        tokens = self.norm(self.layers(tokens))
        return self.head(self.drop(torch.cat([tokens.mean(dim=1), tokens.amax(dim=1)], dim=1)))
