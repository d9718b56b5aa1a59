"""DeepChorus: a spectrogram of a whole song to a chorus score a second.

After Q. He, X. Sun, Y. Yu, W. Li, DeepChorus: A Hybrid Model of Multi-scale Convolution and
Self-attention for Chorus Detection (ICASSP 2022), and the sizes of the authors' published network.
Modules are registered in the order in which Keras' layers of the same kind are made: the reader of
the weights counts on it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

POOLS = (4, 4, 4, 2)
"""Bands pooled after each convolution over the spectrogram: 128 bands end as one."""

BANDS = math.prod(POOLS)

BRANCHES = (1, 2, 3, 3, 2, 1)
"""Time scales before, between and after the five exchanges of the multi-scale network."""

STEP = 3
"""A scale is so many times coarser than the one above it."""

FRAMES_MULTIPLE = STEP ** (max(BRANCHES) - 1)
"""Frames must be a multiple of this, so that what is made coarser and finer again fits."""

_EPSILON = 1e-3  # Keras' default in batch normalisation


@dataclass(frozen=True, slots=True)
class Sizes:
    """Widths of the network, and frames a score; the published ones by default."""

    stem: tuple[int, ...] = (64, 128, 256, 256)
    channels: int = 128
    summary: int = 64
    detail: int = 32
    frames_a_score: int = 43


class DeepChorus(nn.Module):
    """The network.

    Args:
        sizes: of its layers.
        fused: attention as ONNX Runtime's own operator when exported, instead of plain products
            that hold a frames × frames matrix.
    """

    def __init__(self, sizes: Sizes, *, fused: bool = False) -> None:
        super().__init__()
        self.sizes = sizes
        widths = pairwise((1, *sizes.stem))
        self.stem = nn.Sequential(
            *(_Stem(a, b, pool) for (a, b), pool in zip(widths, POOLS, strict=True))
        )
        channels = sizes.channels
        inputs = (sizes.stem[-1], *[channels] * (len(BRANCHES) - 2))
        self.exchanges = nn.ModuleList(
            _Exchange(width, channels, before, after)
            for width, (before, after) in zip(inputs, pairwise(BRANCHES), strict=True)
        )
        self.blocks = nn.ModuleList(_AttentiveConvolution(channels, fused=fused) for _ in range(3))
        chunk = sizes.frames_a_score
        self.scores = nn.Sequential(
            nn.Conv1d(channels, sizes.summary, chunk, chunk),
            nn.BatchNorm1d(sizes.summary, _EPSILON),
            _same(sizes.summary, sizes.detail),
            nn.ELU(),
            nn.BatchNorm1d(sizes.detail, _EPSILON),
            _same(sizes.detail, 1),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Scores.

        Args:
            features: ``(batch, frames, BANDS)`` magnitudes of a mel spectrogram, frames a multiple
                of ``FRAMES_MULTIPLE`` and enough for one score.

        Returns:
            ``(batch, frames // frames_a_score, 1)`` in 0–1.
        """
        spectrogram = features.transpose(1, 2).unsqueeze(1)
        scales = [self.stem(spectrogram).squeeze(2)]
        for exchange in self.exchanges:
            scales = exchange(scales)
        frames = scales[0]
        for block in self.blocks:
            frames = block(frames)
        return self.scores(frames).transpose(1, 2)


class _Stem(nn.Module):
    """A convolution over the spectrogram, then fewer bands.

    Keras normalises before pooling. Normalising is the same for every element of a channel, so the
    order does not matter to the mean, and behind it there is a quarter of the work and memory.
    """

    def __init__(self, inputs: int, outputs: int, pool: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.pool = nn.AvgPool2d((pool, 1))
        self.norm = nn.BatchNorm2d(outputs, _EPSILON)

    def forward(self, spectrogram: Tensor) -> Tensor:
        return self.norm(self.pool(nn.functional.elu(self.convolution(spectrogram))))


class _Exchange(nn.Module):
    """Every scale, brought to every scale that is wanted, joined and convolved."""

    def __init__(self, inputs: int, channels: int, before: int, after: int) -> None:
        super().__init__()
        self.paths = nn.ModuleList(
            nn.ModuleList(
                nn.Sequential(*_path(source, target, inputs, channels)) for target in range(after)
            )
            for source in range(before)
        )
        self.joins = nn.ModuleList(
            nn.Sequential(
                _same(before * channels, channels),
                nn.ELU(),
                nn.BatchNorm1d(channels, _EPSILON),
                _same(channels, channels),
                nn.ELU(),
                nn.BatchNorm1d(channels, _EPSILON),
            )
            for _ in range(after)
        )

    def forward(self, scales: Sequence[Tensor]) -> list[Tensor]:
        brought = [
            [path(scale) for path in paths] for scale, paths in zip(scales, self.paths, strict=True)
        ]
        joined = (torch.cat(each, dim=1) for each in zip(*brought, strict=True))
        return [join(each) for join, each in zip(self.joins, joined, strict=True)]


def _path(source: int, target: int, inputs: int, channels: int) -> Iterator[nn.Module]:
    """From a scale to another, a factor of ``STEP`` at a time."""
    if source == target:
        yield _same(inputs, channels)
    for step in range(abs(target - source)):
        kind = nn.Conv1d if target > source else nn.ConvTranspose1d
        yield kind(channels if step else inputs, channels, STEP, STEP)


class _AttentiveConvolution(nn.Module):
    """Attention over the whole song beside the frames themselves, then a convolution."""

    def __init__(self, channels: int, *, fused: bool) -> None:
        super().__init__()
        self.attention = Attention(channels, fused=fused)
        self.norm = nn.BatchNorm1d(channels, _EPSILON)
        self.convolution = _same(channels, channels)

    def forward(self, frames: Tensor) -> Tensor:
        frames = frames + self.attention(frames.transpose(1, 2)).transpose(1, 2)
        return nn.functional.elu(self.convolution(self.norm(frames)))


class Attention(nn.Module):
    """One head; queries, keys, values and the result each through an ELU."""

    def __init__(self, channels: int, *, fused: bool) -> None:
        super().__init__()
        self.fused = fused
        self.query, self.key, self.value, self.result = (
            nn.Linear(channels, channels) for _ in range(4)
        )

    def forward(self, frames: Tensor) -> Tensor:
        """``(batch, frames, channels)`` to the same."""
        query, key, value = (
            nn.functional.elu(each(frames)) for each in (self.query, self.key, self.value)
        )
        attend = _Fused.apply if self.fused else _plain
        return nn.functional.elu(self.result(attend(query, key, value)))


def _plain(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    scores = query @ key.transpose(1, 2) / math.sqrt(query.shape[2])
    return scores.softmax(dim=2) @ value


class _Fused(torch.autograd.Function):
    """The same, exported as the operator that never holds the whole matrix."""

    @staticmethod
    def forward(_: object, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return _plain(query, key, value)

    @staticmethod
    def symbolic(graph: object, query: object, key: object, value: object) -> object:
        attended = graph.op("com.microsoft::MultiHeadAttention", query, key, value, num_heads_i=1)
        return attended.setType(query.type())


def _same(inputs: int, outputs: int) -> nn.Conv1d:
    """A convolution over three frames that keeps their number."""
    return nn.Conv1d(inputs, outputs, 3, padding=1)


def layers(network: DeepChorus) -> dict[str, list[nn.Module]]:
    """The layers with weights by kind, each in the order of their making."""
    kinds: dict[str, tuple[type[nn.Module], ...]] = {
        "conv2d": (nn.Conv2d,),
        "conv1d": (nn.Conv1d,),
        "conv1d_transpose": (nn.ConvTranspose1d,),
        "batch_normalization": (nn.BatchNorm1d, nn.BatchNorm2d),
        "multi_head_attention": (Attention,),
    }
    found = list(network.modules())
    return {name: [m for m in found if isinstance(m, kind)] for name, kind in kinds.items()}
