"""Renders to training examples: altered features and what the network should answer."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio import chorus_features, self_similarity, sound_features
from audio.chorus_features import FRAME_SEC, features_of
from export.training.chorus import augmentation, mixing, rearrangement, renders, singing

Float32 = NDArray[np.float32]

_SHARPNESS = 0.4  # seconds: standard deviation of the bump that a boundary is


@dataclass(frozen=True, slots=True)
class Example:
    """One song as the network is trained on it."""

    name: str
    variant: int  # 0 is unaltered
    features: NDArray[np.float16]  # (T, N_FEATURES)
    targets: Float32  # (T, 4): chorus, chorus start, chorus end, any section boundary
    weight: Float32  # (T,): 0 where the label is doubtful


def examples(folder: Path, cache: Path, *, variants: int, seed: int) -> Iterator[Example]:
    """Every render in ``variants`` variants, the first of them as mixed, the others altered.

    Features are kept in ``cache``, in a folder named by the code that makes them, so that a change
    makes new ones.
    """
    target = cache / _fingerprint()
    target.mkdir(parents=True, exist_ok=True)
    paths = sorted(folder.glob("*.npz"))
    begun, total = time.monotonic(), len(paths) * variants
    for number, path in enumerate(paths, start=1):
        for variant in range(variants):
            yield _example(path, target, variant, seed)
        if number % 50 == 0:
            done = number * variants
            left = (time.monotonic() - begun) / done * (total - done)
            print(f"features {done}/{total}, {left / 60:.0f} min left", flush=True)


def targets(frames: int, chorus: NDArray[np.float64], sections: NDArray[np.float64]) -> Float32:
    """What the heads should say, ``(frames, 4)`` in ``[0, 1]``; spans in seconds ``(n, 2)``."""
    time_of = (np.arange(frames) + 0.5) * FRAME_SEC
    inside = np.zeros(frames)
    for start, end in chorus:
        inside[(time_of >= start) & (time_of < end)] = 1
    edges = np.unique(np.round(sections.ravel(), 3))
    columns = [inside, *(_bumps(time_of, t) for t in (chorus[:, 0], chorus[:, 1], edges))]
    return np.stack(columns, axis=1).astype(np.float32)


def _example(path: Path, target: Path, variant: int, seed: int) -> Example:
    kept = target / f"{path.stem}_{variant}.npz"
    if not kept.exists():
        _make(path, variant, seed, kept)
    with np.load(kept) as stored:
        features = stored["features"]
        return Example(
            path.stem,
            variant,
            features,
            targets(len(features), stored["chorus"], stored["sections"]),
            _weight(len(features), stored["ignore"]),
        )


def _make(path: Path, variant: int, seed: int, kept: Path) -> None:
    """Mix and alter a render, and keep its features and labels."""
    key = hashlib.sha256(f"{seed}/{path.stem}/{variant}".encode()).digest()[:8]
    rng = np.random.default_rng(int.from_bytes(key))
    stems, labels = rearrangement.rearrange(renders.stems(path), renders.labels(path), rng)
    song = mixing.mixed(stems, labels, rng)
    if variant:
        song = augmentation.augment(song, rng)
    aside = kept.with_suffix(".tmp")
    with aside.open("wb") as file:
        np.savez(
            file,
            features=features_of(song).astype(np.float16),
            chorus=labels.chorus,
            sections=labels.sections,
            ignore=labels.ignore,
        )
    aside.replace(kept)


def _weight(frames: int, ignore: NDArray[np.float64]) -> Float32:
    time_of = (np.arange(frames) + 0.5) * FRAME_SEC
    weight = np.ones(frames, dtype=np.float32)
    for start, end in ignore:
        weight[(time_of > start) & (time_of < end)] = 0
    return weight


def _bumps(time_of: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    if not len(edges):
        return np.zeros(len(time_of))
    distance = np.abs(time_of[:, None] - edges).min(axis=1)
    return np.exp(-0.5 * (distance / _SHARPNESS) ** 2)


def _fingerprint() -> str:
    sound = (chorus_features, sound_features, self_similarity)
    modules = (*sound, augmentation, mixing, rearrangement, singing)
    digest = hashlib.sha256(b"".join(Path(module.__file__).read_bytes() for module in modules))
    return digest.hexdigest()[:12]
