"""A real Triton and a real gateway, started once for all tests that need them."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from deploy.embedded.repository import available_cores
from deploy.embedded.sample_song import SAMPLE_RATE, song
from deploy.embedded.triton import EmbeddedTriton
from deploy.triton_arguments import Ports
from tests.sounds import encode
from tests.web import web

PROJECT = Path(__file__).parents[1]


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on, none of those that outgoing connections are given.

    A server may take seconds to listen; by then a port of the other kind can be a client's.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found += {port} - set(found)
    return found


def new_triton(models: Path, work: Path) -> EmbeddedTriton:
    """Started and ready; whoever calls stops it."""
    server = EmbeddedTriton(models, work, Ports(*free_ports(3)), available_cores())
    server.start()
    try:
        server.wait_until_ready()
    except BaseException:
        server.stop()
        raise
    return server


@dataclass
class Gateway:
    """A gateway's process and address."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def line(self, task_id: str) -> dict[str, object]:
        """The request's line of the log, which is written after its answer has gone out."""
        deadline = time.monotonic() + 60
        while True:
            for line in self.log.read_text().splitlines():
                if task_id in line and '"event": "request"' in line:
                    entry: dict[str, object] = json.loads(line)
                    return entry
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)


def new_gateway(
    triton_grpc: int, log: Path, *, port: int | None = None, **settings: str
) -> Gateway:
    """Started and listening, on a free port or on this one; whoever calls stops it."""
    port = port or free_ports(1)[0]
    environment = {
        **os.environ,
        "ACOUSTICSENSE_PORT": str(port),
        "ACOUSTICSENSE_TRITON_URL": f"127.0.0.1:{triton_grpc}",
        "ACOUSTICSENSE_LOG_FORMAT": "json",
        "ACOUSTICSENSE_DATA_DIR": str(log.parent / "data"),
        **settings,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway"], env=environment, stderr=output
        )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 120
    while True:
        try:
            web.get(f"{url}/health/live", timeout=2)
        except httpx.TransportError:
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        else:
            return Gateway(process, url, log)


def stop(gateway: Gateway) -> None:
    gateway.process.terminate()
    gateway.process.wait(60)


@pytest.fixture(scope="session")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTriton]:
    server = new_triton(PROJECT / "model_repository", tmp_path_factory.mktemp("triton") / "work")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def gateway(triton: EmbeddedTriton, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    running = new_gateway(triton.ports.grpc, tmp_path_factory.mktemp("gateway") / "log")
    yield running
    stop(running)


@pytest.fixture(scope="session")
def sample_mp3() -> bytes:
    """The project's own tune, 111 s with three choruses."""
    return encode(song(), "mp3", SAMPLE_RATE)
