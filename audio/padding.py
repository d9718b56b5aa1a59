"""Songs of different length in one batch: filled up to common sizes, with a mask of what is real.

Triton batches requests whose tensors have the same shape. Sizes are therefore rounded up to a few,
and every network downstream ignores what the mask calls padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def padded(songs: Sequence[NDArray[Any]], size: int) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Fill every song up to ``size`` rows with zeros.

    Args:
        songs: arrays ``(rows, …)``, equal but for the number of rows, none over ``size``.
        size: rows wanted.

    Returns:
        ``(songs, size, …)`` of the songs' type, and the mask ``(songs, size)``: 1 for a real row.

    Raises:
        ValueError: a song has more rows than ``size``.
    """
    longest = max(len(song) for song in songs)
    if longest > size:
        raise ValueError(f"{longest} rows do not fit in {size}")
    filled = np.zeros((len(songs), size, *songs[0].shape[1:]), dtype=songs[0].dtype)
    mask = np.zeros((len(songs), size), dtype=np.float32)
    for index, song in enumerate(songs):
        filled[index, : len(song)] = song
        mask[index, : len(song)] = 1.0
    return filled, mask


def bucket(rows: int, buckets: Sequence[int]) -> int:
    """The least of ``buckets`` (ascending) that holds ``rows``, or the greatest.

    Beyond the greatest bucket sizes go up in steps of it.
    """
    for size in buckets:
        if rows <= size:
            return size
    step = buckets[-1]
    return -(-rows // step) * step
