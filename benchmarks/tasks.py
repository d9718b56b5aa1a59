"""Tasks and webhooks: how many a second, how soon after a kill, and how long a long queue takes."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from cryptography.fernet import Fernet

from benchmarks.load import median
from benchmarks.postgresql import new_database, postgresql
from benchmarks.queue_length import backlog, claims
from benchmarks.serving import http_process

_KEY = Fernet.generate_key().decode()
_APPS = 16  # whose webhooks are delivered: one app's receiver gets no more than its share


def tasks(work: Path) -> None:
    """Tasks accepted and webhooks delivered a second; recovery; a queue of 100,000."""
    print("| | SQLite, 1 gateway | PostgreSQL, 4 gateways |\n|---|---|---|")
    work.mkdir(parents=True)
    with postgresql() as server:
        stores = [_Store(work, None, 1)] + ([_Store(work, server, 4)] if server else [])
        _row("accepted/s, 8 clients", [_accepted(store) for store in stores])
        _row("delivered/s, out of a backlog", [_delivered(store) for store in stores])
        _row("accepted to delivered, nothing else to do, ms", [_latency(each) for each in stores])
        _row("killed, started again, delivered, s", [_restarted(store) for store in stores])
        _row("killed, another takes over, delivered, s", [_taken_over(store) for store in stores])
        print("\n| waiting | store | claim of 4 analyses, ms | of due webhooks, ms |")
        print("|---|---|---|---|")
        for store in stores:
            url = store.settings()["ACOUSTICSENSE_DATABASE_URL"]
            for length, claim, due in claims(url):
                print(f"| {length:,} | {store.name} | {claim:.1f} | {due:.1f} |", flush=True)


def _row(name: str, values: list[float]) -> None:
    cells = [f"**{value:.0f}**" if value >= 10 else f"**{value:.1f}**" for value in values]
    print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


Settings = dict[str, str]


class _Store:
    """A database to measure, and before it so many gateways."""

    def __init__(self, work: Path, server: str | None, gateways: int) -> None:
        self.name = "PostgreSQL" if server else "SQLite"
        self.gateways = gateways
        self._work = work
        self._server = server

    def settings(self) -> Settings:
        """Of gateways that begin with an empty database."""
        folder = self._work / f"{self.name}-{time.monotonic_ns()}"
        folder.mkdir()
        return {
            "ACOUSTICSENSE_DATABASE_URL": (
                new_database(self._server) if self._server else f"sqlite:///{folder}/tasks.sqlite"
            ),
            "ACOUSTICSENSE_DATA_DIR": str(folder),
            "ACOUSTICSENSE_SECRET_KEYS": json.dumps([_KEY]),
            "ACOUSTICSENSE_OUTBOUND__ALLOWED_HOSTS": '["127.0.0.1"]',
            "ACOUSTICSENSE_TRITON_URL": "127.0.0.1:1",  # these tasks' audio is missing
            "ACOUSTICSENSE_MAX_IN_FLIGHT": "1000",
        }


@contextmanager
def _gateways(settings: Settings, count: int) -> Iterator[list[str]]:
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                http_process("gateway", ACOUSTICSENSE_EXECUTOR_ID=f"g{number}", **settings)
            )
            for number in range(count)
        ]
        time.sleep(1.5)
        yield [url for url, _ in started]


def _accepted(store: _Store) -> float:
    """A second, while the tasks are worked on as well."""
    with (
        http_process("benchmarks.receiver") as (outside, _),
        _gateways(store.settings(), store.gateways) as urls,
        ThreadPoolExecutor(8) as pool,
    ):
        clients = [httpx.Client(base_url=url, timeout=60) for url in urls]
        body = {"audio_url": f"{outside}/song.mp3"}

        def send(number: int) -> None:
            client = clients[number % len(clients)]
            client.post("/analyze-with-webhook", json=body).raise_for_status()

        list(pool.map(send, range(64)))
        began = time.perf_counter()
        list(pool.map(send, range(1000)))
        return 1000 / (time.perf_counter() - began)


def _delivered(store: _Store) -> float:
    """A second, from finished tasks whose webhooks are all due."""
    count, settings = 1000 * store.gateways, store.settings()
    with http_process("benchmarks.receiver") as (outside, _), _gateways(settings, store.gateways):
        backlog(settings["ACOUSTICSENSE_DATABASE_URL"], f"{outside}/hook", count, _APPS)
        first = _when(outside, count // 10)
        last = _when(outside, count)
    return count * 0.9 / (last - first)


def _when(outside: str, count: int) -> float:
    """The moment at which so many were received."""
    while int(httpx.get(f"{outside}/count").text) < count:
        time.sleep(0.02)
    return time.perf_counter()


def _latency(store: _Store) -> float:
    """Milliseconds from the answer "accepted" to the webhook, of an idle service."""
    with (
        http_process("benchmarks.receiver") as (outside, _),
        _gateways(store.settings(), store.gateways) as urls,
    ):
        seconds = []
        for number in range(1, 12):
            _ask(urls[0], f"{outside}/song.mp3", outside)
            began = time.perf_counter()
            seconds.append(_when(outside, number) - began)
            time.sleep(0.3)
    return median(seconds) * 1000


def _ask(url: str, audio: str, outside: str) -> None:
    body = {"audio_url": audio, "webhook": {"url": f"{outside}/hook"}}
    httpx.post(f"{url}/analyze-with-webhook", json=body, timeout=60).raise_for_status()


def _restarted(store: _Store) -> float:
    """From the kill to the webhook, when the process is started again at once."""
    settings = {**store.settings(), "ACOUSTICSENSE_EXECUTOR_ID": "again"}
    with http_process("benchmarks.receiver") as (outside, _), _hanging() as audio:
        with http_process("gateway", **settings) as (url, process):
            _ask(url, audio.url, outside)
            audio.asked.wait(10)
            process.kill()
            process.wait()
            killed = time.perf_counter()
        with http_process("gateway", **settings):
            return _when(outside, 1) - killed


def _taken_over(store: _Store) -> float:
    """From the kill to the webhook, when another process is there and the dead one is not."""
    settings = store.settings()
    with http_process("benchmarks.receiver") as (outside, _), _hanging() as audio:
        first = {**settings, "ACOUSTICSENSE_EXECUTOR_ID": "first"}
        second = {**settings, "ACOUSTICSENSE_EXECUTOR_ID": "second"}
        with http_process("gateway", **first) as (url, process):
            _ask(url, audio.url, outside)
            audio.asked.wait(10)
            with http_process("gateway", **second):
                time.sleep(5)
                os.kill(process.pid, signal.SIGKILL)
                killed = time.perf_counter()
                return _when(outside, 1) - killed


class _Hanging:
    """Audio whose first request gets no answer, and every other a 404."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked = threading.Event()


@contextmanager
def _hanging() -> Iterator[_Hanging]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        hanging = _Hanging(f"http://127.0.0.1:{server.getsockname()[1]}/song.mp3")

        def serve() -> None:
            kept = []
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connection.recv(4096)
                if hanging.asked.is_set():
                    connection.sendall(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
                    connection.close()
                else:
                    kept.append(connection)
                    hanging.asked.set()

        threading.Thread(target=serve, daemon=True).start()
        yield hanging
