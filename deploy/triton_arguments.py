"""How a Triton is started, the same on a bare machine and in containers."""

from __future__ import annotations

import os
import secrets
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
    }
    collector = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    traces = _trace_arguments(collector) if collector else []
    named = [f"--{name}={value}" for name, value in arguments.items()]
    return [*named, *traces, "--disable-auto-complete-config"]


def embedded_arguments(backends: Path) -> list[str]:
    """What the server of the ``nvidia-pytriton`` wheel takes besides: its backends, and no GPU."""
    return [f"--backend-directory={backends}", "--allow-gpu-metrics=false"]


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
