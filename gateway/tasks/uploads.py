"""Audio that was sent with a task, kept until it is analysed."""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path
from typing import BinaryIO

_DRAFT = ".part"
_OURS = re.compile(r"[0-9a-f-]{36}(\.part)?")
_LEAST_AGE_SECONDS = 3600.0  # a younger file may be of a request that is about to be committed
_BLOCK = 2**20


class Uploads:
    """Files by task in one folder, which all gateways of one database share. Every call blocks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, task: str, file: BinaryIO) -> str:
        """Write a task's audio so that it outlives a power cut.

        Returns:
            The name to open it by.

        Raises:
            OSError: it cannot be written; nothing is left of it.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._folder / f"{task}{_DRAFT}"
        try:
            with draft.open("wb") as copy:
                file.seek(0)
                shutil.copyfileobj(file, copy, _BLOCK)
                copy.flush()
                os.fsync(copy.fileno())
            draft.rename(self._folder / task)
            _sync_folder(self._folder)
        except OSError:
            draft.unlink(missing_ok=True)
            self.remove(task)
            raise
        return task

    def open(self, name: str) -> BinaryIO:
        """Open a task's audio.

        Raises:
            FileNotFoundError: it is not there, or not in the folder that this process sees.
        """
        return (self._folder / name).open("rb")

    def remove(self, name: str) -> None:
        """Delete a task's audio, if it is there."""
        (self._folder / name).unlink(missing_ok=True)

    def remove_orphans(self, in_use: set[str]) -> int:
        """Delete old files that no task needs: a process ended between writing and committing.

        Returns:
            How many were deleted.
        """
        if not self._folder.is_dir():
            return 0
        before = time.time() - _LEAST_AGE_SECONDS
        orphans = [
            path
            for path in self._folder.iterdir()
            if _OURS.fullmatch(path.name)
            and path.name not in in_use
            and path.stat().st_mtime < before
        ]
        for path in orphans:
            path.unlink(missing_ok=True)
        return len(orphans)


def _sync_folder(folder: Path) -> None:
    """Make a rename last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
