"""The SAMI invoke protocol: ``POST /api/v1/invoke``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from gateway import errors
from gateway.analysis import analysis_object
from gateway.analyzer import Audio
from gateway.connection import unless_gone
from gateway.inbound.invoke_body import InvokeBody, InvokeBodyReader
from gateway.openapi import INVOKE_BODY, INVOKE_RESPONSES
from gateway.state import State, state_of

router = APIRouter()

NAMESPACES = {"DeepChorus": "chorus", "AcousticSense": "genre"}
"""Namespaces that are served, and the ensemble that answers each."""
_VERSION = "v4"
_IDENTITY = ("appkey", "token", "namespace", "version")
_MOST_BESIDES_DATA = 2**20  # bytes of payload and identity
_PCM_HINTS = ("sample_rate", "channel")


@dataclass(frozen=True, slots=True)
class Invocation:
    """One request, its query and body brought together."""

    namespace: str
    audio: Audio


def envelope(request: Request, error: errors.ApiError) -> JSONResponse:
    """A failure in this dialect. Clients measure ``payload`` and ``data``: they are never null."""
    content = {
        "task_id": request.state.task_id,
        "namespace": getattr(request.state, "namespace", ""),
        "status_code": error.code,
        "status_text": error.text,
        "payload": "",
        "data": "",
    }
    return JSONResponse(content, error.invoke_status, headers=error.headers)


@router.post(
    "/api/v1/invoke",
    tags=["invoke"],
    summary="Analyse audio (SAMI invoke protocol)",
    openapi_extra=INVOKE_BODY,
    responses=INVOKE_RESPONSES,
)
async def invoke(request: Request) -> JSONResponse:
    """Answer a DeepChorus or AcousticSense invocation with the protocol's envelope."""
    state = state_of(request)
    invocation = _read(await _body(request, state.settings.max_audio_bytes), request)
    version = await state.analyzer.version(NAMESPACES[invocation.namespace])
    result, timings = await unless_gone(request, _run(state, invocation, request.state.task_id))
    content = {
        "task_id": request.state.task_id,
        "namespace": invocation.namespace,
        "status_code": 20000000,
        "status_text": "OK",
        "payload": json.dumps(result, ensure_ascii=False, separators=(",", ":")),
        "data": "",
    }
    return JSONResponse(content, headers={"Server-Timing": timings, "X-Model-Version": version})


async def _run(state: State, invocation: Invocation, task_id: str) -> tuple[dict[str, Any], str]:
    if invocation.namespace == "DeepChorus":
        chorus = await state.analyzer.chorus(invocation.audio)
        return chorus.payload, chorus.timings.header()
    genre = await state.analyzer.genre(invocation.audio)
    return analysis_object(genre, task_id, state.now()), genre.timings.header()


async def _body(request: Request, limit: int) -> InvokeBody:
    """The body, its audio decoded on the way in."""
    reader = InvokeBodyReader(limit, _MOST_BESIDES_DATA)
    try:
        async for block in request.stream():
            reader.feed(block)
    except BaseException:
        reader.discard()
        raise
    return reader.close()


def _read(body: InvokeBody, request: Request) -> Invocation:
    """Who asks for what; fields first, then the payload, then the audio."""
    data = b""
    if body.audio is not None:
        with body.audio as file:
            data = file.read()
    identity = {name: _identity(name, request.query_params, body.fields) for name in _IDENTITY}
    request.state.namespace = identity["namespace"]  # errors below repeat it
    if identity["version"] not in {"", _VERSION}:
        raise errors.ClientError(f"version {identity['version']!r} is not served, only {_VERSION}")
    if identity["namespace"] not in NAMESPACES:
        raise errors.DeniedNamespace(
            f"namespace {identity['namespace']!r} is not served; use {' or '.join(NAMESPACES)}"
        )
    if not identity["appkey"]:
        raise errors.InvalidAccess("appkey is missing")
    if not identity["token"]:
        raise errors.IllegalToken("token is missing")
    payload = _payload(body.fields.get("payload"))
    if body.fields.get("data") is not None:  # the reader takes strings out
        raise errors.InvalidData("data must be a string of base64")
    if not data:
        if payload.get("url"):
            raise errors.FailedDownload("this version takes no url: send the audio in data")
        raise errors.EmptyData("send the audio's bytes in data, as base64")
    return Invocation(identity["namespace"], Audio(data, _pcm(payload)))


def _identity(name: str, query: Mapping[str, str], fields: Mapping[str, Any]) -> str:
    """A field that may stand in the query, in the body, or the same in both."""
    in_query, in_body = query.get(name, ""), fields.get(name) or ""
    if not isinstance(in_body, str):
        raise errors.ClientError(f"{name} must be a string")
    if in_query and in_body and in_query != in_body:
        raise errors.ClientError(f"{name} differs between query and body: send it once")
    return in_query or in_body


def _payload(text: Any) -> Mapping[str, Any]:
    if text is None or text == "":
        return {}
    if not isinstance(text, str):
        raise errors.IllegalPayload("payload must be JSON text, serialised into a string")
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        raise errors.IllegalPayload("payload is not JSON") from None
    if not isinstance(payload, dict):
        raise errors.IllegalPayload("payload is JSON, but not an object")
    return payload


def _pcm(payload: Mapping[str, Any]) -> tuple[int, int] | None:
    """Rate and channels of headerless samples; for other formats the content decides."""
    info = payload.get("audio_info", {})
    if not isinstance(info, dict):
        raise errors.IllegalPayload("payload.audio_info must be an object")
    form = info.get("format", "")
    if not isinstance(form, str):
        raise errors.IllegalPayload("payload.audio_info.format must be a string")
    if form.lower() != "pcm":
        return None
    hints = [info.get(name) for name in _PCM_HINTS]
    for name, value in zip(_PCM_HINTS, hints, strict=True):
        if value is None:
            raise errors.InvalidPayload(f"pcm needs payload.audio_info.{name}")
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise errors.IllegalPayload(f"payload.audio_info.{name} must be a positive integer")
    return hints[0], hints[1]  # type: ignore[return-value]  # checked in the loop
