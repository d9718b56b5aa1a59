"""Triton and the gateways replaced one by one under load, as a cluster does it: nothing is lost."""

from __future__ import annotations

import itertools
import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from cryptography.fernet import Fernet

from tests.chaos.world import CLIP, Outside
from tests.conftest import PROJECT, new_gateway, new_triton
from tests.postgresql import postgresql  # noqa: F401

_CLIENTS = 4
_ENOUGH = 4  # requests that must pass in each state of the deployment
_PAUSE_SECONDS = 0.2  # one or two requests are on their way at any time, and a core is left


class Balancer:
    """Which gateways get new connections: what an ingress knows from its endpoints."""

    def __init__(self):
        self._fronts, self._turn, self._lock = [], itertools.count(), threading.Lock()

    def add(self, front):
        with self._lock:
            self._fronts.append(front)

    def take_out(self, front):
        with self._lock:
            self._fronts.remove(front)

    @property
    def url(self):
        with self._lock:
            return self._fronts[next(self._turn) % len(self._fronts)].url


class Load:
    """Clients that hardly pause; every fourth request is a task with a webhook."""

    def __init__(self, balancer, outside):
        self.balancer, self.outside = balancer, outside
        self.answered, self.failed, self.tasks = 0, [], []
        self.over = threading.Event()

    def run(self, client):
        turn = 0
        while not self.over.wait(_PAUSE_SECONDS):
            turn += 1
            try:
                answer = self.ask(client, later=turn % 4 == 0)
            except httpx.TransportError as error:
                self.failed.append(repr(error))
                continue
            if answer.status_code != 200:
                self.failed.append(answer.text)
            elif "status" in answer.json():
                self.tasks.append(answer.json()["request_id"])
            self.answered += 1

    def ask(self, client, *, later):
        url = self.balancer.url
        if later:
            hook = {"url": f"{self.outside.url}/hook"}
            body = {"audio_url": f"{self.outside.url}/song.mp3", "webhook": hook}
            return client.post(f"{url}/analyze-with-webhook", json=body)
        headers = {"Cache-Control": "no-cache"}  # Triton must answer, not memory
        files = {"file": CLIP}
        return client.post(f"{url}/analyze-audio", files=files, headers=headers)

    def goes_on(self):
        """Wait until more requests were answered in the state that the deployment is in now."""
        wanted = self.answered + _ENOUGH
        until(lambda: self.answered >= wanted or self.failed, "the load stands still")


def until(look, complaint, seconds=90):
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, complaint
        time.sleep(0.02)


@pytest.fixture
def own_triton(tmp_path):
    server = new_triton(PROJECT / "model_repository", tmp_path / "work")
    yield server
    server.stop()


@pytest.mark.timeout(600)
def test_a_rolling_restart_under_load_loses_no_request_and_no_task(
    triton,
    own_triton,
    postgresql,  # noqa: F811
    tmp_path,
):
    tritons = [f"127.0.0.1:{each.ports.grpc}" for each in (triton, own_triton)]
    shared = {
        "ACOUSTICSENSE_TRITON_URL": ",".join(tritons),
        "ACOUSTICSENSE_DATABASE_URL": postgresql.new_database(),
        "ACOUSTICSENSE_SECRET_KEYS": json.dumps([Fernet.generate_key().decode()]),
        "ACOUSTICSENSE_OUTBOUND__ALLOWED_HOSTS": '["127.0.0.1"]',
        "ACOUSTICSENSE_GRACE_SECONDS": "60",
    }
    names = itertools.count()
    outside, balancer, running = Outside(), Balancer(), []

    def start():
        front = new_gateway(0, tmp_path / f"log{next(names)}", **shared)
        running.append(front)
        balancer.add(front)
        return front

    load = Load(balancer, outside)
    try:
        fronts = [start(), start()]
        with (
            httpx.Client(timeout=120, headers={"Connection": "close"}) as client,
            ThreadPoolExecutor(_CLIENTS) as pool,
        ):
            asking = [pool.submit(load.run, client) for _ in range(_CLIENTS)]
            try:
                load.goes_on()
                own_triton.process.terminate()
                own_triton.process.wait(60)
                load.goes_on()
                own_triton.start()
                own_triton.wait_until_ready()
                load.goes_on()
                for front in fronts:
                    start()
                    balancer.take_out(front)
                    time.sleep(0.5)  # preStop: who was sent here has connected
                    front.process.terminate()
                    assert front.process.wait(90) in {0, -signal.SIGTERM}  # uvicorn passes it on
                    load.goes_on()
            finally:
                load.over.set()
        for each in asking:
            each.result()
        logs = "".join(front.log.read_text() for front in running)
        assert load.failed == [], logs[-20_000:]
        assert load.tasks
        until(lambda: set(load.tasks) <= outside.bodies.keys(), "a task was not delivered")
        for front in running:
            assert "Traceback" not in front.log.read_text()
    finally:
        for front in running:
            front.process.kill()
            front.process.wait()
        outside.shutdown()
        outside.server_close()
