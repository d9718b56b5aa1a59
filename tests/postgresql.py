"""A real PostgreSQL on loopback, for tests that ask for one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from dbos import DBOS

from tests.conftest import free_ports
from tests.integration.processes import children, running

_SETTINGS = (
    "-c max_connections=300 -c listen_addresses=127.0.0.1 -c unix_socket_directories='' "
    "-c dynamic_shared_memory_type=mmap"
)
_TEMPLATE = "prepared"
_NOT_ROOT = ("postgres", "nobody")  # PostgreSQL refuses to be run by root


@dataclass
class Cluster:
    """One server; its processes can be killed and started again."""

    folder: Path
    port: int

    def start(self) -> None:
        options = f"{_SETTINGS} -p {self.port}"
        log = self.folder / "log"
        _run("pg_ctl", "-D", self.data, "-o", options, "-l", log, "-w", "-t", "60", "start")

    def stop(self, mode: str = "fast") -> None:
        _run("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def kill(self) -> None:
        """As a power cut would: the postmaster and all its children at once."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGSTOP)  # it makes no more children
        family = [pid, *children(pid)]
        for each in family:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        while any(running(each) for each in family):
            time.sleep(0.01)
        # Where nobody collects orphans, as in a container, the dead postmaster seems to be there.
        (self.data / "postmaster.pid").unlink()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def new_database(self) -> str:
        """The URL of an empty one."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return self.url(name)

    def _make_template(self) -> None:
        """DBOS's tables take two seconds to make; a copy of them takes a tenth of one."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {_TEMPLATE}")
        DBOS.migrate(self.url(_TEMPLATE))

    def url(self, database: str) -> str:
        return f"postgresql://test@127.0.0.1:{self.port}/{database}"


def new_cluster() -> Cluster:
    """Started; whoever calls removes it. Skips the test where there is no PostgreSQL."""
    for program in ("initdb", "pg_ctl"):
        if shutil.which(program) is None:
            pytest.skip(f"PostgreSQL is not installed: no {program} on PATH")
    # In memory where that can be had: tests make many databases.
    memory = Path("/dev/shm")  # noqa: S108  a folder of our own is made in it
    parent = memory if os.access(memory, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="postgresql-", dir=parent))
    _give_away(folder)
    cluster = Cluster(folder, free_ports(1)[0])
    _run("initdb", "-D", cluster.data, "-U", "test", "-A", "trust", "-E", "UTF8", "--no-sync")
    cluster.start()
    cluster._make_template()
    return cluster


def remove(cluster: Cluster) -> None:
    if (cluster.data / "postmaster.pid").exists():
        cluster.stop("immediate")
    shutil.rmtree(cluster.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    cluster = new_cluster()
    yield cluster
    remove(cluster)


def _run(*command: object) -> None:
    words = [str(word) for word in command]
    user = _user()
    if user is not None:
        words = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *words]
    # To a file, not a pipe: the server that pg_ctl starts inherits it and never closes it.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(words, stdout=output, stderr=output, cwd="/", timeout=120)
        output.seek(0)
        assert done.returncode == 0, output.read().decode()


def _give_away(folder: Path) -> None:
    user = _user()
    if user is not None:
        shutil.chown(folder, user)


def _user() -> str | None:
    """Whom to run as, where we are root."""
    if os.geteuid() != 0:
        return None
    import pwd

    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in _NOT_ROOT:
        if name in known and shutil.which("setpriv"):
            return name
    pytest.skip("PostgreSQL does not run as root, and there is no other user to run it as")
