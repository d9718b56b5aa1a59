"""The one HTTP client for addresses that somebody else chose.

The guard sits where the connection is made, in :mod:`gateway.outbound.network`, which httpcore is
given as its network; TLS still checks the certificate against the host's name. httpcore itself
knows no proxies from the environment, no cookies, no redirects and no decompression.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from typing import Self

import certifi
import httpcore

from gateway.outbound.allow_list import AllowList
from gateway.outbound.failures import (
    BodyTooLargeError,
    UnreachableError,
    UnwantedAnswerError,
)
from gateway.outbound.network import GuardedNetwork
from gateway.outbound.resolver import Resolver, SystemResolver
from gateway.outbound.settings import OutboundSettings
from gateway.outbound.urls import Url

_FAILURES = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError)


class Answer:
    """A response whose body has not been read; ``headers`` have lower-case names."""

    def __init__(self, response: httpcore.Response, settings: OutboundSettings) -> None:
        self.status: int = response.status
        self.headers: Mapping[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in response.headers
        }
        self._response = response
        self._settings = settings

    async def body(self, limit_bytes: int) -> AsyncIterator[bytes]:
        """The body's pieces, counted and timed while they come.

        Raises:
            UnwantedAnswerError: it is encoded (a small body could unfold into gigabytes).
            BodyTooLargeError: more than ``limit_bytes``, declared or sent.
            UnreachableError: the other side hung up, fell silent or drips.
        """
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"", "identity"}:
            raise UnwantedAnswerError("the body is encoded, though identity was asked for")
        declared = self.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > limit_bytes:
            raise BodyTooLargeError(f"a body of {declared} bytes, the limit is {limit_bytes}")
        size, pace = 0, _Pace(self._settings)
        pieces = aiter(self._response.aiter_stream())
        while True:
            with _as_unreachable():
                piece = await anext(pieces, None)
            if piece is None:
                return
            size += len(piece)
            if size > limit_bytes:
                raise BodyTooLargeError(f"a body over the limit of {limit_bytes} bytes")
            pace.count(len(piece))
            yield piece


class OutboundClient:
    """Calls strangers. Make one, share it, and close it with ``async with``."""

    def __init__(
        self,
        settings: OutboundSettings,
        resolve: Resolver | None = None,
        network: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        """Build it.

        Args:
            settings: limits and exemptions.
            resolve: names to addresses; the system's resolver where ``None``.
            network: what connections to a checked address are made with; TCP where ``None``.
        """
        self.settings = settings
        self._system_resolver = SystemResolver()  # starts its threads when first asked
        guarded = GuardedNetwork(
            AllowList(settings.allowed_hosts),
            resolve or self._system_resolver,
            network or httpcore.AnyIOBackend(),
        )
        # No connection is kept: each call is checked anew, and none inherits another's answer.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_trust(settings),
            max_connections=settings.connections,
            max_keepalive_connections=0,
            network_backend=guarded,
        )

    async def __aenter__(self) -> Self:
        """Open nothing yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close whatever is open."""
        await self._pool.aclose()
        self._system_resolver.close()

    @asynccontextmanager
    async def call(
        self,
        method: str,
        url: Url,
        *,
        deadline_seconds: float,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> AsyncIterator[Answer]:
        """Send one request; redirects are answers like any other. Leaving the block hangs up.

        Args:
            method: ``GET``, ``POST``.
            url: where to.
            deadline_seconds: longest time that the block may take, all in all.
            headers: besides Host, Accept-Encoding and User-Agent.
            content: the request's body.

        Raises:
            OutboundError: any of the tree.
        """
        deadline = asyncio.timeout(deadline_seconds)
        try:
            async with deadline, AsyncExitStack() as stack:
                with _as_unreachable():
                    sent = self._sent(method, url, headers or {}, content)
                    response = await stack.enter_async_context(sent)
                yield Answer(response, self.settings)
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise UnreachableError(f"not done within {deadline_seconds:g} s") from error

    def _sent(
        self, method: str, url: Url, headers: Mapping[str, str], content: bytes
    ) -> AbstractAsyncContextManager[httpcore.Response]:
        own = {
            "Host": url.host_header,
            "Accept-Encoding": "identity",
            "User-Agent": "AcousticSense",
        }
        connect, slow = self.settings.connect_seconds, self.settings.slow_seconds
        timeouts = {"connect": connect, "pool": connect, "read": slow, "write": slow}
        return self._pool.stream(
            method,
            # In parts, as they were checked: the text is not read a second time.
            httpcore.URL(scheme=url.scheme, host=url.host, port=url.port, target=url.target),
            headers=[*own.items(), *headers.items()],
            content=content or None,
            extensions={"timeout": timeouts},
        )


class _Pace:
    """Cuts off a server that drips: each span must bring its bytes."""

    def __init__(self, settings: OutboundSettings) -> None:
        self._settings = settings
        self._since = time.monotonic()
        self._bytes = 0

    def count(self, size: int) -> None:
        self._bytes += size
        now = time.monotonic()
        if now - self._since < self._settings.slow_seconds:
            return
        if self._bytes < self._settings.slow_bytes:
            raise UnreachableError(f"{self._bytes} bytes in {now - self._since:.1f} s: too slow")
        self._since, self._bytes = now, 0


@contextmanager
def _as_unreachable() -> Iterator[None]:
    try:
        yield
    except _FAILURES as error:
        raise UnreachableError(f"{type(error).__name__}: {error}") from error


def _trust(settings: OutboundSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certifi.where())
    if settings.ca_file is not None:
        context.load_verify_locations(settings.ca_file)
    return context
