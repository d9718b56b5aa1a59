"""How strongly each semitone sounds: what tells two choruses alike when the mel cannot.

A mel band of a 2048-sample window is wider than a semitone below 1 kHz. Here the window is four
times as long and moves once a frame of the chorus curves, which keeps it cheap.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

LOWEST = 36  # MIDI number of the lowest semitone, C2 (65.4 Hz)
SEMITONES = 60  # five octaves, up to B6 (1976 Hz)

_WINDOW = 8192
_BLOCK_FRAMES = 32


def pitch_spectrum(samples: Float32, sample_rate: int, hop_length: int) -> Float32:
    """Power of each semitone in a 8192-sample Hann window around each frame's middle.

    Args:
        samples: ``(n,)`` mono, any length.
        sample_rate: Hz.
        hop_length: samples a frame.

    Returns:
        ``(max(1, ceil(n / hop_length)), SEMITONES)``, lowest first. Fold it by
        ``reshape(-1, 5, 12).sum(axis=1)`` to get chroma that begin with C.
    """
    bank, window = _bank(sample_rate), _window()
    frames = max(1, -(-len(samples) // hop_length))
    before = (_WINDOW - hop_length) // 2
    result = np.empty((frames, SEMITONES), dtype=np.float32)
    for first in range(0, frames, _BLOCK_FRAMES):
        count = min(_BLOCK_FRAMES, frames - first)
        start = first * hop_length - before
        stop = start + (count - 1) * hop_length + _WINDOW
        inside = samples[max(start, 0) : max(stop, 0)]
        left = max(-start, 0)
        block = np.pad(inside, (left, stop - start - left - len(inside)))
        strided = np.lib.stride_tricks.sliding_window_view(block, _WINDOW)[::hop_length]
        spectrum = scipy.fft.rfft(strided * window, axis=1, overwrite_x=True)[:, : len(bank)]
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        np.matmul(power, bank, out=result[first : first + count])
    return result


@lru_cache(maxsize=2)
def _bank(sample_rate: int) -> Float32:
    """Triangles a semitone to either side, none narrower than the window resolves: (bins, 60)."""
    resolution = sample_rate / _WINDOW
    centres = 440.0 * 2.0 ** ((LOWEST + np.arange(SEMITONES) - 69) / 12)
    widths = np.maximum(centres * (2 ** (1 / 12) - 1), 1.5 * resolution)
    bins = int(np.ceil((centres[-1] + widths[-1]) / resolution)) + 1
    frequencies = np.arange(bins)[:, None] * resolution
    triangles = np.maximum(0.0, 1.0 - np.abs(frequencies - centres) / widths)
    return np.ascontiguousarray(triangles / triangles.sum(axis=0), dtype=np.float32)


@lru_cache(maxsize=1)
def _window() -> Float32:
    return np.asarray(scipy.signal.get_window("hann", _WINDOW, fftbins=True), dtype=np.float32)
