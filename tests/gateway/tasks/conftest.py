"""The gateway's real tasks in this process: on both databases, with a clock that tests turn."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from opentelemetry.trace import NoOpTracerProvider

from gateway.analyzer import Analyzer
from gateway.metrics import Metrics
from gateway.outbound import OutboundClient
from gateway.room import Room
from gateway.servers import Servers
from gateway.settings import Settings
from gateway.tasks.database import open_store
from gateway.tasks.request import NewTask
from gateway.tasks.runtime import Runtime, webhook_settings
from gateway.webhooks.sender import Webhook
from tests.postgresql import postgresql  # noqa: F401

APP = "karaoke"


class Clock:
    """Stands at real time, until it is turned."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def turn(self, **by: float) -> None:
        self.ahead += timedelta(**by)


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request, tmp_path):
    """Of a gateway whose Triton is away, on either database."""
    fields = {
        "data_dir": tmp_path / "var",
        "executor_id": "first",
        "triton_url": "127.0.0.1:1",
        "outbound": {"allowed_hosts": ["127.0.0.1"]},
        "secret_keys": [Fernet.generate_key().decode()],
    }
    if request.param == "postgresql":
        fields["database_url"] = request.getfixturevalue("postgresql").new_database()
    return Settings(**fields)


@pytest.fixture
def clock():
    return Clock()


@asynccontextmanager
async def running(settings, clock, metrics=None, *, store_is_there=True):
    """One gateway's tasks, working."""
    metrics = metrics or Metrics()
    tracer = NoOpTracerProvider().get_tracer("tests")
    async with (
        Servers(settings.triton_url, tracer) as triton,
        OutboundClient(settings.outbound) as outbound,
        OutboundClient(webhook_settings(settings.outbound)) as webhooks,
    ):
        analyzer, room = Analyzer(triton, metrics), Room(2**30)
        store = open_store(settings, metrics)
        runtime = Runtime(settings, store, analyzer, outbound, webhooks, room, clock)
        await runtime.start()
        if store_is_there:
            await asyncio.wait_for(runtime._starting, 60)
        try:
            yield runtime
        finally:
            await runtime.stop()


@pytest.fixture
async def runtime(settings, clock):
    async with running(settings, clock) as runtime:
        yield runtime


@pytest.fixture
def tasks(runtime):
    return runtime.tasks


def new_task(
    audio_url="http://127.0.0.1:1/song.mp3",
    *,
    app=APP,
    kind="rest",
    hook=None,
    secret=None,
    timeout=5,
    key=None,
    fingerprint="same",
):
    """By default of audio that nobody serves: it fails without Triton being asked."""
    return NewTask(
        id=str(uuid.uuid4()),
        app=app,
        kind=kind,
        namespace="AcousticSense",
        audio_url=audio_url,
        pcm=None,
        webhook=None if hook is None else Webhook(hook, secret, timeout),
        idempotency_key=key,
        fingerprint=fingerprint,
    )


async def until(look, seconds=60.0):
    """What ``look`` returns, as soon as it is true."""
    end = time.monotonic() + seconds
    while not (found := await look()):
        assert time.monotonic() < end, "it did not come about"
        await asyncio.sleep(0.02)
    return found


async def over(tasks, task, app=APP):
    """The task, once its analysis is over."""

    async def look():
        row = await tasks.find(task, app)
        return row if row.finished_at else None

    return await until(look)


async def delivered(tasks, task, *states, app=APP):
    """The task, once its delivery is in one of these states."""

    async def look():
        row = await tasks.find(task, app)
        return row if row.delivery in (states or ("delivered",)) else None

    return await until(look)


async def attempts(tasks, task, count, app=APP):
    """The log of deliveries, once so many attempts are over."""

    async def look():
        rows = await tasks.attempts(task, app)
        return rows if sum(row.state == "done" for row in rows) >= count else None

    return await until(look)


def body_of(row):
    return json.loads(row.body)
