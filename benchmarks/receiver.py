"""``python -m benchmarks.receiver``: answers every webhook at once, and counts them.

A process of its own, so that it takes no time from what is measured but what a core takes.
"""

from __future__ import annotations

import asyncio
import os


class _Receiver(asyncio.Protocol):
    """Understands as much HTTP as our own client speaks."""

    seen = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._text = b""

    def data_received(self, data: bytes) -> None:
        self._text += data
        head, end, body = self._text.partition(b"\r\n\r\n")
        if not end:
            return
        if head.startswith(b"GET /count"):
            self._answer(b"200 OK", str(_Receiver.seen).encode())
        elif head.startswith(b"GET /health"):
            self._answer(b"200 OK", b"")
        elif head.startswith(b"GET"):
            self._answer(b"404 Not Found", b"")
        elif len(body) >= _length(head):
            _Receiver.seen += 1
            self._answer(b"200 OK", b"")

    def _answer(self, status: bytes, body: bytes) -> None:
        head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        self._transport.write(head % (status, len(body)) + body)  # type: ignore[attr-defined]
        self._transport.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Receiver, "127.0.0.1", int(os.environ["PORT"]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
