"""Sounds to prove a network on: the user's own, or made here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio.decode import decode
from audio.errors import AudioError
from audio.pictures import Pictures
from export.errors import ExportError

Float32 = NDArray[np.float32]
UInt8 = NDArray[np.uint8]

_MADE = 24
_SECONDS = 12.0
_MOST_CLIPS = 200

AUDIO_SUFFIXES = {".mp3", ".wav", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".aac"}
"""Of file names that are taken for music in a folder."""


def pictures_of(folder: Path | None, look: Pictures) -> UInt8:
    """Pictures ``(N, C, H, W)`` of the clips in a folder, or of sounds made here.

    Raises:
        ExportError: the folder holds no audio.
    """
    if folder is None:
        return np.concatenate([look.of(samples) for samples in made(look.front.sample_rate)])
    found = []
    for path in sorted(each for each in folder.rglob("*") if each.suffix.lower() in AUDIO_SUFFIXES):
        try:
            samples = decode(path.read_bytes(), look.front.sample_rate)
        except AudioError as error:
            raise ExportError(f"{path.name}: {error}") from error
        found.append(look.of(samples))
        if len(found) == _MOST_CLIPS:
            break
    if not found:
        raise ExportError(f"{folder} holds no audio file")
    return np.concatenate(found)


def made(rate: int) -> Iterator[Float32]:
    """Chords, a bass and noise in changing rhythm and colour, the same every time."""
    chance = np.random.default_rng(0)
    time = np.arange(int(_SECONDS * rate)) / rate
    for _ in range(_MADE):
        beat = chance.uniform(0.3, 0.8)
        root = 55.0 * 2 ** (chance.integers(0, 24) / 12)
        sound = np.zeros_like(time)
        for harmonic in range(1, 9):
            wobble = 1 + 0.01 * np.sin(2 * np.pi * chance.uniform(3, 7) * time)
            strength = chance.uniform(0.2, 1.0) / harmonic ** chance.uniform(0.5, 2.0)
            sound += strength * np.sin(2 * np.pi * root * harmonic * time * wobble)
        envelope = np.exp(-(time % beat) * chance.uniform(1, 12))
        noise = chance.standard_normal(len(time)) * np.exp(-(time % (beat / 2)) * 40)
        mixed = sound * envelope + noise * chance.uniform(0, 2)
        yield (mixed / np.abs(mixed).max() * chance.uniform(0.1, 0.9)).astype(np.float32)
