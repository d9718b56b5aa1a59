"""Host names to addresses, on threads of their own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from gateway.outbound.addresses import IPAddress

Resolver = Callable[[str], Awaitable[Sequence[IPAddress]]]
"""From a host name to all of its addresses, best first; raises ``OSError`` where there are none."""


class SystemResolver:
    """The system's resolver.

    Its threads are not the event loop's: names that a stranger's server never answers would hold
    those for half a minute each, and with them all other work that is done in threads.
    """

    def __init__(self, threads: int = 8) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="resolver")

    async def __call__(self, host: str) -> Sequence[IPAddress]:
        """Look a name up.

        Raises:
            OSError: it has no address.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _look_up, host)

    def close(self) -> None:
        """Let the threads go as soon as their names are answered."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str) -> list[IPAddress]:
    try:
        answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a label that Python's own IDNA codec dislikes
        raise OSError(str(error)) from error
    return [ip_address(answer[4][0]) for answer in answers]
