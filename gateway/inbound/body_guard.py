"""Bounds on every body while it comes in, whatever route it is for.

Pure ASGI: it wraps ``receive``, so that a refusal is raised where the body is being read and is
told in that route's dialect.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import errors
from gateway.room import Room, Share

_MOST_HEADERS = 100


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What a body may be.

    Attributes:
        body_bytes: largest body of one request.
        grace_seconds: how long a body may come in at any pace.
        least_rate: bytes a second that it must reach, on average, after that.
    """

    body_bytes: int
    grace_seconds: float
    least_rate: int


class BodyGuard:
    """Refuses bodies that are encoded, too large, too many at once, or too slow."""

    def __init__(
        self,
        app: ASGIApp,
        limits: BodyLimits,
        room: Room,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.app = app
        self.limits = limits
        self.room = room
        self.clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request inside the bounds."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        with self.room.share() as share:
            body = _Body(self, share, Headers(scope=scope), receive)
            await self.app(scope, body.receive, send)


class _Body:
    """One request's body, counted."""

    def __init__(self, guard: BodyGuard, share: Share, headers: Headers, receive: Receive) -> None:
        self._guard = guard
        self._share = share
        self._headers = headers
        self._receive = receive
        self._size = 0
        self._began = guard.clock()
        self._checked = False
        self._complete = False

    async def receive(self) -> Message:
        """The next message, if it is within bounds.

        Raises:
            ApiError: it is not.
        """
        if self._complete:
            return await self._receive()  # the wait for the client's leaving has no limit
        if not self._checked:
            self._check_headers()
        message = await _within(self._receive, self._seconds_left())
        if message["type"] != "http.request":
            return message
        self._count(len(message.get("body", b"")))
        self._complete = not message.get("more_body", False)
        return message

    def _check_headers(self) -> None:
        self._checked = True
        if len(self._headers) > _MOST_HEADERS:
            raise errors.ClientError(f"more than {_MOST_HEADERS} header fields")
        encoding = self._headers.get("content-encoding", "identity")
        if encoding.strip().lower() != "identity":
            raise errors.ClientError("send the body without a Content-Encoding")
        declared = self._headers.get("content-length", "0")
        if declared.isdecimal():
            self._check_size(int(declared))

    def _count(self, size: int) -> None:
        """Hold room for what has come: what is only announced would keep others out for nothing."""
        self._size += size
        self._check_size(self._size)
        self._share.grow(self._size)

    def _check_size(self, size: int) -> None:
        limit = self._guard.limits.body_bytes
        if size > limit:
            raise errors.ExceededDataSize(f"a body over the limit of {limit} bytes")

    def _seconds_left(self) -> float:
        """How long the next piece may take: what came earlier in abundance is to its credit."""
        limits = self._guard.limits
        allowed = limits.grace_seconds + self._size / limits.least_rate
        return self._began + allowed - self._guard.clock()


async def _within(receive: Receive, seconds: float) -> Message:
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            return await receive()
    except TimeoutError:
        raise errors.ClientError("the body came in too slowly; send it again, faster") from None
