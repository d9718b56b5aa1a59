"""What Prometheus reads of the gateway: requests, errors, times, sizes, and the state of Triton."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_BYTES = tuple(4.0**power * 1024 for power in range(9))  # 1 KiB … 64 MiB


class Metrics:
    """One registry an application: nothing is global, two applications do not mix."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "acousticsense_requests",
            "Requests answered",
            ["route", "status", "code"],
            registry=registry,
        )
        self.seconds = Histogram(
            "acousticsense_request_seconds",
            "Time to the answer's end",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.bytes = Histogram(
            "acousticsense_request_bytes",
            "Size of the body that came in",
            ["route"],
            buckets=_BYTES,
            registry=registry,
        )
        self.in_flight = Gauge(
            "acousticsense_requests_in_flight", "Requests under way", registry=registry
        )
        self.cache = Counter(
            "acousticsense_cache_lookups",
            "Analyses looked for in the cache",
            ["found"],
            registry=registry,
        )
        self.stage_seconds = Histogram(
            "acousticsense_stage_seconds",
            "Where inference time went",
            ["stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.triton_ready = Gauge(
            "acousticsense_triton_ready", "Whether both ensembles were ready", registry=registry
        )

    def text(self) -> bytes:
        """The exposition format's text."""
        return generate_latest(self.registry)
