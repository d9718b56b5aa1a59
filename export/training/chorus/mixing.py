"""Put a rendered melody and its band together as one song: who is how loud, where, and when.

Nothing here favours the chorus but in some songs, and by little: a chorus that is always louder
would teach loudness instead of music. What comes right before a chorus, and with its first beat, is
what real songs announce it by.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audio.chorus_features import FRAME_SEC, HOPS, Spectra
from export.training.chorus.renders import Labels, Stems
from export.training.chorus.singing import sung

Float32 = NDArray[np.float32]

_UNSUNG = 0.12  # of the songs: the lead stays an instrument
_LIFTED = 0.5  # of the songs: the chorus is louder by up to 2.5 dB
_ANNOUNCED = 0.3  # of the songs: the band falls back for a moment before each chorus
_CRASHES = 0.4  # of the songs: a cymbal on the first beat of sections


def mixed(stems: Stems, labels: Labels, rng: np.random.Generator) -> Spectra:
    """One song of voice and band; equal ``rng``, equal song."""
    frames = len(stems.band.pitch)
    voice = sung(stems.voice, labels, rng) if rng.random() >= _UNSUNG else stems.voice
    heard = voice.mel.sum(axis=1) > 1e-4 * voice.mel.sum(axis=1).max()
    ratio = stems.band.mel[heard].sum() / max(float(voice.mel[heard].sum()), 1e-12)
    level = np.float32(ratio * 10 ** rng.uniform(-0.6, 0.8))
    lead = level * _ratio(_by_letter(labels, frames, rng.uniform(0, 2.5), rng))
    backing = _ratio(
        _by_letter(labels, frames, rng.uniform(0, 1.5), rng) + _lift(labels, frames, rng)
    )
    mel = np.repeat(backing, HOPS)[:, None] * stems.band.mel
    mel = mel + np.repeat(lead, HOPS)[:, None] * voice.mel
    if rng.random() < _CRASHES:
        _crash(mel, labels, rng)
    return Spectra(mel, backing[:, None] * stems.band.pitch + lead[:, None] * voice.pitch)


def _by_letter(labels: Labels, frames: int, spread: float, rng: np.random.Generator) -> Float32:
    """A level in dB a frame that differs from letter to letter, whichever is the chorus."""
    levels = {str(letter): rng.normal(0, spread) for letter in np.unique(labels.letters)}
    gain = np.zeros(frames, dtype=np.float32)
    for (start, end), letter in zip(labels.sections, labels.letters, strict=True):
        gain[_frame(start) : _frame(end)] = levels[str(letter)]
    return gain


def _lift(labels: Labels, frames: int, rng: np.random.Generator) -> Float32:
    """What the band does about a chorus, in dB: play louder, or hold its breath before it."""
    gain = np.zeros(frames, dtype=np.float32)
    louder = rng.uniform(0, 2.5) if rng.random() < _LIFTED else 0.0
    pause = rng.uniform(0.5, 4.0) if rng.random() < _ANNOUNCED else 0.0
    depth = rng.uniform(2, 12)
    for start, end in labels.chorus:
        gain[_frame(start) : _frame(end)] += louder
        gain[max(0, _frame(start - pause)) : _frame(start)] -= depth
    return gain


def _crash(mel: Float32, labels: Labels, rng: np.random.Generator) -> None:
    """Add a cymbal where sections begin, here and there."""
    power = float(mel.sum(axis=1).mean()) / mel.shape[1]
    lowest = mel.shape[1] // 3
    for start in labels.sections[1:, 0]:
        if rng.random() < 0.7:
            first = round(start * HOPS / FRAME_SEC)
            fading = mel[first : first + 60, lowest:]
            decay = np.exp(-np.arange(len(fading)) / rng.uniform(8, 30))
            fading += (power * rng.uniform(0.1, 3) * decay)[:, None]


def _frame(time: float) -> int:
    return round(time / FRAME_SEC)


def _ratio(decibels: Float32) -> Float32:
    return np.asarray(10 ** (decibels / 10), dtype=np.float32)
