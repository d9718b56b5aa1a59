"""Alter a render's spectra the way rooms, microphones, players and mastering alter real songs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from audio.chorus_features import HOPS, Spectra

Float32 = NDArray[np.float32]


def augment(song: Spectra, rng: np.random.Generator) -> Spectra:
    """A random variant, same shapes.

    In this order: unsteady time, unequal repeats (level of time-frequency patches, slow and
    quick), gain drift, compression, equalisation with a random low-pass, noise floor. The patches
    are as strong as it takes for renders to repeat as inexactly as recordings do: without them the
    median of the similarity to the best repeat is .8 instead of .5 to .7.
    """
    song = Spectra(_unsteady(song.mel, rng), song.pitch)
    frames, bands = len(song.pitch), song.mel.shape[1]
    patches = _patches((frames, bands), 4, ((2, 20), (2, 8)), rng)
    patches += _patches((frames, bands), 6, ((0.4, 1.5), (1, 4)), rng)
    drift = rng.uniform(0, 4) * _unit(gaussian_filter1d(rng.standard_normal(frames), 150))
    level = 10 * np.log10(np.maximum(song.mel.reshape(frames, -1).sum(axis=1), 1e-8))
    level = np.maximum(level, level.max() - 40)
    squeeze = -rng.uniform(0, 0.6) * (gaussian_filter1d(level, rng.uniform(0.5, 10)) - level.mean())
    tone = _equaliser(bands, rng)
    gain = patches + (drift + squeeze)[:, None] + tone
    mel = song.mel * np.repeat(_ratio(gain), HOPS, axis=0)
    floor = 10 ** rng.uniform(-7, -3.5) * mel.max()
    mel = mel + floor * _ratio(np.linspace(0, rng.uniform(-20, 0), bands))
    played = _patches(song.pitch.shape, 6, ((1, 8), (0.4, 2)), rng)
    pitch = song.pitch * _ratio((drift + squeeze)[:, None] + played)
    pitch = pitch + 10 ** rng.uniform(-7, -3.5) * pitch.max()
    return Spectra(mel.astype(np.float32), pitch.astype(np.float32))


def _unsteady(columns: Float32, rng: np.random.Generator) -> Float32:
    """Columns up to some 100 ms early or late, slowly changing: no repeat is quite in time."""
    count = len(columns)
    knots = rng.normal(0, rng.uniform(0, 1.6), count // 60 + 2)  # columns; a knot each two seconds
    shift = np.interp(np.arange(count), np.arange(len(knots)) * 60, knots)
    return columns[np.clip(np.round(np.arange(count) + shift), 0, count - 1).astype(np.intp)]


def _patches(
    shape: tuple[int, ...],
    strongest: float,
    widths: tuple[tuple[float, float], tuple[float, float]],
    rng: np.random.Generator,
) -> Float32:
    """Smooth random gain in dB over time and frequency: no two repeats of a part are alike."""
    noise = gaussian_filter(rng.standard_normal(shape), [rng.uniform(*span) for span in widths])
    return np.asarray(rng.uniform(0, strongest) * _unit(noise), dtype=np.float32)


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
