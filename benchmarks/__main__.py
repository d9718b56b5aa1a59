"""``python -m benchmarks``: measure, side by side, and print Markdown tables."""

from __future__ import annotations

import argparse
import base64
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from audio.decode import decode
from audio.mel import mel
from benchmarks.deepchorus import deepchorus
from benchmarks.exported import exported
from benchmarks.front_door import front_door
from benchmarks.in_process import InProcess
from benchmarks.load import median, rate, upload
from benchmarks.memory import Peak, megabytes
from benchmarks.serving import CORES, gateway, http_process, triton
from benchmarks.sounds import clips, mp3
from benchmarks.tasks import tasks
from export.front_ends import CHORUS

_ROUNDS = 5
_CLIENTS = (1, 8)


def reference(work: Path) -> None:
    """Genre of 30-second clips: ours against the reference service, the same network in both."""
    songs = clips(8)
    print("| clients | reference, clips/s | ours, clips/s | ours ÷ reference |")
    print("|---|---|---|---|")
    with (
        triton(work) as server,
        gateway(server) as (ours, _),
        http_process("benchmarks.reference_service") as (theirs, _),
    ):
        send_ours, send_theirs = upload(ours), upload(theirs)
        for send in (send_ours, send_theirs):  # both warm
            rate(send, songs, 2, 8)
        for clients in _CLIENTS:
            pairs = [
                (rate(send_theirs, songs, clients, 8), rate(send_ours, songs, clients, 48))
                for _ in range(_ROUNDS)
            ]
            slow, fast = (median([pair[side] for pair in pairs]) for side in (0, 1))
            ratio = median([fast / slow for slow, fast in pairs])
            print(f"| {clients} | {slow:.2f} | {fast:.1f} | **{ratio:.1f}** |", flush=True)


def limit(work: Path) -> None:
    """Genre of 30-second clips at 8 clients, against one process without a server."""
    songs = clips(8)
    print("| work | clips/s | ÷ limit |")
    print("|---|---|---|")
    with triton(work) as server, gateway(server) as (url, _):
        send = upload(url)
        # Songs side by side, or one song after the other spread over the cores: the better counts.
        ways = [(InProcess(threads=1), CORES), (InProcess(threads=CORES), 1)]
        rate(send, songs, 8, 16)
        for alone, workers in ways:
            rate(alone, songs, workers, 8)
        pairs = [
            (
                max(rate(alone, songs, workers, 64) for alone, workers in ways),
                rate(send, songs, 8, 64),
            )
            for _ in range(_ROUNDS)
        ]
    most, served = (median([pair[side] for pair in pairs]) for side in (0, 1))
    print(f"| one process, {CORES} cores, no server | {most:.1f} | 1 |")
    ratio = median([served / most for most, served in pairs])
    print(f"| gateway and Triton, 8 clients | {served:.1f} | **{ratio:.2f}** |", flush=True)


def chorus(work: Path) -> None:
    """Chorus of a 4-minute MP3, against its decoding and mel spectrogram alone; then memory."""
    song, long_song = mp3(240.0), mp3(599.0)
    print("| work | seconds | ratio |")
    print("|---|---|---|")
    started = time.perf_counter()
    with triton(work) as server:
        start_seconds = time.perf_counter() - started
        with gateway(server) as (url, process):
            roots = [server.process.pid, process.pid]  # type: ignore[union-attr]  # it runs
            idle = megabytes(roots)  # before any song: afterwards much of its room is kept
            _find_chorus(url, song)
            pairs = [
                (
                    _seconds(lambda: mel(decode(song, CHORUS.sample_rate), CHORUS)),
                    _seconds(lambda: _find_chorus(url, song)),
                )
                for _ in range(3 * _ROUNDS)
            ]
            front, whole = (median([pair[side] for pair in pairs]) for side in (0, 1))
            print(f"| decode and mel alone | {front:.2f} | 1 |")
            ratio = median([whole / front for front, whole in pairs])
            print(f"| gateway and Triton, the whole answer | {whole:.2f} | **{ratio:.2f}** |")
            with Peak(roots) as peak:
                _find_chorus(url, long_song)
    print("\n| memory of Triton and gateway | MiB |\n|---|---|")
    print(f"| idle, both models loaded | {idle:.0f} |")
    print(f"| peak over idle, a 10-minute song | **{peak.value - idle:.0f}** |")
    print(f"\nTriton from start to ready, warm: **{start_seconds:.1f} s**", flush=True)


def _find_chorus(url: str, data: bytes) -> None:
    body = {"data": base64.b64encode(data).decode()}
    query = {"appkey": "bench", "token": "bench", "namespace": "DeepChorus"}
    httpx.post(f"{url}/api/v1/invoke", params=query, json=body, timeout=120).raise_for_status()


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


_ALL = {
    "reference": reference,
    "limit": limit,
    "chorus": chorus,
    "front_door": front_door,
    "exported": exported,
    "deepchorus": deepchorus,
    "tasks": tasks,
}


def main() -> None:
    """Run what was asked for, or everything."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure, side by side, and print tables. Let nothing else run meanwhile.",
        epilog="\n".join(["benchmarks:", *(f"  {n:<12}{w.__doc__}" for n, w in _ALL.items())]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", type=_name, metavar="NAME", help="all without any")
    chosen = parser.parse_args().names or list(_ALL)
    print(f"{CORES} cores, {platform.machine()}, Python {platform.python_version()}\n")
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            print(f"### {_ALL[name].__doc__}\n")
            _ALL[name](Path(folder) / name)
            print()


def _name(text: str) -> str:
    if text not in _ALL:
        raise argparse.ArgumentTypeError(f"there is no {text!r}; there are {', '.join(_ALL)}")
    return text


if __name__ == "__main__":
    main()
