"""Every Triton that may be asked: which one a call goes to, and which is left in peace.

A gRPC connection stays with the server that it was made to, whatever balances connections in
between. So the addresses of a name are looked up here, each gets a connection of its own, and a
call goes to the one with the least in work. One that stops, or died, is passed over for a moment:
servers are replaced one by one without a request being lost.
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Self

import structlog
from grpclib.const import Status
from opentelemetry.trace import Tracer

from gateway.breaker import Breaker
from gateway.triton import TritonClient, TritonError

log = structlog.get_logger()

_FAILURES = 3  # calls in a row that did not reach a server, until it is left in peace …
_REST_SECONDS = 1.0  # … for so long; where there is another, one failure is enough
_LOOK_SECONDS = 5.0
_FIRST_LOOK_SECONDS = 2.0

Address = tuple[str, int]
Resolve = Callable[[str, int], Awaitable[list[str]]]


@dataclass
class _Server:
    client: TritonClient
    breaker: Breaker
    calls: int = 0
    rests_until: float = 0.0
    gone: bool = False  # from the name's addresses: closed after its last call


async def _addresses(host: str, port: int) -> list[str]:
    """The addresses of a name, of one family: a server's two would be the same server twice."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    fourth = [str(entry[4][0]) for entry in found if entry[0] == socket.AF_INET]
    return fourth or [str(entry[4][0]) for entry in found]


class Servers:
    """The Tritons of ``host:port,…``; the addresses of names are looked up every few seconds."""

    def __init__(self, urls: str, tracer: Tracer, resolve: Resolve = _addresses) -> None:
        """Nothing is dialled yet."""
        parts = (url.strip().rpartition(":") for url in urls.split(","))
        self._names = [(host.strip("[]"), int(port)) for host, _, port in parts]
        self._tracer = tracer
        self._resolve = resolve
        self._servers: dict[Address, _Server] = {}
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        with suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_LOOK_SECONDS):
                await self._look()
        if not all(_is_address(host) for host, _ in self._names):
            self._looking = asyncio.create_task(self._keep_looking())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._looking is not None:
            self._looking.cancel()
        for server in self._servers.values():
            server.client.close()

    @property
    def have_another(self) -> bool:
        """Whether a call that failed may be tried on a server that is not resting."""
        now = time.monotonic()
        return any(not s.breaker.is_open and now >= s.rests_until for s in self._servers.values())

    @asynccontextmanager
    async def call(self) -> AsyncIterator[TritonClient]:
        """Make one call inside, to the server with the least in work.

        Raises:
            ServerBusy: every server is left in peace.
            TritonError: no address is known.
        """
        server = self._pick()
        server.calls += 1
        try:
            with server.breaker.call():
                yield server.client
        except TritonError as error:
            if reached(error) is False:
                server.rests_until = time.monotonic() + _REST_SECONDS
            raise
        finally:
            server.calls -= 1
            if server.gone and not server.calls:
                server.client.close()

    def _pick(self) -> _Server:
        if not self._servers:
            raise TritonError(Status.UNAVAILABLE, "cannot be reached: its name has no address")
        now = time.monotonic()
        # Of equals any: gateways that start together must not all choose the same.
        return min(
            self._servers.values(),
            key=lambda s: (not s.breaker.admits, now < s.rests_until, s.calls, random.random()),  # noqa: S311
        )

    async def _look(self) -> None:
        """Look names up; what cannot be looked up stays as it was."""
        found: set[Address] = set()
        for host, port in self._names:
            try:
                hosts = [host] if _is_address(host) else await self._resolve(host, port)
            except OSError as error:
                log.warning("Triton's name cannot be looked up", host=host, error=str(error))
                return
            found |= {(each, port) for each in hosts}
        self._keep(found)

    def _keep(self, found: Iterable[Address]) -> None:
        for address in self._servers.keys() - set(found):
            server = self._servers.pop(address)
            server.gone = True
            if not server.calls:
                server.client.close()
        for host, port in set(found) - self._servers.keys():
            breaker = Breaker(_FAILURES, _REST_SECONDS, time.monotonic, reached)
            client = TritonClient(f"{host}:{port}", self._tracer)
            client.open()
            self._servers[host, port] = _Server(client, breaker)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self._look()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def reached(error: BaseException) -> bool | None:
    """Whether Triton was there at all; a full queue or a refusal is an answer."""
    if not isinstance(error, TritonError):
        return None
    if error.status in {Status.DEADLINE_EXCEEDED, Status.CANCELLED}:
        return None
    away = error.status is Status.UNAVAILABLE
    return not away or "queue size" in error.words or "timeout expired" in error.words
