"""Files for audio on its way through: in memory while small, on disk when large, then gone."""

from __future__ import annotations

import hashlib
import tempfile
from typing import BinaryIO, cast

_IN_MEMORY = 2**20  # bytes
_HASHED = 2**18  # bytes at a time


def spool() -> BinaryIO:
    """An empty file to write to and to read again."""
    return cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))


def sha256(file: BinaryIO) -> str:
    """The hash of a whole file, in hexadecimal; the file is at its end then. Blocks."""
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(_HASHED):
        digest.update(block)
    return digest.hexdigest()
