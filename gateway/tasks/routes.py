"""Tasks over HTTP: ``/api/v1/tasks`` and ``/api/v1/webhooks``. Failures are problem documents."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse

from gateway import errors
from gateway.inbound.json_body import json_body
from gateway.openapi import API_KEY
from gateway.state import State, state_of
from gateway.tasks import documents as shown
from gateway.tasks.request import parse_webhook
from gateway.tasks.store import TaskRow
from gateway.tasks.times import moment

router = APIRouter(prefix="/api/v1", tags=["tasks"], dependencies=[Depends(API_KEY)])

PREFIXES = ("/api/v1/tasks", "/api/v1/webhooks")
"""Paths that speak this dialect although they begin like the invoke protocol's."""
_MOST_A_PAGE = 100
_DEFAULT_PAGE = 20


@router.get("/tasks", summary="An app's tasks", **shown.LIST)
async def list_tasks(request: Request) -> JSONResponse:
    """Answer with the app's own tasks, newest first, in pages; results are left out."""
    state, app = _asked(request)
    size = _page_size(request.query_params.get("limit"))
    before = _from_cursor(request.query_params.get("cursor"))
    rows = await state.tasks.page(app, before, size + 1)
    page, more = rows[:size], len(rows) > size
    following = _cursor(page[-1]) if more else None
    return JSONResponse({"tasks": [_task(row) for row in page], "next_cursor": following})


@router.get("/tasks/{task_id}", summary="A task's state and result", **shown.TASK)
async def get_task(request: Request) -> JSONResponse:
    """Answer with how far a task is, and with its result or its error once it is over."""
    state, app = _asked(request)
    return JSONResponse(_task(await state.tasks.find(_id(request), app), whole=True))


@router.delete("/tasks/{task_id}", summary="Cancel a task", **shown.TASK)
async def cancel_task(request: Request) -> JSONResponse:
    """Stop a task's analysis, or the delivery of its result; what is over stays as it is."""
    state, app = _asked(request)
    return JSONResponse(_task(await state.tasks.cancel(_id(request), app), whole=True))


@router.get("/tasks/{task_id}/deliveries", summary="A webhook's log", **shown.DELIVERIES)
async def get_deliveries(request: Request) -> JSONResponse:
    """Answer with every attempt to deliver the task's result, in order."""
    state, app = _asked(request)
    rows = await state.tasks.attempts(_id(request), app)
    return JSONResponse({"deliveries": [_attempt(row) for row in rows]})


@router.post("/tasks/{task_id}/replay", summary="Deliver again", **shown.REPLAY)
async def replay(request: Request) -> JSONResponse:
    """Deliver the task's result once more, with the same `webhook-id` and body."""
    state, app = _asked(request)
    return JSONResponse(_task(await state.tasks.replay(_id(request), app)))


@router.post("/webhooks/test", summary="Try a webhook", **shown.PING)
async def ping(request: Request) -> JSONResponse:
    """Send a signed `{"type":"ping"}` once, and answer with what became of it."""
    state = state_of(request)
    app = _app(state, request)
    _, value = await json_body(request)
    webhook = parse_webhook(value)
    if webhook is None:
        raise errors.IllegalPayload("send an object with url and, if it has one, secret_token")
    async with state.admission.enter(app):
        outcome = await state.tasks.ping(webhook, request.state.task_id)
    return JSONResponse(
        {
            "webhook_id": request.state.task_id,
            "delivered": outcome.error is None,
            "status": outcome.status,
            "error": outcome.error,
            "milliseconds": outcome.milliseconds,
        }
    )


def _asked(request: Request) -> tuple[State, str]:
    state = state_of(request)
    return state, _app(state, request).appkey


def _app(state: State, request: Request) -> Any:
    query = request.query_params
    return state.identities.task_app(
        request.headers.get("authorization"), query.get("appkey"), query.get("token")
    )


def _id(request: Request) -> str:
    try:
        return str(uuid.UUID(request.path_params["task_id"]))
    except ValueError:
        raise errors.NotFound("a task's id is a UUID") from None


def _page_size(text: str | None) -> int:
    if text is None:
        return _DEFAULT_PAGE
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:9]) <= _MOST_A_PAGE:
        raise errors.ClientError(f"limit must be 1 to {_MOST_A_PAGE}")
    return int(text)


def _cursor(row: TaskRow) -> str:
    return base64.urlsafe_b64encode(f"{row.accepted_at} {row.id}".encode()).decode()


def _from_cursor(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    try:
        time, _, name = base64.urlsafe_b64decode(text).decode("ascii").partition(" ")
        return int(time[:18]), str(uuid.UUID(name))
    except (ValueError, binascii.Error):
        raise errors.ClientError("cursor is none that was given out") from None


def _task(row: TaskRow, *, whole: bool = False) -> dict[str, Any]:
    """A task as its owner sees it; nothing of the webhook but what became of it."""
    document = {
        "id": row.id,
        "kind": row.kind,
        "namespace": row.namespace,
        "state": row.state,
        "stage": row.stage,
        "accepted_at": _time(row.accepted_at),
        "started_at": _time(row.started_at),
        "finished_at": _time(row.finished_at),
        "next_try_at": _time(row.due_at),
        "tries": row.tries + 1,
        "delivery": row.delivery,
        "error": None,
    }
    if row.error_code is not None:
        document["error"] = {"code": row.error_code, "text": row.error_text}
    if whole:
        succeeded = row.state == "succeeded"
        document["result"] = json.loads(row.body) if succeeded else None
    return document


def _attempt(row: TaskRow) -> dict[str, Any]:
    return {
        "attempt": row.attempt,
        "state": row.state,
        "due_at": _time(row.due_at),
        "started_at": _time(row.started_at),
        "status": row.status,
        "error": row.error,
        "milliseconds": row.milliseconds,
    }


def _time(number: int | None) -> str | None:
    return None if number is None else moment(number).isoformat()
