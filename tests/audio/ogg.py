"""Ogg pages, taken apart and put together: a changed page is dropped unless its checksum fits."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True)
class Page:
    """One page (RFC 3533); ``body`` is its payload, ``lacing`` the lengths of the segments."""

    flags: int
    granule: int
    serial: int
    number: int
    lacing: bytes
    body: bytes

    def packed(self) -> bytes:
        fields = (self.flags, self.granule, self.serial, self.number)
        tail = bytes([len(self.lacing)]) + self.lacing + self.body
        head = struct.pack("<4sBBqII", b"OggS", 0, *fields)
        return head + struct.pack("<I", checksum(head + bytes(4) + tail)) + tail


def checksum(page: bytes) -> int:
    """Ogg's CRC is that of zlib with its bits mirrored, begun at 0 and not inverted."""
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)


def pages(data: bytes) -> Iterator[Page]:
    at = 0
    while data[at : at + 4] == b"OggS" and at + 27 <= len(data):
        flags, granule, serial, number = struct.unpack_from("<BqII", data, at + 5)
        count = data[at + 26]
        lacing = data[at + 27 : at + 27 + count]
        start = at + 27 + count
        at = start + sum(lacing)
        yield Page(flags, granule, serial, number, lacing, data[start:at])


def with_serial(data: bytes, serial: int = 1) -> bytes:
    """The same stream under a given serial number; encoders draw one by chance."""
    return b"".join(replace(page, serial=serial).packed() for page in pages(data))


def with_checksums(data: bytes) -> bytes:
    """The pages of a damaged file, each with the checksum of what it now holds."""
    whole = b"".join(page.packed() for page in pages(data))
    return whole + data[len(whole) :]


def repeated(data: bytes, times: int) -> bytes:
    """The sound of a stream, many times over, as one long stream.

    The last page is left out: its end is trimmed, and the pages after it would not fit on.
    """
    every = list(pages(data))
    heads = [page for page in every if page.granule == 0]
    sound = every[len(heads) : -1]
    length = sound[-1].granule
    written = [page.packed() for page in heads]
    for time in range(times):
        for page in sound:
            shifted = replace(page, number=len(written), granule=page.granule + time * length)
            written.append(shifted.packed())
    return b"".join(written)
