"""What the gateway itself costs: memory, its loop's pauses, processor time, and overload."""

from __future__ import annotations

import base64
import concurrent.futures
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from benchmarks.load import median
from benchmarks.memory import Peak, megabytes
from benchmarks.serving import gateway, triton
from benchmarks.sounds import mp3

_MIB = 2**20
_SATURATION = 16  # clients: on any machine more than there are cores to answer them
_QUERY = {"appkey": "bench", "token": "bench", "namespace": "DeepChorus"}


def front_door(work: Path) -> None:
    """The gateway's own cost: a 100 MB body, small requests, overload."""
    with triton(work) as server, gateway(server) as (url, process):
        _large_bodies(url, process.pid)
        _small_requests(url, process.pid)
        _overload(url)


def _large_bodies(url: str, pid: int) -> None:
    """100 MB of base64 that is no audio: read, decoded and refused."""
    idle = megabytes([pid])
    # In a process of its own: the lock of this one would be waited for as well.
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as sender:
        sender.submit(abs, 0).result()  # started
        with Peak([pid]) as one, _Pauses(url) as pauses:
            sender.submit(_send_large, url).result()
    with Peak([pid]) as many, concurrent.futures.ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _: _send_large(url), range(20)))
    refused = sum(status == 429 for status in statuses)
    print("| 100 MB invoke bodies | |\n|---|---|")
    print(f"| gateway's memory over idle, one body, MiB | **{one.value - idle:.0f}** |")
    print(f"| longest pause of its event loop meanwhile, ms | **{pauses.longest * 1000:.0f}** |")
    print(f"| over idle, 20 bodies at once ({refused} refused), MiB | {many.value - idle:.0f} |")


def _send_large(url: str) -> int:
    """Send 100 MB from a generator; the status of the answer."""
    block = base64.b64encode(bytes(48 * 1024))
    count = 100 * _MIB // (48 * 1024)

    def body() -> Iterator[bytes]:
        yield b'{"data":"'
        for _ in range(count):
            yield block
        yield b'"}'

    length = str(count * len(block) + 11)
    headers = {"Content-Length": length}
    try:
        answer = httpx.post(
            f"{url}/api/v1/invoke", params=_QUERY, content=body(), headers=headers, timeout=300
        )
    except httpx.TransportError:
        return 429  # refused before it was read: the connection was closed under the writing
    return answer.status_code


class _Pauses:
    """Asks for a trivial answer again and again; ``longest`` is the longest wait, seconds."""

    def __init__(self, url: str) -> None:
        self.longest = 0.0
        self._url = f"{url}/health/live"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> _Pauses:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        with httpx.Client() as client:
            client.get(self._url)
            while not self._ended.is_set():
                started = time.perf_counter()
                client.get(self._url)
                self.longest = max(self.longest, time.perf_counter() - started)
                time.sleep(0.002)


def _small_requests(url: str, pid: int) -> None:
    """Processor time of the gateway for a request that Triton hardly works on."""
    data = base64.b64encode(mp3(1.0)).decode()
    with httpx.Client() as client:
        before, count = _cpu_seconds(pid), 200
        for _ in range(count):
            client.post(f"{url}/api/v1/invoke", params=_QUERY, json={"data": data})
        spent = (_cpu_seconds(pid) - before) / count
    print(f"| gateway's processor time, a request with a 1 s clip, ms | {spent * 1000:.1f} |")


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _overload(url: str) -> None:
    """Clients at saturation and four times as many: who is let in, how long the others wait."""
    data = mp3(20.0)
    rows = [_p99(url, data, clients) for clients in (_SATURATION, 4 * _SATURATION)]
    print("\n| clients | answered | p99, s | refused | refusal, median ms |\n|---|---|---|---|---|")
    for clients, (answered, p99, refused, refusal) in zip(
        (_SATURATION, 4 * _SATURATION), rows, strict=True
    ):
        print(f"| {clients} | {answered} | {p99:.2f} | {refused} | {refusal * 1000:.0f} |")
    print(f"\np99 of the accepted, overload ÷ saturation: **{rows[1][1] / rows[0][1]:.2f}**")


def _p99(url: str, data: bytes, clients: int) -> tuple[int, float, int, float]:
    """Answered, their 99th percentile; refused, their median (seconds)."""
    accepted: list[float] = []
    refused: list[float] = []
    until = time.perf_counter() + 15

    def client() -> None:
        with httpx.Client(timeout=60) as connection:
            while time.perf_counter() < until:
                started = time.perf_counter()
                answer = connection.post(
                    f"{url}/analyze-audio",
                    files={"file": data},
                    headers={"Cache-Control": "no-cache"},
                )
                seconds = time.perf_counter() - started
                (accepted if answer.status_code == 200 else refused).append(seconds)
                if answer.status_code != 200:
                    time.sleep(min(1.0, float(answer.headers.get("Retry-After", 1))))

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    accepted.sort()
    worst = accepted[int(len(accepted) * 0.99) - 1]
    return len(accepted), worst, len(refused), median(refused) if refused else 0.0
