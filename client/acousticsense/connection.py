"""What both clients do alike before and between calls."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import httpx

TIMEOUT_SECONDS = 120.0
"""A server answers within 60 s unless its settings say otherwise; the upload has its own time."""
_CONNECT_SECONDS = 10.0
_FIRST_POLL_SECONDS = 0.1
_API_KEY = re.compile(r"[!-~]([ -~]*[!-~])?")
_LONGEST_POLL_SECONDS = 5.0


def timeouts(seconds: float) -> httpx.Timeout:
    """Limits of a call's parts."""
    return httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))


def checked_base_url(base_url: str) -> str:
    """The URL that paths are put behind.

    Raises:
        ValueError: it is none of http or https.
    """
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise ValueError(f"base_url {base_url!r} is no URL: {error}") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError(f"base_url {base_url!r} must begin with http:// or https://")
    if url.port is not None and not 0 < url.port < 2**16:
        raise ValueError(f"base_url {base_url!r}: a port is a number from 1 to 65535")
    return base_url.rstrip("/")


def checked_api_key(api_key: str | None) -> str | None:
    """The key that goes into a header.

    Raises:
        ValueError: it cannot be one. It is not repeated: a part of it may be right.
    """
    if api_key is not None and not _API_KEY.fullmatch(api_key):
        raise ValueError("the API key is empty, or holds what no header may, as a line's end")
    return api_key


def polls(seconds: float | None) -> Iterator[float]:
    """Pauses between looks at a task, ever longer, until the time is over."""
    end = None if seconds is None else time.monotonic() + seconds
    pause = _FIRST_POLL_SECONDS
    while True:
        left = pause if end is None else end - time.monotonic()
        yield max(0.0, min(pause, left))
        if end is not None and time.monotonic() >= end:
            return
        pause = min(_LONGEST_POLL_SECONDS, pause * 1.5)
