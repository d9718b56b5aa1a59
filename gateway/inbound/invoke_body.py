"""An invoke body read from the stream: JSON whose member ``data`` never stands in memory.

A hundred megabytes of base64 in a JSON string cost a general parser four times that, at once. Here
the text of a top-level ``data`` goes through a base64 decoder to a file as it comes, and a
placeholder takes its place; what remains is small and is parsed by ``json`` itself. The result is
what ``json.loads`` and ``base64`` give, in every escape and with every repetition of a key.
"""

from __future__ import annotations

import codecs
import enum
import json
import re
import secrets
from dataclasses import dataclass
from typing import Any, BinaryIO

from gateway import errors
from gateway.inbound.base64_spool import Base64Spool

_ESCAPE = re.compile(rb'\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])')
_INSIDE = re.compile(rb'[^"\\]*(?:\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])[^"\\]*)*')
_STRUCTURE = re.compile(rb'["{}\[\]:,]')
_LONGEST_ESCAPE = 6
# What encoders of JSON make of base64's own characters, each for reasons of its own
_USUAL_ESCAPES = {
    rb"\/": b"/",
    rb"\u002b": b"+",
    rb"\u002B": b"+",
    rb"\u002f": b"/",
    rb"\u002F": b"/",
    rb"\u003d": b"=",
    rb"\u003D": b"=",
}
_MOST_MARKS = 10_000  # each takes some microseconds; apps send thirty
_BASE64 = bytes(range(48, 58)) + bytes(range(65, 91)) + bytes(range(97, 123)) + b"+/="
_NOT_JSON = "the body is not JSON"


class _At(enum.Enum):
    """Where in the text the reader is."""

    STRUCTURE = enum.auto()
    STRING = enum.auto()
    DATA = enum.auto()


@dataclass(slots=True)
class InvokeBody:
    """The members besides ``data``, and the audio, if ``data`` was a string.

    What was wrong with the audio is told in ``error`` and not raised: who asks is judged first.
    """

    fields: dict[str, Any]
    audio: BinaryIO | None = None
    error: errors.ApiError | None = None


class InvokeBodyReader:
    """Takes the body in any pieces; :meth:`close` gives the result.

    Args:
        data_limit: most bytes that ``data`` may decode to.
        rest_limit: most bytes of everything else.
    """

    def __init__(self, data_limit: int, rest_limit: int) -> None:
        self._data_limit = data_limit
        self._rest_limit = rest_limit
        self._at = _At.STRUCTURE
        self._skeleton = bytearray()
        self._buffer = b""
        self._marks = 0
        self._depth = 0
        self._expects_key = False
        self._key = ""
        self._string_start = 0
        self._placeholder = secrets.token_hex(16)  # no client can send it on purpose
        self._spool: Base64Spool | None = None
        self._utf8 = codecs.getincrementaldecoder("utf-8")()

    def feed(self, block: bytes) -> None:
        """Read more of the body.

        Raises:
            ClientError: it is not JSON.
            ExceededDataSize: the members besides ``data`` are over their limit.
        """
        buffer, position = self._buffer + block, 0
        while position < len(buffer):
            step = {
                _At.STRUCTURE: self._structure,
                _At.STRING: self._string,
                _At.DATA: self._data,
            }[self._at](buffer, position)
            if step == position:  # an escape that is not whole yet
                break
            position = step
        self._buffer = buffer[position:]
        if len(self._skeleton) > self._rest_limit:
            raise errors.ExceededDataSize(
                f"more than {self._rest_limit} bytes besides data, which is the limit"
            )

    def close(self) -> InvokeBody:
        """The body, once all of it was read.

        Raises:
            ClientError: it is not a JSON object.
        """
        try:
            text = (self._skeleton + self._buffer).decode("utf-8-sig")
            fields = json.loads(text)
        except (ValueError, RecursionError):
            raise errors.ClientError(_NOT_JSON) from None
        if not isinstance(fields, dict):
            raise errors.ClientError("the body is JSON, but not an object")
        if fields.get("data") != self._placeholder or self._spool is None:
            self.discard()
            return InvokeBody(fields)
        del fields["data"]
        try:
            return InvokeBody(fields, self._spool.close())
        except (errors.InvalidData, errors.ExceededDataSize) as error:
            return InvokeBody(fields, error=error)

    def discard(self) -> None:
        """Let go of what was decoded."""
        if self._spool is not None:
            self._spool.discard()

    def _structure(self, buffer: bytes, position: int) -> int:
        found = _STRUCTURE.search(buffer, position)
        if found is None:
            self._skeleton += buffer[position:]
            return len(buffer)
        self._count(1)
        self._skeleton += buffer[position : found.end()]
        mark = found.group()
        if mark == b'"':
            if self._depth == 1 and not self._expects_key and self._key == "data":
                self._begin_data()
            else:
                self._at = _At.STRING
                self._string_start = len(self._skeleton)
        elif mark in b"{[":
            self._depth += 1
            self._expects_key = self._depth == 1 and mark == b"{"
        elif mark in b"}]":
            self._depth -= 1
        elif self._depth == 1:
            self._expects_key = mark == b","
        return found.end()

    def _begin_data(self) -> None:
        self.discard()  # of a key that is repeated the last one counts
        self._spool = Base64Spool(self._data_limit)
        self._skeleton += self._placeholder.encode()
        self._at = _At.DATA

    def _string(self, buffer: bytes, position: int) -> int:
        """A key or a small value: copied, and remembered if it is a key of the object itself."""
        end, closed = self._run(buffer, position)
        self._skeleton += buffer[position:end]
        if closed:
            if self._depth == 1 and self._expects_key:
                self._key = _decoded(bytes(self._skeleton[self._string_start : -1]))
            self._at = _At.STRUCTURE
        return end

    def _data(self, buffer: bytes, position: int) -> int:
        """Base64 text, escapes resolved, to the spool."""
        assert self._spool is not None  # noqa: S101  made when this state began
        end, closed = self._run(buffer, position)
        text = buffer[position : end - 1 if closed else end]
        if b"\\" in text:
            if b"\\\\" not in text:
                for escape, meant in _USUAL_ESCAPES.items():
                    text = text.replace(escape, meant)
            self._count(text.count(b"\\"))
        self._check(_ESCAPE.sub(b"", text), final=closed)
        self._spool.write(_ESCAPE.sub(_unescaped, text))
        if closed:
            self._skeleton += b'"'
            self._at = _At.STRUCTURE
        return end

    def _count(self, marks: int) -> None:
        """Refuse a body that would keep the event loop busy for what no app sends."""
        self._marks += marks
        if self._marks > _MOST_MARKS:
            raise errors.ClientError(
                f"the body has more than {_MOST_MARKS} brackets, commas, strings and escapes"
            )

    def _check(self, text: bytes, *, final: bool) -> None:
        """What is not base64 may still be a lawful JSON string, or may not."""
        strange = text.translate(None, _BASE64)
        begun = self._utf8.getstate()[0]  # of a character whose other bytes are to come
        if not strange and not begun:
            return
        if strange and min(strange) < 0x20:
            raise errors.ClientError(_NOT_JSON)
        try:
            self._utf8.decode(text, final)
        except UnicodeDecodeError:
            raise errors.ClientError(_NOT_JSON) from None

    def _run(self, buffer: bytes, position: int) -> tuple[int, bool]:
        """How far the string goes in this buffer, and whether its closing quote was passed."""
        quote = buffer.find(b'"', position)
        stop = len(buffer) if quote < 0 else quote
        if buffer.find(b"\\", position, stop) < 0:  # nearly always, and quick
            return (stop, False) if quote < 0 else (quote + 1, True)
        inside = _INSIDE.match(buffer, position)
        assert inside is not None  # noqa: S101  it also matches nothing
        end = inside.end()
        if end < len(buffer) and buffer[end] == 0x22:
            return end + 1, True
        if len(buffer) - end >= _LONGEST_ESCAPE:  # a backslash that begins no escape
            raise errors.ClientError(_NOT_JSON)
        return end, False


def _decoded(string: bytes) -> str:
    """The text between a JSON string's quotes."""
    try:
        text: str = json.loads(b'"' + string + b'"')
    except ValueError:
        raise errors.ClientError(_NOT_JSON) from None
    return text


def _unescaped(escape: re.Match[bytes]) -> bytes:
    return _decoded(escape.group()).encode("utf-8", "surrogatepass")
