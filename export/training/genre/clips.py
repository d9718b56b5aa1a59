"""The labelled clips: mel pictures, genres, and the folds that keep an artist in one piece."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio.windows import cut, windows

UInt8 = NDArray[np.uint8]
Ints = NDArray[np.int64]

GENRES = (
    "Blues", "Classical", "Country", "Disco", "Electronic", "Folk", "Hip-Hop", "Jazz",
    "Latin", "Metal", "Pop", "R&B", "Rap", "Reggae", "Rock", "World",
)  # fmt: skip
"""The sixteen genres in the order of every answer (``labels.txt``)."""

BANDS = 128
WINDOW = 216
"""Columns of a served window: 10.03 s (``window_columns`` in the configs); three make 30 s."""

MAX_WINDOWS = 8


@dataclass(frozen=True)
class Clips:
    """Clips and what is known about them; all sequences have one entry a clip.

    Attributes:
        pictures: ``(128, columns)`` uint8 each, row 0 lowest, dB = value · 80 / 255 − 80.
        labels: index into ``genres``.
        folds: the fold that holds the clip out.
        groups: artist or song; no group lies in two folds.
        collections: where the clip comes from.
        genres: their names, in the order of the answers.
    """

    pictures: Sequence[UInt8]
    labels: Ints
    folds: Ints
    groups: NDArray[np.str_]
    collections: NDArray[np.str_]
    genres: Sequence[str] = GENRES

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def fingerprint(self) -> str:
        """Tells these clips from any others: what learnt from some must not go on with others."""
        known = hashlib.sha256(repr((list(self.genres), self.groups.tolist())).encode())
        for array in (self.labels, self.folds, *self.pictures):
            known.update(np.ascontiguousarray(array))
        return known.hexdigest()

    @property
    def fold_numbers(self) -> list[int]:
        """The folds there are, ascending."""
        return sorted({int(fold) for fold in self.folds})


def load(data: Path) -> Clips:
    """Read ``genre/clips.csv`` and ``genre/clips.npz`` below ``data``.

    Raises:
        FileNotFoundError: the files are not there.
        ValueError: a label is none of the sixteen, or a group lies in two folds.
    """
    folder = data / "genre"
    with (folder / "clips.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with np.load(folder / "clips.npz") as archive:
        pictures = [archive[row["id"]] for row in rows]
    clips = Clips(
        pictures,
        np.array([GENRES.index(row["label"]) for row in rows]),
        np.array([int(row["fold"]) for row in rows]),
        np.array([row["group"] for row in rows]),
        np.array([row["collection"] for row in rows]),
    )
    held_by: dict[str, int] = {}
    for group, fold in zip(clips.groups, clips.folds, strict=True):
        if held_by.setdefault(str(group), int(fold)) != fold:
            raise ValueError(f"group {group} lies in more than one fold")
    return clips


def served_windows(picture: UInt8) -> UInt8:
    """A ``(128, columns)`` picture cut as the service cuts it: ``(windows, 1, 128, 216)``."""
    whole = picture[np.newaxis]
    return cut(whole, windows(whole.shape[-1], WINDOW, MAX_WINDOWS), WINDOW)


def padded_batch(pictures: Sequence[UInt8]) -> tuple[UInt8, NDArray[np.float32]]:
    """Clips of different length as one batch: ``(B, W, 1, 128, 216)`` and weights ``(B, W)``."""
    pieces = [served_windows(picture) for picture in pictures]
    most = max(len(piece) for piece in pieces)
    batch = np.zeros((len(pieces), most, 1, BANDS, WINDOW), dtype=np.uint8)
    weights = np.zeros((len(pieces), most), dtype=np.float32)
    for row, piece in enumerate(pieces):
        batch[row, : len(piece)] = piece
        weights[row, : len(piece)] = 1.0
    return batch, weights
