"""An id for every request, in its answer and in one line of the log, and its count."""

from __future__ import annotations

import time
import uuid

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.metrics import Metrics

log = structlog.get_logger()


class RequestLog:
    """Pure ASGI: names the request, sends ``X-Tt-Logid``, logs how it ended.

    The query string is never logged: the invoke protocol carries tokens in it.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

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
                MutableHeaders(scope=message)["X-Tt-Logid"] = task_id.replace("-", "")
            await send(message)

        try:
            with self.metrics.in_flight.track_inprogress():
                await self.app(scope, receive_counted, send_named)
        finally:
            self._tell(scope, status, size, time.perf_counter() - started)

    def _tell(self, scope: Scope, status: int, size: int, seconds: float) -> None:
        code = scope["state"].get("error_code", 20000000 if status == 200 else None)
        # The route's pattern, not the path: a label that clients choose would grow without end.
        route = getattr(scope.get("route"), "path", "none")
        self.metrics.requests.labels(route, status, code).inc()
        self.metrics.seconds.labels(route).observe(seconds)
        self.metrics.bytes.labels(route).observe(size)
        log.info(
            "request",
            task_id=scope["state"]["task_id"],
            method=scope["method"],
            path=scope["path"],
            status=status,
            code=code,
            ms=round(seconds * 1000, 1),
        )
