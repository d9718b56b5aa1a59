"""``results.jsonl``: a line for each song, written as soon as it is done.

A process that is killed leaves at worst a line without its end. Such a line is cut away when the
file is opened again, and its song analysed again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from acousticsense.errors import AcousticSenseError, ApiError, AudioError, error_of
from acousticsense.results import Analysis, Chorus


class ResultsFileError(AcousticSenseError):
    """The file cannot be gone on with; the words say why."""


@dataclass(frozen=True)
class Entry:
    """What became of a song.

    Attributes:
        source: the path or URL it was found by.
        sha256: of its content; ``None`` for a URL, and for a file that could not be read.
        asked: ``genre``, ``chorus`` or both.
        genre: its genres, if they were asked and found.
        chorus: its choruses, likewise.
        error: ``code`` (``None`` if no server said it), ``name`` and ``detail`` of what failed.
    """

    source: str
    sha256: str | None
    asked: list[str]
    genre: Analysis | None = None
    chorus: Chorus | None = None
    error: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        """What makes it this song and no other."""
        return self.sha256 or self.source

    @property
    def shown(self) -> str:
        """The source, fit for printing: file names need not be lawful Unicode."""
        return self.source.encode("utf-8", "replace").decode()

    def settles(self, asked: list[str]) -> bool:
        """Whether there is nothing to gain by asking again: found, or the audio itself is bad."""
        if self.error is not None:
            return isinstance(error_of(self.error["code"] or 0, ""), AudioError)
        return set(asked) <= set(self.asked)


_BEGINNING = b'{"source":'
"""Of every line that was written here."""


def failure(error: Exception) -> dict[str, Any]:
    """An error as an entry holds it."""
    if isinstance(error, ApiError):
        return {"code": error.code, "name": error.name, "detail": error.detail}
    detail = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    return {"code": None, "name": type(error).__name__, "detail": detail}


class ResultsFile:
    """Entries by their songs: in a file if it has a path, in memory in any case."""

    def __init__(self, path: Path | None, *, resume: bool) -> None:
        """Open the file, and read what it holds.

        Raises:
            ResultsFileError: it is there and was not to be gone on with, or is something else.
            OSError: it cannot be read or written.
        """
        self.entries: dict[str, Entry] = {}
        self._file = None
        if path is None:
            return
        if path.exists() and not path.is_file():
            raise ResultsFileError(f"{path} is no file: name another --out")
        if path.exists() and path.stat().st_size and not resume:
            raise ResultsFileError(
                f"{path} is there already: add --resume to go on with it, or name another --out"
            )
        self._file = path.open("a+b")
        self._read(path)

    def add(self, entry: Entry) -> None:
        """Keep an entry; the line is with the system when this returns."""
        self.entries[entry.key] = entry
        if self._file is not None:
            # Names in their own letters, except those that are no lawful Unicode.
            ascii_only = entry.source != entry.shown
            line = json.dumps(vars(entry), ensure_ascii=ascii_only, separators=(",", ":"))
            self._file.write(line.encode() + b"\n")
            self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def _read(self, path: Path) -> None:
        """Take what the lines say, the last one of each song; a line without its end goes."""
        assert self._file is not None  # noqa: S101  opened just before
        self._file.seek(0)
        whole = 0
        for number, line in enumerate(self._file, 1):
            strange = ResultsFileError(
                f"{path}: line {number} is no result of `acousticsense analyze`; name another --out"
            )
            if not line.endswith(b"\n"):
                if line[: len(_BEGINNING)] != _BEGINNING[: len(line)]:
                    raise strange  # not ours to cut off
                break
            try:
                entry = _entry(json.loads(line))
            except (ValueError, TypeError, KeyError, AcousticSenseError) as error:
                raise strange from error
            self.entries[entry.key] = entry
            whole += len(line)
        self._file.truncate(whole)


def _entry(line: Mapping[str, Any]) -> Entry:
    genre, chorus = line["genre"], line["chorus"]
    return Entry(
        source=line["source"],
        sha256=line["sha256"],
        asked=line["asked"],
        genre=None if genre is None else Analysis.read(genre),
        chorus=None if chorus is None else Chorus.read(chorus),
        error=line["error"],
    )
