"""``make serve`` as a person meets it: what it prints, how it ends, what it survives."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.conftest import PROJECT, free_ports
from tests.integration.processes import children, running
from tests.sounds import encode, tones
from tests.web import web

COMMAND = [sys.executable, "-m", "deploy.embedded"]


@pytest.fixture
def environment(tmp_path):
    names = ("PORT", "TRITON_HTTP_PORT", "TRITON_GRPC_PORT", "TRITON_METRICS_PORT")
    chosen = dict(zip(names, map(str, free_ports(4)), strict=True))
    yield {**chosen, "ACOUSTICSENSE_DATA_DIR": str(tmp_path / "var")}
    shutil.rmtree(PROJECT / ".cache" / "embedded" / chosen["TRITON_HTTP_PORT"], ignore_errors=True)


@pytest.fixture
def serving(environment, tmp_path):
    output = tmp_path / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            COMMAND, env={**os.environ, **environment}, cwd=PROJECT, stdout=file, stderr=file
        )
    started = time.monotonic()
    while "is ready" not in output.read_text():
        assert process.poll() is None, output.read_text()
        assert time.monotonic() - started < 180, output.read_text()
        time.sleep(0.1)
    yield process, output, environment
    if process.poll() is None:
        process.terminate()
        process.wait(60)


def family(pid: int) -> set[int]:
    found = {pid}
    for child in children(pid):
        found |= family(child)
    return found


def test_ctrl_c_ends_everything_soon_and_the_curl_works_as_pasted(serving):
    process, output, environment = serving
    text = output.read_text()
    assert f"http://127.0.0.1:{environment['PORT']}" in text
    pasted = re.search(r"Try it.*?\n(.*?)\n\n", text, re.DOTALL).group(1)
    subprocess.run([sys.executable, "-m", "deploy.embedded.sample_song", "out/song.mp3"],
                   cwd=PROJECT, check=True, capture_output=True)  # fmt: skip
    answer = subprocess.run(
        ["bash", "-c", pasted], cwd=PROJECT, check=True, capture_output=True, text=True
    ).stdout
    assert '"top_genre"' in answer
    assert '"status_text":"OK"' in answer
    pids = family(process.pid)
    assert len(pids) > 6  # the supervisor, the gateway, Triton, its stubs
    process.send_signal(signal.SIGINT)
    asked = time.monotonic()
    assert process.wait(60) == 0
    assert time.monotonic() - asked < 15  # 5 where nobody else computes
    time.sleep(0.2)
    assert not [pid for pid in pids if running(pid)]
    assert "Traceback" not in output.read_text()


@pytest.mark.parametrize("what", ["Triton", "all stubs of a model"])
def test_a_triton_that_dies_is_started_again(serving, what):
    process, output, environment = serving
    url = f"http://127.0.0.1:{environment['PORT']}"
    (triton,) = (pid for pid, line in children(process.pid).items() if "bin/tritonserver" in line)
    stubs = [pid for pid, line in children(triton).items() if "models/genre_mel/" in line]
    for pid in [triton] if what == "Triton" else stubs:
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while "Triton is ready again" not in output.read_text():
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.1)
    assert web.get(f"{url}/health/ready").status_code == 200
    song = {"file": encode(tones(3.0), "mp3")}
    assert web.post(f"{url}/analyze-audio", files=song, timeout=60).status_code == 200


def test_a_supervisor_that_is_killed_leaves_no_process(serving):
    process, _, _ = serving
    pids = family(process.pid) - {process.pid}
    process.kill()
    process.wait()
    deadline = time.monotonic() + 60
    while [pid for pid in pids if running(pid)]:
        assert time.monotonic() < deadline, "a process outlived its supervisor"
        time.sleep(0.2)


@pytest.mark.parametrize("name", ["PORT", "TRITON_GRPC_PORT"])
def test_a_port_that_is_taken_is_said_in_a_sentence(environment, name):
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = {**os.environ, **environment, name: str(server.getsockname()[1])}
        done = subprocess.run(
            COMMAND, env=taken, cwd=PROJECT, capture_output=True, text=True, check=False
        )
    assert done.returncode == 2
    assert re.match(rf"Cannot start: Port \d+ cannot be used .* set {name} to another", done.stderr)


@pytest.mark.parametrize(("port", "words"), [("99999", "a port is a number"), ("-1", "above 0")])
def test_a_number_that_is_no_port_is_said_in_a_sentence(environment, port, words):
    wrong = {**os.environ, **environment, "PORT": port}
    done = subprocess.run(
        COMMAND, env=wrong, cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("Cannot start: PORT is") and words in done.stderr


def test_a_setting_that_is_no_number_is_said_in_a_sentence(environment):
    wrong = {**os.environ, **environment, "ACOUSTICSENSE_CORES": "many"}
    done = subprocess.run(
        COMMAND, env=wrong, cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("Cannot start: ACOUSTICSENSE_CORES is 'many'")


@pytest.mark.parametrize("module", ["deploy.embedded", "gateway", "deploy.embedded.sample_song"])
def test_help_teaches(module):
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=True
    )
    assert "usage: python -m" in done.stdout or "usage:" in done.stdout
    assert len(done.stdout.splitlines()) > 4
