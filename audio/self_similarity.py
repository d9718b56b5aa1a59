"""Where a song repeats itself: the strongest hint of a chorus that survives any recording.

Everything here works on coarse frames (about half a second), so that the matrices of a ten-minute
song stay near 1000 × 1000.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


def windowed_similarity(frames: Float32, window: int) -> Float32:
    """Cosine similarity of every two stretches of ``window`` frames.

    Equal to stacking the window's frames into one vector and taking the cosine of such vectors, but
    summed along the diagonals of the frame-by-frame products. At the song's ends the stretch is what
    of it lies inside the song, for both alike.

    Args:
        frames: ``(n, dimensions)``.
        window: frames in a stretch, centred on its frame; odd.

    Returns:
        ``(n, n)``, symmetric, in ``[-1, 1]``; 0 where a stretch has no content.
    """
    count = len(frames)
    products = frames @ frames.T
    energy = np.broadcast_to(np.diagonal(products), (count, count))
    summed = _along_diagonals(products, window)
    own = _along_diagonals(energy.T, window)  # of the stretch around the row's frame
    other = _along_diagonals(energy, window)  # of the stretch around the column's frame
    norm = np.sqrt(np.maximum(own * other, 1e-12))
    upper = _unsheared(np.clip(summed / norm, -1.0, 1.0))
    return np.asarray(upper + np.triu(upper, 1).T, dtype=np.float32)


def far_apart(similarity: Float32, least_lag: int) -> Float32:
    """The similarity with -1 wherever two frames lie closer than ``least_lag`` frames."""
    position = np.arange(len(similarity))
    near = np.abs(position[:, None] - position) < least_lag
    return np.where(near, np.float32(-1), similarity)


def best_repeats(distant: Float32, block: int, count: int) -> Float32:
    """The similarities of each frame's best repeats, best first.

    Neighbours of a good match match well too; so only the best of each block of frames counts.

    Args:
        distant: ``(n, n)`` as :func:`far_apart` returns it.
        block: frames a block.
        count: how many repeats.

    Returns:
        ``(n, count)``; 0 where there is no such repeat.
    """
    size = len(distant)
    blocks = -(-size // block)
    padded = np.full((size, max(blocks, count) * block), -1, dtype=np.float32)
    padded[:, :size] = distant
    best = padded.reshape(size, -1, block).max(axis=2)
    best = -np.sort(-best, axis=1)[:, :count]
    return np.maximum(best, 0)


def repeat_weights(distant: Float32, sharpness: float, share: float) -> Float32:
    """A row-stochastic matrix that averages each frame with its repeats.

    Args:
        distant: ``(n, n)`` as :func:`far_apart` returns it.
        sharpness: similarity below a frame's best at which a repeat's weight falls by e.
        share: weight of all repeats together, relative to the frame's own, for perfect repeats.

    Returns:
        ``(n, n)``, rows sum to 1.
    """
    best = distant.max(axis=1, keepdims=True)
    weights = np.exp((distant - best) / sharpness)
    weights[distant <= 0] = 0
    total = np.maximum(weights.sum(axis=1, keepdims=True), 1e-6)
    weights *= share * np.maximum(best, 0) / total
    weights[np.diag_indices(len(weights))] = 1
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def _along_diagonals(matrix: Float32, window: int) -> Float32:
    """Sums of ``window`` entries along each upper diagonal: ``result[i, lag]``, zero outside."""
    count, half = len(matrix), window // 2
    lags = _sheared(matrix)
    total = np.zeros((count + window, count), dtype=np.float64)
    np.cumsum(lags, axis=0, out=total[half + 1 : half + 1 + count], dtype=np.float64)
    total[half + 1 + count :] = total[half + count]
    return np.asarray(total[window:] - total[:count], dtype=np.float32)


def _sheared(matrix: Float32) -> Float32:
    """``result[i, lag] = matrix[i, i + lag]``, zero where that is outside."""
    count = len(matrix)
    wide = np.zeros((count, 2 * count), dtype=np.float32)
    wide[:, :count] = matrix
    row, column = wide.strides
    return np.lib.stride_tricks.as_strided(wide, (count, count), (row + column, column))


def _unsheared(lags: Float32) -> Float32:
    """The inverse of :func:`_sheared`: upper triangle filled, lower zero."""
    count = len(lags)
    wide = np.zeros((count, 2 * count), dtype=np.float32)
    row, column = wide.strides
    np.lib.stride_tricks.as_strided(wide, (count, count), (row + column, column))[...] = lags
    return wide[:, :count]
