"""What both clients do alike before and between calls."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx

TIMEOUT_SECONDS = 120.0
"""A server answers within 60 s unless its settings say otherwise; the upload has its own time."""
_CONNECT_SECONDS = 10.0
_FIRST_POLL_SECONDS = 0.1
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
    return base_url.rstrip("/")


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
