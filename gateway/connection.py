"""Reading from a client that may send too much, and noticing one that left."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect

from gateway import errors

T = TypeVar("T")


def check_declared_size(request: Request, limit: int) -> None:
    """Refuse a body by its ``Content-Length``, before any of it is read.

    Raises:
        ExceededDataSize: it declares more than ``limit`` bytes.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise errors.ExceededDataSize(f"a body of {declared} bytes, the limit is {limit}")


async def body_of(request: Request, limit: int) -> bytes:
    """The whole body, counted while it comes.

    Raises:
        ExceededDataSize: more than ``limit`` bytes.
    """
    check_declared_size(request, limit)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise errors.ExceededDataSize(f"a body over the limit of {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


async def unless_gone(request: Request, work: Coroutine[None, None, T]) -> T:
    """Do the work, unless the client leaves first: then it is cancelled, down to Triton.

    The body must have been read to its end.

    Raises:
        ClientDisconnect: the client left.
    """
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return await working
    finally:
        working.cancel()
        watching.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
