"""What a moment sounds like, in some thirty numbers: level, colour, attacks, harmony, change."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

Float32 = NDArray[np.float32]

_RANGE = 70.0  # decibels kept below the loudest value
_BANDS = 8
_OCTAVES = 5


def sound_features(mel: Float32, pitch: Float32, hops: int) -> tuple[Float32, Float32]:
    """Features of each frame by itself, and the decibels they were made of.

    Args:
        mel: ``(hops × T, bands)`` power.
        pitch: ``(T, 60)`` power of semitones.
        hops: mel columns a frame.

    Returns:
        ``(T, features)`` in mixed units, and ``(T, bands)`` mean dB below the loudest value.
    """
    level = _decibels(mel)
    frames = level.reshape(-1, hops, level.shape[1])
    decibels = np.asarray(frames.mean(axis=1), dtype=np.float32)
    columns = [
        *_levels(decibels),
        *_colour(decibels),
        *_attacks(level, hops),
        frames.std(axis=1)[:, 16:48].mean(axis=1),
        *_harmony(pitch),
    ]
    return np.column_stack(columns).astype(np.float32), decibels


def chroma(pitch: Float32) -> Float32:
    """Unit-length chroma ``(T, 12)`` from the power of semitones ``(T, 60)``."""
    amplitude = np.sqrt(pitch.reshape(len(pitch), _OCTAVES, 12)).sum(axis=1)
    return np.asarray(
        amplitude / np.maximum(np.linalg.norm(amplitude, axis=1, keepdims=True), 1e-4),
        dtype=np.float32,
    )


def tones(pitch: Float32) -> Float32:
    """Which semitones stand out from their neighbours, in dB ``(T, 60)``: melody and chords.

    Without the local mean over frequency, what is left hardly depends on instruments or mix.
    """
    level = 10 * np.log10(np.maximum(pitch, np.float32(1e-10)))
    level = np.maximum(level, level.max() - 60)
    return np.asarray(level - uniform_filter1d(level, 9, axis=1, mode="nearest"), dtype=np.float32)


def novelty(frames: Float32, half: int) -> Float32:
    """How far the mean of the next ``half`` frames lies from that of the last ``half``.

    After Foote's checkerboard novelty (ICME 2000), by running means: linear in the song's length.

    Returns:
        ``(T,)``: Euclidean distance divided by the root of the dimension.
    """
    padded = np.pad(frames, ((half, half), (0, 0)), mode="edge")
    total = np.zeros((len(padded) + 1, frames.shape[1]), dtype=np.float64)
    np.cumsum(padded, axis=0, out=total[1:])
    means = (total[half:] - total[:-half]) / half
    distance = np.linalg.norm(means[half:] - means[:-half], axis=1)
    return np.asarray(distance[: len(frames)] / np.sqrt(frames.shape[1]), dtype=np.float32)


def _decibels(power: Float32) -> Float32:
    level = 10 * np.log10(np.maximum(power, np.float32(1e-10)))
    loudest = level.max()
    return np.asarray(np.maximum(level - loudest, -_RANGE), dtype=np.float32)


def _levels(decibels: Float32) -> list[Float32]:
    bands = decibels.reshape(len(decibels), _BANDS, -1)
    total = 10 * np.log10(np.sum(10 ** (decibels / 10), axis=1))
    means = bands.mean(axis=2)
    return [decibels.mean(axis=1), total, *means.T]


def _colour(decibels: Float32) -> list[Float32]:
    """Centre and spread of the spectrum on the mel scale, flatness, contrast within bands."""
    weight = decibels + np.float32(_RANGE + 1)
    weight = weight / weight.sum(axis=1, keepdims=True)
    band = np.arange(decibels.shape[1], dtype=np.float32)
    centre = weight @ band
    spread = np.sqrt(np.maximum(weight @ band**2 - centre**2, 0))
    flatness = decibels.mean(axis=1) - 10 * np.log10(np.mean(10 ** (decibels / 10), axis=1))
    bands = decibels.reshape(len(decibels), _BANDS, -1)
    contrast = np.ptp(bands, axis=2)
    return [centre, spread, flatness, contrast[:, :4].mean(axis=1), contrast[:, 4:].mean(axis=1)]


def _attacks(level: Float32, hops: int) -> list[Float32]:
    """Mean rise of level from column to column: all, low, middle and high bands."""
    rise = np.maximum(np.diff(level, axis=0, prepend=level[:1]), 0)
    rise = rise.reshape(-1, hops, level.shape[1]).mean(axis=1)
    return [
        rise.mean(axis=1),
        *(part.mean(axis=1) for part in (rise[:, :8], rise[:, 8:32], rise[:, 32:])),
    ]


def _harmony(pitch: Float32) -> list[Float32]:
    amplitude = np.sqrt(pitch)
    total = np.maximum(amplitude.sum(axis=1), 1e-4)
    share = amplitude / total[:, None]
    semitone = np.arange(pitch.shape[1], dtype=np.float32)
    upper = share[:, 24:] ** 2
    folded = chroma(pitch)
    entropy = -np.sum(folded**2 * np.log(folded**2 + 1e-6), axis=1)
    return [
        entropy,
        share[:, 12:48].max(axis=1),
        share @ semitone,
        (upper @ semitone[24:]) / np.maximum(upper.sum(axis=1), 1e-8),  # about the melody's height
        share[:, :12].sum(axis=1),
        _change(folded, 3),
        _change(folded, 10),
    ]


def _change(folded: Float32, lag: int) -> Float32:
    """One minus the cosine between a frame's chroma and that of ``lag`` frames before."""
    before = np.concatenate([np.repeat(folded[:1], lag, axis=0), folded])[: len(folded)]
    return np.asarray(1 - np.sum(folded * before, axis=1), dtype=np.float32)
