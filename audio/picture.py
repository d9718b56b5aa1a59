"""A log-mel spectrogram as the picture that a vision transformer sees, without drawing it.

The reference service draws every spectrogram with matplotlib, which costs more than its network.
A grey value or a colour look-up and an area resize give the same information in milliseconds.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from audio.colormap import MAGMA

Float32 = NDArray[np.float32]
UInt8 = NDArray[np.uint8]

RANGE_DB = 80.0
"""Decibels from black (``-RANGE_DB`` and below) to white (0 and above)."""


def picture(
    log_mel: Float32,
    *,
    height: int | None = None,
    width: int | None = None,
    colormap: str = "grey",
) -> UInt8:
    """Decibels as picture elements: ``round((dB + 80) * 255 / 80)``, optionally resized, coloured.

    Row 0 is the lowest band (image files have it at the bottom: flip the rows for a checkpoint that
    was trained on drawn images). Resizing comes before colouring, on decibels.

    Args:
        log_mel: ``(columns, bands)`` dB below the loudest value, as ``audio.mel.log_mel`` gives.
        height: rows wanted; ``None`` keeps one a band.
        width: columns wanted; ``None`` keeps the spectrogram's.
        colormap: ``"grey"`` (one channel) or ``"magma"`` (red, green, blue).

    Returns:
        ``(channels, height, width)``, 0–255.

    Raises:
        ValueError: an unknown colormap, or a size less than 1.
    """
    values = np.ascontiguousarray(log_mel.T, dtype=np.float32)
    if height is not None:
        values = resize_weights(values.shape[0], height) @ values
    if width is not None:
        values = values @ resize_weights(values.shape[1], width).T
    grey: UInt8 = np.rint((values + RANGE_DB) * (255.0 / RANGE_DB)).clip(0, 255).astype(np.uint8)
    if colormap == "grey":
        return grey[np.newaxis]
    if colormap == "magma":
        return np.ascontiguousarray(np.moveaxis(MAGMA[grey], -1, 0))
    raise ValueError(f"colormap is {colormap!r}, neither 'grey' nor 'magma'")


@lru_cache(maxsize=16)
def resize_weights(source: int, target: int) -> Float32:
    """``(target, source)`` weights of a triangle filter along one axis; every row sums to 1.

    The triangle is as wide as the coarser of the two grids (so smaller is an area average, and
    larger is bilinear), as in antialiased image libraries.
    """
    if target < 1 or source < 1:
        raise ValueError(f"a picture of {source} cannot be resized to {target}")
    step = source / target
    reach = max(step, 1.0)
    centres = (np.arange(target) + 0.5) * step
    distance = np.abs(np.arange(source) + 0.5 - centres[:, np.newaxis]) / reach
    weights = np.maximum(0.0, 1.0 - distance)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)
