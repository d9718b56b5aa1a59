"""``make test-compose``: the images built, brought up, each container killed, and taken down again.

Named so that ``make test`` does not collect it: it takes minutes, and an engine.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.chaos.world import CLIP, Outside
from tests.conftest import PROJECT, free_ports

PARTS = ("gateway", "triton-embedded", "postgresql", "redis")
_SECONDS = 300  # deadline of every wait: the images may be on a cold disk, the machine busy
_PORTS = ("GATEWAY", "TRITON_HTTP", "TRITON_GRPC", "TRITON_METRICS", "POSTGRESQL", "REDIS")
pytestmark = pytest.mark.timeout(1800)


@dataclass
class Deployment:
    """What ``docker compose up`` made."""

    environment: dict[str, str]
    api_key: str = ""

    def compose(self, *words: str) -> str:
        files = ("docker-compose.yml", "tests/deploy/compose.host.yml")
        command = ["docker", "compose", *(f"--file={PROJECT / file}" for file in files), *words]
        done = subprocess.run(
            command, env=self.environment, cwd=PROJECT, capture_output=True, text=True, timeout=1500
        )
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr[-4000:]}"
        return done.stdout

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environment['PORT_GATEWAY']}"

    def state(self, part: str) -> dict:
        container = self.compose("ps", "--all", "--quiet", part).strip()
        command = ["docker", "inspect", container]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)[0]

    def kill(self, part: str) -> None:
        """As a crash would: `docker kill` counts as an order, after which nothing is restarted."""
        os.kill(self.state(part)["State"]["Pid"], signal.SIGKILL)

    def healthy_again(self, part: str) -> None:
        def look() -> bool:
            found = self.state(part)
            healthy = found["State"].get("Health", {}).get("Status") == "healthy"
            return healthy and found["RestartCount"] >= 1

        until(look, f"{part} did not come back")

    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.api_key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=90)


def until(look, complaint):
    end = time.monotonic() + _SECONDS
    while not look():
        assert time.monotonic() < end, complaint
        time.sleep(0.5)


@pytest.fixture(scope="module")
def deployment():
    if shutil.which("docker") is None:
        pytest.skip("there is no docker command")
    if subprocess.run(["docker", "info"], capture_output=True).returncode:
        pytest.skip("no Docker engine answers (DOCKER_HOST, DOCKER_CONFIG)")
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker has no compose plug-in")
    if os.geteuid() != 0:
        pytest.skip("killing a container's process from outside takes root")
    ports = {f"PORT_{name}": str(port) for name, port in zip(_PORTS, free_ports(6), strict=True)}
    made = Deployment(
        {
            **os.environ,
            **ports,
            "COMPOSE_PROFILES": "embedded",
            "COMPOSE_PROJECT_NAME": f"acousticsense-test-{os.getpid()}",
        }
    )
    try:
        made.compose("up", "--build", "--detach", "--wait", "--wait-timeout", str(_SECONDS))
        told = made.compose("logs", "init")
        made.api_key = re.search(r"API key +(\S+)", told).group(1)
        yield made
    finally:
        logs = made.compose("logs", "--no-color", "--tail", "200")
        (PROJECT / "out").mkdir(exist_ok=True)
        (PROJECT / "out" / "compose.log").write_text(logs)
        made.compose("down", "--volumes", "--timeout", "90")


def test_one_command_ends_at_a_url_that_names_genres_and_choruses(deployment, sample_mp3):
    with deployment.client() as client:
        genre = client.post("/analyze-audio", files={"file": sample_mp3})
        assert genre.status_code == 200, genre.text
        assert genre.json()["top_genre"]
        chorus = client.post(
            "/api/v1/invoke",
            params={"namespace": "DeepChorus"},
            json={"data": base64.b64encode(sample_mp3).decode()},
        )
        assert chorus.json()["status_text"] == "OK"
        assert json.loads(chorus.json()["payload"])["thumbnail"]
    stranger = httpx.post(f"{deployment.url}/analyze-audio", files={"file": sample_mp3})
    assert stranger.status_code == 401


@pytest.mark.parametrize("part", PARTS)
def test_no_container_may_do_more_than_it_needs(deployment, part):
    found = deployment.state(part)
    limits = found["HostConfig"]
    assert limits["ReadonlyRootfs"]
    assert limits["CapDrop"] == ["ALL"]
    assert limits["Memory"] and limits["NanoCpus"] and limits["PidsLimit"]
    status = Path(f"/proc/{found['State']['Pid']}/status").read_text()
    assert re.search(r"^Uid:\t[1-9]", status, re.MULTILINE), "it runs as root"
    assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)
    assert not [each for each in found["Config"]["Env"] if "PASSWORD=" in each or "KEYS=" in each]


@pytest.mark.parametrize("part", PARTS)
def test_a_task_accepted_before_a_container_was_killed_is_delivered_after(deployment, part):
    outside = Outside()
    killed = []

    def kill() -> None:
        if not killed:  # in the middle of the task: while its audio is fetched
            killed.append(part)
            deployment.kill(part)

    outside.on_fetch = kill
    ask = {"audio_url": f"{outside.url}/song.mp3", "webhook": {"url": f"{outside.url}/hook"}}
    try:
        with deployment.client() as client:
            answer = client.post("/analyze-with-webhook", json=ask)
        assert answer.status_code == 200, answer.text
        task = answer.json()["request_id"]
        until(lambda: outside.bodies[task], f"after {part} was killed nothing was delivered")
    finally:
        outside.shutdown()
        outside.server_close()
    assert killed
    assert json.loads(outside.bodies[task][0])["top_genre"]
    assert len(set(outside.bodies[task])) == 1
    deployment.healthy_again(part)
    with deployment.client() as client:
        until(lambda: client.get("/health/ready").status_code == 200, "the gateway is not ready")
        fresh = {"Cache-Control": "no-cache"}
        answer = client.post("/analyze-audio", files={"file": CLIP}, headers=fresh)
        assert answer.status_code == 200, answer.text
        told = client.get(f"/api/v1/tasks/{task}").json()
        assert (told["state"], told["delivery"]) == ("succeeded", "delivered")
