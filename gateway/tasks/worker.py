"""What this process does with tasks: analyses, deliveries, and finding what is due.

Every write here waits for the database to come back, and expects the state it changes: it may be
done twice, by this process or another, and counts once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from gateway import errors, metrics
from gateway.tasks import store
from gateway.tasks.analysis import Work, failure, retry_seconds
from gateway.tasks.database import Store
from gateway.tasks.engine import ANALYSIS, WEBHOOKS, Engine
from gateway.tasks.schema import Delivery
from gateway.tasks.store import Ending, TaskRow
from gateway.tasks.times import milliseconds
from gateway.webhooks import attempts
from gateway.webhooks.attempts import Outcome
from gateway.webhooks.schedule import next_delay
from gateway.webhooks.secrets import UnreadableSecretError
from gateway.webhooks.sender import GONE, Sender, Webhook

log = structlog.get_logger()

_MOST_STARTS = 100  # a task at whose every start a process ends must be ended itself at last
_SPREAD = 0.2
_QUEUED_AT_ONCE = 100
_ALL_CALLS = 2048  # webhooks under way, in all processes together


class Worker:
    """Runs what DBOS gives to this process, and gives DBOS what is due."""

    def __init__(
        self,
        kept: Store,
        engine: Engine,
        work: Work,
        sender: Sender,
        now: Callable[[], datetime],
        chance: random.Random,
    ) -> None:
        self._database = kept.database
        self._engine = engine
        self._work = work
        self._sender = sender
        self._secrets = kept.secrets
        self._metrics = kept.metrics
        self._now = now
        self._chance = chance
        self._under_way: dict[str, asyncio.Task[Ending]] = {}
        self._woken = asyncio.Event()

    # Analyses

    async def analyse(self, task_id: str) -> None:
        """The workflow of a task: one try, and what follows from it."""
        async with self._work.turn:
            await self._analyse(task_id)

    async def _analyse(self, task_id: str) -> None:
        task = await self._database.insist(
            partial(store.start, task=task_id, stage="starting", now=self._milliseconds())
        )
        if task is None:
            return
        try:
            ending = await self._attempted(task)
        except errors.ApiError as error:
            seconds = retry_seconds(error, task.tries)
            if seconds is not None and task.starts < _MOST_STARTS:
                await self._put_off(task, seconds, error)
                return
            ending = failure(task, error)
        except asyncio.CancelledError:
            if asyncio.current_task().cancelling():  # type: ignore[union-attr]  # we are one
                raise  # this process ends; the next one begins again
            return  # the task was cancelled
        await self._finish(task, ending)

    async def _attempted(self, task: TaskRow) -> Ending:
        """One try.

        Raises:
            ApiError: it failed.
            CancelledError: the client cancelled the task.
        """
        if task.starts > _MOST_STARTS:
            raise errors.ServerError
        trying = asyncio.ensure_future(self._work.do(task, partial(self._enter, task.id)))
        self._under_way[task.id] = trying
        try:
            return await trying
        except (errors.ApiError, asyncio.CancelledError):
            raise
        except Exception as error:
            log.exception("a task's analysis failed", task_id=task.id)
            raise errors.ServerError from error
        finally:
            trying.cancel()
            self._under_way.pop(task.id, None)

    def abandon(self, task_id: str) -> None:
        """Stop the analysis of a cancelled task, if it is under way here."""
        if trying := self._under_way.get(task_id):
            trying.cancel()

    async def _enter(self, task_id: str, stage: str) -> None:
        await self._database.insist(partial(store.enter, task=task_id, stage=stage))

    async def _put_off(self, task: TaskRow, seconds: float, error: errors.ApiError) -> None:
        wait = seconds * self._chance.uniform(1 - _SPREAD, 1 + _SPREAD)
        log.info("a task is tried again", task_id=task.id, seconds=round(wait), why=error.name)
        due_at = self._milliseconds() + round(wait * 1000)
        await self._database.insist(
            partial(store.put_off, task=task.id, tries=task.tries, due_at=due_at)
        )

    async def _finish(self, task: TaskRow, ending: Ending) -> None:
        receiver = self.receiver(task) if task.webhook_url else None
        now = self._milliseconds()
        ended = await self._database.insist(
            partial(store.finish, task=task, ending=ending, receiver=receiver, now=now)
        )
        if ended:
            self._metrics.tasks_ended.labels(ending.state).inc()
        log.info("a task ended", task_id=task.id, state=ending.state, code=ending.error_code)
        await self._work.clear(task)
        self.wake()

    # Deliveries

    async def deliver(self, task_id: str, attempt: int) -> None:
        """The workflow of one attempt to deliver."""
        row = await self._database.insist(partial(attempts.find, task=task_id, attempt=attempt))
        if row is None:
            return
        began = self._milliseconds()
        outcome = await self._sent(row)
        followed = await self._database.insist(partial(self._record, row, attempt, outcome, began))
        if followed is not None:
            self._metrics.deliveries.labels(followed).inc()
        self.wake()

    async def _sent(self, row: TaskRow) -> Outcome:
        sealed = row.webhook_secret
        try:
            secret = None if sealed is None else self._secrets.open(sealed)
        except UnreadableSecretError:
            log.warning("a webhook's secret is unreadable: its key is not set", task_id=row.id)
            return Outcome(None, "secret unreadable", 0)
        webhook = Webhook(row.webhook_url, secret, row.webhook_timeout)
        try:
            return await self._sender.send(webhook, row.id, row.body.encode())
        except Exception:
            log.exception("a webhook could not be sent", task_id=row.id)
            return Outcome(None, "fault of ours", 0)

    def _record(
        self, row: TaskRow, attempt: int, outcome: Outcome, began: int, connection: Connection
    ) -> str | None:
        """Note an attempt, and what follows from it; ``None`` if it was noted before."""
        if not attempts.record(connection, row.id, attempt, outcome, began):
            return None
        now = self._milliseconds()
        answered = outcome.status is not None
        attempts.judge(connection, row.receiver, answered=answered, now=now)
        if outcome.error is None:
            attempts.end(connection, row.id, Delivery.DELIVERED)
            return metrics.DELIVERED
        delay = next_delay(row.retry, outcome.retry_after, self._chance)
        if delay is None or outcome.status == GONE:
            attempts.end(connection, row.id, Delivery.FAILED)
            return metrics.GIVEN_UP
        attempts.follow(connection, row, attempt, now + delay // timedelta(milliseconds=1))
        return metrics.AGAIN

    def receiver(self, task: TaskRow) -> str:
        """Who is called for a task: an app's webhooks at one scheme, host and port."""
        return f"{task.app} {Webhook(task.webhook_url, None, 1).origin}"

    # What is due

    async def queue_due(self) -> int:
        """Give DBOS what is due; how much that was.

        Raises:
            OperationalError, InterfaceError, PoolTimeoutError: the database is away.
        """
        now = self._milliseconds()
        due = partial(store.any_due, now=now)
        waiting = partial(attempts.any_due, now=now)
        if not (await self._database.run(due) or await self._database.run(waiting)):
            return 0  # SQLite's one lock is not taken for nothing
        return await self._database.run(self._queue_due)

    def _queue_due(self, connection: Connection) -> int:
        now = self._milliseconds()
        tries = store.take_due(connection, now, _QUEUED_AT_ONCE)
        for row in tries:
            name = store.analysis_name(row.id, row.tries)
            self._engine.enqueue(connection, ANALYSIS, name, row.id, priority=row.priority)
        calls = attempts.take_due(connection, now, _ALL_CALLS)
        for row in calls:
            name = store.delivery_name(row.task, row.attempt)
            self._engine.enqueue(connection, WEBHOOKS, name, row.task, row.attempt)
        return len(tries) + len(calls)

    def wake(self) -> None:
        """Something may be due: look at once."""
        self._woken.set()

    async def until_woken(self, seconds: float) -> None:
        """Wait until :meth:`wake`, or so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()

    def _milliseconds(self) -> int:
        return milliseconds(self._now())
