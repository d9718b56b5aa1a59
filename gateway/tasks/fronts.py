"""Where tasks come from: ``POST /analyze-with-webhook``, and invocations that do not wait."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from typing import Any, BinaryIO

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse

from gateway import errors
from gateway.dialects import success_envelope
from gateway.identity.apps import App
from gateway.inbound.json_body import json_body
from gateway.openapi import API_KEY
from gateway.spool import sha256
from gateway.state import state_of
from gateway.tasks import documents
from gateway.tasks.request import (
    NewTask,
    parse_audio_url,
    parse_idempotency_key,
    parse_webhook,
)

router = APIRouter(tags=["rest"])

_REST_NAMESPACE = "AcousticSense"


@router.post(
    "/analyze-with-webhook",
    summary="Name the genre of a song later",
    dependencies=[Depends(API_KEY)],
    **documents.ANALYZE,
)
async def analyze_with_webhook(request: Request) -> JSONResponse:
    """Accept the audio at `audio_url` for analysis, and answer at once with its `request_id`.

    The analysis object, or a problem document, is POSTed to the webhook; `GET
    /api/v1/tasks/{request_id}` finds it as well.
    """
    state = state_of(request)
    app = state.identities.rest_app(request.headers.get("authorization"))
    body, value = await json_body(request)
    if not isinstance(value, dict):
        raise errors.ClientError("the body is JSON, but not an object")
    new = NewTask(
        id=request.state.task_id,
        app=app.appkey,
        kind="rest",
        namespace=_REST_NAMESPACE,
        audio_url=parse_audio_url(value.get("audio_url"), "audio_url"),
        pcm=None,
        webhook=parse_webhook(value.get("webhook")),
        idempotency_key=parse_idempotency_key(request.headers.get("idempotency-key")),
        fingerprint=hashlib.sha256(b"rest\n" + body).hexdigest(),
    )
    async with state.admission.enter(app):
        task = await state.tasks.accept(new, None)
    return JSONResponse(
        {
            "status": "processing",
            "message": "The audio will be analysed; the result is sent to the webhook, if one "
            "was named, and kept under the request_id.",
            "request_id": task,
        }
    )


def waits(payload: Mapping[str, Any]) -> bool:
    """Whether an invocation waits for its result, as it does unless it says otherwise.

    Raises:
        IllegalPayload: ``async`` is neither true nor false.
    """
    later = payload.get("async", False)
    if not isinstance(later, bool):
        raise errors.IllegalPayload("payload.async must be true or false")
    return not later and payload.get("webhook") is None


async def accept_invocation(
    request: Request,
    app: App,
    namespace: str,
    payload: Mapping[str, Any],
    pcm: tuple[int, int] | None,
    file: BinaryIO,
) -> JSONResponse:
    """Accept an invocation that does not wait; the envelope's ``task_id`` is what to ask for."""
    state = state_of(request)
    digest = await asyncio.to_thread(sha256, file)
    sent = bool(file.tell())
    if not sent and "url" not in payload:
        raise errors.EmptyData("send the audio's bytes in data, as base64, or a url in payload")
    try:
        asked = json.dumps(["invoke", namespace, payload, digest], sort_keys=True)
    except RecursionError:
        raise errors.IllegalPayload("payload is nested too deeply") from None
    new = NewTask(
        id=request.state.task_id,
        app=app.appkey,
        kind="invoke",
        namespace=namespace,
        audio_url=None if sent else parse_audio_url(payload["url"], "payload.url"),
        pcm=pcm,
        webhook=parse_webhook(payload.get("webhook")),
        idempotency_key=parse_idempotency_key(request.headers.get("idempotency-key")),
        fingerprint=hashlib.sha256(asked.encode()).hexdigest(),
    )
    task = await state.tasks.accept(new, file if sent else None)
    return JSONResponse(success_envelope(task, namespace, ""))
