"""``acousticsense doctor``: what is missing on this machine, and what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import typer
from rich.markup import escape

from acousticsense import calls
from acousticsense.client import AcousticSenseClient
from acousticsense.command.options import DEFAULT_URL, ApiKey, BaseUrl, output, words
from acousticsense.command.server import installed
from acousticsense.errors import AcousticSenseError

_INSTALLATION = """
from deploy.embedded.installation import MissingPrerequisiteError, find_installation
try:
    find_installation()
except MissingPrerequisiteError as error:
    print(error)
"""
_EXPORT_PACKAGES = ("onnx", "onnxscript", "torch", "transformers")
_SERVER = "in a clone of AcousticSense's repository: pip install -e '.[serving]'"


@dataclass(frozen=True)
class Finding:
    """Something that was looked at; ``remedy`` is empty if it is as it should be."""

    what: str
    remedy: str = ""


def doctor(url: BaseUrl = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """Say what this machine can do, what it lacks, and how to get that.

    The exit status is 1 if anything is missing, whether or not you need it.
    For example:

      acousticsense doctor --url https://music.example.com --api-key ask_…
    """
    rooms: dict[str, Callable[[], Iterator[Finding]]] = {
        "To ask a server": lambda: _server(url, api_key),
        "To cut choruses out": _cutting,
        "To run a server here": _serving,
        "To bring models of your own": _exporting,
    }
    output.print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    missing = 0
    for title, look in rooms.items():
        output.print(f"\n[bold]{title}[/]")
        for finding in look():
            mark = "[red]✗[/]" if finding.remedy else "[green]✓[/]"
            remedy = f": {finding.remedy}" if finding.remedy else ""
            output.print(f"  {mark} {escape(finding.what + remedy)}", soft_wrap=True)
            missing += bool(finding.remedy)
    raise typer.Exit(1 if missing else 0)


def _server(url: str, api_key: str | None) -> Iterator[Finding]:
    try:
        client = AcousticSenseClient(url, api_key, timeout=10, retries=0)
    except ValueError as error:
        yield Finding("the address", str(error))
        return
    with client:
        began = time.monotonic()
        try:
            health = client.get_health()
        except AcousticSenseError as error:
            yield Finding("a server answers", str(error))
            return
        took = 1000 * (time.monotonic() - began)
        remedy = "" if health.status == "healthy" else "Triton is not ready: see the server's log"
        yield Finding(f"{url} answers in {took:.0f} ms, {health.status}", remedy)
        try:
            client.call(calls.task_page(None))
        except AcousticSenseError as error:
            yield Finding("it lets you in", words(error))
        else:
            yield Finding("it lets you in")


def _cutting() -> Iterator[Finding]:
    there = installed("soundfile")
    yield Finding("soundfile", "" if there else "pip install 'acousticsense[cut]'")


def _serving() -> Iterator[Finding]:
    if not installed("deploy.embedded"):
        yield Finding("the server's package", _SERVER)
        return
    yield Finding("the server's package")
    done = subprocess.run(  # noqa: S603  our own words
        [sys.executable, "-c", _INSTALLATION], capture_output=True, text=True, check=False
    )
    problem = done.stdout.strip() or (done.stderr.strip().splitlines() or [""])[-1]
    yield Finding("Triton, its libraries and shared memory", problem)
    free = shutil.disk_usage(".").free
    yield Finding(f"{os.cpu_count()} cores, {free // 2**30} GiB free in this folder")


def _exporting() -> Iterator[Finding]:
    for name in _EXPORT_PACKAGES:
        there = installed(name)
        yield Finding(name, "" if there else _SERVER.replace("serving", "export"))
