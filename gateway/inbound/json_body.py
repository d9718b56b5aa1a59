"""A small JSON body, read whole."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request

from gateway import errors

_LARGEST = 64 * 1024  # bytes


async def json_body(request: Request, largest: int = _LARGEST) -> tuple[bytes, Any]:
    """The body as it came, of ``largest`` bytes at most, and what it says.

    Raises:
        ExceededDataSize: it is not small.
        ClientError: it is not JSON.
    """
    body = bytearray()
    async for block in request.stream():
        body += block
        if len(body) > largest:
            raise errors.ExceededDataSize(f"a body over the limit of {largest} bytes")
    try:
        return bytes(body), json.loads(body)
    except (ValueError, RecursionError):
        raise errors.ClientError("the body is not JSON") from None
