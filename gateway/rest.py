"""The AcousticSense REST protocol: ``/analyze-audio``."""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, BinaryIO

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData, UploadFile
from starlette.responses import JSONResponse, Response

from gateway import errors
from gateway.analysis import analysis_object
from gateway.analyzer import Audio
from gateway.connection import unless_gone
from gateway.dialects import problem_object
from gateway.identity.apps import App
from gateway.openapi import (
    ANALYSIS_RESPONSES,
    API_KEY,
    FILE_BODY,
    STORED_PARAMETERS,
    STORED_RESPONSES,
)
from gateway.spool import sha256
from gateway.state import State, state_of

router = APIRouter(tags=["rest"])

_CACHE_SECONDS = 300


def problem(request: Request, error: errors.ApiError) -> JSONResponse:
    """A failure in this dialect: an RFC 9457 problem document."""
    content = problem_object(error, request.state.task_id)
    headers = {**error.headers, "Content-Type": "application/problem+json"}
    if error.rest_status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(content, error.rest_status, headers=headers)


@router.post(
    "/analyze-audio",
    summary="Name the genre of a song",
    openapi_extra=FILE_BODY,
    responses=ANALYSIS_RESPONSES,
    dependencies=[Depends(API_KEY)],
)
async def analyze_audio(request: Request) -> Response:
    """Answer with the analysis object of the audio in the multipart field `file`.

    The same audio within five minutes is answered from the cache (`Age` says how old the answer
    is), unless the request says `Cache-Control: no-cache`.
    """
    state = state_of(request)
    app = state.identities.rest_app(request.headers.get("authorization"))
    async with _form(request) as form:
        file = _file(form.get("file"), state.settings.max_audio_bytes)
        async with state.admission.enter(app):
            return await _analysis(request, state, app, file)


@asynccontextmanager
async def _form(request: Request) -> AsyncIterator[FormData]:
    try:
        form = await request.form(max_files=1, max_fields=8)
    except UnicodeError:
        raise errors.ClientError("the form's text is not in the charset that it names") from None
    try:
        yield form
    finally:
        await form.close()


async def _analysis(request: Request, state: State, app: App, file: BinaryIO) -> Response:
    """The analysis of one file, remembered or new."""
    version = await state.analyzer.version("genre")
    digest = await asyncio.to_thread(sha256, file)
    key = f"genre:{app.appkey}:{version}:{digest}"
    headers = {"X-Model-Version": version}
    if "no-cache" not in request.headers.get("cache-control", ""):
        known = await state.results.get(key)
        state.metrics.cache.labels(str(known is not None).lower()).inc()
        if known is not None:
            return _json(known, {**headers, "Age": str(_age(known, state.now()))})
    seconds = state.settings.deadline_seconds
    result = await unless_gone(request, state.analyzer.genre(Audio(file), seconds))
    content = analysis_object(result, request.state.task_id, state.now())
    text = await _keep(state, app, key, content)
    return _json(text, {**headers, "Server-Timing": result.timings.header()})


@router.get(
    "/analyze-audio/{request_id}",
    summary="A finished analysis",
    openapi_extra=STORED_PARAMETERS,
    responses=STORED_RESPONSES,
    dependencies=[Depends(API_KEY)],
)
async def stored_analysis(request: Request) -> Response:
    """Answer with an analysis made before, by its `request_id`."""
    state = state_of(request)
    app = state.identities.rest_app(request.headers.get("authorization"))
    try:
        name = str(uuid.UUID(request.path_params["request_id"]))
    except ValueError:
        raise errors.NotFound("a request_id is a UUID") from None
    text = await state.results.get(f"result:{app.appkey}:{name}")
    if text is None:
        text = await state.tasks.analysis(name, app.appkey)
    if text is None:
        raise errors.NotFound(f"no analysis {name}; it is kept for a limited time")
    tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = {"Cache-Control": f"private, max-age={_CACHE_SECONDS}", "ETag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return _json(text, headers)


async def _keep(state: State, app: App, key: str, content: dict[str, Any]) -> str:
    """Store an analysis under its id and its content; the text that is stored is what is sent."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    name = f"result:{app.appkey}:{content['request_id']}"  # no app finds another's
    await state.results.put(name, text, state.settings.result_seconds)
    await state.results.put(key, text, _CACHE_SECONDS)
    return text


def _age(text: str, now: datetime) -> int:
    """Whole seconds since the stored analysis was made."""
    made = datetime.fromisoformat(json.loads(text)["timestamp"])
    return max(0, int((now - made).total_seconds()))


def _json(text: str, headers: dict[str, str]) -> Response:
    return Response(text, media_type="application/json", headers=headers)


def _file(field: object, limit: int) -> BinaryIO:
    """The uploaded file, which the parser has put on disk if it is large."""
    if not isinstance(field, UploadFile):
        raise errors.EmptyData("send the audio in the multipart field `file`, to the form's end")
    size = field.size or 0
    if size > limit:
        raise errors.ExceededDataSize(f"{size} bytes, the limit is {limit}")
    if not size:
        raise errors.EmptyData("the file is empty")
    return field.file
