"""Crops of clips, varied as recordings vary: tempo, pitch, equalisation, bandwidth, level range.

All of it is light: on a thousand clips heavy augmentation underfits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from export.training.genre.network import CROP

_MARGIN = 26  # columns beside the crop, so that it may be stretched and shifted


def tiled(picture: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """``(bands, n)`` repeated until there are at least ``columns``."""
    return np.tile(picture, (1, -(-columns // picture.shape[1])))


def crops(pictures: Sequence[NDArray[np.uint8]], chance: np.random.Generator) -> Tensor:
    """One varied crop a picture: ``(N, 1, bands, CROP)`` decibels."""
    length = CROP + _MARGIN
    pieces = []
    for picture in pictures:
        long = tiled(picture, length)
        start = chance.integers(0, long.shape[1] - length + 1)
        pieces.append(long[:, start : start + length])
    decibels = torch.from_numpy(np.stack(pieces)[:, None]).float() * (80.0 / 255.0) - 80.0
    decibels = _warped(decibels, chance)
    decibels = _equalised(decibels, chance)
    return _masked(_low_passed(decibels, chance), chance)


def _uniform(chance: np.random.Generator, low: float, high: float, count: int) -> Tensor:
    return torch.from_numpy(chance.uniform(low, high, count)).float()


def _warped(decibels: Tensor, chance: np.random.Generator) -> Tensor:
    """Tempo ± 12 %, band axis stretched ± 4 % and shifted ± 2.5 bands, any place in the margin."""
    count, _, bands, columns = decibels.shape
    affine = torch.zeros(count, 2, 3)
    affine[:, 0, 0] = (1 + _uniform(chance, -0.12, 0.12, count)) * CROP / columns
    affine[:, 0, 2] = _uniform(chance, -1, 1, count) * (1 - affine[:, 0, 0]).clamp(min=0)
    affine[:, 1, 1] = 1 + _uniform(chance, -0.04, 0.04, count)
    affine[:, 1, 2] = _uniform(chance, -2.5, 2.5, count) * 2 / bands
    grid = functional.affine_grid(affine, [count, 1, bands, CROP], align_corners=False)
    return functional.grid_sample(decibels, grid, padding_mode="border", align_corners=False)


def _equalised(decibels: Tensor, chance: np.random.Generator) -> Tensor:
    """A smooth curve of 2.5 dB deviation over the bands, and the level range ± 10 %."""
    count, _, bands, _ = decibels.shape
    knots = torch.from_numpy(chance.normal(0, 2.5, (count, 1, 6))).float()
    curve = functional.interpolate(knots, bands, mode="linear", align_corners=True)
    return (decibels + curve[..., None]) * (1 + _uniform(chance, -0.1, 0.1, count)).view(
        -1, 1, 1, 1
    )


def _low_passed(decibels: Tensor, chance: np.random.Generator) -> Tensor:
    """One crop in seven loses its highest bands: collections differ in bandwidth."""
    count, _, bands, _ = decibels.shape
    edge = torch.from_numpy(chance.integers(bands * 3 // 4, bands, count))
    edge = torch.where(_uniform(chance, 0, 1, count) < 0.15, edge, bands)
    above = torch.arange(bands)[None] >= edge[:, None]
    floor = decibels.amin(dim=(1, 2, 3), keepdim=True)
    return torch.where(above[:, None, :, None], floor, decibels)


def _masked(decibels: Tensor, chance: np.random.Generator) -> Tensor:
    """Half of the crops lose up to 9 bands, half up to 13 columns (to the crop's mean)."""
    _, _, bands, columns = decibels.shape
    for crop in decibels:
        mean = crop.mean()
        if chance.random() < 0.5:
            width = chance.integers(1, 10)
            start = chance.integers(0, bands - width)
            crop[:, start : start + width] = mean
        if chance.random() < 0.5:
            width = chance.integers(1, 14)
            start = chance.integers(0, columns - width)
            crop[:, :, start : start + width] = mean
    return decibels
