"""Processes that are killed under load, and what the others notice of it."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.conftest import PROJECT, new_gateway, new_triton, stop
from tests.integration.processes import children, running
from tests.sounds import encode, tones
from tests.web import web


@pytest.fixture
def own(tmp_path):
    """A Triton and a gateway of this test's own: it kills them."""
    server = new_triton(PROJECT / "model_repository", tmp_path / "work")
    front = new_gateway(server.ports.grpc, tmp_path / "log")
    yield server, front
    stop(front)
    server.stop()


def post(front, data):
    headers = {"Cache-Control": "no-cache"}  # Triton must answer, not memory
    url = f"{front.url}/analyze-audio"
    return web.post(url, files={"file": data}, headers=headers, timeout=90)


def wait_for(front, status, seconds=120):
    deadline = time.monotonic() + seconds
    while web.get(f"{front.url}/health/ready", timeout=30).status_code != status:
        assert time.monotonic() < deadline, f"not {status} in {seconds} s"
        time.sleep(0.1)


def regions(server):
    return set(Path("/dev/shm").glob(f"{server.ports.regions}*"))  # noqa: S108


def test_a_stub_killed_under_load_ends_requests_cleanly_and_is_noticed(own):
    server, front = own
    data = encode(tones(60.0), "mp3")
    stubs = [pid for pid, line in children(server.process.pid).items() if "genre_mel" in line]
    assert stubs, children(server.process.pid)
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(post, front, data) for _ in range(24)]
        time.sleep(0.5)
        os.kill(stubs[0], signal.SIGKILL)
        answers = [each.result() for each in waiting]
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert sum(answer.status_code == 200 for answer in answers) >= 12
    for answer in answers:
        if answer.status_code == 503:
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.json()["code"] == 50000003
    assert post(front, data).status_code == 200
    assert not server.alive(), "whoever watches over this Triton must start it again"


def test_a_killed_triton_means_503_and_not_ready_until_it_is_back(own):
    server, front = own
    data = encode(tones(5.0), "mp3")
    assert post(front, data).status_code == 200
    stubs, shared = children(server.process.pid), regions(server)
    assert len(shared) >= len(stubs)
    os.kill(min(stubs), signal.SIGSTOP)  # this one cannot end by itself
    server.process.kill()
    server.process.wait()
    wait_for(front, 503)
    answer = post(front, data)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert web.get(f"{front.url}/health/live").status_code == 200
    server.start()
    time.sleep(0.5)
    assert not any(running(pid) for pid in stubs), "a stub outlived its Triton"
    assert not shared & regions(server), "shared memory outlived its Triton"
    server.wait_until_ready()
    wait_for(front, 200)
    assert post(front, data).status_code == 200
    server.stop()
    assert not regions(server)


def test_a_client_that_leaves_cancels_its_inference(own):
    _, front = own
    data = encode(tones(300.0, 22_050), "flac", 22_050)
    with pytest.raises(httpx.ReadTimeout):
        web.post(f"{front.url}/analyze-audio", files={"file": data}, timeout=0.3)
    deadline = time.monotonic() + 60
    while '"status": 499' not in front.log.read_text():
        assert time.monotonic() < deadline, front.log.read_text()
        time.sleep(0.1)
    assert post(front, encode(tones(5.0), "mp3")).status_code == 200
