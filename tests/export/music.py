"""A folder of music as a user would have it: a folder a genre, made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.sounds import encode

RATE = 22_050
GENRES = ("Beats", "Chords", "Winds")


def sound(genre: str, seed: int, seconds: float = 8.0) -> np.ndarray:
    """Drums, held chords or blown noise; each with its own tempo, key and level: ``(n, 1)``."""
    chance = np.random.default_rng((GENRES.index(genre), seed))
    time = np.arange(round(seconds * RATE)) / RATE
    noise = chance.standard_normal(len(time))
    if genre == "Beats":
        beat = chance.uniform(0.3, 0.6)
        samples = noise * np.exp(-(time % beat) * 40) + np.sin(
            2 * np.pi * 60 * time
        ) * np.exp(-(time % (2 * beat)) * 8)  # fmt: skip
    elif genre == "Chords":
        root = 110 * 2 ** (chance.integers(0, 12) / 12)
        step = (time // 2).astype(int) % 4
        root = root * 2 ** (np.array([0, 5, 7, 3])[step] / 12)
        phase = 2 * np.pi * np.cumsum(root) / RATE
        samples = sum(
            np.sin(phase * ratio * h) / h for ratio in (1, 1.26, 1.5) for h in range(1, 6)
        )
    else:
        swell = 0.3 + 0.7 * np.sin(np.pi * time * chance.uniform(0.2, 0.5)) ** 2
        samples = np.convolve(noise, np.ones(chance.integers(6, 14)), "same") * swell
    samples = samples / np.abs(samples).max() * chance.uniform(0.2, 0.9)
    return samples.astype(np.float32)[:, np.newaxis]


def folder_of_music(folder: Path, files: int, genres: tuple[str, ...] = GENRES) -> Path:
    for genre in genres:
        (folder / genre).mkdir(parents=True)
        for number in range(files):
            path = folder / genre / f"{number}.mp3"
            path.write_bytes(encode(sound(genre, number), "mp3", RATE))
    return folder
