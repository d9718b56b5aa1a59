"""Closed-loop clients: each sends its next request when the last is answered."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx


def rate(
    work: Callable[[bytes], object], items: Sequence[bytes], clients: int, total: int
) -> float:
    """Items a second when ``clients`` workers do ``total`` of them in turn."""
    chosen = itertools.islice(itertools.cycle(items), total)
    with ThreadPoolExecutor(clients) as pool:
        started = time.perf_counter()
        for _ in pool.map(work, chosen):
            pass
        return total / (time.perf_counter() - started)


def upload(url: str) -> Callable[[bytes], object]:
    """Send a file to ``/analyze-audio`` over kept connections; anything but 200 is an error."""
    client = httpx.Client(timeout=120, limits=httpx.Limits(max_keepalive_connections=64))

    def send(data: bytes) -> object:
        # The same clips come round again: what is measured is analysing, not remembering.
        headers = {"Cache-Control": "no-cache"}
        answer = client.post(f"{url}/analyze-audio", files={"file": data}, headers=headers)
        answer.raise_for_status()
        return answer.json()

    return send


def median(values: Sequence[float]) -> float:
    """The middle value (the upper one of an even number)."""
    return sorted(values)[len(values) // 2]
