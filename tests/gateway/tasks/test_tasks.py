"""A task's life up to its end, on both databases."""

import asyncio
import io
from datetime import timedelta

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from gateway.errors import Conflict, NotFound, ServerBusy
from gateway.tasks.schema import tasks as table
from tests.gateway.receiver import receiver, status
from tests.gateway.tasks.conftest import APP, body_of, new_task, over, running, until


def upload(**changes):
    return new_task(audio_url=None, **changes), io.BytesIO(b"no audio, but nobody is there to say")


async def test_the_same_key_and_request_are_one_task(tasks):
    names = await asyncio.gather(
        *(tasks.accept(new_task(key="mine", fingerprint="a"), None) for _ in range(8))
    )
    assert len(set(names)) == 1
    assert len(await tasks.page(APP, None, 10)) == 1


async def test_the_same_key_for_another_request_is_a_conflict(tasks):
    await tasks.accept(new_task(key="mine", fingerprint="a"), None)
    with pytest.raises(Conflict, match="Idempotency-Key"):
        await tasks.accept(new_task(key="mine", fingerprint="b"), None)
    await tasks.accept(new_task(key="mine", fingerprint="b", app="another"), None)


async def test_a_repeated_upload_leaves_one_file(tasks, settings):
    first = await tasks.accept(*upload(key="mine"))
    assert await tasks.accept(*upload(key="mine")) == first
    assert [file.name for file in (settings.data_dir / "audio").iterdir()] == [first]


async def test_another_apps_task_is_not_there(tasks):
    task = await tasks.accept(new_task(), None)
    for ask in (tasks.find, tasks.cancel, tasks.attempts, tasks.replay):
        with pytest.raises(NotFound):
            await ask(task, "another")
    assert await tasks.page("another", None, 10) == []


async def test_pages_are_newest_first_and_without_gaps(tasks):
    names = [await tasks.accept(new_task(), None) for _ in range(7)]
    seen, before = [], None
    while page := await tasks.page(APP, before, 3):
        seen += [row.id for row in page]
        before = page[-1].accepted_at, page[-1].id
    rows = await tasks.page(APP, None, 10)
    assert seen == [row.id for row in rows]
    assert sorted(seen) == sorted(names)
    assert [row.accepted_at for row in rows] == sorted(
        (row.accepted_at for row in rows), reverse=True
    )


async def test_a_url_that_does_not_exist_fails_at_once(tasks):
    async with receiver(status(404)) as audio:
        task = await tasks.accept(new_task(audio.url), None)
        row = await over(tasks, task)
    assert (row.state, row.error_code, row.tries, audio.connections) == ("failed", 40000024, 0, 1)


async def test_a_url_that_fails_in_passing_is_tried_again_and_not_for_ever(tasks, clock):
    async with receiver(status(503)) as audio:
        task = await tasks.accept(new_task(audio.url), None)
        for tries, seconds in enumerate((2.5, 6.1, 12.1, 24.1), 1):
            row = await until(lambda tries=tries: _tried(tasks, task, tries))
            assert row.state == "queued"
            wait = row.due_at / 1000 - clock().timestamp()
            assert 0 < wait < seconds
            clock.turn(seconds=seconds)
        row = await over(tasks, task)
    assert (row.error_code, audio.connections) == (40000024, 5)


async def _tried(tasks, task, tries):
    row = await tasks.find(task, APP)
    return row if row.tries == tries and row.due_at else None


async def test_triton_is_waited_for_the_better_part_of_an_hour_and_then_given_up(tasks, clock):
    began = clock()
    task = await tasks.accept(*upload(kind="invoke"))
    tries = 0
    while not (
        row := await until(lambda tries=tries: _tried_or_over(tasks, task, tries))
    ).finished_at:
        tries = row.tries
        clock.turn(seconds=max(0.0, row.due_at / 1000 - clock().timestamp()))
    assert (row.state, row.error_code) == ("failed", 50000003)
    assert body_of(row)["status_code"] == 50000003
    assert body_of(row)["task_id"] == task
    assert timedelta(minutes=40) < clock() - began < timedelta(minutes=75)


async def _tried_or_over(tasks, task, tries):
    row = await tasks.find(task, APP)
    return row if row.finished_at or (row.tries > tries and row.due_at) else None


async def test_audio_is_gone_when_the_task_is_over(tasks, settings):
    task = await tasks.accept(*upload())
    (file,) = (settings.data_dir / "audio").iterdir()
    assert file.name == task
    await tasks.cancel(task, APP)
    assert list((settings.data_dir / "audio").iterdir()) == []


async def test_a_cancelled_task_stays_cancelled(tasks, clock):
    task = await tasks.accept(*upload())
    row = await tasks.cancel(task, APP)
    assert (row.state, row.body) == ("cancelled", None)
    clock.turn(hours=1)
    await asyncio.sleep(0.5)
    assert (await tasks.find(task, APP)).state == "cancelled"
    assert (await tasks.cancel(task, APP)).state == "cancelled"


async def test_what_was_accepted_is_done_by_the_next_process(settings, clock):
    async with receiver(status(404)) as audio:
        async with running(settings, clock) as first:
            await first.drained()
            task = await first.tasks.accept(new_task(audio.url), None)
            assert (await first.tasks.find(task, APP)).state == "queued"
        async with running(settings, clock) as second:
            assert (await over(second.tasks, task)).state == "failed"


async def test_old_tasks_are_swept_with_all_that_belongs_to_them(settings, clock):
    async with receiver(status(404)) as audio, receiver() as there:
        async with running(settings, clock) as first:
            task = await first.tasks.accept(new_task(audio.url, hook=there.url), None)
            await until(lambda: _is_delivered(first.tasks, task))
            young = await first.tasks.accept(*upload())
        clock.turn(days=7, minutes=1)
        async with running(settings, clock) as second:
            await until(lambda: _is_gone(second.tasks, task))
            assert (await second.tasks.find(young, APP)).id == young
            left = await _workflows(second)
    assert not [name for name in left if name.startswith(task)]


async def _is_delivered(tasks, task):
    return (await tasks.find(task, APP)).delivery == "delivered"


async def _is_gone(tasks, task):
    try:
        await tasks.find(task, APP)
    except NotFound:
        return True


async def _workflows(runtime):
    schema = "" if runtime.database.is_sqlite else "dbos."
    query = sa.text(f"SELECT workflow_uuid FROM {schema}workflow_status")  # noqa: S608
    return await runtime.database.run(lambda connection: connection.scalars(query).all())


async def test_small_audio_comes_first_but_large_audio_does_not_wait_for_ever(settings, clock):
    async with running(settings, clock) as runtime:
        tasks = runtime.tasks
        large = await tasks.accept(new_task(audio_url=None), io.BytesIO(bytes(60 * 2**20)))
        small = await tasks.accept(new_task(audio_url=None), io.BytesIO(b"x"))
        clock.turn(minutes=2)
        late = await tasks.accept(new_task(audio_url=None), io.BytesIO(b"x"))
        ranked = sorted(
            [large, small, late],
            key={name: (await tasks.find(name, APP)).priority for name in (large, small, late)}.get,
        )
        assert ranked == [small, large, late]
        for name in ranked:
            await tasks.cancel(name, APP)


async def test_one_apps_hundred_tasks_are_not_all_done_before_anothers_first(tasks, clock):
    busy = [await tasks.accept(new_task(audio_url=None), io.BytesIO(b"x")) for _ in range(30)]
    other = await tasks.accept(new_task(audio_url=None, app="singer"), io.BytesIO(b"x"))
    priorities = [(await tasks.find(each, APP)).priority for each in busy]
    assert priorities == sorted(set(priorities))
    assert (await tasks.find(other, "singer")).priority < priorities[-1]
    for each in busy:
        await tasks.cancel(each, APP)
    clock.turn(seconds=2)
    again = await tasks.accept(new_task(audio_url=None), io.BytesIO(b"x"))
    assert (await tasks.find(again, APP)).priority < priorities[-1]


async def test_nothing_is_accepted_before_the_store_is_there(settings, clock, tmp_path):
    if settings.database_url is not None:
        pytest.skip("a server that starts late is in the tests of its restart")
    away = tmp_path / "not mounted yet"
    later = settings.model_copy(update={"database_url": SecretStr(f"sqlite:///{away}/tasks")})
    async with running(later, clock, store_is_there=False) as runtime:
        with pytest.raises(ServerBusy):
            await runtime.tasks.accept(new_task(), None)
        away.mkdir()
        assert await until(lambda: _accepted(runtime.tasks))


async def _accepted(tasks):
    try:
        return await tasks.accept(new_task(), None)
    except ServerBusy:
        return None


async def test_a_task_at_whose_start_processes_end_is_ended_itself(runtime, tasks):
    task = await tasks.accept(*upload())
    await runtime.database.run(
        lambda connection: connection.execute(sa.update(table).values(starts=100))
    )
    row = await over(tasks, task)
    assert row.error_code in {50000000, 50000003}
