"""How a Triton is started, the same on a bare machine and in containers."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# What could change the served models, read another process's memory or write files by name
_RESTRICTED = "model-repository,shared-memory,trace,logging"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a Triton listens."""

    http: int = 8000
    grpc: int = 8001
    metrics: int = 8002

    @property
    def regions(self) -> str:
        """How the names of this Triton's shared memory begin."""
        return f"acousticsense_{self.http}_"


def server_arguments(
    models: Path, ports: Ports, cores: int, exit_seconds: int, address: str = "127.0.0.1"
) -> list[str]:
    """Arguments that every Triton takes.

    Args:
        models: the model repository, scaled.
        ports: where to listen.
        cores: how many it may use; models load in parallel.
        exit_seconds: how long what is in work may go on after SIGTERM.
        address: whom to listen to; another than loopback only where a network guards it.
    """
    key = f"admin-key={secrets.token_hex(16)}"
    arguments = {
        "model-repository": models,
        "model-load-thread-count": max(4, 2 * cores),
        "http-address": address,
        "http-port": ports.http,
        "http-restricted-api": f"{_RESTRICTED}:{key}",
        "grpc-address": address,
        "grpc-port": ports.grpc,
        "grpc-restricted-protocol": f"{_RESTRICTED}:{key}",
        "metrics-address": address,
        "metrics-port": ports.metrics,
        "exit-timeout-secs": exit_seconds,
        "backend-config": f"python,shm-region-prefix-name={ports.regions}",
    }
    collector = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    traces = _trace_arguments(collector) if collector else []
    named = [f"--{name}={value}" for name, value in arguments.items()]
    return [*named, *traces, "--disable-auto-complete-config"]


def embedded_arguments(backends: Path, ports: Ports) -> list[str]:
    """What the server of the ``nvidia-pytriton`` wheel takes besides: its backends, and no GPU."""
    return [
        f"--backend-directory={backends}",
        f"--backend-config=onnxruntime,shm-region-prefix-name={ports.regions}",
        "--allow-gpu-metrics=false",
    ]


def remove_regions(ports: Ports) -> None:
    """Remove the shared memory of a Triton of these ports that was killed: nobody else would."""
    for region in Path("/dev/shm").glob(f"{ports.regions}*"):  # noqa: S108  where Linux has it
        with suppress(OSError):
            region.unlink()


def _trace_arguments(collector: str) -> list[str]:
    """Have Triton send its spans where the gateway sends its own; they join by traceparent."""
    settings = (
        "mode=opentelemetry",
        "rate=1",
        "level=TIMESTAMPS",
        f"opentelemetry,url={collector.rstrip('/')}/v1/traces",
        "opentelemetry,resource=service.name=acousticsense-triton",
    )
    return [f"--trace-config={setting}" for setting in settings]
