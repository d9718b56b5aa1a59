"""An id for every request, in its answer and in one line of the log."""

from __future__ import annotations

import time
import uuid

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger()


class RequestLog:
    """Pure ASGI: names the request, sends ``X-Tt-Logid``, logs how it ended.

    The query string is never logged: the invoke protocol carries tokens in it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        task_id = str(uuid.uuid4())
        scope["state"]["task_id"] = task_id
        started = time.perf_counter()
        status = 0

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Tt-Logid"] = task_id.replace("-", "")
            await send(message)

        try:
            await self.app(scope, receive, send_named)
        finally:
            log.info(
                "request",
                task_id=task_id,
                method=scope["method"],
                path=scope["path"],
                status=status,
                code=scope["state"].get("error_code", 20000000 if status == 200 else None),
                ms=round((time.perf_counter() - started) * 1000, 1),
            )
