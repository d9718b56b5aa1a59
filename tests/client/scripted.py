"""A peer that answers as a server should not: what it sends is set, what it gets is kept."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.gateway.receiver import Answer, Receiver, receiver


@contextmanager
def scripted(*answers: Answer) -> Iterator[Receiver]:
    """A receiver in a thread of its own, for clients that wait."""
    ready: queue.Queue[tuple[Receiver, Callable[[], object]]] = queue.Queue()

    async def serve() -> None:
        over, loop = asyncio.Event(), asyncio.get_running_loop()
        async with receiver(*answers) as there:
            ready.put((there, lambda: loop.call_soon_threadsafe(over.set)))
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    there, end = ready.get(timeout=30)
    try:
        yield there
    finally:
        end()
        thread.join(30)


def base_url(there: Receiver) -> str:
    return f"http://127.0.0.1:{there.port}"
