"""Bounds on a request's head, below ASGI: its size, and how long it may take to come.

uvicorn hands a request to the application when its head is complete, and waits for that as long
and takes as much as it comes. What is refused here has no path yet, so it has no dialect either.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD_BYTES = 64 * 1024  # an app's whole identity stands in a few hundred
HEAD_SECONDS = 10.0


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's own protocol, which cuts clients off whose head is too large or too slow."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._in_head = False
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a head from now on."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing any more."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, and count it while the head is incomplete."""
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self._refuse(f"More than {MOST_HEAD_BYTES} bytes before the body.")

    def on_message_begin(self) -> None:
        """Count anew: a connection may carry several requests."""
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        """Let the head's bounds go; those of the body are :class:`BodyGuard`'s."""
        self._in_head, self._head_bytes = False, 0
        self._stop_timer()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        self._in_head = True
        self._stop_timer()
        self._head_timer = self.loop.call_later(
            HEAD_SECONDS, self._refuse, "The request came in too slowly."
        )

    def _refuse(self, words: str) -> None:
        self._stop_timer()
        self.send_400_response(words)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
