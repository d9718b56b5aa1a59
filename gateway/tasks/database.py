"""The database that tasks live in: a SQLite file, or PostgreSQL, through the same statements."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.schema import Table

from gateway.metrics import Metrics
from gateway.tasks.schema import SCHEMA, metadata, tasks
from gateway.webhooks.secrets import SecretBox, kept_key

if TYPE_CHECKING:
    from gateway.settings import Settings

T = TypeVar("T")
log = structlog.get_logger()

_BUSY_MILLISECONDS = 10_000  # how long a statement waits for another process's lock on the file
_SCHEMA_LOCK = 0x41636F7573746963  # any number, the same in every gateway
_THREADS = 8
_LONGEST_PAUSE = 5.0  # seconds between tries while the database is away
AWAY = (OperationalError, InterfaceError, PoolTimeoutError)
"""What a database that is locked, full, restarting or gone makes of a statement."""


class Database:
    """Runs short transactions in threads of its own."""

    def __init__(self, url: str) -> None:
        """Prepare; nothing is dialled or created yet. ``url`` is SQLAlchemy's.

        Raises:
            ValueError: the URL is none, or names another kind of database.
        """
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.engine = _sqlite_engine(url) if self.is_sqlite else _postgresql_engine(url)
        translate = {SCHEMA: None} if self.is_sqlite else {}
        self._engine = self.engine.execution_options(schema_translate_map=translate)
        self._threads = ThreadPoolExecutor(_THREADS, "tasks")

    async def run(self, work: Callable[[Connection], T]) -> T:
        """One transaction: committed when this returns.

        Raises:
            OperationalError, InterfaceError, PoolTimeoutError: see ``AWAY``; nothing was committed,
                or the connection broke during the commit.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._transact, work)

    async def insist(self, work: Callable[[Connection], T]) -> T:
        """As :meth:`run`, again and again until the database is back. ``work`` must bear that."""
        pause = 0.1
        while True:
            try:
                return await self.run(work)
            except AWAY as error:
                log.warning("the task store is away", error=type(error).__name__)
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311  no secret
                pause = min(pause * 2, _LONGEST_PAUSE)

    def create(self) -> None:
        """Create what is missing of the tables. Blocks."""
        with self._engine.begin() as connection:
            if not self.is_sqlite:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})"))
                connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            metadata.create_all(connection)
            for index in tasks.indexes:  # of tables that an older version made
                index.create(connection, checkfirst=True)

    def close(self) -> None:
        """Let the threads and connections go."""
        self._threads.shutdown(cancel_futures=True)
        self.engine.dispose()

    def _transact(self, work: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return work(connection)


@dataclass(frozen=True, slots=True)
class Store:
    """What tasks are kept in, what encrypts their secrets, and what counts them."""

    database: Database
    secrets: SecretBox
    metrics: Metrics


def open_store(settings: Settings, metrics: Metrics) -> Store:
    """Make the folder, and in it the key, unless keys are set; nothing is dialled.

    Raises:
        ValueError: the folder cannot be made, or a key or the database's URL is wrong.
    """
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        keys = [key.get_secret_value() for key in settings.secret_keys]
        secrets = SecretBox(keys or [kept_key(settings.data_dir / "secrets.key")])
    except OSError as error:
        raise ValueError(
            f"{settings.data_dir} cannot hold tasks ({error.strerror}); set ACOUSTICSENSE_DATA_DIR"
        ) from None
    return Store(Database(_database_url(settings)), secrets, metrics)


def _database_url(settings: Settings) -> str:
    """Where tasks live: as set, or a file."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return f"sqlite:///{settings.data_dir.absolute() / 'tasks.sqlite'}"


def insert(connection: Connection, table: Table) -> Any:
    """An INSERT that knows ``on_conflict_…``, spelt alike by both databases."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(
        url,
        pool_size=20,
        hide_parameters=True,  # of webhooks and downloads, whose URLs may hold secrets
        connect_args={"timeout": _BUSY_MILLISECONDS / 1000},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = "IMMEDIATE"  # no lock is upgraded, so none deadlocks
        for pragma in (
            f"busy_timeout={_BUSY_MILLISECONDS}",
            "journal_mode=WAL",
            "synchronous=FULL",  # "accepted" must survive a power cut
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _postgresql_engine(text_of_url: str) -> Engine:
    try:
        url = make_url(text_of_url)
    except ArgumentError:
        raise ValueError("the database URL is no URL") from None
    if url.get_backend_name() != "postgresql":
        raise ValueError("the database URL must begin with sqlite:/// or postgresql://")
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=20,
        pool_timeout=10,
        hide_parameters=True,
        pool_pre_ping=True,  # a server that was restarted has closed every connection
        connect_args={"connect_timeout": 5},
    )
