"""The coloured mel spectrogram that ``librosa.display.specshow`` draws, without drawing it.

Published checkpoints were trained on such drawings: mel axis, default colours, axes off, cut to the
plot, saved as PNG and resized. Matplotlib snaps the edges of the mesh's cells to whole picture
elements, so that a drawing is a look-up: which band and which frame each element shows. Together
with the resizing it is two small matrices, made once a shape.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from audio.colormap import MAGMA
from audio.picture import resize_weights

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
UInt8 = NDArray[np.uint8]

DEFAULT_PLOT = (496.0, 369.6)
"""Width and height of the plot in matplotlib's default figure: 640 by 480 at 100 dpi, less margins.
With ``tight_layout(pad=0)`` it is the figure itself."""

_COLOURS = MAGMA.astype(np.float32)
_LINEAR_HZ = 1000.0  # specshow's mel axis is linear up to here, then logarithmic
_SLANEY_HZ_PER_MEL = 200.0 / 3.0
_SLANEY_LOG_STEP = np.log(6.4) / 27.0


def specshow(
    log_mel: Float32,
    *,
    fmin: float,
    fmax: float,
    plot: tuple[float, float] = DEFAULT_PLOT,
    height: int | None = None,
    width: int | None = None,
) -> UInt8:
    """The drawing, highest band first, optionally resized as image libraries do (bilinear).

    Args:
        log_mel: ``(columns, bands)`` dB, none above 0 (specshow's colours are others for values on
            both sides of it).
        fmin: lower edge of the lowest band, Hz.
        fmax: upper edge of the highest band, Hz.
        plot: width and height of the drawn plot, in picture elements.
        height: rows wanted; ``None`` keeps the drawing's.
        width: columns wanted; ``None`` keeps the drawing's.

    Returns:
        ``(3, height, width)`` red, green, blue, 0–255.
    """
    columns, bands = log_mel.shape
    drawn_width, drawn_height = int(plot[0]), int(plot[1])
    rows = _rows(bands, fmin, fmax, plot[1], drawn_height, height or drawn_height)
    shown = _columns(columns, plot[0], drawn_width, width or drawn_width)
    lowest, highest = float(log_mel.min()), float(log_mel.max())
    span = highest - lowest or 1.0
    index = ((log_mel.T - lowest) * (256.0 / span)).astype(np.int64).clip(0, 255)
    colours = _COLOURS[index].swapaxes(0, 1).reshape(columns, -1)  # columns × (bands, colours)
    across = np.rint(shown @ colours)  # image libraries round between the two passes
    down = rows @ across.reshape(-1, bands, 3).swapaxes(0, 1).reshape(bands, -1)
    result = np.rint(down).clip(0, 255).astype(np.uint8).reshape(len(down), -1, 3)
    return np.ascontiguousarray(np.moveaxis(result, -1, 0))


@lru_cache(maxsize=8)
def _rows(
    bands: int, fmin: float, fmax: float, plot_height: float, drawn: int, height: int
) -> csr_array:
    """``(height, bands)``: how much of each band a row of the result shows, from the top."""
    frequencies = _mel_frequencies(bands, fmin, fmax)
    half = np.diff(frequencies) / 2
    edges = np.concatenate(
        [
            [frequencies[0] - half[0]],
            frequencies[:-1] + half,
            [frequencies[-1] + half[-1]],
        ]
    )
    at = _symlog(edges)
    cells = _cells((at - at[0]) / (at[-1] - at[0]) * plot_height, drawn)[::-1]
    return _shown(cells, bands, height)


@lru_cache(maxsize=8)
def _columns(columns: int, plot_width: float, drawn: int, width: int) -> csr_array:
    """``(width, columns)``: how much of each frame a column of the result shows."""
    cells = _cells(np.arange(columns + 1) / columns * plot_width, drawn)
    return _shown(cells, columns, width)


def _cells(edges: Float64, size: int) -> NDArray[np.intp]:
    """The cell that each of ``size`` picture elements shows: edges are snapped to whole ones."""
    snapped = np.floor(edges + 0.5)
    found = np.searchsorted(snapped, np.arange(size), side="right") - 1
    return found.clip(0, len(edges) - 2)


def _shown(cells: NDArray[np.intp], count: int, size: int) -> csr_array:
    """Look-up and resizing in one: ``(size, count)``, nearly all of it zero."""
    look_up = np.zeros((len(cells), count), dtype=np.float32)
    look_up[np.arange(len(cells)), cells] = 1.0
    if size != len(cells):
        look_up = resize_weights(len(cells), size) @ look_up
    return csr_array(look_up)


def _mel_frequencies(bands: int, fmin: float, fmax: float) -> Float64:
    """``bands`` frequencies evenly spaced in Slaney's mel, as ``librosa.mel_frequencies``."""
    low, high = (_mel(hz) for hz in (fmin, fmax))
    mels = np.linspace(low, high, bands)
    knee = _LINEAR_HZ / _SLANEY_HZ_PER_MEL
    logarithmic = _LINEAR_HZ * np.exp(_SLANEY_LOG_STEP * (mels - knee))
    return np.asarray(np.where(mels < knee, mels * _SLANEY_HZ_PER_MEL, logarithmic))


def _mel(hz: float) -> float:
    if hz < _LINEAR_HZ:
        return hz / _SLANEY_HZ_PER_MEL
    knee = _LINEAR_HZ / _SLANEY_HZ_PER_MEL
    return float(knee + np.log(hz / _LINEAR_HZ) / _SLANEY_LOG_STEP)


def _symlog(hz: Float64) -> Float64:
    """Position on specshow's mel axis: matplotlib's "symlog", base 2, linear up to 1000."""
    size = np.maximum(np.abs(hz), 1.0)
    logarithmic = np.sign(hz) * _LINEAR_HZ * (2.0 + np.log2(size / _LINEAR_HZ))
    return np.where(np.abs(hz) <= _LINEAR_HZ, hz * 2.0, logarithmic)
