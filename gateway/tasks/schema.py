"""The tables that hold what was promised. DBOS keeps its own beside them, in the same database.

A task's row is the truth about it: what is asked, how far it is, and the body that is polled and
delivered. DBOS's rows only say who works on what at the moment. Times are UTC, in milliseconds.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA = "acousticsense"
"""In PostgreSQL; SQLite has none."""

metadata = MetaData(schema=SCHEMA)


class TaskState(StrEnum):
    """What became of a task; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Delivery(StrEnum):
    """What became of a task's webhook; only WAITING is not final."""

    NONE = "none"
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Attempt(StrEnum):
    """Where one attempt to deliver is: not due or not begun, handed to DBOS, over."""

    WAITING = "waiting"
    SENDING = "sending"
    DONE = "done"


tasks = Table(
    "tasks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("app", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("accepted_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    # When a try that waits is to be queued; no value while it is queued or in work.
    Column("due_at", BigInteger),
    Column("tries", Integer, nullable=False),
    Column("starts", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("audio_url", Text),
    Column("audio_file", Text),
    Column("pcm_sample_rate", Integer),
    Column("pcm_channels", Integer),
    Column("idempotency_key", Text),
    Column("request_hash", Text),
    Column("webhook_url", Text),
    Column("webhook_secret", Text),  # encrypted
    Column("webhook_timeout", Integer),
    Column("delivery", Text, nullable=False),
    Column("body", Text),  # written once, when the task ends
    Column("error_code", Integer),
    Column("error_text", Text),
    UniqueConstraint("app", "idempotency_key"),
)
Index("tasks_of_app", tasks.c.app, tasks.c.accepted_at, tasks.c.id)
for _name, _column in (("due", tasks.c.due_at), ("finished", tasks.c.finished_at)):
    _known = _column.is_not(None)
    Index(f"tasks_{_name}", _column, sqlite_where=_known, postgresql_where=_known)
_open = tasks.c.finished_at.is_(None)
Index("tasks_open", tasks.c.state, tasks.c.accepted_at, sqlite_where=_open, postgresql_where=_open)
Index("tasks_open_of_app", tasks.c.app, sqlite_where=_open, postgresql_where=_open)

deliveries = Table(
    "deliveries",
    metadata,
    Column("task", Text, ForeignKey(tasks.c.id, ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("retry", Integer, nullable=False),  # how many times the schedule was gone on
    Column("receiver", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("milliseconds", Integer),
    Column("status", Integer),
    Column("error", Text),
    Column("response", Text),
)
for _state, _column in (
    (Attempt.WAITING, deliveries.c.due_at),
    (Attempt.SENDING, deliveries.c.receiver),
):
    _there = deliveries.c.state == _state.value
    Index(f"deliveries_{_state}", _column, sqlite_where=_there, postgresql_where=_there)

receivers = Table(
    "receivers",
    metadata,
    Column("receiver", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("shut_until", BigInteger, nullable=False),
)

executors = Table(
    "executors",
    metadata,
    Column("id", Text, primary_key=True),
    Column("beats", BigInteger, nullable=False),
)
