"""A bound on the bytes of audio under way, over all requests: bodies and downloads alike."""

from __future__ import annotations

from typing import Self

from gateway import errors

_RETRY_SECONDS = 5.0  # a large body takes about that long


class Room:
    """So many bytes, of which each request takes its share. What finds no room is refused."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._held = 0

    @property
    def held(self) -> int:
        """Bytes that are taken now."""
        return self._held

    def share(self) -> Share:
        """A request's share, empty; leaving it as a context gives everything back."""
        return Share(self)


class Share:
    """What one request holds of a room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._room._held -= self.size
        self.size = 0

    def grow(self, size: int) -> None:
        """Hold ``size`` bytes in all; a smaller size than is held changes nothing.

        Raises:
            ExceededConcurrency: there is no room for so many.
        """
        more = max(0, size - self.size)
        if self._room._held + more > self._room._limit:
            raise errors.ExceededConcurrency(
                "too many large files at once; try again", retry_after=_RETRY_SECONDS
            )
        self._room._held += more
        self.size += more
