"""What Prometheus reads of the gateway: requests, errors, times, sizes, and the state of Triton."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

DELIVERED, AGAIN, GIVEN_UP = "delivered", "tried again", "given up"
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
        self.tasks_accepted = Counter(
            "acousticsense_tasks_accepted",
            "Tasks committed by this process",
            ["kind"],
            registry=registry,
        )
        self.tasks_ended = Counter(
            "acousticsense_tasks_ended",
            "Tasks brought to their end by this process",
            ["state"],
            registry=registry,
        )
        self.deliveries = Counter(
            "acousticsense_deliveries",
            "Webhook calls of this process, by what follows from them",
            ["outcome"],
            registry=registry,
        )
        # Of the whole store, the same at every gateway of one database: take the max, not the sum.
        self.tasks_open = Gauge(
            "acousticsense_tasks_open", "Tasks that are not over", ["state"], registry=registry
        )
        self.task_oldest_seconds = Gauge(
            "acousticsense_task_oldest_seconds",
            "Age of the oldest task that is not over",
            registry=registry,
        )
        self.deliveries_waiting = Gauge(
            "acousticsense_deliveries_waiting",
            "Webhook calls that wait, due or not",
            registry=registry,
        )
        # From 0 on, or Prometheus would miss the first of each
        for counter, labels in (
            (self.tasks_accepted, ("rest", "invoke")),
            (self.tasks_ended, ("succeeded", "failed", "cancelled")),
            (self.deliveries, (DELIVERED, AGAIN, GIVEN_UP)),
        ):
            for label in labels:
                counter.labels(label)

    def text(self) -> bytes:
        """The exposition format's text."""
        return generate_latest(self.registry)
