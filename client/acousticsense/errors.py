"""Everything that can go wrong when a server is asked, and how an answer tells what did.

    AcousticSenseError
    ├── ConnectionFailedError      nothing answered, or not to the end
    ├── UnexpectedAnswerError      something answered, but not an AcousticSense server
    ├── WaitTimeoutError           a task was not over in the time that was given
    ├── TaskCancelledError         a task was cancelled, so it has no result
    └── ApiError                   the server says what is wrong: code, name, detail
        ├── RequestError           the request itself: a field, a path, a conflict
        │   ├── NotFoundError
        │   └── ConflictError
        ├── AudioError             the audio: not audio, damaged, empty, too long, too large
        ├── DownloadError          the audio's URL
        ├── AccessError            the API key, the token, or what they may ask for
        ├── BusyError              429 or 503: later it may go, see ``retry_after``
        ├── ServerTimeoutError
        └── ServerError            a fault of the server's

A file that is not there is Python's own ``OSError``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

SUCCESS = 20000000
_SHOWN_CHARACTERS = 120


class AcousticSenseError(Exception):
    """Whatever this library raises on purpose."""


class ConnectionFailedError(AcousticSenseError):
    """Nothing answered at the address, or the connection broke before the answer was whole."""


class UnexpectedAnswerError(AcousticSenseError):
    """The answer is none of an AcousticSense server: a proxy's page, or another service."""


class WaitTimeoutError(AcousticSenseError):
    """The task is still in work; it can be waited for again."""


class TaskCancelledError(AcousticSenseError):
    """Somebody cancelled the task."""


class ApiError(AcousticSenseError):
    """An error in the server's words.

    Attributes:
        code: the number of the protocol, 40000012 for instance.
        name: its name, ``IllegalData`` for instance.
        detail: what to change, in a sentence; may be empty.
        status: the HTTP status; ``None`` where a task's result was read.
        retry_after: seconds after which the server wants to be asked again, if it said so.
        request_id: the server's name for the request.
    """

    def __init__(
        self,
        code: int,
        name: str,
        detail: str = "",
        *,
        status: int | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(f"{name}: {detail}" if detail else name)
        self.code = code
        self.name = name
        self.detail = detail
        self.status = status
        self.retry_after = retry_after
        self.request_id = request_id


class RequestError(ApiError):
    """The request is wrong in some other way than the classes below name."""


class NotFoundError(RequestError):
    """There is no such task or analysis, or it was another app's, or too long ago."""


class ConflictError(RequestError):
    """The request contradicts an earlier one."""


class AudioError(ApiError):
    """The audio cannot be analysed, and will not be however often it is sent."""


class DownloadError(ApiError):
    """The server could not, or may not, download the URL."""


class AccessError(ApiError):
    """The API key or token is missing, wrong, or not for this."""


class BusyError(ApiError):
    """Too many requests at once, or the server is not ready."""


class ServerTimeoutError(ApiError):
    """The server did not finish in its time."""


class ServerError(ApiError):
    """A fault of the server's."""


_BY_CODE: dict[int, type[ApiError]] = {
    40000010: AudioError,  # InvalidData
    40000011: AudioError,  # EmptyData
    40000012: AudioError,  # IllegalData
    40000013: AudioError,  # ExceededDuration
    40000016: AudioError,  # ExceededDataSize
    40000023: DownloadError,  # EmptyURL
    40000024: DownloadError,  # FailedDownload
    40200001: AccessError,  # InvalidAccess
    40200002: AccessError,  # DeniedAccess:IllegalToken
    40200014: AccessError,  # DeniedNamespace
    42900000: BusyError,  # ExceededConcurrency
    50000000: ServerError,
    50000003: BusyError,  # ServerBusy
    50000004: ServerTimeoutError,
}
_BY_STATUS: dict[int, type[ApiError]] = {404: NotFoundError, 409: ConflictError}
_NAMES_WITH_COLON = ("DeniedAccess:IllegalToken",)


def error_of(code: int, text: str, status: int | None = None, **known: Any) -> ApiError:
    """The error of a code and its ``Name`` or ``Name:detail``, as the invoke protocol says it."""
    for name in _NAMES_WITH_COLON:
        if text == name or text.startswith(f"{name}:"):
            return _typed(code, status)(code, name, text[len(name) + 1 :], status=status, **known)
    name, _, detail = text.partition(":")
    return _typed(code, status)(code, name, detail.strip(), status=status, **known)


def check(response: httpx.Response) -> dict[str, Any]:
    """The JSON object that a server answered with, if it is one of success.

    Raises:
        ApiError: it is a failure, in either protocol's form.
        UnexpectedAnswerError: it is neither.
    """
    answer = _json_object(response)
    known: dict[str, Any] = {"retry_after": retry_after(response.headers)}
    if answer is not None and isinstance(answer.get("status_code"), int):
        if response.status_code == 200 and answer["status_code"] == SUCCESS:
            return answer
        text, known["request_id"] = str(answer.get("status_text", "")), answer.get("task_id")
        raise error_of(answer["status_code"], text, response.status_code, **known)
    if answer is not None and isinstance(answer.get("code"), int) and response.is_error:
        kind = _typed(answer["code"], response.status_code)
        name, detail = str(answer.get("title", "")), str(answer.get("detail", ""))
        known["request_id"] = answer.get("request_id")
        detail = "" if detail == name else detail
        raise kind(answer["code"], name, detail, status=response.status_code, **known)
    if answer is None or response.status_code != 200:
        raise UnexpectedAnswerError(_unexpected(response))
    return answer


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a ``Retry-After`` asks to wait, as a number or until a date."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # no date, or one without a zone
        return None


def _typed(code: int, status: int | None) -> type[ApiError]:
    if code in _BY_CODE:
        return _BY_CODE[code]
    return _BY_STATUS.get(status or 0, RequestError)


def _json_object(response: httpx.Response) -> dict[str, Any] | None:
    try:
        answer = json.loads(response.content)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _unexpected(response: httpx.Response) -> str:
    url = response.request.url.copy_with(query=None)
    what = f"{url} answered {response.status_code}"
    if response.has_redirect_location:
        return f"{what} and points to {response.headers['Location']}: use that server's base_url"
    text = " ".join(response.text.split())[:_SHOWN_CHARACTERS]
    return f"{what}, but not as an AcousticSense server does: {text or 'nothing'}"
