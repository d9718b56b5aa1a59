"""DBOS, as this gateway uses it: two queues, two workflows, and the law that nothing is lost.

A workflow here has no steps. What it does is written into our own rows, each write guarded by the
state it expects, so that a workflow may run again from its beginning at any time; DBOS sees to it
that it does. It keeps the queues, hands each workflow to one process, and remembers whose it is.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog
from dbos import DBOS, DBOSClient, EnqueueOptions, WorkflowSerializationFormat
from sqlalchemy import Connection

from gateway.tasks.database import Database

log = structlog.get_logger()

_NAME = "acousticsense"
_VERSION = "1"  # of the workflows' names and arguments: raised when those change, not with releases
_POLL_SECONDS = 0.2
_READY = 4  # claimed for each that is in work: DBOS claims when it polls, not when there is room
ANALYSIS, WEBHOOKS = "analysis", "webhooks"

Analyse = Callable[[str], Awaitable[None]]
Deliver = Callable[[str, int], Awaitable[None]]


class Engine:
    """Puts work into queues, and runs what this process is given of it. One in a process."""

    def __init__(self, database: Database, executor_id: str, analyses: int, calls: int) -> None:
        """Prepare.

        Args:
            database: where DBOS keeps its tables as well.
            executor_id: this process's name, its own among all that run.
            analyses: how many analyses this process does at once; a few more stand ready.
            calls: most webhook calls at once in this process.
        """
        self.executor_id = executor_id
        self._database = database
        self._limits = {ANALYSIS: analyses * _READY, WEBHOOKS: calls}
        self._client: DBOSClient | None = None
        self._working = 0

    @property
    def started(self) -> bool:
        """Whether work can be put into the queues."""
        return self._client is not None

    async def start(self, analyse: Analyse, deliver: Deliver) -> None:
        """Create DBOS's tables, take up what a process of this name left, and begin to work.

        Raises:
            Exception: the database cannot be reached or written to; it may be tried again.
        """
        loop = asyncio.get_running_loop()
        try:
            await asyncio.to_thread(self._launch, loop, analyse, deliver)
        except BaseException:
            DBOS.destroy(destroy_registry=True)
            raise

    def _launch(self, loop: asyncio.AbstractEventLoop, analyse: Analyse, deliver: Deliver) -> None:
        _redirect_log()
        DBOS.migrate(self._database.url)
        client = DBOSClient(
            system_database_url=self._database.url,
            system_database_engine=self._database.engine,
            application_name=_NAME,
            retry_connection_errors=False,  # whoever asks for a task is told, and asks again
        )
        for queue, limit in self._limits.items():  # before the launch, which looks for them
            client.register_queue(
                queue, worker_concurrency=limit, polling_interval_sec=_POLL_SECONDS
            )
        DBOS(
            config={
                "name": _NAME,
                "system_database_url": self._database.url,
                "system_database_engine": self._database.engine,
                "application_version": _VERSION,
                "executor_id": self.executor_id,
                "run_migrations": False,  # they were run for the queues
                "use_listen_notify": False,
                "notification_listener_polling_interval_sec": 0.25,  # its end is waited for
                "log_level": "WARNING",
            }
        )
        for name, work in ((ANALYSIS, analyse), (WEBHOOKS, deliver)):
            DBOS.workflow(
                name=name,
                max_recovery_attempts=None,  # a task counts its own starts
                serialization_type=WorkflowSerializationFormat.PORTABLE,
            )(self._workflow(loop, work))
        DBOS.launch()
        self._client = client

    def _workflow(
        self, loop: asyncio.AbstractEventLoop, work: Callable[..., Awaitable[None]]
    ) -> Callable[..., Awaitable[None]]:
        """Work of the gateway's own loop, as DBOS runs it on a loop and thread of its own."""

        async def counted(*arguments: Any) -> None:
            self._working += 1
            try:
                await work(*arguments)
            finally:
                self._working -= 1

        async def workflow(*arguments: Any) -> None:
            there = asyncio.run_coroutine_threadsafe(counted(*arguments), loop)
            await asyncio.wrap_future(there)

        return workflow

    def enqueue(
        self, connection: Connection, queue: str, name: str, *arguments: Any, priority: int = 1
    ) -> None:
        """Queue a workflow within the caller's transaction.

        A name that was used before changes nothing; lower priorities come first.
        """
        if self._client is None:
            raise RuntimeError("the engine was not started")
        options: EnqueueOptions = {
            "workflow_name": queue,
            "queue_name": queue,
            "workflow_id": name,
            "app_version": _VERSION,
            "priority": priority,
            "serialization_type": WorkflowSerializationFormat.PORTABLE,
        }
        self._client.enqueue_in_transaction(connection, options, *arguments)

    def take_over(self, executor_id: str) -> int:
        """Queue again what a dead process had in work; how much that was. Blocks.

        Any number of processes may do so at once: DBOS moves only what still bears that name.
        """
        return len(DBOS._recover_pending_workflows([executor_id]))

    def forget(self, names: Iterable[str]) -> None:
        """Delete what DBOS remembers of these workflows. Blocks."""
        DBOS.delete_workflows(list(names))

    async def stop(self, grace_seconds: float) -> None:
        """Claim nothing more, let running work end within the grace, and give up the rest.

        What is given up stays with this process's name in the database, to be taken over. Work can
        still be put into the queues, for others.
        """
        await asyncio.to_thread(
            DBOS.destroy,
            destroy_registry=True,
            workflow_completion_timeout_sec=math.ceil(grace_seconds) if self._working else 0,
        )

    def close(self) -> None:
        """Let the connections go; nothing can be queued any more."""
        client, self._client = self._client, None
        if client is not None:
            client.destroy()


class _ToOurLog(logging.Handler):
    """DBOS's warnings, in the form of all other lines."""

    def emit(self, record: logging.LogRecord) -> None:
        # The first line: the others are SQL and its parameters.
        log.log(record.levelno, "dbos", message=record.getMessage().partition("\n")[0])


def _redirect_log() -> None:
    logger = logging.getLogger("dbos")
    logger.handlers[:] = [_ToOurLog()]  # DBOS adds its own only where there is none
    logger.propagate = False
    logger.setLevel(logging.WARNING)
