"""How many tasks of an app are not over: what the next of them stands back for."""

from __future__ import annotations

from sqlalchemy import Connection

from gateway.tasks import store

_MOST = 3600
_FRESH_MILLISECONDS = 1000


class Backlog:
    """Looked up once a second and counted on between, for a count costs a write's time."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, int]] = {}

    def join(self, connection: Connection, app: str, now: int) -> int:
        """How many of the app's are before the one that is accepted now; 3600 at most."""
        looked, count = self._known.get(app, (0, 0))
        if abs(now - looked) > _FRESH_MILLISECONDS:  # also where a clock was put back
            looked, count = now, store.unfinished(connection, app, _MOST)
        self._known[app] = looked, count + 1
        return min(count, _MOST)
