"""Queues of any length: filled, and claimed from."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from dbos import DBOS, DBOSClient
from sqlalchemy import Connection, insert

from benchmarks.load import median
from gateway.tasks.database import Database
from gateway.tasks.schema import SCHEMA, Attempt, Delivery, TaskState, deliveries
from gateway.tasks.schema import tasks as table
from gateway.webhooks import attempts

_BODY = json.dumps({"request_id": "x" * 36, "top_genre": "Rock", "rest": "x" * 400})
_LENGTHS = (0, 1_000, 10_000, 100_000)
_ROUNDS = 21
_AT_ONCE = 5_000


def backlog(url: str, hook: str, count: int, apps: int) -> None:
    """Insert finished tasks of so many apps, whose webhooks are due now."""
    database = Database(url)
    database.create()
    now = int(time.time() * 1000)
    names = [(str(uuid.uuid4()), f"app-{number % apps}") for number in range(count)]
    finished = [
        {
            "id": name,
            "app": app,
            "kind": "rest",
            "namespace": "AcousticSense",
            "state": TaskState.SUCCEEDED,
            "stage": "done",
            "accepted_at": now,
            "finished_at": now,
            "tries": 0,
            "starts": 1,
            "priority": 1,
            "webhook_url": hook,
            "webhook_timeout": 5,
            "delivery": Delivery.WAITING,
            "body": _BODY,
        }
        for name, app in names
    ]
    due = [
        {
            "task": name,
            "attempt": 1,
            "retry": 0,
            "receiver": f"{app} {hook}",
            "state": Attempt.WAITING,
            "due_at": now,
        }
        for name, app in names
    ]
    with _connected(database) as connection:
        for rows, into in ((finished, table), (due, deliveries)):
            for first in range(0, count, _AT_ONCE):
                connection.execute(insert(into), rows[first : first + _AT_ONCE])
    database.close()


def claims(url: str) -> Iterator[tuple[int, float, float]]:
    """How many wait, and the milliseconds to claim four workflows and some due webhooks."""
    database = Database(url)
    database.create()
    with _connected(database) as connection:
        for each in (deliveries, table):
            connection.execute(each.delete())
    dbos = DBOS(
        config={
            "name": "acousticsense",
            "system_database_url": url,
            "system_database_engine": database.engine,
            "application_version": "1",
            "executor_id": "bench",
            "log_level": "ERROR",
        }
    )
    DBOS.listen_queues([])  # nobody else claims from it
    DBOS.launch()
    client = DBOSClient(
        system_database_url=url,
        system_database_engine=database.engine,
        application_name="acousticsense",
    )
    client.register_queue("bench", worker_concurrency=4)
    filled = 0
    for length in _LENGTHS:
        _enqueue(client, database, length - filled)
        backlog(url, "http://127.0.0.1:1/hook", length - filled, apps=1000)
        filled = length
        claim = median([_milliseconds(_claim, dbos) for _ in range(_ROUNDS)])
        yield length, claim, median([_milliseconds(_due, database) for _ in range(_ROUNDS)])
    DBOS.destroy(destroy_registry=True)
    database.close()


def _enqueue(client: DBOSClient, database: Database, count: int) -> None:
    for first in range(0, count, _AT_ONCE):
        with database.engine.begin() as connection:
            for number in range(first, min(first + _AT_ONCE, count)):
                client.enqueue_in_transaction(
                    connection,
                    {
                        "workflow_name": "analysis",
                        "queue_name": "bench",
                        "app_version": "1",
                        "priority": 1 + number,
                    },
                    "task",
                )


def _claim(dbos: DBOS) -> None:
    """As a gateway's queue thread does it."""
    queue = dbos._sys_db.get_queue("bench")
    assert queue is not None  # noqa: S101
    dbos._sys_db.start_queued_workflows(queue, "bench", "1", None)


def _due(database: Database) -> None:
    """As a gateway's upkeep does it; nothing stays taken."""
    with _connected(database) as connection:
        attempts.take_due(connection, int(time.time() * 1000), 64)
        connection.rollback()


def _milliseconds(work: Callable[..., None], *arguments: Any) -> float:
    began = time.perf_counter()
    work(*arguments)
    return (time.perf_counter() - began) * 1000


def _connected(database: Database) -> AbstractContextManager[Connection]:
    translate = {SCHEMA: None} if database.is_sqlite else {}
    return database.engine.execution_options(schema_translate_map=translate).begin()
