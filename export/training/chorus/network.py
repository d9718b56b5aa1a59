"""The chorus network: dilated convolutions over feature frames; padded frames are kept at zero.

The trunk works on 0.576 s frames and sees about two minutes around each; the heads work on 0.192 s
frames again, where boundaries are found. At
last a moment's chorus logit is averaged with those of its repeats, which the features point at: a
chorus is a chorus each time. Only operators of old ONNX opsets are used, all linear in
the song's length.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from audio.chorus_features import COARSE, REPEATS

_SHARE = 2.0  # weight of a perfect repeat in the chorus curve; the frame itself has 1
HEADS = 4  # logits: chorus, chorus start, chorus end, any section boundary


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the network."""

    features: int
    local: int  # the first of the features, which the trunk does not see
    channels: int = 64
    fine_channels: int = 32
    kernel: int = 5
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    dropout: float = 0.2


class ChorusNet(nn.Module):
    """Features and mask to logits ``(batch, frames, HEADS)``."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.local, self.told = shape.local, shape.features - 2 * REPEATS
        self.enter = nn.Conv1d(self.told - shape.local, shape.channels, 1)
        self.trunk = nn.ModuleList(
            _Block(shape.channels, shape.kernel, d, shape.dropout) for d in shape.dilations
        )
        self.detail = nn.Conv1d(self.told, shape.fine_channels, 1)
        self.widen = nn.Conv1d(shape.channels, shape.fine_channels, 1)
        self.fine = nn.ModuleList(
            _Block(shape.fine_channels, shape.kernel, d, shape.dropout) for d in (1, 2, 4)
        )
        self.edges = nn.Conv1d(shape.fine_channels, HEADS - 1, 1)
        self.chorus = nn.Conv1d(shape.channels, 1, 1)
        self.dropout = nn.Dropout1d(shape.dropout)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Logits.

        Args:
            features: ``(batch, frames, features)`` as ``audio.chorus_features`` makes them; padded
                frames are zero.
            mask: ``(batch, frames)``, 1 for real frames and 0 for padding.
        """
        real = mask.unsqueeze(1)
        frames = self.dropout(features[:, :, : self.told].transpose(1, 2)) * real
        inside = _pooled(real)
        present = (inside > 0).to(inside.dtype)
        coarse = _pooled(self.enter(frames[:, self.local :]) * real)
        coarse = coarse / torch.clamp(inside, min=1 / COARSE) * present
        for block in self.trunk:
            coarse = block(coarse, present)
        chorus = self.chorus(coarse)
        if (
            not self.training
        ):  # a net that trains with it leans on repeats being as exact as renders'
            chorus = _shared(chorus, features[:, ::COARSE, self.told :])
        fine = (self.detail(frames) + _stretched(self.widen(coarse), mask.shape[1])) * real
        for block in self.fine:
            fine = block(fine, real)
        chorus = _stretched(chorus, mask.shape[1])
        return torch.cat([chorus, self.edges(fine)], dim=1).transpose(1, 2)


class _Block(nn.Module):
    """A residual block: normalise each frame, mix over time, mix channels."""

    def __init__(self, channels: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1, channels, 1))
        padding = dilation * (kernel // 2)
        self.over_time = nn.Conv1d(channels, channels, kernel, padding=padding, dilation=dilation)
        self.over_channels = nn.Conv1d(channels, channels, 1)
        self.dropout = nn.Dropout1d(dropout)
        nn.init.zeros_(self.over_channels.weight)

    def forward(self, frames: Tensor, mask: Tensor) -> Tensor:
        power = frames.square().mean(dim=1, keepdim=True)
        hidden = frames * torch.rsqrt(power + 1e-4) * self.scale * mask
        hidden = functional.silu(self.over_time(hidden))
        return (frames + self.over_channels(self.dropout(hidden))) * mask


def _shared(coarse: Tensor, pointers: Tensor) -> Tensor:
    """The mean of each coarse frame and its repeats, ``(batch, channels, coarse frames)``.

    Args:
        coarse: what is averaged.
        pointers: ``(batch, coarse frames, 2 × REPEATS)``: where a frame returns, how surely.
    """
    batch, channels, count = coarse.shape
    index = pointers[:, :, :REPEATS].to(torch.int64).reshape(batch, 1, -1)
    weight = _SHARE * pointers[:, :, REPEATS:].unsqueeze(1)
    found = torch.gather(coarse, 2, index.expand(-1, channels, -1))
    total = (found.reshape(batch, channels, count, REPEATS) * weight).sum(dim=3)
    return (coarse + total) / (1 + weight.sum(dim=3))


def _pooled(frames: Tensor) -> Tensor:
    """Means of every ``COARSE`` frames; zeros are added where it does not come out even."""
    return functional.avg_pool1d(functional.pad(frames, (0, COARSE - 1)), COARSE)


def _stretched(coarse: Tensor, frames: int | Tensor) -> Tensor:
    """Each coarse frame ``COARSE`` times, cut to ``frames``."""
    batch, channels, _ = coarse.shape
    wide = coarse.unsqueeze(3).expand(-1, -1, -1, COARSE)
    return wide.reshape(batch, channels, -1)[:, :, :frames]
