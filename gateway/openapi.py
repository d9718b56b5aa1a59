"""What the OpenAPI document says beyond what FastAPI sees: bodies read by hand, and examples."""

from __future__ import annotations

import json
from typing import Any

from fastapi.security import HTTPBearer

from gateway import errors

ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"

ANALYSIS = {
    "request_id": ID,
    "timestamp": "2026-11-21T12:00:00+00:00",
    "analysis_results": [
        {"genre": "Rock", "confidence": 61.25},
        {"genre": "Metal", "confidence": 20.5},
        {"genre": "Pop", "confidence": 9.75},
        {"genre": "Country", "confidence": 3.0},
        {"genre": "Folk", "confidence": 1.5},
    ],
    "top_genre": "Rock",
    "top_confidence": 61.25,
}

FILE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}

_SEGMENT = {
    "interval": [31.104, 51.84],
    "start_prob": 0.91,
    "end_prob": 0.88,
    "chorus_prob": 0.97,
    "duration": 20.736,
    "res_duration": 257.184,
}
_CHORUS = {
    "frame_sec": 0.192,
    "thumbnail": [_SEGMENT],
    "chorus_segments": [_SEGMENT],
    "raw_segments": [_SEGMENT],
}

API_KEY = HTTPBearer(auto_error=False, description="An app's API key; needed where apps are set")
"""Declared for the document; ``Identities`` reads the header itself."""

INVOKE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "appkey": {"type": "string"},
                        "token": {"type": "string"},
                        "namespace": {"enum": ["DeepChorus", "AcousticSense"]},
                        "version": {"enum": ["v4"]},
                        "payload": {"type": "string", "description": "JSON, serialised"},
                        "data": {"type": "string", "format": "byte"},
                    },
                },
                "example": {
                    "appkey": "my-app",
                    "token": "my-token",
                    "namespace": "DeepChorus",
                    "payload": "{}",
                    "data": "SUQzBAAAAAAA",
                },
            }
        },
    }
}


def envelope(code: int, text: str, payload: str = "") -> dict[str, Any]:
    """The invoke protocol's answer, for an example."""
    return {
        "task_id": ID,
        "namespace": "DeepChorus",
        "status_code": code,
        "status_text": text,
        "payload": payload,
        "data": "",
    }


def content(example: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    """The ``content`` of an answer that is documented by an example."""
    return {kind: {"example": example}}


def problems(*kinds: type[errors.ApiError]) -> dict[int | str, dict[str, Any]]:
    """A documented answer for each status that these errors have."""
    answers: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        example = {
            "type": "about:blank",
            "title": kind.name,
            "status": kind.rest_status,
            "detail": (kind.__doc__ or "").splitlines()[0],
            "code": kind.code,
            "request_id": ID,
        }
        answers[kind.rest_status] = {
            "description": (kind.__doc__ or "").splitlines()[0],
            "content": content(example, "application/problem+json"),
        }
    return answers


_FAULTS = (
    errors.ExceededConcurrency,
    errors.ServerError,
    errors.ServerBusy,
    errors.ServerTimeout,
)

ANALYSIS_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The analysis", "content": content(ANALYSIS)},
    **problems(
        errors.ClientError,
        errors.InvalidAccess,
        errors.DeniedNamespace,
        errors.ExceededDataSize,
        errors.NotAudio,
        errors.IllegalData,
        *_FAULTS,
    ),
}

STORED_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The analysis", "content": content(ANALYSIS)},
    304: {"description": "It is what `If-None-Match` names"},
    **problems(
        errors.InvalidAccess,
        errors.DeniedNamespace,
        errors.NotFound,
        errors.ServerError,
        errors.ServerBusy,
    ),
}


def _envelopes(*failures: errors.ApiError) -> dict[int | str, dict[str, Any]]:
    """A documented answer for each of these failures."""
    return {
        failure.invoke_status: {
            "description": (failure.__doc__ or "").splitlines()[0],
            "content": content(envelope(failure.code, failure.text)),
        }
        for failure in failures
    }


INVOKE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The result, as JSON text in `payload`",
        "content": content(envelope(20000000, "OK", json.dumps(_CHORUS, separators=(",", ":")))),
    },
    **_envelopes(
        errors.ExceededDuration("612.4 s, the limit is 600 s"),
        errors.InvalidAccess("the appkey is unknown"),
        errors.ExceededConcurrency("too many requests at once"),
        errors.ServerError(),
        errors.ServerBusy("the inference server is away"),
        errors.ServerTimeout("no answer before the deadline"),
    ),
}

STORED_PARAMETERS = {
    "parameters": [
        {"name": "request_id", "in": "path", "required": True, "schema": {"type": "string"}}
    ]
}


def _fixed(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": True, "schema": {"enum": [value]}}


TOKEN_BODY = {
    "parameters": [
        _fixed("Action", "GetToken"),
        _fixed("Version", "2021-07-27"),
        {
            "name": "X-Date",
            "in": "header",
            "required": True,
            "schema": {"type": "string", "pattern": r"^[0-9]{8}T[0-9]{6}Z$"},
        },
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["appkey", "token_version", "expiration"],
                    "properties": {
                        "appkey": {"type": "string"},
                        "token_version": {"enum": ["volc-auth-v1"]},
                        "expiration": {"type": "integer", "minimum": 1, "maximum": 86400},
                    },
                }
            }
        },
    },
}

TOKEN_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A token, bound to the appkey",
        "content": content(
            {
                "status_code": 20000000,
                "status_text": "OK",
                "task_id": ID,
                "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
                "expires_at": 1795262400,
            }
        ),
    },
    **_envelopes(
        errors.ClientError("expiration must be 1 to 86400 seconds"),
        errors.InvalidAccess("the access key is unknown, or the signature wrong"),
        errors.ExceededConcurrency("too many signed requests"),
    ),
}

READINESS_RESPONSES: dict[int | str, dict[str, Any]] = {503: {"description": "Triton is not ready"}}
