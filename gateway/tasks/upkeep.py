"""What must be done from time to time: queue what is due, take over from the dead, sweep.

Every process does all of it; none is special. A process shows that it lives by counting up its own
row. Who sees another's number stand still, several times in a row while its own goes up, takes that
one for dead and has its work queued again. No clock is compared with another, so clocks may jump.
A process that was only paused does no harm when it goes on: each of its writes expects a state
that is no longer there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection, delete, select, update

from gateway.tasks import store
from gateway.tasks.database import AWAY, Database, insert
from gateway.tasks.engine import Engine
from gateway.tasks.schema import executors
from gateway.tasks.times import milliseconds
from gateway.tasks.uploads import Uploads
from gateway.tasks.worker import Worker
from gateway.webhooks import attempts

log = structlog.get_logger()

_DUE_SECONDS = 0.25
_LEAST_SECONDS = 0.05  # between two looks, or every delivery would be followed by one
_BEAT_SECONDS = 2.0
_STILL = 5  # looks in a row, until a number that stands still means a dead process
_SWEEP_SECONDS = 600.0
_OVERDUE = timedelta(days=2)  # a delivery that a shut receiver keeps waiting ends at last
_STOPPED = -1  # a process that ended in order, and need not be watched


class Upkeep:
    """The loops of one process."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        worker: Worker,
        uploads: Uploads,
        now: Callable[[], datetime],
        kept: timedelta,
    ) -> None:
        self._database = database
        self._engine = engine
        self._worker = worker
        self._uploads = uploads
        self._now = now
        self._kept = kept
        self._seen: dict[str, tuple[int, int]] = {}
        self._loops: list[asyncio.Task[None]] = []

    async def announce(self) -> None:
        """Show that this process lives, before it takes any work."""
        await self._database.run(self._beat)

    def start(self) -> None:
        """Keep the loops going."""
        self._loops = [
            asyncio.create_task(_repeat(work, seconds))
            for work, seconds in (
                (self._queue_due, 0.0),
                (self._watch, _BEAT_SECONDS),
                (self._sweep, _SWEEP_SECONDS),
            )
        ]

    async def stop(self) -> None:
        """End the loops."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)

    async def give_up(self) -> None:
        """Say that this process is about to end: what it leaves may be taken at once."""
        own = executors.c.id == self._engine.executor_id
        try:
            await self._database.run(
                lambda connection: connection.execute(
                    update(executors).where(own).values(beats=_STOPPED)
                )
            )
        except AWAY:
            log.warning("the task store is away: what is left here is taken over a little later")

    async def _queue_due(self) -> None:
        queued = await self._worker.queue_due()
        await asyncio.sleep(_LEAST_SECONDS)
        if not queued:
            await self._worker.until_woken(_DUE_SECONDS)

    async def _watch(self) -> None:
        await self._database.run(self._beat)
        beats = await self._database.run(_beats)
        beats.pop(self._engine.executor_id, None)
        self._seen = {name: _look(self._seen.get(name), beat) for name, beat in beats.items()}
        for name, (beat, still) in self._seen.items():
            if still >= _STILL or beat == _STOPPED:
                await self._take_over(name, beat)

    async def _take_over(self, name: str, beat: int) -> None:
        taken = await asyncio.to_thread(self._engine.take_over, name)
        if taken:
            log.warning("took over from a process that ended", executor=name, workflows=taken)
            return
        silent = (executors.c.id == name) & (executors.c.beats == beat)
        await self._database.run(
            lambda connection: connection.execute(delete(executors).where(silent))
        )

    def _beat(self, connection: Connection) -> None:
        connection.execute(
            insert(connection, executors)
            .values(id=self._engine.executor_id, beats=1)
            .on_conflict_do_update(
                index_elements=["id"],
                set_={"beats": executors.c.beats + 1},
            )
        )

    async def _sweep(self) -> None:
        now = self._now()
        overdue = milliseconds(now - _OVERDUE)
        await self._database.run(partial(attempts.give_up, due_before=overdue))
        before = milliseconds(now - self._kept)
        needed = await self._database.run(store.audio_in_use)
        await asyncio.to_thread(self._uploads.remove_orphans, needed)
        while True:
            ids, workflows = await self._database.run(partial(store.old, finished_before=before))
            if not ids:
                break
            await asyncio.to_thread(self._engine.forget, workflows)
            await self._database.run(partial(store.remove, ids=ids))


def _beats(connection: Connection) -> dict[str, int]:
    rows = connection.execute(select(executors.c.id, executors.c.beats))
    return {row.id: row.beats for row in rows}


def _look(before: tuple[int, int] | None, beat: int) -> tuple[int, int]:
    """The number, and how many looks it has stood still."""
    if before is None or before[0] != beat:
        return beat, 0
    return beat, before[1] + 1


async def _repeat(work: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Do the work for ever; a database that is away delays it."""
    while True:
        try:
            await work()
        except AWAY as error:
            log.warning("the task store is away", error=type(error).__name__)
            await asyncio.sleep(1.0)
        except Exception:
            log.exception("upkeep of tasks failed")
            await asyncio.sleep(1.0)
        await asyncio.sleep(seconds)
