"""Fairness: how much of the service one app may use, and how much all of them together.

What is over a limit is refused at once. Nobody queues here: the one queue is Triton's, and it is
short; ``max_in_flight`` bounds those who are in work or wait there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway import errors
from gateway.identity.apps import App

_RETRY_SECONDS = 1.0  # a request takes about that long, so a permit is likely free by then


@dataclass(slots=True)
class _Usage:
    """What an app uses: permits, and the tokens left in its bucket at a time."""

    in_work: int = 0
    tokens: float = 0.0
    filled_at: float | None = None  # seconds; None before its first request


class Admission:
    """Permits for requests. It never waits, so one event loop needs no lock."""

    def __init__(self, max_in_flight: int, clock: Callable[[], float]) -> None:
        """Let ``max_in_flight`` requests in at a time; ``clock`` is monotonic, in seconds."""
        self._max_in_flight = max_in_flight
        self._clock = clock
        self._in_flight = 0
        self._usage: defaultdict[str, _Usage] = defaultdict(_Usage)

    @property
    def in_flight(self) -> int:
        """Requests that hold a permit now."""
        return self._in_flight

    @asynccontextmanager
    async def enter(self, app: App) -> AsyncIterator[None]:
        """Hold a permit while the request is in work.

        Raises:
            ExceededConcurrency: a limit of the app, or of all apps together, is reached. The
                refused request uses up nothing.
        """
        usage = self._usage[app.appkey]
        self._check(app, usage)
        usage.tokens -= 1
        usage.in_work += 1
        self._in_flight += 1
        try:
            yield
        finally:
            usage.in_work -= 1
            self._in_flight -= 1

    def _check(self, app: App, usage: _Usage) -> None:
        if self._in_flight >= self._max_in_flight:
            raise errors.ExceededConcurrency(
                "the server has as many requests as it takes at a time", retry_after=_RETRY_SECONDS
            )
        if usage.in_work >= app.max_concurrency:
            raise errors.ExceededConcurrency(
                f"{usage.in_work} requests of this app are in work, the limit is "
                f"{app.max_concurrency}",
                retry_after=_RETRY_SECONDS,
            )
        per_second = app.requests_per_minute / 60
        self._fill(app, usage, per_second)
        if usage.tokens < 1:
            raise errors.ExceededConcurrency(
                f"over {app.requests_per_minute} requests a minute",
                retry_after=(1 - usage.tokens) / per_second,
            )

    def _fill(self, app: App, usage: _Usage, per_second: float) -> None:
        now = self._clock()
        if usage.filled_at is None:
            usage.tokens = app.burst
        else:
            grown = usage.tokens + (now - usage.filled_at) * per_second
            usage.tokens = min(float(app.burst), grown)
        usage.filled_at = now
