"""Samples to mel spectrograms: librosa's numbers, in bounded memory.

librosa transforms a whole song at once (a complex matrix of 8 bytes × 1025 × frames, 200 MB for ten
minutes). Here the song goes through in blocks of frames, each transformed by ``scipy.fft.rfft`` and
multiplied with librosa's own filter bank, which is made once a front end.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import NDArray

from audio.front_end import FrontEnd

Float32 = NDArray[np.float32]

_BLOCK_FRAMES = 128  # 128 × 2048 float32 is 1 MiB: window, spectrum and product stay in cache
_FLOOR = 1e-10  # librosa's ``amin`` for power


@lru_cache(maxsize=8)
def _filter_bank(front: FrontEnd) -> Float32:
    """librosa's Slaney filter bank, transposed: ``(1 + n_fft // 2, n_mels)``."""
    import librosa  # here, because importing it takes most of a second

    bank = librosa.filters.mel(
        sr=front.sample_rate,
        n_fft=front.n_fft,
        n_mels=front.n_mels,
        fmin=front.fmin,
        fmax=front.fmax,
    )
    return np.ascontiguousarray(bank.T, dtype=np.float32)


@lru_cache(maxsize=8)
def _window(n_fft: int) -> Float32:
    return np.asarray(scipy.signal.get_window("hann", n_fft, fftbins=True), dtype=np.float32)


def frame_count(samples: int, front: FrontEnd) -> int:
    """Columns that :func:`mel` makes of so many samples (at least 1)."""
    frames = 1 + samples // front.hop_length
    return max(1, frames // front.pool)


def mel(samples: Float32, front: FrontEnd) -> Float32:
    """Mel spectrogram, as ``librosa.feature.melspectrogram(center=True, pad_mode=…)``.

    Args:
        samples: ``(n,)`` mono, at ``front.sample_rate``; may be empty.
        front: the parameters.

    Returns:
        ``(columns, n_mels)``, magnitude ** ``power``; ``pool`` frames averaged into a column, a
        last incomplete group left out unless it is the only one.
    """
    bank, window = _filter_bank(front), _window(front.n_fft)
    frames = 1 + len(samples) // front.hop_length
    half = front.n_fft // 2
    result = np.empty((frames, front.n_mels), dtype=np.float32)
    for first in range(0, frames, _BLOCK_FRAMES):
        count = min(_BLOCK_FRAMES, frames - first)
        block = _padded_slice(samples, first * front.hop_length - half, count, front)
        strided = np.lib.stride_tricks.sliding_window_view(block, front.n_fft)
        spectrum = scipy.fft.rfft(strided[:: front.hop_length] * window, axis=1, overwrite_x=True)
        if front.power == 2.0:
            magnitude = np.square(spectrum.real) + np.square(spectrum.imag)
        else:
            magnitude = np.abs(spectrum) ** front.power
        np.matmul(magnitude, bank, out=result[first : first + count])
    return _pooled(result, front.pool)


def log_mel(samples: Float32, front: FrontEnd) -> Float32:
    """Decibels below the loudest value, as ``librosa.power_to_db(mel, ref=np.max, top_db=…)``.

    Returns:
        ``(columns, n_mels)`` in ``[-top_db, 0]`` dB; digital silence is all 0, as in librosa.
    """
    return to_decibels(mel(samples, front), front)


def to_decibels(power: Float32, front: FrontEnd) -> Float32:
    """``librosa.power_to_db(power, ref=np.max, top_db=front.top_db)``, same shape."""
    decibels = 10.0 * np.log10(np.maximum(power, np.float32(_FLOOR)))
    decibels -= 10.0 * np.log10(max(float(power.max()), _FLOOR))
    return np.asarray(np.maximum(decibels, decibels.max() - front.top_db), dtype=np.float32)


def _padded_slice(samples: Float32, start: int, frames: int, front: FrontEnd) -> Float32:
    """The samples that ``frames`` frames from ``start`` cover, padded where the song is not."""
    stop = start + (frames - 1) * front.hop_length + front.n_fft
    if front.pad_mode == "reflect" and len(samples) and (start < 0 or stop > len(samples)):
        period = max(1, 2 * len(samples) - 2)  # there and back; the turning samples stand once
        at = np.abs(np.arange(start, stop)) % period
        mirrored: Float32 = samples[np.minimum(at, period - at) % len(samples)]
        return mirrored
    inside = samples[max(start, 0) : max(stop, 0)]
    before = max(-start, 0)
    return np.pad(inside, (before, stop - start - before - len(inside)))


def _pooled(spectrogram: Float32, pool: int) -> Float32:
    if pool == 1:
        return spectrogram
    columns = len(spectrogram) // pool
    if columns == 0:
        return np.asarray(spectrogram.mean(axis=0, keepdims=True), dtype=np.float32)
    grouped = spectrogram[: columns * pool].reshape(columns, pool, -1)
    return np.asarray(grouped.mean(axis=1), dtype=np.float32)
