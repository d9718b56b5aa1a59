"""A small JSON body, read whole."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request

from gateway import errors

_LARGEST = 64 * 1024  # bytes


async def json_body(request: Request) -> tuple[bytes, Any]:
    """The body as it came, and what it says.

    Raises:
        ExceededDataSize: it is not small.
        ClientError: it is not JSON.
    """
    body = bytearray()
    async for block in request.stream():
        body += block
        if len(body) > _LARGEST:
            raise errors.ExceededDataSize(f"a body over the limit of {_LARGEST} bytes")
    try:
        return bytes(body), json.loads(body)
    except (ValueError, RecursionError):
        raise errors.ClientError("the body is not JSON") from None
