"""Servers and networks that are not ours, really listening on loopback."""

from __future__ import annotations

import asyncio
import io
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address

import httpcore

from gateway.outbound import OutboundClient, download_to
from gateway.room import Room

Handler = Callable[[asyncio.StreamWriter], Awaitable[None]]
PUBLIC = "93.184.216.34"


async def download(
    client: OutboundClient, url: str, limit: int = 2**20, deadline: float = 5.0, room: int = 2**30
) -> bytes:
    """What :func:`gateway.outbound.download_to` writes, with so much room for it."""
    file = io.BytesIO()
    with Room(room).share() as share:
        await download_to(file, client, url, limit, deadline, share)
    return file.getvalue()


@dataclass
class Stranger:
    """An HTTP server that answers by path, and remembers who came."""

    port: int = 0
    handlers: dict[str, Handler] = field(default_factory=dict)
    keeps_open: bool = False
    connections: int = 0
    requests: list[str] = field(default_factory=list)
    host_names: list[str | None] = field(default_factory=list)

    def answers(self, path: str, *pieces: bytes, pause: float = 0.0) -> None:
        """These bytes for this path, one piece after the other, then the end."""

        async def handler(writer: asyncio.StreamWriter) -> None:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)

        self.handlers[path] = handler

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                request = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.requests.append(request)
                await self.handlers[request.split(" ")[1]](writer)
                if not self.keeps_open:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # it connected and left: counted
        finally:
            writer.close()


@asynccontextmanager
async def stranger(tls: ssl.SSLContext | None = None) -> AsyncIterator[Stranger]:
    there = Stranger()
    server = await asyncio.start_server(there.serve, "127.0.0.1", 0, ssl=tls)
    there.port = server.sockets[0].getsockname()[1]
    yield there
    server.close()


def ok(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def redirect(location: str, status: int = 302, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Found", "Content-Length: 0", f"Location: {location}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


class Internet(httpcore.AsyncNetworkBackend):
    """A network in which every address leads to one stranger, and every dial is remembered."""

    def __init__(self, to: Stranger) -> None:
        self.dialled: list[str] = []
        self._to = to
        self._tcp = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        del port, local_address
        self.dialled.append(host)
        return await self._tcp.connect_tcp(
            "127.0.0.1", self._to.port, timeout, None, socket_options
        )


class Names:
    """A name server: each question for a name takes its next answer, the last for ever.

    What it does not know it reads as the system's resolver does: ``0x7f.1`` is an address.
    """

    def __init__(self, **names: list[list[str]]) -> None:
        self.asked: list[str] = []
        self._names = {name.replace("_", "."): list(answers) for name, answers in names.items()}

    async def __call__(self, host):
        self.asked.append(host)
        answers = self._names.get(host)
        if answers is None:
            found = socket.getaddrinfo(host, 80, flags=socket.AI_NUMERICHOST)
            return [ip_address(entry[4][0]) for entry in found]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return [ip_address(address) for address in answer]
