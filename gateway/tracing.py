"""Traces for OpenTelemetry, where ``OTEL_EXPORTER_OTLP_ENDPOINT`` says where to send them.

Without it nothing is recorded, but a client's ``traceparent`` is passed on to Triton all the same.
The other ``OTEL_…`` variables (service name, sampler, headers, timeouts) are the SDK's own.
"""

from __future__ import annotations

import os

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NoOpTracerProvider, Tracer

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_SERVICE_NAME = "acousticsense-gateway"


class Tracing:
    """The tracer, and what must be flushed at the end."""

    def __init__(self) -> None:
        self._provider: TracerProvider | None = None
        if any(os.environ.get(name) for name in _ENDPOINTS):
            name = os.environ.get("OTEL_SERVICE_NAME", _SERVICE_NAME)
            resource = Resource.create({"service.name": name})
            self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
            self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        provider = self._provider or NoOpTracerProvider()
        self.tracer: Tracer = provider.get_tracer("acousticsense.gateway")

    def close(self) -> None:
        """Send what is left."""
        if self._provider is not None:
            self._provider.shutdown()
