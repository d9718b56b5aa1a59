"""Kept results, in memory and in a real Redis."""

from __future__ import annotations

import shutil
import subprocess
import time

import pytest
import redis
from pydantic import SecretStr

from gateway.results import MemoryStore, RedisStore, make_store
from tests.conftest import free_ports

needs_redis = pytest.mark.skipif(
    shutil.which("redis-server") is None,
    reason="redis-server is not installed (Debian: apt-get install redis-server)",
)


class Redis:
    """A server of the test's own."""

    def __init__(self, folder):
        self.folder = folder
        (self.port,) = free_ports(1)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self):
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir"]
        self.process = subprocess.Popen(
            ["redis-server", *options, str(self.folder)], stdout=subprocess.DEVNULL
        )
        client = redis.Redis(port=self.port)
        deadline = time.monotonic() + 60
        while True:
            try:
                client.ping()
            except redis.ConnectionError:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            else:
                return

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def server(tmp_path):
    running = Redis(tmp_path)
    yield running
    running.kill()


async def test_memory_keeps_for_the_time_and_no_longer():
    now = [0.0]
    store = MemoryStore(lambda: now[0])
    await store.put("a", "text", 10)
    now[0] = 9.9
    assert await store.get("a") == "text"
    now[0] = 10.0
    assert await store.get("a") is None
    assert await store.get("b") is None


async def test_memory_is_bounded_and_the_oldest_goes_first():
    store = MemoryStore(lambda: 0.0)
    for index in range(10_001):
        await store.put(str(index), "x", 10)
    assert await store.get("0") is None
    assert await store.get("1") == "x"


async def test_a_key_can_be_claimed_once_in_its_time():
    now = [0.0]
    store = MemoryStore(lambda: now[0])
    assert [await store.claim("a", 10), await store.claim("a", 10)] == [True, False]
    assert await store.claim("b", 10)
    now[0] = 10.0
    assert await store.claim("a", 10)


@needs_redis
async def test_a_key_is_claimed_for_all_gateways(server):
    one, other = make_store(SecretStr(server.url)), make_store(SecretStr(server.url))
    assert [await one.claim("a", 1), await other.claim("a", 1)] == [True, False]
    server.kill()
    assert await one.claim("a", 1)
    await one.close()
    await other.close()


@needs_redis
async def test_redis_keeps_for_the_time_and_shares_between_gateways(server):
    one, other = make_store(SecretStr(server.url)), make_store(SecretStr(server.url))
    assert isinstance(one, RedisStore)
    await one.put("a", "text é", 1)
    assert await other.get("a") == "text é"
    client = redis.Redis(port=server.port)
    (key,) = client.keys()
    assert 0 < client.pttl(key) <= 1000
    await one.close()
    await other.close()


@needs_redis
async def test_a_redis_that_dies_costs_results_but_no_request(server):
    store = make_store(SecretStr(server.url))
    await store.put("a", "text", 60)
    server.kill()
    began = time.monotonic()
    assert await store.get("a") is None
    await store.put("a", "text", 60)
    assert time.monotonic() - began < 3
    server.start()
    await store.put("a", "again", 60)
    assert await store.get("a") == "again"
    await store.close()
