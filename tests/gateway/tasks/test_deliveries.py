"""From a task's end to the receiver, on both databases. The audio is missing: every task fails."""

import asyncio
import json
import time
from datetime import timedelta

import pytest
import standardwebhooks

from gateway.errors import Conflict, NotFound
from gateway.webhooks.schedule import RETRY_SECONDS
from tests.gateway.receiver import receiver, silence, status
from tests.gateway.tasks.conftest import APP, attempts, delivered, new_task, over, running, until

MISSING = status(404)


async def test_a_failure_is_delivered_signed_with_its_code_and_request_id(tasks):
    async with receiver(MISSING) as audio, receiver() as there:
        task = await tasks.accept(new_task(audio.url, hook=there.url, secret="my secret"), None)
        row = await delivered(tasks, task)
        (call,) = there.calls
    standardwebhooks.Webhook(b"my secret").verify(call.body, call.headers)
    assert call.headers["webhook-id"] == task
    assert call.body.decode() == row.body
    problem = json.loads(call.body)
    assert (problem["request_id"], problem["code"]) == (task, 40000024)
    (attempt,) = await tasks.attempts(task, APP)
    assert (attempt.status, attempt.error, attempt.attempt) == (200, None, 1)


async def test_27_hours_of_retries_pass_in_a_moment_with_one_body(tasks, runtime, clock):
    began, real = clock(), time.monotonic()
    async with receiver(MISSING) as audio, receiver(status(500)) as there:
        task = await tasks.accept(new_task(audio.url, hook=there.url, secret="my secret"), None)
        for number, seconds in enumerate(RETRY_SECONDS, 1):
            rows = await attempts(tasks, task, number)
            waiting = rows[number]
            wait = timedelta(milliseconds=waiting.due_at) - timedelta(
                milliseconds=rows[number - 1].started_at
            )
            assert 0.8 * seconds <= wait.total_seconds() <= 1.2 * seconds + 1
            await asyncio.sleep(0.3)
            assert len(there.calls) == number  # not before its time
            clock.turn(seconds=wait.total_seconds())
            runtime.wake()
        await delivered(tasks, task, "failed")
        calls = there.calls
    assert len(calls) == 8
    assert clock() - began > timedelta(hours=22)
    assert time.monotonic() - real < 120
    assert len({call.body for call in calls}) == 1
    assert {call.headers["webhook-id"] for call in calls} == {task}
    times = [int(call.headers["webhook-timestamp"]) for call in calls]
    assert times == sorted(set(times))  # each attempt is signed anew


async def test_500_then_200_is_delivered_at_the_second_attempt(tasks, clock):
    async with receiver(MISSING) as audio, receiver(status(500), status(200)) as there:
        task = await tasks.accept(new_task(audio.url, hook=there.url), None)
        await attempts(tasks, task, 1)
        clock.turn(seconds=6)
        await delivered(tasks, task)
    first, second = await tasks.attempts(task, APP)
    assert (first.error, second.error) == ("status 500", None)


async def test_410_ends_a_delivery_at_once(tasks):
    async with receiver(MISSING) as audio, receiver(status(410)) as there:
        task = await tasks.accept(new_task(audio.url, hook=there.url), None)
        await delivered(tasks, task, "failed")
        assert len(await tasks.attempts(task, APP)) == 1


async def test_retry_after_is_honoured(tasks):
    async with receiver(MISSING) as audio, receiver(status(429, "Retry-After: 900")) as there:
        task = await tasks.accept(new_task(audio.url, hook=there.url), None)
        first, second = await attempts(tasks, task, 1)
    assert 895_000 < second.due_at - first.started_at < 910_000


async def test_a_clock_that_jumps_back_loses_nothing_and_forward_hurries_nothing_twice(
    tasks, clock
):
    async with receiver(MISSING) as audio, receiver(status(500), status(200)) as there:
        task = await tasks.accept(new_task(audio.url, hook=there.url), None)
        await attempts(tasks, task, 1)
        clock.turn(hours=-3)
        other = await tasks.accept(new_task(audio.url, hook=there.url), None)
        await delivered(tasks, other)
        clock.turn(hours=3, seconds=7)
        await delivered(tasks, task)
        await asyncio.sleep(0.5)
        assert len(there.calls) == 3


async def test_a_replay_has_the_same_id_and_body(tasks):
    async with receiver(MISSING) as audio, receiver() as there:
        task = await tasks.accept(new_task(audio.url, hook=there.url), None)
        await delivered(tasks, task)
        row = await tasks.replay(task, APP)
        assert row.delivery == "waiting"
        first, second = await there.until(2)
        await delivered(tasks, task)
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == task
    assert [row.attempt for row in await tasks.attempts(task, APP)] == [1, 2]


async def test_a_replay_brings_a_waiting_attempt_forward(tasks):
    async with receiver(MISSING) as audio, receiver(status(500), status(200)) as there:
        task = await tasks.accept(new_task(audio.url, hook=there.url), None)
        await attempts(tasks, task, 1)
        await tasks.replay(task, APP)
        await delivered(tasks, task)
        assert len(await tasks.attempts(task, APP)) == 2


async def test_what_is_being_delivered_is_not_replayed_meanwhile(tasks):
    answer = asyncio.Event()

    async def late(writer):
        await answer.wait()
        await status(200)(writer)

    async with receiver(MISSING) as audio, receiver(late) as there:
        task = await tasks.accept(new_task(audio.url, hook=there.url), None)
        await there.until(1)
        with pytest.raises(Conflict, match="being delivered at this moment"):
            await tasks.replay(task, APP)
        answer.set()
        await delivered(tasks, task)
        await tasks.replay(task, APP)
        await there.until(2)


async def test_only_what_is_over_and_has_a_webhook_is_replayed(tasks):
    without = await tasks.accept(new_task(), None)
    with pytest.raises(Conflict, match="no webhook"):
        await tasks.replay(without, APP)
    unfinished = await tasks.accept(new_task(hook="http://127.0.0.1:1/"), None)
    with pytest.raises(Conflict, match="nothing to deliver"):
        await tasks.replay(unfinished, APP)
    with pytest.raises(NotFound):
        await tasks.replay(without, "somebody else")


async def test_cancelling_stops_the_retries(tasks, clock):
    async with receiver(MISSING) as audio, receiver(status(500)) as there:
        task = await tasks.accept(new_task(audio.url, hook=there.url), None)
        await attempts(tasks, task, 1)
        row = await tasks.cancel(task, APP)
        assert (row.state, row.delivery) == ("failed", "cancelled")
        clock.turn(hours=1)
        await asyncio.sleep(0.6)
        assert len(there.calls) == 1


async def test_a_dead_receiver_delays_nobody_else(tasks):
    async with (
        receiver(MISSING) as audio,
        receiver(silence) as dead,
        receiver() as alive,
    ):
        names = [
            await tasks.accept(new_task(audio.url, hook=dead.url, timeout=2), None)
            for _ in range(40)
        ]
        task = await tasks.accept(new_task(audio.url, hook=alive.url), None)
        for name in (*names, task):
            await over(tasks, name)
        began = time.monotonic()
        await delivered(tasks, task)
        assert time.monotonic() - began < 2
        await asyncio.sleep(2.5)
        # So many at once, and none any more once all of these were silent.
        assert dead.connections <= 32


async def test_a_receiver_that_was_shut_gets_everything_when_it_is_back(tasks, clock):
    async with receiver(MISSING) as audio:
        async with receiver() as there:
            port = there.port
        names = [
            await tasks.accept(new_task(audio.url, hook=f"http://127.0.0.1:{port}/hook"), None)
            for _ in range(12)
        ]
        for name in names:
            await over(tasks, name)
        await until(lambda: _failures(tasks, names, 5))
        there.answers, there.calls = [status(200)], []
        server = await asyncio.start_server(there.serve, "127.0.0.1", port)
        try:
            for _ in range(6):
                clock.turn(minutes=6)
                await asyncio.sleep(0.4)
            for name in names:
                await delivered(tasks, name)
        finally:
            server.close()


async def _failures(tasks, names, least):
    logs = [await tasks.attempts(name, APP) for name in names]
    return sum(row.state == "done" for rows in logs for row in rows) >= least


async def test_a_delivery_that_waits_outlives_its_process(settings, clock):
    async with receiver(MISSING) as audio, receiver(status(500), status(200)) as there:
        async with running(settings, clock) as first:
            task = await first.tasks.accept(new_task(audio.url, hook=there.url), None)
            await attempts(first.tasks, task, 1)
        clock.turn(seconds=7)
        async with running(settings, clock) as second:
            await delivered(second.tasks, task)
    assert there.calls[0].body == there.calls[1].body


async def test_the_secret_stands_nowhere_in_the_clear(tasks, settings, capfd):
    async with receiver(MISSING) as audio, receiver(status(500)) as there:
        task = await tasks.accept(
            new_task(audio.url, hook=there.url, secret="very-secret-word"), None
        )
        await attempts(tasks, task, 1)
        row = await tasks.find(task, APP)
        assert "very-secret-word" not in str(tuple(row))
    assert "very-secret-word" not in "".join(capfd.readouterr())
    for file in settings.data_dir.rglob("*"):
        assert not file.is_file() or b"very-secret-word" not in file.read_bytes()
