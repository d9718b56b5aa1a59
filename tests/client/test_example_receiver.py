"""The example as a user runs it, and a real gateway's tests deliver to it elsewhere."""

import json
import subprocess
import sys
import time

import httpx
import pytest

from gateway.webhooks.signature import headers
from tests.conftest import PROJECT, free_ports
from tests.web import web

RESULT = {"request_id": "5f0c", "top_genre": "Jazz", "top_confidence": 71.11}
BODY = json.dumps(RESULT).encode()


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    (port,) = free_ports(1)
    output = tmp_path_factory.mktemp("receiver") / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "uvicorn", "receiver:app", f"--port={port}"],
            cwd=PROJECT / "client" / "examples",
            env={"WEBHOOK_SECRET": "my secret", "PYTHONPATH": str(PROJECT / "client")},
            stdout=file,
            stderr=file,
        )
    url = f"http://127.0.0.1:{port}/webhook"
    deadline = time.monotonic() + 60
    while True:
        try:
            web.get(url)
        except httpx.TransportError:
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.05)
        else:
            break
    yield url, output
    process.terminate()
    process.wait(60)


def test_a_result_is_taken_once_however_often_it_is_delivered(receiver):
    url, output = receiver
    answers = [
        web.post(url, content=BODY, headers=headers("5f0c", int(time.time()), BODY, "my secret"))
        for _ in range(2)
    ]
    assert [answer.json()["status"] for answer in answers] == ["received", "known"]
    assert output.read_text().count("5f0c: Jazz (71.11 %)") == 1


def test_a_forged_result_gets_401(receiver):
    url, _ = receiver
    forged = headers("5f0c", int(time.time()), BODY, "another secret")
    assert web.post(url, content=BODY, headers=forged).status_code == 401


def test_the_example_is_short():
    lines = (PROJECT / "client" / "examples" / "receiver.py").read_text().splitlines()
    assert len(lines) <= 36
