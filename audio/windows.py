"""A song's picture cut into the windows that a fixed-width network sees.

The serving stage and the training recipe must cut alike, so the cutting lives here and not in
either of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UInt8 = NDArray[np.uint8]


def windows(columns: int, window: int, max_windows: int) -> list[int]:
    """First columns of windows spread evenly over a song, the first and last at its ends.

    There are as many windows as cover the song, but never more than ``max_windows``: a short song's
    windows overlap a little, a long song's leave gaps of equal length between them.

    Args:
        columns: columns of the song's picture, at least 1.
        window: columns of a window, at least 1.
        max_windows: most windows wanted, at least 1.

    Returns:
        Start columns, ascending; ``[0]`` for a song no longer than one window. A single window of a
        longer song is its middle.

    Raises:
        ValueError: an argument is less than 1.
    """
    if min(columns, window, max_windows) < 1:
        raise ValueError(
            f"columns, window and max_windows must be positive: {columns}, {window}, {max_windows}"
        )
    last = columns - window
    if last <= 0:
        return [0]
    count = min(max_windows, -(-columns // window))
    if count == 1:
        return [last // 2]
    return [round(index * last / (count - 1)) for index in range(count)]


def cut(picture: UInt8, starts: list[int], window: int) -> UInt8:
    """The windows of a picture that begin at ``starts``; a short picture is repeated to fill one.

    Args:
        picture: ``(channels, bands, columns)``, at least one column.
        starts: first columns, as :func:`windows` gives them, at least one.
        window: columns of a window.

    Returns:
        ``(len(starts), channels, bands, window)``, the picture's own type.

    Raises:
        ValueError: there is no column to repeat, or a window would reach past the picture's end.
    """
    columns = picture.shape[-1]
    if columns == 0:
        raise ValueError("a picture without columns cannot be cut")
    if columns < window:
        repeats = -(-window // columns)
        picture = np.tile(picture, (1, 1, repeats))[:, :, :window]
        columns = window
    if min(starts) < 0 or max(starts) + window > columns:
        raise ValueError(f"windows of {window} from {starts} do not lie in {columns} columns")
    return np.stack([picture[:, :, start : start + window] for start in starts])
