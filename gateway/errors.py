"""Every error that a client can be told, declared once with its words in both dialects.

    ApiError
    ├── ClientError            anything the client did that is not named below
    │   ├── NotFound
    │   ├── MethodNotAllowed
    │   └── Conflict
    ├── InvalidData            base64 that is none
    ├── EmptyData              no audio
    ├── IllegalData            audio that cannot be decoded
    │   └── NotAudio           … because it is something else
    ├── ExceededDuration
    ├── ExceededDataSize
    ├── InvalidPayload, EmptyPayload, IllegalPayload
    ├── EmptyURL, FailedDownload
    ├── InvalidAccess, IllegalToken, DeniedNamespace
    ├── ExceededConcurrency    ┐
    ├── ServerBusy             ┘ come with Retry-After
    ├── ServerTimeout
    └── ServerError            a fault of ours; says nothing of our insides

The invoke dialect answers with ``code``, ``text`` and ``invoke_status``; the REST dialect with
``rest_status`` and a problem document whose ``code`` is the same number.
"""

from __future__ import annotations

import math
from typing import ClassVar


class ApiError(Exception):
    """An error of the wire protocols. ``detail`` tells the client what to change."""

    code: ClassVar[int]
    name: ClassVar[str]
    invoke_status: ClassVar[int] = 400
    rest_status: ClassVar[int] = 400

    def __init__(self, detail: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after

    @property
    def text(self) -> str:
        """``Name`` or ``Name:detail``, the ``status_text`` of the invoke protocol."""
        return f"{self.name}:{self.detail}" if self.detail else self.name

    @property
    def headers(self) -> dict[str, str]:
        """``Retry-After`` in whole seconds, where waiting helps."""
        if self.retry_after is None:
            return {}
        return {"Retry-After": str(max(1, math.ceil(self.retry_after)))}


class ClientError(ApiError):
    """The request is wrong in a way that no other code names."""

    code, name = 40000000, "ClientError"


class NotFound(ClientError):
    """No such path or resource."""

    invoke_status = rest_status = 404


class MethodNotAllowed(ClientError):
    """The path exists, for another method."""

    invoke_status = rest_status = 405


class Conflict(ClientError):
    """The request contradicts an earlier one, or what became of it."""

    invoke_status = rest_status = 409


class InvalidData(ApiError):
    """The base64 text is broken."""

    code, name = 40000010, "InvalidData"


class EmptyData(ApiError):
    """There is no audio."""

    code, name, rest_status = 40000011, "EmptyData", 422


class IllegalData(ApiError):
    """The audio cannot be decoded."""

    code, name, rest_status = 40000012, "IllegalData", 422


class NotAudio(IllegalData):
    """The bytes are something other than audio that we read."""

    rest_status = 415


class ExceededDuration(ApiError):
    """The audio is longer than the limit."""

    code, name, rest_status = 40000013, "ExceededDuration", 422


class ExceededDataSize(ApiError):
    """The body or the audio in it is larger than the limit."""

    code, name, rest_status = 40000016, "ExceededDataSize", 413


class InvalidPayload(ApiError):
    """The payload is not what the namespace takes."""

    code, name = 40000020, "InvalidPayload"


class EmptyPayload(ApiError):
    """A payload is needed and missing."""

    code, name = 40000021, "EmptyPayload"


class IllegalPayload(ApiError):
    """The payload is not lawful JSON, or a field has the wrong type."""

    code, name = 40000022, "IllegalPayload"


class EmptyURL(ApiError):
    """A URL is needed and missing."""

    code, name = 40000023, "EmptyURL"


class FailedDownload(ApiError):
    """The URL cannot be downloaded; why is not told. ``passing``: it may be possible later."""

    code, name = 40000024, "FailedDownload"

    def __init__(self, detail: str = "", *, passing: bool = False) -> None:
        super().__init__(detail)
        self.passing = passing


class InvalidAccess(ApiError):
    """The appkey or access key is unknown."""

    code, name, invoke_status, rest_status = 40200001, "InvalidAccess", 401, 401


class IllegalToken(ApiError):
    """The token is wrong, expired, or another appkey's."""

    code, name, invoke_status, rest_status = 40200002, "DeniedAccess:IllegalToken", 401, 401


class DeniedNamespace(ApiError):
    """The namespace is unknown or not granted."""

    code, name, rest_status = 40200014, "DeniedNamespace", 403


class ExceededConcurrency(ApiError):
    """Too many requests at once."""

    code, name, invoke_status, rest_status = 42900000, "ExceededConcurrency", 429, 429


class ServerBusy(ApiError):
    """The inference server is away or its queue is full."""

    code, name, invoke_status, rest_status = 50000003, "ServerBusy", 503, 503


class ServerTimeout(ApiError):
    """The deadline passed."""

    code, name, invoke_status, rest_status = 50000004, "ServerTimeout", 504, 504


class ServerError(ApiError):
    """A fault of ours."""

    code, name, invoke_status, rest_status = 50000000, "ServerError", 500, 500
