"""The tasks' parts put together, started beside the application, and stopped in good order."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from gateway.analyzer import Analyzer
from gateway.outbound.client import OutboundClient
from gateway.outbound.settings import OutboundSettings
from gateway.room import Room
from gateway.tasks.analysis import Limits, Work
from gateway.tasks.database import Store
from gateway.tasks.engine import Engine
from gateway.tasks.service import Tasks
from gateway.tasks.upkeep import Upkeep
from gateway.tasks.uploads import Uploads
from gateway.tasks.worker import Worker
from gateway.webhooks.sender import Sender

if TYPE_CHECKING:
    from gateway.settings import Settings

log = structlog.get_logger()

_CALLS = 512  # webhooks under way in this process; a call that waits costs next to nothing
_RETRY_SECONDS = 1.0
_WAIT_SECONDS = 10.0  # then the gateway serves what needs no tasks


class Runtime:
    """One process's share in the work. The database need not be there when it starts."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        analyzer: Analyzer,
        outbound: OutboundClient,
        webhooks: OutboundClient,
        room: Room,
        now: Callable[[], datetime],
    ) -> None:
        """Put the parts together; nothing is begun."""
        database = store.database
        self._grace_seconds = settings.grace_seconds - 1  # the last is for handing back the rest
        uploads = Uploads(settings.data_dir / "audio")
        sender = Sender(webhooks, now, sends_secret=settings.webhook_secret_header)
        limits = Limits(
            settings.deadline_seconds, settings.max_audio_bytes, settings.analysis_concurrency
        )
        work = Work(analyzer, outbound, room, uploads, now, limits)
        self.database = database
        self._engine = Engine(
            database, _executor_id(settings), settings.analysis_concurrency, _CALLS
        )
        self._worker = Worker(
            store,
            self._engine,
            work,
            sender,
            now,
            random.Random(),  # noqa: S311  spreads retries, guards nothing
        )
        self._upkeep = Upkeep(
            database,
            self._engine,
            self._worker,
            uploads,
            now,
            timedelta(seconds=settings.task_seconds),
        )
        self.tasks = Tasks(store, self._engine, self._worker, uploads, sender, now)
        self._starting: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[None] | None = None

    @property
    def draining(self) -> bool:
        """Whether this process takes no more work, because it is about to end."""
        return self._stopping is not None

    async def start(self) -> None:
        """Begin; a database that is away is waited for, but not for long in here."""
        self._starting = asyncio.create_task(self._start())
        await asyncio.wait({self._starting}, timeout=_WAIT_SECONDS)

    async def _start(self) -> None:
        warned = False
        while True:
            try:
                await asyncio.to_thread(self.database.create)
                await self._upkeep.announce()
                await self._engine.start(self._worker.analyse, self._worker.deliver)
            except Exception as error:
                if not warned:
                    log.warning("the task store cannot be opened yet", error=type(error).__name__)
                warned = True
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                self._upkeep.start()
                return

    def wake(self) -> None:
        """Look at once for what is due."""
        self._worker.wake()

    def drain(self) -> None:
        """Take no more work, and let what runs end within the grace; from the loop's thread."""
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())

    async def drained(self) -> None:
        """Drain; afterwards tasks are accepted still, for others to do."""
        self.drain()
        assert self._stopping is not None  # noqa: S101  drain made it
        await self._stopping

    async def stop(self) -> None:
        """Drain, and let everything go."""
        await self.drained()
        self._engine.close()
        await asyncio.to_thread(self.database.close)

    async def _stop(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            with suppress(asyncio.CancelledError):
                await self._starting
        await self._engine.stop(self._grace_seconds)
        await self._upkeep.stop()
        await self._upkeep.give_up()


def webhook_settings(settings: OutboundSettings) -> OutboundSettings:
    """Calls of webhooks have room of their own, so that dead receivers delay no download."""
    return settings.model_copy(update={"connections": _CALLS, "slow_seconds": 30.0})


def _executor_id(settings: Settings) -> str:
    return settings.executor_id or f"{socket.gethostname()}:{settings.port}"
