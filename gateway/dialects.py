"""Answers of the two wire protocols as objects, for a response now or a webhook later."""

from __future__ import annotations

from typing import Any

from gateway.errors import ApiError


def problem_object(error: ApiError, request_id: str) -> dict[str, Any]:
    """A failure in the REST protocol: an RFC 9457 problem document."""
    return {
        "type": "about:blank",
        "title": error.name,
        "status": error.rest_status,
        "detail": error.detail or error.name,
        "code": error.code,
        "request_id": request_id,
    }


def success_envelope(task_id: str, namespace: str, payload: str) -> dict[str, Any]:
    """A success in the invoke protocol; ``payload`` is JSON text, or empty."""
    return _envelope(task_id, namespace, 20000000, "OK", payload)


def failure_envelope(task_id: str, namespace: str, error: ApiError) -> dict[str, Any]:
    """A failure in the invoke protocol."""
    return _envelope(task_id, namespace, error.code, error.text, "")


def _envelope(task_id: str, namespace: str, code: int, text: str, payload: str) -> dict[str, Any]:
    """Clients measure ``payload`` and ``data``: they are never null."""
    return {
        "task_id": task_id,
        "namespace": namespace,
        "status_code": code,
        "status_text": text,
        "payload": payload,
        "data": "",
    }
