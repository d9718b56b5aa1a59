"""Results kept for a while: by their id, and by the content they were computed from.

Kept in memory, or in Redis, which several gateways share. A store that is away makes the service
slower, never wrong: what cannot be read is computed, what cannot be written is only answered.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

import redis.asyncio
import structlog
from pydantic import SecretStr
from redis.exceptions import RedisError

log = structlog.get_logger()

_MOST_IN_MEMORY = 10_000
_REDIS_SECONDS = 0.5  # a cache that takes longer is none


class ResultStore(Protocol):
    """Text by key, for a number of seconds."""

    async def get(self, key: str) -> str | None:
        """The text, or ``None`` if there is none (any more)."""

    async def put(self, key: str, text: str, seconds: int) -> None:
        """Keep the text for so many seconds."""

    async def claim(self, key: str, seconds: int) -> bool:
        """Whether nobody claimed the key in the last so many seconds; it is claimed now."""

    async def close(self) -> None:
        """Let connections go."""


class MemoryStore:
    """In this process, the oldest forgotten beyond a bound."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: OrderedDict[str, tuple[float, str]] = OrderedDict()

    async def get(self, key: str) -> str | None:
        """The text, if it has not expired."""
        end, text = self._entries.get(key, (0.0, ""))
        if end > self._clock():
            return text
        self._entries.pop(key, None)
        return None

    async def put(self, key: str, text: str, seconds: int) -> None:
        """Keep the text, and forget the oldest beyond the bound."""
        self._entries[key] = (self._clock() + seconds, text)
        self._entries.move_to_end(key)
        while len(self._entries) > _MOST_IN_MEMORY:
            self._entries.popitem(last=False)

    async def claim(self, key: str, seconds: int) -> bool:
        """Whether the key is new here."""
        new = await self.get(key) is None
        await self.put(key, "", seconds)
        return new

    async def close(self) -> None:
        """Nothing is held."""


class RedisStore:
    """In Redis; while it is away there are no results, and one warning says so."""

    def __init__(self, url: str) -> None:
        self._redis = redis.asyncio.from_url(
            url,
            decode_responses=True,
            socket_timeout=_REDIS_SECONDS,
            socket_connect_timeout=_REDIS_SECONDS,
        )
        self._away = False

    async def get(self, key: str) -> str | None:
        """The text, or ``None``, also while Redis is away."""
        try:
            text = await self._redis.get(_PREFIX + key)
        except RedisError as error:
            self._warn(error)
            return None
        self._away = False
        return None if text is None else str(text)

    async def put(self, key: str, text: str, seconds: int) -> None:
        """Keep the text, if Redis is there."""
        try:
            await self._redis.set(_PREFIX + key, text, ex=seconds)
        except RedisError as error:
            self._warn(error)
        else:
            self._away = False

    async def claim(self, key: str, seconds: int) -> bool:
        """Whether the key is new to all gateways; yes, while Redis is away."""
        try:
            new = await self._redis.set(_PREFIX + key, "", ex=seconds, nx=True)
        except RedisError as error:
            self._warn(error)
            return True
        self._away = False
        return bool(new)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def _warn(self, error: RedisError) -> None:
        """Once for each time that it goes away; the address may hold a password and is not told."""
        if not self._away:
            log.warning("redis is away: going on without kept results", error=type(error).__name__)
        self._away = True


_PREFIX = "acousticsense:"


def make_store(redis_url: SecretStr | None) -> ResultStore:
    """Redis where an address is given, else this process's memory."""
    return RedisStore(redis_url.get_secret_value()) if redis_url else MemoryStore()
