"""Several Tritons: where calls go, and what becomes of them when one of them goes."""

import asyncio
import io
from contextlib import AsyncExitStack

import grpc
import pytest
from grpclib.const import Status
from opentelemetry.trace import NoOpTracer

from gateway import errors, servers
from gateway.analyzer import Analyzer, Audio
from gateway.metrics import Metrics
from gateway.servers import Servers
from gateway.triton import TritonError
from tests.conftest import free_ports
from tests.gateway.test_triton import serving

STOPPING = "Server is stopping, scheduler for model has stopped accepting new inference requests"


@pytest.fixture
async def two():
    """Two that answer, and an analyzer that knows both."""
    async with AsyncExitStack() as stack:
        (one, first), (other, second) = [
            await stack.enter_async_context(serving()) for _ in range(2)
        ]
        asked = await stack.enter_async_context(Servers(f"{first},{second}", NoOpTracer()))
        yield one, other, Analyzer(asked, Metrics())


async def genre(analyzer):
    return (await analyzer.genre(Audio(io.BytesIO(b"song")), 30.0)).ranking


async def test_calls_go_to_the_server_with_the_least_in_work(two):
    one, other, analyzer = two
    one.pause = other.pause = 0.5
    await asyncio.gather(*(genre(analyzer) for _ in range(10)))
    assert len(one.requests) == len(other.requests) == 5


async def test_a_server_that_stops_sends_its_calls_to_the_other_and_rests(two):
    one, other, analyzer = two
    one.failures = [(grpc.StatusCode.UNAVAILABLE, STOPPING)] * 1000
    for _ in range(20):
        assert await genre(analyzer) == [("Rock", 1.0)]
    assert len(one.requests) <= 3
    assert len(other.requests) == 20


async def test_many_calls_that_fail_at_once_on_one_server_do_not_shut_the_other(two):
    one, _, analyzer = two
    one.failures = [(grpc.StatusCode.UNAVAILABLE, STOPPING)] * 1000
    one.pause = 0.2
    answers = await asyncio.gather(*(genre(analyzer) for _ in range(20)))
    assert answers == [[("Rock", 1.0)]] * 20


async def test_a_full_queue_is_told_and_not_carried_elsewhere(two):
    one, other, analyzer = two
    for server in two[:2]:
        server.failures = [(grpc.StatusCode.UNAVAILABLE, "Exceeds maximum queue size")]
    with pytest.raises(errors.ServerBusy):
        await genre(analyzer)
    assert len(one.requests) + len(other.requests) == 1


async def test_a_server_that_is_back_is_asked_again(two, monkeypatch):
    monkeypatch.setattr(servers, "_REST_SECONDS", 0.0)
    one, other, analyzer = two
    one.failures = [(grpc.StatusCode.UNAVAILABLE, STOPPING)]
    other.pause = one.pause = 0.05
    for _ in range(3):
        await asyncio.gather(*(genre(analyzer) for _ in range(4)))
    assert len(one.requests) > 3


async def test_names_are_looked_up_again_and_follow_their_addresses(monkeypatch):
    monkeypatch.setattr(servers, "_LOOK_SECONDS", 0.05)
    addresses = ["127.0.0.1"]
    (port,) = free_ports(1)

    async def resolve(host, _):
        assert host == "triton"
        if not addresses:
            raise OSError("no such name")
        return list(addresses)

    async with (
        serving(port) as (server, _),
        Servers(f"triton:{port}", NoOpTracer(), resolve) as asked,
    ):
        analyzer = Analyzer(asked, Metrics())
        await genre(analyzer)
        addresses[:] = []  # a look that fails changes nothing
        await asyncio.sleep(0.2)
        await genre(analyzer)
        server.pause = 1.0
        late = asyncio.create_task(genre(analyzer))
        await asyncio.sleep(0.2)
        addresses[:] = ["127.0.0.2"]  # nobody there
        await asyncio.sleep(0.3)
        with pytest.raises(errors.ServerBusy):
            await genre(analyzer)
        assert await late == [("Rock", 1.0)]  # its connection was kept until it was answered


async def test_a_name_that_is_unknown_is_unavailable():
    async def resolve(*_):
        raise OSError("no such name")

    async with Servers("triton:8001", NoOpTracer(), resolve) as asked:
        with pytest.raises(TritonError) as caught:
            async with asked.call():
                pass
        assert caught.value.status is Status.UNAVAILABLE


async def test_a_name_of_both_families_is_one_server():
    assert await servers._addresses("localhost", 1) == ["127.0.0.1"]
