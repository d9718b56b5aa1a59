"""The servers that are measured: ours as ``make serve`` runs it, and the reference service."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from deploy.embedded.repository import available_cores
from deploy.embedded.triton import EmbeddedTriton
from deploy.triton_arguments import Ports

PROJECT = Path(__file__).parents[1]
CORES = available_cores()
_START_SECONDS = 60


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def triton(work: Path, models: Path = PROJECT / "model_repository") -> Iterator[EmbeddedTriton]:
    """The embedded Triton with the bundled models, or others, ready."""
    ports = Ports(free_port(), free_port(), free_port())
    server = EmbeddedTriton(models, work, ports, CORES)
    server.start()
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


@contextmanager
def http_process(module: str, **settings: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A module that serves HTTP on ``PORT``, listening: its address and process."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        env={**os.environ, "PORT": str(port), **settings},
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process)
        yield url, process
    finally:
        process.terminate()
        process.wait()


@contextmanager
def gateway(
    server: EmbeddedTriton, **settings: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A gateway before that Triton."""
    address = f"127.0.0.1:{server.ports.grpc}"
    with (
        tempfile.TemporaryDirectory() as data,
        http_process(
            "gateway",
            ACOUSTICSENSE_TRITON_URL=address,
            ACOUSTICSENSE_DATA_DIR=data,
            **settings,
        ) as running,
    ):
        yield running


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            httpx.get(f"{url}/health/live", timeout=2)
        except httpx.TransportError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{process.args!r} did not start") from None
            time.sleep(0.1)
        else:
            return
