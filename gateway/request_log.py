"""An id for every request, in its answer and in one line of the log, and its count."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable

import structlog
from opentelemetry.propagate import extract
from opentelemetry.trace import Span, SpanKind, Tracer
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.metrics import Metrics

log = structlog.get_logger()


class RequestLog:
    """Pure ASGI: names the request, sends ``X-Tt-Logid``, logs how it ended.

    The outermost of all, so a crash is answered here and has its id like any other answer. The
    query string is never logged: the invoke protocol carries tokens in it.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        tracer: Tracer,
        crash: Callable[[Request, BaseException], Response],
    ) -> None:
        """Wrap ``app``; ``crash`` makes the answer to what it raises, and to being cancelled."""
        self.app = app
        self.metrics = metrics
        self.tracer = tracer
        self.crash = crash

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        task_id = str(uuid.uuid4())
        scope["state"]["task_id"] = task_id
        started = time.perf_counter()
        status = size = 0

        async def receive_counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            return message

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Tt-Logid"] = trace_id
            await send(message)

        context = extract(dict(Headers(scope=scope)))
        with (
            self.metrics.in_flight.track_inprogress(),
            self.tracer.start_as_current_span("request", context, SpanKind.SERVER) as span,
        ):
            known = span.get_span_context()
            trace_id = f"{known.trace_id:032x}" if known.is_valid else task_id.replace("-", "")
            try:
                await self.app(scope, receive_counted, send_named)
            except asyncio.CancelledError as error:  # by uvicorn, as the process ends
                if not status:
                    await self.crash(Request(scope), error)(scope, receive, send_named)
            except Exception as error:
                if status:  # the answer has begun: nothing is left but to hang up
                    raise
                await self.crash(Request(scope), error)(scope, receive, send_named)
            finally:
                self._tell(scope, status, size, time.perf_counter() - started, span)

    def _tell(self, scope: Scope, status: int, size: int, seconds: float, span: Span) -> None:
        code = scope["state"].get("error_code", 20000000 if status == 200 else None)
        # The route's pattern, not the path: a label that clients choose would grow without end.
        route = getattr(scope.get("route"), "path", "none")
        self.metrics.requests.labels(route, status, code).inc()
        self.metrics.seconds.labels(route).observe(seconds)
        self.metrics.bytes.labels(route).observe(size)
        span.update_name(f"{scope['method']} {route}")
        span.set_attribute("http.request.method", scope["method"])
        span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        log.info(
            "request",
            task_id=scope["state"]["task_id"],
            method=scope["method"],
            path=scope["raw_path"].decode("ascii"),  # escaped: a log is read in terminals
            status=status,
            code=code,
            ms=round(seconds * 1000, 1),
        )
