"""Alter a render's spectra the way rooms, microphones, players and mastering alter real songs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from audio.chorus_features import HOPS, Spectra

Float32 = NDArray[np.float32]


def augment(song: Spectra, rng: np.random.Generator) -> Spectra:
    """A random variant, same shapes.

    In this order: unequal repeats (level of time-frequency patches), gain drift, compression,
    equalisation with a random low-pass, noise floor.
    """
    frames, bands = len(song.pitch), song.mel.shape[1]
    patches = _patches(frames, bands, rng)
    drift = rng.uniform(0, 4) * _unit(gaussian_filter1d(rng.standard_normal(frames), 150))
    level = 10 * np.log10(np.maximum(song.mel.reshape(frames, -1).sum(axis=1), 1e-8))
    level = np.maximum(level, level.max() - 40)
    squeeze = -rng.uniform(0, 0.6) * (gaussian_filter1d(level, rng.uniform(0.5, 10)) - level.mean())
    tone = _equaliser(bands, rng)
    gain = patches + (drift + squeeze)[:, None] + tone
    mel = song.mel * np.repeat(_ratio(gain), HOPS, axis=0)
    floor = 10 ** rng.uniform(-7, -3.5) * mel.max()
    mel = mel + floor * _ratio(np.linspace(0, rng.uniform(-20, 0), bands))
    pitch_gain = (drift + squeeze)[:, None] + _patches(frames, song.pitch.shape[1], rng) / 2
    pitch = song.pitch * _ratio(pitch_gain)
    pitch = pitch + 10 ** rng.uniform(-7, -3.5) * pitch.max()
    return Spectra(mel.astype(np.float32), pitch.astype(np.float32))


def _patches(frames: int, bands: int, rng: np.random.Generator) -> Float32:
    """Smooth random gain in dB over time and frequency: no two repeats of a part are alike."""
    widths = (rng.uniform(2, 20), rng.uniform(2, 8))
    noise = gaussian_filter(rng.standard_normal((frames, bands)), widths)
    return np.asarray(rng.uniform(0, 5) * _unit(noise), dtype=np.float32)


def _equaliser(bands: int, rng: np.random.Generator) -> Float32:
    curve = rng.uniform(0, 6) * _unit(gaussian_filter1d(rng.standard_normal(bands), 6))
    if rng.random() < 0.3:  # narrow-band sources and low-rate MP3
        cut = rng.integers(bands // 2, bands)
        curve[cut:] -= np.minimum(60, 6.0 * np.arange(bands - cut))
    return np.asarray(curve, dtype=np.float32)


def _unit(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return (values - values.mean()) / max(float(values.std()), 1e-9)


def _ratio(decibels: NDArray[np.floating]) -> NDArray[np.floating]:
    return 10.0 ** (decibels / 10)
