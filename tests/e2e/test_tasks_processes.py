"""Gateways that are killed, paused, told to end, or out of disk, in the middle of tasks."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import time
from contextlib import contextmanager

import httpx
import pytest
from cryptography.fernet import Fernet

from tests.conftest import new_gateway, stop
from tests.e2e.contract import CLIP, assert_problem, assert_refused, invocation
from tests.gateway.receiver import raw, receiver, silence
from tests.gateway.strangers import ok
from tests.postgresql import postgresql  # noqa: F401

SONG = raw(ok(CLIP))


@pytest.fixture
def gateways(triton, tmp_path):
    """A function that starts them, all with the same folder and settings."""
    started = []

    def start(**settings):
        front = new_gateway(
            triton.ports.grpc,
            tmp_path / f"log{len(started)}",
            ACOUSTICSENSE_OUTBOUND__ALLOWED_HOSTS='["127.0.0.1"]',
            **settings,
        )
        started.append(front)
        return front

    yield start
    for front in started:
        if front.process.poll() is None:
            front.process.send_signal(signal.SIGCONT)
            stop(front)


@pytest.fixture
def shared(postgresql):  # noqa: F811
    """Settings of gateways that share one PostgreSQL."""
    return {
        "ACOUSTICSENSE_DATABASE_URL": postgresql.new_database(),
        "ACOUSTICSENSE_SECRET_KEYS": json.dumps([Fernet.generate_key().decode()]),
    }


async def analyze(front, audio_url, hook):
    body = {"audio_url": audio_url, "webhook": {"url": hook, "secret_token": "my secret"}}
    async with httpx.AsyncClient(timeout=30) as client:
        answer = await client.post(f"{front.url}/analyze-with-webhook", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["request_id"]


async def state(front, task):
    async with httpx.AsyncClient(timeout=30) as client:
        return (await client.get(f"{front.url}/api/v1/tasks/{task}")).json()


async def test_another_takes_over_from_the_killed_and_from_the_paused_who_does_no_harm_later(
    gateways, shared
):
    async with receiver(silence, silence, SONG) as audio, receiver() as there:
        killed = gateways(**shared)
        first = await analyze(killed, audio.url, there.url)
        await audio.until(1)
        os.kill(killed.process.pid, signal.SIGSTOP)  # so that the next has a task of its own
        paused = gateways(**shared)
        second = await analyze(paused, audio.url, there.url)
        await audio.until(2)
        other = gateways(**shared)
        os.kill(paused.process.pid, signal.SIGSTOP)
        killed.process.kill()
        calls = {call.headers["webhook-id"]: call.body for call in await there.until(2, 120)}
        assert set(calls) == {first, second}
        os.kill(paused.process.pid, signal.SIGCONT)
        third = await analyze(paused, audio.url, there.url)  # it works again …
        await there.until(3)
        await asyncio.sleep(1)
        for call in there.calls:  # … and says nothing else of what it lost
            assert call.body == calls.setdefault(call.headers["webhook-id"], call.body)
        for task in (first, second, third):
            assert (await state(other, task))["state"] == "succeeded"
    # Where starting takes long, the second has the first one's task before it is paused itself
    assert other.log.read_text().count("took over") in {1, 2}


async def test_a_killed_gateway_goes_on_where_it_was_when_it_is_back(gateways):
    name = {"ACOUSTICSENSE_EXECUTOR_ID": "embedded"}
    async with receiver(silence, SONG) as audio, receiver() as there:
        first = gateways(**name)
        task = await analyze(first, audio.url, there.url)
        await audio.until(1)
        first.process.kill()
        first.process.wait()
        gateways(**name)
        back = time.monotonic()
        (call,) = await there.until(1)
        assert time.monotonic() - back < 5
        assert json.loads(call.body)["request_id"] == task


async def test_sigterm_hands_back_what_does_not_end_in_time(gateways, shared):
    async with receiver(silence, SONG) as audio, receiver() as there:
        first, second = gateways(**shared), None
        task = await analyze(first, audio.url, there.url)
        await audio.until(1)
        second = gateways(**shared)
        asked = time.monotonic()
        first.process.terminate()
        await asyncio.to_thread(first.process.wait, 10)
        assert time.monotonic() - asked < 5
        (call,) = await there.until(1, 8)  # at once, not when it is taken for dead
        assert json.loads(call.body)["request_id"] == task
    assert "Traceback" not in first.log.read_text() + second.log.read_text()


async def test_sigterm_lets_work_end_that_is_nearly_done_and_is_not_ready_meanwhile(gateways):
    slowly = raw(ok(CLIP)[:1000], ok(CLIP)[1000:], pause=0.7)
    async with receiver(slowly) as audio, receiver() as there:
        front = gateways()
        async with httpx.AsyncClient(base_url=front.url) as client:
            assert (await client.get("/health/ready")).status_code == 200
            await analyze(front, audio.url, there.url)
            await audio.until(1)
            front.process.terminate()
            await asyncio.sleep(0.1)
            with pytest.raises(httpx.TransportError):
                assert (await client.get("/health/ready")).status_code == 503
                raise httpx.ReadError("not ready is as good as not listening")
        await asyncio.to_thread(front.process.wait, 10)
        gateways()  # the delivery is for the next one; the analysis is done
        (call,) = await there.until(1)
        assert json.loads(call.body)["top_genre"]
        assert audio.connections == 1


@contextmanager
def full_disk(pid, size=0):
    """No file of this process may grow beyond a size."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_accepts_nothing_and_loses_nothing(gateways):
    front = gateways()
    later = json.dumps({"async": True})
    body = {**invocation(), "payload": later}
    invoke_url = f"{front.url}/api/v1/invoke"
    async with (
        receiver(silence, SONG) as audio,
        receiver() as there,
        httpx.AsyncClient(timeout=30) as client,
    ):
        task = await analyze(front, audio.url, there.url)
        await audio.until(1)
        with full_disk(front.process.pid, front.log.stat().st_size + 8192):
            asked = {"audio_url": audio.url}
            answer = await client.post(f"{front.url}/analyze-with-webhook", json=asked)
            assert_problem(answer, 503, "ServerBusy", "nothing was accepted")
            answer = await client.post(invoke_url, json=body)
            assert_refused(answer, "ServerBusy", "nothing was accepted")
        listed = (await client.get(f"{front.url}/api/v1/tasks")).json()["tasks"]
        assert [each["id"] for each in listed] == [task]
        assert list((front.log.parent / "data" / "audio").iterdir()) == []
        answer = await client.post(invoke_url, json=body)
        assert answer.status_code == 200, answer.text
        await client.delete(f"{front.url}/api/v1/tasks/{task}")
