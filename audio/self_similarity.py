"""Where a song repeats itself: the strongest hint of a chorus that survives any recording.

Everything here works on coarse frames (about half a second), so that the matrices of a ten-minute
song stay near 1000 × 1000. Similarity is a function of two stretches of the song; it is kept by
*lag*: ``matrix[i, lag]`` tells how alike the stretches around frames ``i`` and ``i + lag`` are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


def windowed_similarities(frames: Float32, windows: Sequence[int]) -> list[Float32]:
    """Cosine similarity of every two stretches of the song, for several lengths of stretch.

    Equal to stacking a stretch's frames into one vector and taking the cosine of such vectors, but
    summed along the diagonals of the frame-by-frame products. At the song's ends the stretch is
    what of it lies inside the song, for both alike.

    Args:
        frames: ``(n, dimensions)``.
        windows: frames in a stretch, centred on its frame; odd.

    Returns:
        For each window ``(n, n)``, symmetric, in ``[-1, 1]``; 0 where a stretch has no content.
    """
    products = frames @ frames.T
    energy = np.diagonal(products)
    return [_symmetric(lags) for lags in _cosines(products, energy, energy, windows)]


def fine_similarities(frames: Float32, pool: int, windows: Sequence[int]) -> list[Float32]:
    """As :func:`windowed_similarities`, of rows of ``pool`` frames that keep their order.

    A row is compared with the other as it lies on the grid of rows and as it lies one frame earlier
    or later; the best counts. So two stretches are told alike only if what changes from frame to
    frame is alike, syllables for instance, wherever on the grid they begin.

    Args:
        frames: ``(T, dimensions)``.
        pool: frames a row.
        windows: rows in a stretch, odd.

    Returns:
        For each window ``(n, n)`` with ``n = ceil(T / pool)``, symmetric, in ``[-1, 1]``.
    """
    count = -(-len(frames) // pool)
    after = count * pool - len(frames) + 1
    padded = np.pad(frames, ((1, after), (0, 0)), mode="edge")
    rows = [padded[s : s + count * pool].reshape(count, -1) for s in (1, 0, 2)]
    energies = [np.sum(np.square(row), axis=1) for row in rows]
    best: list[Float32] = []
    for row, energy in zip(rows, energies, strict=True):
        found = _cosines(rows[0] @ row.T, energies[0], energy, windows)
        best = [np.maximum(*pair) for pair in zip(best, found, strict=True)] if best else found
    return [_symmetric(lags) for lags in best]


def far_apart(similarity: Float32, least_lag: int) -> Float32:
    """The similarity with -1 wherever two frames lie closer than ``least_lag`` frames."""
    position = np.arange(len(similarity))
    near = np.abs(position[:, None] - position) < least_lag
    return np.where(near, np.float32(-1), similarity)


def best_repeats(distant: Float32, block: int, count: int) -> tuple[Float32, NDArray[np.intp]]:
    """Each frame's best repeats, best first: how similar they are and where they lie.

    Neighbours of a good match match well too; so only the best of each block of frames counts.

    Args:
        distant: ``(n, n)`` as :func:`far_apart` returns it.
        block: frames a block.
        count: how many repeats.

    Returns:
        Similarities and frames, each ``(n, count)``; 0 and the frame itself where there is none.
    """
    size = len(distant)
    blocks = max(-(-size // block), count)
    padded = np.full((size, blocks * block), -1, dtype=np.float32)
    padded[:, :size] = distant
    padded = padded.reshape(size, blocks, block)
    place = padded.argmax(axis=2)
    best = np.take_along_axis(padded, place[:, :, None], axis=2)[:, :, 0]
    order = np.argsort(-best, axis=1, kind="stable")[:, :count]
    similarity = np.take_along_axis(best, order, axis=1)
    frame = order * block + np.take_along_axis(place, order, axis=1)
    frame = np.where(similarity > 0, frame, np.arange(size)[:, None])
    return np.maximum(similarity, 0), frame


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
    weights = np.exp((distant - best) / np.float32(sharpness))
    weights[distant <= 0] = 0
    total = np.maximum(weights.sum(axis=1, keepdims=True), 1e-6)
    weights *= np.float32(share) * np.maximum(best, 0) / total
    weights[np.diag_indices(len(weights))] = 1
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def _cosines(
    products: Float32, own: Float32, other: Float32, windows: Sequence[int]
) -> list[Float32]:
    """Cosines of stretches by lag, ``(n, n)`` a window, from products and energies of rows."""
    total = _running_totals(products)
    result = []
    for window in windows:
        energy = _energies(own, other, window)
        np.maximum(energy, 1e-12, out=energy)
        summed = _window_sums(total, window)
        summed /= np.sqrt(energy, out=energy)
        result.append(np.clip(summed, -1.0, 1.0, out=summed))
    return result


def _energies(own: Float32, other: Float32, window: int) -> NDArray[np.float64]:
    """``result[i, lag]``: energy of the stretch around ``i`` times that of the one ``lag`` behind.

    Of both only what has a partner inside the song. Totals never fall, so the nearer of two ends
    is the lesser of two totals; what is ``lag`` behind is a view, not a copy.
    """
    count, half = len(own), window // 2
    frame = np.arange(count)
    total = np.concatenate([[0], np.cumsum(own, dtype=np.float64)])
    before = total[np.maximum(frame - half, 0), None]
    after = total[np.minimum(frame + half + 1, count), None]
    energy = np.maximum(np.minimum(after, total[count - frame]), before) - before
    behind = np.concatenate([[0], np.cumsum(other, dtype=np.float64)])
    behind = np.pad(behind, (0, count + half), mode="edge")
    ends = np.lib.stride_tricks.sliding_window_view(behind, count)
    energy *= ends[half + 1 : half + 1 + count] - ends[np.maximum(frame - half, 0)]
    return np.asarray(energy)


def _running_totals(matrix: Float32) -> NDArray[np.float64]:
    """``result[i, lag]``: sum of the first ``i`` entries of the diagonal ``lag`` above the main."""
    count = len(matrix)
    wide = np.zeros((count, 2 * count), dtype=np.float32)
    wide[:, :count] = matrix
    total = np.zeros((count + 1, count), dtype=np.float64)
    np.cumsum(_by_lag(wide), axis=0, out=total[1:])
    return total


def _window_sums(total: NDArray[np.float64], window: int) -> Float32:
    """Sums of ``window`` entries around each entry of each diagonal, cut at its ends."""
    count = total.shape[1]
    first = np.maximum(np.arange(count) - window // 2, 0)
    last = np.minimum(np.arange(count) + window // 2 + 1, count)
    return np.asarray(total[last] - total[first], dtype=np.float32)


def _symmetric(lags: Float32) -> Float32:
    """``result[i, i + lag] = result[i + lag, i] = lags[i, lag]``."""
    count = len(lags)
    wide = np.zeros((count, 2 * count), dtype=np.float32)
    _by_lag(wide)[...] = lags
    upper = wide[:, :count]
    result = upper + upper.T
    result[np.diag_indices(count)] /= 2
    return np.asarray(result, dtype=np.float32)


def _by_lag(wide: Float32) -> Float32:
    """A view of a ``(n, 2n)`` array: ``view[i, lag] = wide[i, i + lag]``."""
    row, column = wide.strides
    return np.lib.stride_tricks.as_strided(wide, (len(wide), len(wide)), (row + column, column))
