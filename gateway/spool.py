"""Files for audio on its way through: in memory while small, on disk when large, then gone."""

from __future__ import annotations

import tempfile
from typing import BinaryIO, cast

_IN_MEMORY = 2**20  # bytes


def spool() -> BinaryIO:
    """An empty file to write to and to read again."""
    return cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))
