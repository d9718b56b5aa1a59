"""A store that is locked, restarted or gone: a wait or a clear error, and nothing lost."""

import asyncio
import dataclasses
import io
import sqlite3
import time

import pytest
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import ServerBusy
from tests.gateway.receiver import receiver, status
from tests.gateway.tasks.conftest import APP, delivered, new_task, running, until


def sqlite_file(settings):
    if settings.database_url is not None:
        pytest.skip("PostgreSQL locks rows")
    return settings.data_dir / "tasks.sqlite"


async def test_a_file_that_another_process_locks_is_waited_for(tasks, settings):
    other = sqlite3.connect(sqlite_file(settings), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with receiver(status(404)) as audio, receiver() as there:
        accepting = asyncio.create_task(tasks.accept(new_task(audio.url, hook=there.url), None))
        await asyncio.sleep(1.5)
        assert not accepting.done()
        assert await tasks.page(APP, None, 10) == []  # readers do not wait
        other.rollback()
        await delivered(tasks, await accepting)
    other.close()


async def test_a_lock_during_the_work_loses_nothing(tasks, settings):
    async with receiver(status(404)) as audio, receiver() as there:
        names = [await tasks.accept(new_task(audio.url, hook=there.url), None) for _ in range(20)]
        other = sqlite3.connect(sqlite_file(settings), isolation_level=None)
        for _ in range(10):
            other.execute("BEGIN EXCLUSIVE")
            await asyncio.sleep(0.1)
            other.rollback()
        other.close()
        for name in names:
            await delivered(tasks, name)
        assert {call.headers["webhook-id"] for call in there.calls} == set(names)


@pytest.fixture
def server(request, settings):
    if settings.database_url is None:
        pytest.skip("a file has no server")
    return request.getfixturevalue("postgresql")


async def accepted(tasks, new):
    """As a client asks: again, until it is."""

    async def ask():
        try:
            return await tasks.accept(new, None)
        except ServerBusy as error:
            assert error.retry_after
            return None

    return await until(ask, 30)


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_server_that_is_restarted_in_the_middle_loses_nothing(tasks, server, end):
    async with receiver(status(404)) as audio, receiver() as there:
        names = [await tasks.accept(new_task(audio.url, hook=there.url), None) for _ in range(20)]
        await asyncio.to_thread(getattr(server, end))
        began = time.monotonic()
        with pytest.raises(ServerBusy, match="nothing was accepted"):
            await tasks.accept(new_task(audio.url), None)
        assert time.monotonic() - began < 8
        await asyncio.to_thread(server.start)
        names.append(await accepted(tasks, new_task(audio.url, hook=there.url)))
        for name in names:
            await delivered(tasks, name)
        assert len({(call.headers["webhook-id"], call.body) for call in there.calls}) == len(names)


async def test_a_server_that_is_not_there_yet_is_waited_for(settings, clock, server):
    await asyncio.to_thread(server.stop)
    try:
        async with running(settings, clock, store_is_there=False) as runtime:
            with pytest.raises(ServerBusy):
                await runtime.tasks.accept(new_task(), None)
            await asyncio.to_thread(server.start)
            await accepted(runtime.tasks, new_task())
    finally:
        if not (server.data / "postmaster.pid").exists():
            await asyncio.to_thread(server.start)


async def test_a_task_that_no_database_takes_leaves_nothing(tasks, settings):
    """And its fault, which is logged, says nothing of it: a URL may hold a secret."""
    new = new_task(audio_url=None, hook="http://example.test/?key=k4711")
    new = dataclasses.replace(new, pcm=(2**63, 1))
    with pytest.raises((OverflowError, SQLAlchemyError)) as caught:
        await tasks.accept(new, io.BytesIO(b"audio"))
    assert list((settings.data_dir / "audio").iterdir()) == []
    assert "k4711" not in str(caught.value)


async def test_an_upload_folder_that_cannot_be_written_accepts_nothing(tasks, settings):
    (settings.data_dir / "audio").write_text("a file where the folder should be")
    with pytest.raises(ServerBusy, match="nothing was accepted"):
        await tasks.accept(new_task(audio_url=None), io.BytesIO(b"audio"))
    assert await tasks.page(APP, None, 10) == []
