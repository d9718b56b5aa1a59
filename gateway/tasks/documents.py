"""What the OpenAPI document says about tasks."""

from __future__ import annotations

from typing import Any

from gateway import errors
from gateway.openapi import ANALYSIS, ID, content, problems

_HOOK = {"url": "https://example.com/hook", "secret_token": "whsec_c2VjcmV0", "timeout": 30}
_WEBHOOK = {
    "type": "object",
    "required": ["url"],
    "properties": {
        "url": {"type": "string"},
        "secret_token": {"type": "string", "maxLength": 512},
        "timeout": {"type": "integer", "minimum": 1, "maximum": 30, "default": 30},
    },
}
_SUMMARY = {
    "id": ID,
    "kind": "rest",
    "namespace": "AcousticSense",
    "state": "succeeded",
    "stage": "done",
    "accepted_at": "2026-11-21T12:00:00+00:00",
    "started_at": "2026-11-21T12:00:01+00:00",
    "finished_at": "2026-11-21T12:00:02+00:00",
    "next_try_at": None,
    "tries": 1,
    "delivery": "delivered",
    "error": None,
}
_TASK = {**_SUMMARY, "result": ANALYSIS}
_ATTEMPT = {
    "attempt": 1,
    "state": "done",
    "due_at": "2026-11-21T12:00:02+00:00",
    "started_at": "2026-11-21T12:00:02+00:00",
    "status": 200,
    "error": None,
    "milliseconds": 84,
}
_ALWAYS = (
    errors.ClientError,
    errors.InvalidAccess,
    errors.ServerError,
    errors.ServerBusy,
)


def _answers(
    example: dict[str, Any], description: str, *kinds: type[errors.ApiError]
) -> dict[int | str, dict[str, Any]]:
    return {
        200: {"description": description, "content": content(example)},
        **problems(*_ALWAYS, *kinds),
    }


def _body(schema: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": example}},
        }
    }


def _parameter(name: str, place: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "schema": schema,
        "description": description,
    }


_TEXT = {"type": "string"}
_ONE = {
    "parameters": [_parameter("task_id", "path", _TEXT, "The `request_id` or `task_id`")],
}
IDEMPOTENCY_KEY = _parameter(
    "Idempotency-Key",
    "header",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
    "The same key and request make one task, however often they are sent",
)

ANALYZE: dict[str, Any] = {
    "openapi_extra": {
        "parameters": [IDEMPOTENCY_KEY],
        **_body(
            {
                "type": "object",
                "required": ["audio_url"],
                "properties": {"audio_url": {"type": "string"}, "webhook": _WEBHOOK},
            },
            {"audio_url": "https://example.com/song.mp3", "webhook": _HOOK},
        ),
    },
    "responses": _answers(
        {"status": "processing", "message": "The audio will be analysed.", "request_id": ID},
        "Accepted: it will be analysed, whatever happens",
        errors.DeniedNamespace,
        errors.Conflict,
        errors.ExceededDataSize,
        errors.ExceededConcurrency,
    ),
}

LIST: dict[str, Any] = {
    "openapi_extra": {
        "parameters": [
            _parameter(
                "limit", "query", {"type": "integer", "minimum": 1, "maximum": 100}, "20 by default"
            ),
            _parameter("cursor", "query", _TEXT, "`next_cursor` of the page before"),
        ]
    },
    "responses": _answers({"tasks": [_SUMMARY], "next_cursor": "MTc5"}, "A page of tasks"),
}

TASK: dict[str, Any] = {
    "openapi_extra": _ONE,
    "responses": _answers(_TASK, "The task", errors.NotFound),
}

DELIVERIES: dict[str, Any] = {
    "openapi_extra": _ONE,
    "responses": _answers({"deliveries": [_ATTEMPT]}, "The attempts", errors.NotFound),
}

REPLAY: dict[str, Any] = {
    "openapi_extra": _ONE,
    "responses": _answers(
        _SUMMARY, "The task, whose delivery begins anew", errors.NotFound, errors.Conflict
    ),
}

PING: dict[str, Any] = {
    "openapi_extra": _body(_WEBHOOK, _HOOK),
    "responses": _answers(
        {
            "webhook_id": ID,
            "delivered": True,
            "status": 200,
            "error": None,
            "milliseconds": 84,
        },
        "What became of the call",
        errors.ExceededDataSize,
        errors.ExceededConcurrency,
    ),
}
