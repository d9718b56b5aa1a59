"""Base64 text that comes in pieces, decoded to a file that leaves memory when it grows."""

from __future__ import annotations

import binascii
from typing import BinaryIO

from gateway import errors
from gateway.spool import spool

_NOT_BASE64 = "data is not standard base64 (RFC 4648, with padding and without line breaks)"


class Base64Spool:
    """Takes text in any pieces; :meth:`close` gives the file, or says what was wrong.

    Errors are kept until then: whether the body is JSON at all is told first.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._file = spool()
        self._rest = b""
        self._size = 0
        self._padded = False
        self._error: errors.ApiError | None = None

    def write(self, text: bytes) -> None:
        """Decode more text; after an error it is only passed over."""
        if self._error is not None or not text:
            return
        text = self._rest + text
        whole = len(text) & ~3
        self._rest = text[whole:]
        if whole:
            self._decode(text[:whole])

    def close(self) -> BinaryIO:
        """The decoded bytes, at their beginning.

        Raises:
            InvalidData: the text is not base64.
            ExceededDataSize: it decodes to more than the limit.
        """
        if self._error is None and self._rest:
            self._error = errors.InvalidData(_NOT_BASE64)
        if self._error is not None:
            self.discard()
            raise self._error
        self._file.seek(0)
        return self._file

    def discard(self) -> None:
        """Let the file go."""
        self._file.close()

    def _decode(self, quads: bytes) -> None:
        if self._padded:  # something follows the padding
            self._error = errors.InvalidData(_NOT_BASE64)
            return
        try:
            data = binascii.a2b_base64(quads, strict_mode=True)
        except binascii.Error:
            self._error = errors.InvalidData(_NOT_BASE64)
            return
        self._padded = quads.endswith(b"=")
        self._size += len(data)
        if self._size > self._limit:
            self._error = errors.ExceededDataSize(
                f"more than {self._limit} bytes of audio, which is the limit"
            )
            return
        self._file.write(data)
