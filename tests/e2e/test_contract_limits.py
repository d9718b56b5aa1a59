"""Limits, a Triton that is away, late or none: refused at once, in both dialects.

A request is held in work by a download that the test lets end when it likes.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager

import grpc
import httpx
import pytest

from tests.conftest import free_ports, new_gateway, stop
from tests.e2e.contract import (
    ALONE,
    APPS,
    CLIP,
    KARAOKE,
    SELDOM,
    assert_problem,
    assert_refused,
    assert_served,
    invocation,
    invoke,
    upload,
)
from tests.gateway.strangers import ok, stranger
from tests.sounds import encode, tones
from tests.web import web


@asynccontextmanager
async def held(gateway, *clients):
    """One request of each client in work; they end well with the block."""
    arrived, release = asyncio.Semaphore(0), asyncio.Event()

    async def late(writer):
        arrived.release()
        await release.wait()
        writer.write(ok(CLIP))

    async with stranger() as there, httpx.AsyncClient(timeout=60) as http:
        there.handlers["/late"] = late
        asks = {"url": f"http://127.0.0.1:{there.port}/late"}
        calls = []
        for client in clients:
            body = invocation(b"", client=client, asks=asks)
            call = http.post(f"{gateway.url}/api/v1/invoke", json=body)
            calls.append(asyncio.create_task(call))
        async with asyncio.timeout(20):
            for _ in clients:  # each holds its permit by then
                await arrived.acquire()
        try:
            yield
        finally:
            release.set()
            answers = await asyncio.gather(*calls)
    for answer in answers:
        assert_served(answer)


async def refusal_of(call, *arguments, **options):
    """An answer that must come while others are in work, and at once."""
    began = time.monotonic()
    answer = await asyncio.to_thread(call, *arguments, **options)
    assert time.monotonic() - began < 5
    return answer


async def test_an_app_at_its_own_limit_is_refused_and_others_are_not(narrow):
    async with held(narrow, ALONE):
        answer = await refusal_of(invoke, narrow, invocation(client=ALONE))
        assert_refused(answer, "ExceededConcurrency", "the limit is 1", namespace="DeepChorus")
        answer = await refusal_of(upload, narrow, client=ALONE)
        assert_problem(answer, 429, "ExceededConcurrency", "the limit is 1")
        assert_served(await asyncio.to_thread(invoke, narrow, invocation(client=KARAOKE)))
    assert_served(invoke(narrow, invocation(client=ALONE)))  # the permit came back


async def test_a_full_server_refuses_everyone_in_both_dialects(narrow):
    async with held(narrow, ALONE, KARAOKE):
        answer = await refusal_of(invoke, narrow, invocation(client=SELDOM))
        assert_refused(answer, "ExceededConcurrency", "as many requests as it takes")
        answer = await refusal_of(upload, narrow)
        assert_problem(answer, 429, "ExceededConcurrency", "as many requests as it takes")
    assert_served(invoke(narrow, invocation()))


def test_an_app_over_its_rate_is_told_how_long_to_wait(guarded):
    first = invoke(guarded, invocation(client=SELDOM))
    assert_served(first)
    second = invoke(guarded, invocation(client=SELDOM))
    assert_refused(second, "ExceededConcurrency", "over 1 requests a minute")
    assert int(second.headers["Retry-After"]) > 30
    assert_problem(upload(guarded, client=SELDOM), 429, "ExceededConcurrency", "a minute")
    assert_served(invoke(guarded, invocation()))


@contextmanager
def gateway_to(port, log, **settings):
    front = new_gateway(port, log, ACOUSTICSENSE_APPS=APPS, **settings)
    try:
        yield front
    finally:
        stop(front)


def test_without_triton_every_call_says_busy_and_when_to_come_again(tmp_path):
    with gateway_to(*free_ports(1), tmp_path / "log") as front:
        for _ in range(5):  # beyond the failures that open the breaker
            assert_refused(invoke(front, invocation()), "ServerBusy", namespace="DeepChorus")
            assert_problem(upload(front), 503, "ServerBusy")
        assert web.get(f"{front.url}/health").status_code == 503
        assert web.get(f"{front.url}/health").json()["status"] == "unhealthy"
        assert web.get(f"{front.url}/health/ready").status_code == 503
        assert web.get(f"{front.url}/health/live").status_code == 200
        assert_refused(invoke(front, invocation(token="wrong")), "DeniedAccess:IllegalToken")  # noqa: S106


def test_a_deadline_that_passes_is_a_timeout(triton, tmp_path):
    long = encode(tones(500.0, 8_000, 1), "wav", 8_000)
    settings = {"ACOUSTICSENSE_DEADLINE_SECONDS": "0.05"}
    with gateway_to(triton.ports.grpc, tmp_path / "log", **settings) as front:
        assert_refused(invoke(front, invocation(long)), "ServerTimeout", namespace="DeepChorus")
        assert_problem(upload(front, long), 504, "ServerTimeout")


@pytest.fixture
def no_triton():
    """Something else that speaks gRPC, and knows no model."""
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(None).wait()


def test_a_fault_of_ours_is_told_without_a_word_of_our_insides(no_triton, tmp_path):
    with gateway_to(no_triton, tmp_path / "log") as front:
        answer = invoke(front, invocation())
        assert assert_refused(answer, "ServerError", namespace="DeepChorus") == "ServerError"
        answer = upload(front)
        assert_problem(answer, 500, "ServerError")
        assert answer.json()["detail"] == "ServerError"
