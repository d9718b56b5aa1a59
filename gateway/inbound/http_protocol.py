"""Bounds on a connection, below ASGI: what may come beside bodies, and how long anything may take.

uvicorn hands a request to the application when its head is complete, and waits for that as long
and takes as much as it comes; it does the same for what follows a chunked body, for the rest of a
body that is answered already, and for a client that reads nothing. What is refused here has no path
yet, so it has no dialect either.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD_BYTES = 64 * 1024  # an app's whole identity stands in a few hundred
HEAD_SECONDS = 10.0
LINGER_SECONDS = 30.0  # for those who read no answer before they have sent everything
STALLED_SECONDS = 60.0


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's own protocol, which cuts clients off that take too much, or too long."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._aside_bytes = 0  # of a head, of trailers, of whatever is no body
        self._counts_anew = False
        self._in_head = False
        self._in_body = False
        self._timer: asyncio.TimerHandle | None = None  # until the head is there, or its end
        self._stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a head from now on."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing any more."""
        self._stop_timer()
        self._stop_stall_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, and count it as long as it is no body."""
        self._counts_anew = False
        super().data_received(data)
        self._aside_bytes = 0 if self._counts_anew else self._aside_bytes + len(data)
        expected = self._in_head or self._in_body
        if expected and self._aside_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(f"More than {MOST_HEAD_BYTES} bytes before or after the body.")

    def on_message_begin(self) -> None:
        """Count anew: a connection may carry several requests."""
        super().on_message_begin()
        self._aside_bytes = 0
        self._expect_head()

    def on_headers_complete(self) -> None:
        """Let the head's bounds go; those of the body are :class:`BodyGuard`'s."""
        self._counts_anew, self._in_head, self._in_body = True, False, True
        self._stop_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._counts_anew = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect no more of the body."""
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Give the rest of a body that was answered early some time, and then hang up."""
        super().on_response_complete()
        answered = self.cycle.response_complete  # it is the newest, of those that were pipelined
        if self._in_body and answered and not self.transport.is_closing():
            self._stop_timer()
            self._timer = self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def pause_writing(self) -> None:
        """Wait for a client that does not read, but not for ever."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """Go on: it reads."""
        super().resume_writing()
        self._stop_stall_timer()

    def _watch_reader(self) -> None:
        self._stop_stall_timer()
        unread = self.transport.get_write_buffer_size()
        self._stall_timer = self.loop.call_later(STALLED_SECONDS, self._judge_reader, unread)

    def _judge_reader(self, unread: int) -> None:
        if self.transport.get_write_buffer_size() < unread:
            self._watch_reader()  # slow, but it reads
        else:
            self.transport.abort()

    def _expect_head(self) -> None:
        self._in_head = True
        self._stop_timer()
        words = "The request came in too slowly."
        self._timer = self.loop.call_later(HEAD_SECONDS, self._refuse, words)

    def _refuse(self, words: str) -> None:
        self._stop_timer()
        if self._in_body and self.cycle.response_started:
            self.transport.abort()  # what is sent now would be taken for a part of the answer
        else:
            self.send_400_response(words)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_stall_timer(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
