"""The training songs: POP909's notes, beats and chords with the derived section labels.

Nothing of them enters the repository; the archive is read where it lies.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from export.training.chorus import midi

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Song:
    """One song as symbols; all times in seconds."""

    name: str
    tracks: dict[str, list[midi.Note]]  # MELODY, BRIDGE, PIANO
    beats: list[tuple[float, bool]]  # time, whether a bar begins
    chords: list[tuple[float, float, str]]  # start, end, such as "A:min7/b3"
    sections: list[tuple[float, float, str]]  # start, end, letter
    chorus: list[Span]
    ignore: list[Span]  # doubtful or without voice: not trained on

    @property
    def duration(self) -> float:
        """The end of the last note or section."""
        ends = [note.end for notes in self.tracks.values() for note in notes]
        return max([*ends, *(end for _, end, _ in self.sections)])


def songs(folder: Path) -> Iterator[Song]:
    """Songs whose labels are fit for training, in the order of their numbers.

    Args:
        folder: holds ``pop909_midi.tar.xz`` and ``sections.json``.
    """
    labels = json.loads((folder / "sections.json").read_text())
    files: dict[str, bytes] = {}
    with tarfile.open(folder / "pop909_midi.tar.xz") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None:
                files["/".join(member.name.split("/")[-2:])] = content.read()
    for name in sorted(labels):
        if labels[name]["use_train"]:
            yield _song(name, labels[name], files)


def _song(name: str, label: dict, files: dict[str, bytes]) -> Song:  # type: ignore[type-arg]
    beats = _rows(files[f"{name}/beat_midi.txt"])
    chords = _rows(files[f"{name}/chord_midi.txt"])
    return Song(
        name=name,
        tracks=midi.read(files[f"{name}/{name}.mid"]),
        beats=[(float(row[0]), float(row[-1]) > 0) for row in beats],
        chords=[(float(row[0]), float(row[1]), row[2]) for row in chords],
        sections=[(row[0], row[1], row[2]) for row in label["sections"]],
        chorus=[(a, b) for a, b in label["chorus"]],
        ignore=[(a, b) for a, b in label["ignore"] + label["instrumental_chorus"]],
    )


def _rows(content: bytes) -> list[list[str]]:
    return [line.split() for line in content.decode().splitlines() if line.strip()]
