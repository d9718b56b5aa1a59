"""A task's life, as statements: each changes a row only from the state that it expects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, select, tuple_, update

from gateway.tasks.database import insert
from gateway.tasks.schema import Attempt, Delivery, TaskState, deliveries, tasks

UNFINISHED = (TaskState.QUEUED, TaskState.RUNNING)
_SWEPT_AT_ONCE = 500
TaskRow = Row[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a task ended: the body that is kept and delivered, and the error if it was one."""

    state: TaskState
    body: str
    error_code: int | None = None
    error_text: str | None = None


def add(connection: Connection, values: dict[str, Any]) -> TaskRow | None:
    """Insert a task. If its app used the idempotency key before, the task of then instead."""
    added = connection.execute(
        insert(connection, tasks)
        .values(values)
        .on_conflict_do_nothing(index_elements=["app", "idempotency_key"])
        .returning(tasks.c.id)
    ).one_or_none()
    if added is not None:
        return None
    return connection.execute(
        select(tasks).where(
            tasks.c.app == values["app"], tasks.c.idempotency_key == values["idempotency_key"]
        )
    ).one()


def unfinished(connection: Connection, app: str, most: int) -> int:
    """How many of an app's tasks are not over; counted no further than ``most``."""
    counted = (
        select(tasks.c.app)
        .where(tasks.c.app == app, tasks.c.finished_at.is_(None))
        .limit(most)
        .subquery()
    )
    return int(connection.execute(select(func.count()).select_from(counted)).scalar_one())


def find(connection: Connection, task: str, app: str) -> TaskRow | None:
    """An app's own task."""
    query = select(tasks).where(tasks.c.id == task, tasks.c.app == app)
    return connection.execute(query).one_or_none()


def page(
    connection: Connection, app: str, before: tuple[int, str] | None, size: int
) -> Sequence[TaskRow]:
    """An app's tasks, newest first; ``before`` is (``accepted_at``, ``id``) of the last one had."""
    query = select(tasks).where(tasks.c.app == app)
    if before is not None:
        query = query.where(tuple_(tasks.c.accepted_at, tasks.c.id) < tuple_(*before))
    order = (tasks.c.accepted_at.desc(), tasks.c.id.desc())
    return connection.execute(query.order_by(*order).limit(size)).all()


def start(connection: Connection, task: str, stage: str, now: int) -> TaskRow | None:
    """Note that work begins; ``None`` if the task is over, or waits for another try."""
    return connection.execute(
        update(tasks)
        .where(tasks.c.id == task, tasks.c.state.in_(UNFINISHED), tasks.c.due_at.is_(None))
        .values(
            state=TaskState.RUNNING,
            stage=stage,
            started_at=func.coalesce(tasks.c.started_at, now),
            starts=tasks.c.starts + 1,
        )
        .returning(tasks)
    ).one_or_none()


def enter(connection: Connection, task: str, stage: str) -> None:
    """Note how far the work is."""
    running = and_(tasks.c.id == task, tasks.c.state == TaskState.RUNNING)
    connection.execute(update(tasks).where(running).values(stage=stage))


def put_off(connection: Connection, task: str, tries: int, due_at: int) -> None:
    """Try again later; ``tries`` is how many there were before the one that failed now."""
    connection.execute(
        update(tasks)
        .where(tasks.c.id == task, tasks.c.state == TaskState.RUNNING, tasks.c.tries == tries)
        .values(state=TaskState.QUEUED, stage="waiting to retry", tries=tries + 1, due_at=due_at)
    )


def any_due(connection: Connection, now: int) -> bool:
    """Whether the next try of any task is due."""
    due = select(tasks.c.id).where(tasks.c.due_at <= now).limit(1)
    return connection.execute(due).one_or_none() is not None


def take_due(connection: Connection, now: int, limit: int) -> Sequence[TaskRow]:
    """Tasks whose next try is due; they are queued by the same transaction."""
    due = (
        select(tasks.c.id)
        .where(tasks.c.due_at <= now, tasks.c.state == TaskState.QUEUED)
        .order_by(tasks.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return connection.execute(
        update(tasks)
        .where(tasks.c.id.in_(due.scalar_subquery()), tasks.c.due_at <= now)
        .values(due_at=None, stage="queued")
        .returning(tasks.c.id, tasks.c.tries, tasks.c.priority)
    ).all()


def finish(
    connection: Connection, task: TaskRow, ending: Ending, receiver: str | None, now: int
) -> bool:
    """End a task with the one body it will ever have, and schedule its delivery.

    Returns:
        Whether this was the end; ``False`` if it had one before, which stays as it is.
    """
    ended = connection.execute(
        update(tasks)
        .where(tasks.c.id == task.id, tasks.c.state.in_(UNFINISHED))
        .values(
            state=ending.state,
            stage="done",
            finished_at=now,
            due_at=None,
            body=ending.body,
            error_code=ending.error_code,
            error_text=ending.error_text,
            audio_file=None,
            delivery=Delivery.WAITING if receiver else Delivery.NONE,
        )
    )
    if not ended.rowcount:
        return False
    if receiver:
        connection.execute(
            deliveries.insert().values(
                task=task.id,
                attempt=1,
                retry=0,
                receiver=receiver,
                state=Attempt.WAITING,
                due_at=now,
            )
        )
    return True


def cancel(connection: Connection, task: str, now: int) -> bool:
    """Stop the work on a task, or the delivery of one that is done; whether work was stopped."""
    stopped = connection.execute(
        update(tasks)
        .where(tasks.c.id == task, tasks.c.state.in_(UNFINISHED))
        .values(
            state=TaskState.CANCELLED,
            stage="done",
            finished_at=now,
            due_at=None,
            audio_file=None,
            delivery=Delivery.CANCELLED,
        )
    )
    if stopped.rowcount:
        return True
    connection.execute(
        update(tasks)
        .where(tasks.c.id == task, tasks.c.delivery == Delivery.WAITING)
        .values(delivery=Delivery.CANCELLED)
    )
    waiting = and_(deliveries.c.task == task, deliveries.c.state == Attempt.WAITING)
    connection.execute(
        update(deliveries).where(waiting).values(state=Attempt.DONE, error="cancelled")
    )
    return False


@dataclass(frozen=True, slots=True)
class Census:
    """What is not over, in the whole store.

    Attributes:
        open: tasks in each of the states that are not final.
        oldest: when the oldest of them was accepted, in milliseconds; ``None`` if there is none.
        waiting: attempts to deliver that have not begun.
    """

    open: dict[str, int]
    oldest: int | None
    waiting: int


def census(connection: Connection) -> Census:
    """Count what is not over; indexes hold just that, however much is kept."""
    rows = connection.execute(
        select(tasks.c.state, func.count().label("number"), func.min(tasks.c.accepted_at))
        .where(tasks.c.finished_at.is_(None), tasks.c.state.in_(UNFINISHED))
        .group_by(tasks.c.state)
    ).all()
    waiting = select(func.count()).where(deliveries.c.state == Attempt.WAITING)
    return Census(
        open=dict.fromkeys(UNFINISHED, 0) | {row[0]: row[1] for row in rows},
        oldest=min((row[2] for row in rows), default=None),
        waiting=connection.execute(waiting).scalar_one(),
    )


def audio_in_use(connection: Connection) -> set[str]:
    """Names of the audio files that tasks still need."""
    return set(
        connection.execute(
            select(tasks.c.audio_file).where(tasks.c.audio_file.is_not(None))
        ).scalars()
    )


def old(connection: Connection, finished_before: int) -> tuple[list[str], list[str]]:
    """Some tasks that are over and were so before then, and the workflows that were theirs."""
    rows = connection.execute(
        select(tasks.c.id, tasks.c.tries)
        .where(tasks.c.finished_at < finished_before, tasks.c.delivery != Delivery.WAITING)
        .limit(_SWEPT_AT_ONCE)
    ).all()
    ids = [row.id for row in rows]
    attempts = connection.execute(
        select(deliveries.c.task, deliveries.c.attempt).where(deliveries.c.task.in_(ids))
    ).all()
    names = [analysis_name(row.id, number) for row in rows for number in range(row.tries + 1)]
    return ids, names + [delivery_name(row.task, row.attempt) for row in attempts]


def remove(connection: Connection, ids: list[str]) -> None:
    """Delete tasks, and their deliveries with them."""
    connection.execute(delete(tasks).where(tasks.c.id.in_(ids)))


def analysis_name(task: str, tries: int) -> str:
    """The workflow of a task; of a later try, its own."""
    return f"{task}:try:{tries + 1}" if tries else task


def delivery_name(task: str, attempt: int) -> str:
    """The workflow of one attempt to deliver, counted from 1."""
    return f"{task}:deliver:{attempt}"
