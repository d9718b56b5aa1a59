"""GetToken: ``POST /?Action=GetToken&Version=2021-07-27``, where a signature buys a token.

Failures speak the invoke dialect.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from gateway import errors
from gateway.identity.signature import SignedRequest
from gateway.inbound.json_body import json_body
from gateway.openapi import TOKEN_BODY, TOKEN_RESPONSES
from gateway.state import state_of

router = APIRouter()

_ACTION, _VERSION = "GetToken", "2021-07-27"
_TOKEN_VERSION = "volc-auth-v1"  # noqa: S105  a version, no secret
_MAX_BODY_BYTES = 2**14
_SIGNED_SECONDS = 1800  # a date may be a quarter of an hour off, either way


@router.post(
    "/",
    tags=["invoke"],
    summary="Get a token (signed with the app's secret key)",
    openapi_extra=TOKEN_BODY,
    responses=TOKEN_RESPONSES,
)
async def get_token(request: Request) -> JSONResponse:
    """Answer a signed request with a token for its appkey."""
    query = request.query_params
    if (query.get("Action"), query.get("Version")) != (_ACTION, _VERSION):
        raise errors.ClientError(f"only Action={_ACTION}&Version={_VERSION} is served here")
    body, value = await json_body(request, _MAX_BODY_BYTES)
    fields = _fields(value)
    state = state_of(request)
    app, signature = state.identities.signing_app(_signed(request, body), fields["appkey"])
    if signature and not await state.results.claim(f"signed:{signature}", _SIGNED_SECONDS):
        raise errors.InvalidAccess("this signed request was used before, at another gateway")
    token, expires_at = state.identities.issue_token(app, fields["expiration"])
    content = {
        "status_code": 20000000,
        "status_text": "OK",
        "task_id": request.state.task_id,
        "token": token,
        "expires_at": expires_at,
    }
    return JSONResponse(content, headers={"Cache-Control": "no-store"})


def _fields(fields: Any) -> dict[str, Any]:
    """The body's fields, all there and of their types."""
    if not isinstance(fields, dict):
        raise errors.ClientError("the body is JSON, but not an object")
    if not isinstance(fields.get("appkey"), str):
        raise errors.ClientError("appkey must be a string")
    if fields.get("token_version") != _TOKEN_VERSION:
        raise errors.ClientError(f"token_version must be {_TOKEN_VERSION}")
    if type(fields.get("expiration")) is not int:  # neither 3.5 nor true
        raise errors.ClientError("expiration must be a whole number of seconds")
    return fields


def _signed(request: Request, body: bytes) -> SignedRequest:
    return SignedRequest(
        method=request.method,
        path="/",
        query=request.scope["query_string"].decode("latin-1"),
        headers=request.headers.items(),
        body=body,
    )
