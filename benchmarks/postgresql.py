"""A real PostgreSQL on loopback, with its files on disk and every commit synced."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from benchmarks.serving import free_port

_USER = "postgres"  # PostgreSQL refuses to be run by root


@contextmanager
def postgresql() -> Iterator[str | None]:
    """The URL of an empty database; ``None`` where PostgreSQL is not installed."""
    if shutil.which("initdb") is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    if os.geteuid() == 0:
        shutil.chown(folder, _USER)
    data, port = folder / "data", free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' "
    options += "-c max_connections=200 -c shared_buffers=256MB"
    try:
        _run("initdb", "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8")
        _run("pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
        yield f"postgresql://bench@127.0.0.1:{port}/postgres"
    finally:
        _run("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)


def new_database(server: str) -> str:
    """The URL of another empty one."""
    name = f"bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.replace("/postgres", f"/{name}")


def _run(*command: object) -> None:
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        words = ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups", *words]
    quiet = subprocess.DEVNULL
    subprocess.run(words, check=True, cwd="/", stdout=quiet, stderr=quiet, stdin=quiet)
