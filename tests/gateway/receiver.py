"""A webhook's receiver that really listens, and can be as bad as receivers are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Call:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers each call with the next of ``answers``, the last for ever; remembers all calls."""

    port: int = 0
    answers: list[Answer] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def until(self, count: int, seconds: float = 60.0) -> list[Call]:
        """All calls, once there are so many."""
        async with asyncio.timeout(seconds):
            while len(self.calls) < count:  # noqa: ASYNC110  at ease
                await asyncio.sleep(0.005)
        return self.calls

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *fields = head.split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (each.partition(":") for each in fields if each)
            }
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            answer = self.answers[min(len(self.calls), len(self.answers) - 1)]
            self.calls.append(Call(line.split(" ")[1], headers, body))
            await answer(writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiver(*answers: Answer) -> AsyncIterator[Receiver]:
    there = Receiver(answers=list(answers) or [status(200)])
    server = await asyncio.start_server(there.serve, "127.0.0.1", 0)
    there.port = server.sockets[0].getsockname()[1]
    try:
        yield there
    finally:
        server.close()


def status(code: int, *headers: str, body: bytes = b"") -> Answer:
    head = "\r\n".join([f"HTTP/1.1 {code} X", f"Content-Length: {len(body)}", *headers])
    return raw(head.encode() + b"\r\n\r\n" + body)


def raw(*pieces: bytes, pause: float = 0.0) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    return answer


async def silence(writer: asyncio.StreamWriter) -> None:
    """Take the request, and never answer."""
    while not writer.is_closing():  # noqa: ASYNC110  at ease
        await asyncio.sleep(0.05)


def drip(seconds: float) -> Answer:
    """A byte of the answer's head every so often, for ever."""
    return raw(*[bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 500], pause=seconds)
