"""The application: its parts put together, and every failure given its dialect."""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from gateway import errors, get_token, health, invoke, page, rest
from gateway.admission import Admission
from gateway.analyzer import Analyzer, Models
from gateway.identity.apps import App, check_distinct, load_apps
from gateway.identity.identities import Identities
from gateway.identity.tokens import Tokens
from gateway.inbound.body_guard import BodyGuard, BodyLimits
from gateway.inbound.own_machine import OwnMachine
from gateway.metrics import Metrics
from gateway.outbound.client import OutboundClient
from gateway.request_log import RequestLog
from gateway.results import make_store
from gateway.room import Room
from gateway.servers import Servers
from gateway.settings import Settings
from gateway.state import State
from gateway.tasks import fronts as task_fronts
from gateway.tasks import routes as task_routes
from gateway.tasks.database import open_store
from gateway.tasks.runtime import Runtime, webhook_settings
from gateway.tracing import Tracing

_CLIENT_CLOSED_REQUEST = 499  # what nginx logs; nobody is left to read it
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE}
_RETRY_SECONDS = 5.0
_LEAST_COMPRESSED = 1000  # bytes of an answer
log = structlog.get_logger()


def create_app(settings: Settings) -> FastAPI:
    """Build the application; Triton is dialled when it starts, and need not be there yet.

    Raises:
        AppsError: the file of apps is missing or wrong.
        ValueError: a token key is too short, or tasks cannot be kept as it is set.
    """
    metrics, tracing = Metrics(), Tracing()
    room = Room(settings.max_held_bytes)
    apps = _apps(settings)
    tokens = Tokens(settings.token_keys)
    store = open_store(settings, metrics)
    now = partial(datetime.now, UTC)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        async with AsyncExitStack() as closing:
            servers = await closing.enter_async_context(
                Servers(settings.triton_url, tracing.tracer)
            )
            outbound = await closing.enter_async_context(OutboundClient(settings.outbound))
            webhooks = await closing.enter_async_context(
                OutboundClient(webhook_settings(settings.outbound))
            )
            results = make_store(settings.redis_url)
            closing.push_async_callback(results.close)
            closing.push_async_callback(asyncio.to_thread, tracing.close)
            models = Models(settings.genre_model, settings.chorus_model)
            analyzer = Analyzer(servers, metrics, models)
            runtime = Runtime(settings, store, analyzer, outbound, webhooks, room, now)
            closing.push_async_callback(runtime.stop)
            await runtime.start()
            app.state.drain = runtime.drain
            state = State(
                settings=settings,
                analyzer=analyzer,
                identities=Identities(apps, tokens, now),
                admission=Admission(settings.max_in_flight, time.monotonic),
                outbound=outbound,
                room=room,
                results=results,
                metrics=metrics,
                runtime=runtime,
                now=now,
            )
            yield {"gateway": state}

    app = FastAPI(
        title="AcousticSense",
        summary="Genre and chorus of a song, self-hosted.",
        version="0.1.0",
        lifespan=lifespan,
    )
    for front in (invoke, get_token, rest, task_fronts, task_routes, health):
        app.include_router(front.router)
    if settings.page:
        app.include_router(page.make_router(settings, locked=bool(apps)))
    app.add_exception_handler(errors.ApiError, _api_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(ClientDisconnect, _client_disconnect)
    app.add_exception_handler(OSError, _os_error)
    app.add_middleware(BodyGuard, limits=_body_limits(settings), room=room)
    app.add_middleware(GZipMiddleware, minimum_size=_LEAST_COMPRESSED)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=[
                "Authorization",
                "Cache-Control",
                "Content-Type",
                "Idempotency-Key",
                "If-None-Match",
            ],
            expose_headers=["Age", "ETag", "Retry-After", "Server-Timing", "X-Tt-Logid"],
        )
    if not apps:
        app.add_middleware(OwnMachine, origins=settings.cors_origins, refuse=_answer)
    app.add_middleware(RequestLog, metrics=metrics, tracer=tracing.tracer, crash=_crash)
    return app


def _apps(settings: Settings) -> list[App]:
    """The apps that are let in; none means everyone on this machine.

    Raises:
        AppsError: the file is missing or wrong, or two apps share a key.
    """
    apps = list(settings.apps)
    if settings.apps_file is not None:
        apps += load_apps(settings.apps_file)
    check_distinct(apps, "the settings")
    return apps


def _body_limits(settings: Settings) -> BodyLimits:
    """Base64 takes four bytes for three; what else a body holds is small."""
    return BodyLimits(
        body_bytes=settings.max_audio_bytes * 4 // 3 + 2 * 2**20,
        grace_seconds=settings.body_grace_seconds,
        least_rate=settings.body_bytes_per_second,
    )


def _answer(request: Request, error: errors.ApiError) -> Response:
    """The error in the dialect of the path that was asked."""
    request.state.error_code = error.code
    path = request.url.path
    invoked = path == "/" or (
        path.startswith("/api/") and not path.startswith(task_routes.PREFIXES)
    )
    speak = invoke.envelope if invoked else rest.problem
    return speak(request, error)


async def _api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.ApiError)  # noqa: S101  for the type checker
    return _answer(request, error)


async def _http_exception(request: Request, error: Exception) -> Response:
    """Starlette's own refusals: unknown paths, wrong methods, broken multipart bodies."""
    assert isinstance(error, HTTPException)  # noqa: S101
    path, method = request.url.path, request.method
    if error.status_code == 404:
        return _answer(request, errors.NotFound(f"there is nothing at {path}"))
    if error.status_code == 405:
        answer = _answer(request, errors.MethodNotAllowed(f"{path} does not take {method}"))
        answer.headers.update(error.headers or {})  # Allow
        return answer
    return _answer(request, errors.ClientError(str(error.detail)))


async def _os_error(request: Request, error: Exception) -> Response:
    """No room for a temporary file, or for one more open one: for now, and no fault of anybody."""
    assert isinstance(error, OSError)  # noqa: S101
    if error.errno not in _NO_ROOM:
        raise error
    log.warning("no room for a temporary file", error=error.strerror)
    words = "no room for the audio; nothing was accepted"
    return _answer(request, errors.ServerBusy(words, retry_after=_RETRY_SECONDS))


async def _client_disconnect(_: Request, __: Exception) -> Response:
    return JSONResponse(None, _CLIENT_CLOSED_REQUEST)


def _crash(request: Request, error: BaseException) -> Response:
    """A fault of ours: the whole story to the log, none of it to the client."""
    if isinstance(error, asyncio.CancelledError):  # the process ends, and waited long enough
        return _answer(
            request, errors.ServerBusy("stopping; send it again", retry_after=_RETRY_SECONDS)
        )
    log.error("crash", task_id=request.state.task_id, exc_info=error)
    return _answer(request, errors.ServerError())
