"""Tasks as the fronts see them: accepted, looked at, cancelled, delivered again.

"Accepted" is said only after a commit that holds the task and its place in the queue together.
Whatever ends after that, the task is found by the next process, or by one beside it.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, BinaryIO, TypeVar

import structlog
from sqlalchemy import Connection

from gateway import errors
from gateway.tasks import store
from gateway.tasks.backlog import Backlog
from gateway.tasks.database import AWAY, Store
from gateway.tasks.engine import ANALYSIS, Engine
from gateway.tasks.request import NewTask
from gateway.tasks.schema import Delivery, TaskState
from gateway.tasks.store import TaskRow
from gateway.tasks.times import milliseconds
from gateway.tasks.uploads import Uploads
from gateway.tasks.worker import Worker
from gateway.webhooks import attempts
from gateway.webhooks.attempts import Outcome
from gateway.webhooks.sender import Sender, Webhook

T = TypeVar("T")
log = structlog.get_logger()

_PING = b'{"type":"ping"}'
_RETRY_SECONDS = 5.0
_EPOCH = 1_767_225_600  # 2026: priorities are seconds since then, to fit into 32 bits until 2094
_URL_HANDICAP = 10  # seconds that a download of unknown size stands back in the queue …
_BYTES_A_SECOND = 2**20  # … an upload one for each of these, and both one for each of the backlog


class Tasks:
    """Every task of this gateway's database."""

    def __init__(
        self,
        kept: Store,
        engine: Engine,
        worker: Worker,
        uploads: Uploads,
        sender: Sender,
        now: Callable[[], datetime],
    ) -> None:
        self._database = kept.database
        self._engine = engine
        self._worker = worker
        self._uploads = uploads
        self._sender = sender
        self._secrets = kept.secrets
        self._metrics = kept.metrics
        self._now = now
        self._backlog = Backlog()

    async def accept(self, new: NewTask, audio: BinaryIO | None) -> str:
        """Commit a task.

        Returns:
            Its id, or that of the task which the same request made before.

        Raises:
            Conflict: the idempotency key was used for another request.
            ServerBusy: the task cannot be stored now; nothing was accepted.
        """
        if not self._engine.started:
            raise _away(None)
        size = audio.seek(0, os.SEEK_END) if audio else None
        name = None
        if audio:
            try:
                name = await asyncio.to_thread(self._uploads.keep, new.id, audio)
            except OSError as error:
                raise _away(error) from error
        try:
            known = await self._run(partial(self._add, new, name, size))
        except Exception as error:
            # A server may have committed and died before it said so. Then the file is needed; if
            # not, it is found as an orphan.
            perhaps_kept = isinstance(error, errors.ServerBusy) and not self._database.is_sqlite
            if name and not perhaps_kept:
                await asyncio.to_thread(self._uploads.remove, name)
            raise
        if known is None:
            self._metrics.tasks_accepted.labels(new.kind).inc()
            return new.id
        if name:
            await asyncio.to_thread(self._uploads.remove, name)
        if known.request_hash != new.fingerprint:
            raise errors.Conflict("this Idempotency-Key was used for another request")
        return str(known.id)

    def _add(
        self, new: NewTask, audio: str | None, size: int | None, connection: Connection
    ) -> TaskRow | None:
        now = milliseconds(self._now())
        handicap = _URL_HANDICAP if size is None else size // _BYTES_A_SECOND
        handicap += self._backlog.join(connection, new.app, now)
        priority = now // 1000 - _EPOCH + handicap
        sample_rate, channels = new.pcm or (None, None)
        known = store.add(
            connection,
            {
                "id": new.id,
                "app": new.app,
                "kind": new.kind,
                "namespace": new.namespace,
                "state": TaskState.QUEUED,
                "stage": "queued",
                "accepted_at": now,
                "tries": 0,
                "starts": 0,
                "priority": priority,
                "audio_url": new.audio_url,
                "audio_file": audio,
                "pcm_sample_rate": sample_rate,
                "pcm_channels": channels,
                "idempotency_key": new.idempotency_key,
                "request_hash": new.fingerprint,
                "delivery": Delivery.WAITING if new.webhook else Delivery.NONE,
                **self._sealed(new.webhook),
            },
        )
        if known is None:
            name = store.analysis_name(new.id, 0)
            self._engine.enqueue(connection, ANALYSIS, name, new.id, priority=priority)
        return known

    def _sealed(self, webhook: Webhook | None) -> dict[str, Any]:
        if webhook is None:
            return {}
        secret = None if webhook.secret is None else self._secrets.seal(webhook.secret)
        return {
            "webhook_url": webhook.url,
            "webhook_secret": secret,
            "webhook_timeout": webhook.timeout,
        }

    async def find(self, task: str, app: str) -> TaskRow:
        """An app's own task.

        Raises:
            NotFound: there is none of that id, or it is another app's, or was swept.
            ServerBusy: the store is away.
        """
        row = await self._run(partial(store.find, task=task, app=app))
        if row is None:
            raise errors.NotFound(f"no task {task}; tasks are kept for a limited time")
        return row

    async def analysis(self, task: str, app: str) -> str | None:
        """The analysis object that an app's task came to, if it is one that came to one.

        Raises:
            ServerBusy: the store is away.
        """
        row = await self._run(partial(store.find, task=task, app=app))
        if row is None or row.kind != "rest" or row.state != TaskState.SUCCEEDED:
            return None
        return str(row.body)

    async def page(self, app: str, before: tuple[int, str] | None, size: int) -> Sequence[TaskRow]:
        """An app's tasks, newest first, from after ``before`` (``accepted_at``, ``id``)."""
        return await self._run(partial(store.page, app=app, before=before, size=size))

    async def cancel(self, task: str, app: str) -> TaskRow:
        """Stop the work on an app's task, or the delivery of one that is done.

        Returns:
            The task after that. One that is over in both respects stays as it is.

        Raises:
            NotFound: as for :meth:`find`.
        """
        before = await self.find(task, app)
        now = milliseconds(self._now())
        if await self._run(partial(store.cancel, task=task, now=now)):
            self._metrics.tasks_ended.labels(TaskState.CANCELLED).inc()
            self._worker.abandon(task)
            if before.audio_file:
                await asyncio.to_thread(self._uploads.remove, before.audio_file)
        return await self.find(task, app)

    async def attempts(self, task: str, app: str) -> Sequence[TaskRow]:
        """The attempts to deliver an app's task, in order.

        Raises:
            NotFound: as for :meth:`find`.
        """
        await self.find(task, app)
        return await self._run(partial(attempts.log_of, task=task))

    async def replay(self, task: str, app: str) -> TaskRow:
        """Deliver an app's task again, with the same body and id.

        Raises:
            NotFound: as for :meth:`find`.
            Conflict: it has no webhook, there is nothing to deliver, or it is being delivered.
        """
        row = await self.find(task, app)
        if row.webhook_url is None:
            raise errors.Conflict("the task has no webhook")
        if row.body is None:
            raise errors.Conflict(f"the task is {row.state}: there is nothing to deliver")
        receiver = self._worker.receiver(row)
        now = milliseconds(self._now())
        if not await self._run(partial(attempts.replay, task=row, receiver=receiver, now=now)):
            raise errors.Conflict("it is being delivered at this moment; ask again after that")
        self._worker.wake()
        return await self.find(task, app)

    async def measure(self) -> None:
        """Set the gauges that tell of the whole store; NaN while it is away."""
        metrics = self._metrics
        try:
            census = await self._run(store.census)
        except errors.ServerBusy:
            census = None
        for state in store.UNFINISHED:
            metrics.tasks_open.labels(state).set(census.open[state] if census else math.nan)
        metrics.deliveries_waiting.set(census.waiting if census else math.nan)
        now = milliseconds(self._now())
        age = math.nan if census is None else (now - (census.oldest or now)) / 1000
        metrics.task_oldest_seconds.set(age)

    async def ping(self, webhook: Webhook, webhook_id: str) -> Outcome:
        """Call a webhook once, with a signed body that is no task's."""
        return await self._sender.send(webhook, webhook_id, _PING)

    async def _run(self, work: Callable[[Connection], T]) -> T:
        if not self._engine.started:
            raise _away(None)
        try:
            return await self._database.run(work)
        except AWAY as error:
            raise _away(error) from error


def _away(error: Exception | None) -> errors.ServerBusy:
    if error is not None:
        log.warning("the task store is away or full", error=type(error).__name__)
    return errors.ServerBusy(
        "the task store is away, busy or full; nothing was accepted", retry_after=_RETRY_SECONDS
    )
