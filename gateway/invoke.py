"""The SAMI invoke protocol: ``POST /api/v1/invoke``."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse

from gateway import errors
from gateway.analysis import analysis_object
from gateway.analyzer import Audio, Kind, Timings
from gateway.connection import unless_gone
from gateway.dialects import failure_envelope, success_envelope
from gateway.inbound.invoke_body import InvokeBody, InvokeBodyReader
from gateway.openapi import API_KEY, INVOKE_BODY, INVOKE_RESPONSES
from gateway.outbound.download import download_to
from gateway.room import Share
from gateway.spool import spool
from gateway.state import State, state_of
from gateway.tasks.fronts import accept_invocation, waits

router = APIRouter()

NAMESPACES: dict[str, Kind] = {"DeepChorus": "chorus", "AcousticSense": "genre"}
"""Namespaces that are served, and what each asks for."""
_VERSION = "v4"
_IDENTITY = ("appkey", "token", "namespace", "version")
_MOST_BESIDES_DATA = 2**20  # bytes of payload and identity
_PCM_HINTS = ("sample_rate", "channel")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks, and for what, from the query and the body together."""

    appkey: str
    token: str
    namespace: str
    version: str


def envelope(request: Request, error: errors.ApiError) -> JSONResponse:
    """A failure in this dialect. Clients measure ``payload`` and ``data``: they are never null."""
    namespace = getattr(request.state, "namespace", "")
    content = failure_envelope(request.state.task_id, namespace, error)
    return JSONResponse(content, error.invoke_status, headers=error.headers)


@router.post(
    "/api/v1/invoke",
    tags=["invoke"],
    summary="Analyse audio (SAMI invoke protocol)",
    openapi_extra=INVOKE_BODY,
    responses=INVOKE_RESPONSES,
    dependencies=[Depends(API_KEY)],
)
async def invoke(request: Request) -> JSONResponse:
    """Answer a DeepChorus or AcousticSense invocation with the protocol's envelope."""
    state = state_of(request)
    _refuse_early(state, request)
    body = await _body(request, state.settings.max_audio_bytes)
    with body.audio or spool() as file:
        identity = Identity(*(_identity(name, request, body.fields) for name in _IDENTITY))
        request.state.namespace = identity.namespace  # errors below repeat it
        if identity.version not in {"", _VERSION}:
            raise errors.ClientError(f"version {identity.version!r} is not served, only {_VERSION}")
        app = state.identities.invoke_app(
            identity.appkey,
            identity.token,
            identity.namespace,
            request.headers.get("authorization"),
        )
        payload = _payload(body.fields.get("payload"))
        if body.error is not None:
            raise body.error
        if body.fields.get("data") is not None:  # the reader takes strings out
            raise errors.InvalidData("data must be a string of base64")
        async with state.admission.enter(app):
            if not waits(payload):
                return await accept_invocation(
                    request, app, identity.namespace, payload, _pcm(payload), file
                )
            work = _answer(state, identity.namespace, payload, file, request.state.task_id)
            return await unless_gone(request, work)


async def _answer(
    state: State, namespace: str, payload: Mapping[str, Any], file: BinaryIO, task_id: str
) -> JSONResponse:
    """Have the audio analysed, and put the result into the envelope."""
    pcm = _pcm(payload)
    end = time.monotonic() + state.settings.deadline_seconds
    with state.room.share() as share:
        if not file.seek(0, os.SEEK_END):
            await _download(state, payload, file, share)
        version = await state.analyzer.version(NAMESPACES[namespace])
        left = max(0.0, end - time.monotonic())  # a download may have taken most of it
        result, timings = await _result(state, namespace, Audio(file, pcm), left, task_id)
    text = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
    content = success_envelope(task_id, namespace, text)
    headers = {"Server-Timing": timings.header(), "X-Model-Version": version}
    return JSONResponse(content, headers=headers)


async def _result(
    state: State, namespace: str, audio: Audio, seconds: float, task_id: str
) -> tuple[dict[str, Any], Timings]:
    if namespace == "DeepChorus":
        chorus = await state.analyzer.chorus(audio, seconds)
        return chorus.payload, chorus.timings
    genre = await state.analyzer.genre(audio, seconds)
    return analysis_object(genre, task_id, state.now()), genre.timings


async def _download(state: State, payload: Mapping[str, Any], file: BinaryIO, share: Share) -> None:
    """Fetch the audio at ``payload.url``, where no data was sent."""
    url = payload.get("url")
    if url is not None and not isinstance(url, str):
        raise errors.IllegalPayload("payload.url must be a string")
    if "url" not in payload:
        raise errors.EmptyData("send the audio's bytes in data, as base64, or a url in payload")
    limit, seconds = state.settings.max_audio_bytes, state.settings.deadline_seconds
    await download_to(file, state.outbound, url, limit, seconds, share)


def _refuse_early(state: State, request: Request) -> None:
    """An identity that stands whole in the query is judged before its body is read."""
    query = request.query_params
    if all(query.get(name) for name in ("appkey", "token", "namespace")):
        request.state.namespace = query["namespace"]
        state.identities.invoke_app(query["appkey"], query["token"], query["namespace"])


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


def _identity(name: str, request: Request, fields: Mapping[str, Any]) -> str:
    """A field that may stand in the query, in the body, or the same in both."""
    in_query, in_body = request.query_params.get(name, ""), fields.get(name) or ""
    if not isinstance(in_body, str):
        raise errors.ClientError(f"{name} must be a string")
    if not in_body.isprintable():  # half a surrogate pair: no answer could repeat it
        raise errors.ClientError(f"{name} holds what is no printable character")
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
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**31:
            raise errors.IllegalPayload(
                f"payload.audio_info.{name} must be a positive integer below 2**31"
            )
    return hints[0], hints[1]  # type: ignore[return-value]  # checked in the loop
