"""The attempts to deliver, as statements: which may begin now, and what became of each.

A receiver is what one app calls at one scheme, host and port. It gets so many attempts at once,
fewer once it did not answer at all, and after several silences in a row it is shut for a while:
what is due then waits, and one attempt at a time finds out whether it is back. So a dead receiver
costs a few connections, and nobody else any time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select, update

from gateway.tasks.database import insert
from gateway.tasks.schema import Attempt, Delivery, deliveries, receivers, tasks
from gateway.tasks.store import TaskRow

_AT_ONCE = 32  # attempts at one receiver that answers, in all processes together …
_WARY = 4  # … and at one that did not, the last time
_FAILURES = 5  # without any answer, in a row, until a receiver is shut …
_SHUT_SECONDS = 30  # … for so long, and twice as long each time that it stays silent …
_LONGEST_SHUT_SECONDS = 300  # … up to this
_SELECTIONS = 8  # a crowded receiver costs another look; there are seldom many


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt.

    Attributes:
        status: the HTTP status, or ``None`` if there was no answer.
        error: why it failed, in one word or two, or ``None`` if it did not.
        milliseconds: how long it took.
        response: the beginning of the answer's body.
        retry_after: seconds that the receiver asks to be left alone.
    """

    status: int | None
    error: str | None
    milliseconds: int
    response: str = ""
    retry_after: float | None = None


def any_due(connection: Connection, now: int) -> bool:
    """Whether any attempt is due."""
    due = select(deliveries.c.task).where(
        deliveries.c.state == Attempt.WAITING, deliveries.c.due_at <= now
    )
    return connection.execute(due.limit(1)).one_or_none() is not None


def take_due(connection: Connection, now: int, most: int) -> list[TaskRow]:
    """Attempts that may begin now: marked, and to be queued by the same transaction.

    Args:
        connection: within a transaction.
        now: milliseconds.
        most: how many may be under way at once, in all processes together.
    """
    busy = Counter(
        {
            row.receiver: row.number
            for row in connection.execute(
                select(deliveries.c.receiver, func.count().label("number"))
                .where(deliveries.c.state == Attempt.SENDING)
                .group_by(deliveries.c.receiver)
            )
        }
    )
    limits = {row.receiver: _limit(row, now) for row in connection.execute(select(receivers))}
    taken: list[TaskRow] = []
    for _ in range(_SELECTIONS):
        full = [name for name in {*busy, *limits} if busy[name] >= limits.get(name, _AT_ONCE)]
        room = most - busy.total()
        rows = _due(connection, now, full, room) if room > 0 else []
        for row in rows:
            if busy[row.receiver] < limits.get(row.receiver, _AT_ONCE) and _take(connection, row):
                busy[row.receiver] += 1
                taken.append(row)
        if len(rows) < room:
            break
    return taken


def _limit(row: TaskRow, now: int) -> int:
    """How many attempts at once a receiver gets that was silent."""
    if row.failures < _FAILURES:
        return _WARY
    return 0 if row.shut_until > now else 1


def _due(connection: Connection, now: int, full: list[str], most: int) -> Sequence[TaskRow]:
    return connection.execute(
        select(deliveries.c.task, deliveries.c.attempt, deliveries.c.receiver)
        .where(
            deliveries.c.state == Attempt.WAITING,
            deliveries.c.due_at <= now,
            deliveries.c.receiver.not_in(full),
        )
        .order_by(deliveries.c.due_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()


def _take(connection: Connection, row: TaskRow) -> bool:
    taken = connection.execute(
        update(deliveries)
        .where(_is(row.task, row.attempt), deliveries.c.state == Attempt.WAITING)
        .values(state=Attempt.SENDING)
    )
    return bool(taken.rowcount)


def find(connection: Connection, task: str, attempt: int) -> TaskRow | None:
    """What an attempt needs to know, if it is still to be made."""
    return connection.execute(
        select(
            tasks.c.id,
            tasks.c.body,
            tasks.c.webhook_url,
            tasks.c.webhook_secret,
            tasks.c.webhook_timeout,
            deliveries.c.receiver,
            deliveries.c.retry,
        )
        .join_from(deliveries, tasks)
        .where(_is(task, attempt), deliveries.c.state == Attempt.SENDING)
    ).one_or_none()


def log_of(connection: Connection, task: str) -> Sequence[TaskRow]:
    """All attempts of a task, in order."""
    query = select(deliveries).where(deliveries.c.task == task)
    return connection.execute(query.order_by(deliveries.c.attempt)).all()


def record(
    connection: Connection,
    task: str,
    attempt: int,
    outcome: Outcome,
    began: int,
) -> bool:
    """Note what became of an attempt; ``False`` if that was noted before, or it was cancelled."""
    noted = connection.execute(
        update(deliveries)
        .where(_is(task, attempt), deliveries.c.state == Attempt.SENDING)
        .values(
            state=Attempt.DONE,
            started_at=began,
            milliseconds=outcome.milliseconds,
            status=outcome.status,
            error=outcome.error,
            response=outcome.response,
        )
    )
    return bool(noted.rowcount)


def end(connection: Connection, task: str, delivery: Delivery) -> None:
    """Nothing more is tried, unless it is replayed."""
    waiting = and_(tasks.c.id == task, tasks.c.delivery == Delivery.WAITING)
    connection.execute(update(tasks).where(waiting).values(delivery=delivery))


def follow(connection: Connection, row: TaskRow, attempt: int, due_at: int) -> None:
    """Schedule the attempt after this one, unless the delivery was cancelled meanwhile."""
    waiting = select(tasks.c.id).where(tasks.c.id == row.id, tasks.c.delivery == Delivery.WAITING)
    if connection.execute(waiting).one_or_none():
        _schedule(connection, row.id, attempt + 1, row.retry + 1, row.receiver, due_at)


def replay(connection: Connection, task: TaskRow, receiver: str, now: int) -> bool:
    """Deliver once more, from the start of the schedule; what waits is brought forward.

    Returns:
        Whether it was possible: not while an attempt is being sent.
    """
    attempts = log_of(connection, task.id)
    last = attempts[-1] if attempts else None
    if last is not None and last.state == Attempt.SENDING:
        return False
    if last is not None and last.state == Attempt.WAITING:
        connection.execute(
            update(deliveries)
            .where(_is(task.id, last.attempt), deliveries.c.state == Attempt.WAITING)
            .values(due_at=now, retry=0)
        )
        return True
    number = last.attempt + 1 if last is not None else 1
    _schedule(connection, task.id, number, 0, receiver, now)
    connection.execute(update(tasks).where(tasks.c.id == task.id).values(delivery=Delivery.WAITING))
    return True


def judge(connection: Connection, receiver: str, answered: bool, now: int) -> None:
    """Count the receiver's silence, or forget it, now that there was an answer."""
    if answered:
        connection.execute(delete(receivers).where(receivers.c.receiver == receiver))
        return
    failures = connection.execute(
        insert(connection, receivers)
        .values(receiver=receiver, failures=1, shut_until=0)
        .on_conflict_do_update(
            index_elements=["receiver"],
            set_={"failures": receivers.c.failures + 1},
            where=receivers.c.shut_until <= now,  # what was out when it was shut counts no more
        )
        .returning(receivers.c.failures)
    ).scalar_one_or_none()
    if failures is not None and failures >= _FAILURES:
        seconds = min(_SHUT_SECONDS * 2 ** (failures - _FAILURES), _LONGEST_SHUT_SECONDS)
        connection.execute(
            update(receivers)
            .where(receivers.c.receiver == receiver)
            .values(shut_until=now + seconds * 1000)
        )


def give_up(connection: Connection, due_before: int) -> int:
    """End deliveries that a shut receiver has kept waiting since before then; how many."""
    overdue = and_(deliveries.c.state == Attempt.WAITING, deliveries.c.due_at < due_before)
    given_up = connection.execute(
        update(deliveries)
        .where(overdue)
        .values(state=Attempt.DONE, error="receiver away")
        .returning(deliveries.c.task)
    ).scalars()
    names = list(given_up)
    for name in names:
        end(connection, name, Delivery.FAILED)
    return len(names)


def _schedule(
    connection: Connection, task: str, attempt: int, retry: int, receiver: str, due_at: int
) -> None:
    connection.execute(
        insert(connection, deliveries)
        .values(
            task=task,
            attempt=attempt,
            retry=retry,
            receiver=receiver,
            state=Attempt.WAITING,
            due_at=due_at,
        )
        .on_conflict_do_nothing()
    )


def _is(task: str, attempt: int) -> ColumnElement[bool]:
    return and_(deliveries.c.task == task, deliveries.c.attempt == attempt)
