"""One embedded Triton as a child process: started, watched, asked whether it is ready, stopped."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from deploy import stubs
from deploy.embedded.installation import check_port, find_installation, write_backends
from deploy.embedded.repository import write_scaled
from deploy.triton_arguments import Ports, embedded_arguments, remove_regions, server_arguments

_START_SECONDS = 120.0  # a cold disk, once; a warm start takes some seconds
_STOP_SECONDS = 1  # the gateway has drained by then; unloading every stub would take three
_POLL_SECONDS = 0.1
_PR_SET_PDEATHSIG = 1
# Said on every machine without a GPU
_NOISE = ("CUDA", "CudaDriver", "DCGM", "NVML")


class TritonStartError(RuntimeError):
    """Triton ended, or was not ready in time; the message holds what it last complained of."""


class EmbeddedTriton:
    """The server's process. ``work`` is a folder of its own, made anew at every start."""

    def __init__(
        self, models: Path, work: Path, ports: Ports, cores: int, *, verbose: bool = False
    ) -> None:
        self.models = models
        self.work = work
        self.ports = ports
        self.cores = cores
        self.verbose = verbose
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """Everything that the server and its stubs said since the last start."""
        return self.work / "triton.log"

    def start(self) -> None:
        """Start the process; it is not ready yet when this returns.

        Raises:
            MissingPrerequisiteError: the machine lacks something.
            FileNotFoundError: there is no model repository.
        """
        self.stop()  # what a server that died left behind
        installation = find_installation()
        for port, setting in (
            (self.ports.http, "TRITON_HTTP_PORT"),
            (self.ports.grpc, "TRITON_GRPC_PORT"),
            (self.ports.metrics, "TRITON_METRICS_PORT"),
        ):
            check_port(port, setting)
        remove_regions(self.ports)  # of a supervisor that was killed as well
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        write_scaled(self.models, self.work / "models", self.cores)
        write_backends(installation.wheel, self.work / "backends")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603  our own arguments
                [
                    str(installation.executable),
                    *server_arguments(self.work / "models", self.ports, self.cores, _STOP_SECONDS),
                    *embedded_arguments(self.work / "backends", self.ports),
                    f"--log-verbose={int(self.verbose)}",
                ],
                cwd=self.work,  # the stubs import from where they stand
                env=installation.environment(os.environ),
                umask=0o077,  # its shared memory is nobody else's
                stdin=subprocess.DEVNULL,
                stdout=None if self.verbose else log,
                stderr=None if self.verbose else subprocess.STDOUT,
                start_new_session=True,  # the terminal's Ctrl-C is the parent's to pass on
                preexec_fn=die_with_parent,  # noqa: PLW1509  one system call, no lock
            )

    def wait_until_ready(self, seconds: float = _START_SECONDS) -> None:
        """Wait until every model is ready.

        Raises:
            TritonStartError: the process ended, or the time is over.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.alive():
                raise TritonStartError(f"Triton ended while starting. {self.complaints()}")
            if self.ready():
                return
            time.sleep(_POLL_SECONDS)
        raise TritonStartError(f"Triton was not ready after {seconds:g} s. {self.complaints()}")

    def alive(self) -> bool:
        """Whether the process runs and has all its stubs: without one it is of no use for long."""
        if self.process is None or self.process.poll() is not None:
            return False
        return not stubs.lost(self.process.pid)

    def ready(self) -> bool:
        """Whether the server answers that all its models are ready."""
        url = f"http://127.0.0.1:{self.ports.http}/v2/health/ready"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> None:
        """End the process: politely, then not."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_STOP_SECONDS + 0.5)
        # The server leads a group of its own; a stub can outlive a server that was killed.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
        remove_regions(self.ports)

    def complaints(self) -> str:
        """The log's last errors in its own words, or where to look for them."""
        if self.verbose:
            return "See its messages above."
        # "E0101 … file.cc:1] "words\\n\\nAt: a Python trace"": the words are for people
        errors = [
            line.partition('] "')[2].split("\\n\\nAt:")[0].rstrip('"')
            for line in self.log.read_text(errors="replace").splitlines()
            if line.startswith("E") and not any(noise in line for noise in _NOISE)
        ]
        said = "It said:\n  " + "\n  ".join(errors[-5:]) + "\n" if errors else ""
        return f"{said}Its whole log: {self.log}"


def die_with_parent() -> None:
    """Have the kernel end a child when its parent dies, so that a kill -9 leaves no orphan."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
