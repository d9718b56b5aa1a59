"""What can be sent: a file by its path, bytes, or the URL of what the server is to download."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import httpx

Audio = str | os.PathLike[str] | bytes
"""A path, the bytes of a whole file, or a URL: text that begins with http:// or https://."""

_BLOCK_BYTES = 48 * 1024  # a multiple of 3: base64 without padding inside


def url_of(audio: Audio) -> str | None:
    """The URL, if it is one."""
    if isinstance(audio, str) and audio.lower().startswith(("http://", "https://")):
        return audio
    return None


def open_audio(audio: Audio) -> BinaryIO:
    """The bytes of a path or of bytes, to be read.

    Raises:
        OSError: there is no such file, or it may not be read.
    """
    return io.BytesIO(audio) if isinstance(audio, bytes) else Path(audio).open("rb")


def size_of(file: BinaryIO) -> int:
    """How many bytes it holds, from the beginning."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size


class InvokeBody(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A JSON object whose member ``data`` is a file in base64, made block by block as it is sent.

    A song of 100 MB never stands in memory, neither as it is nor as its 133 MB of base64.
    """

    def __init__(self, members: Mapping[str, Any], file: BinaryIO) -> None:
        head = json.dumps(members).encode()
        self._head = head[:-1] + b', "data": "'
        self._file = file
        self._size = size_of(file)
        self.length = len(self._head) + 4 * -(-self._size // 3) + len(b'"}')

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        left = self._size  # a file that grows meanwhile is sent as it was
        while left and (block := self._file.read(min(_BLOCK_BYTES, left))):
            left -= len(block)
            yield base64.b64encode(block)
        yield b'"}'

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for block in self:
            yield block
