"""Every call that a server understands: how it is asked, and how its answer is read.

The two clients only send what is built here and read it here, one of them waiting, the other
awaiting.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

import httpx

from acousticsense.audio import Audio, InvokeBody, open_audio, url_of
from acousticsense.errors import (
    TaskCancelledError,
    UnexpectedAnswerError,
    check,
    error_of,
)
from acousticsense.results import Accepted, Analysis, Chorus, Health, Record, Task

T = TypeVar("T")
R = TypeVar("R", bound=Record)
Asked = Literal["genre", "chorus"]

NAMESPACES: dict[str, str] = {"genre": "AcousticSense", "chorus": "DeepChorus"}
"""What can be asked of a song, and its namespace in the invoke protocol."""
READERS: dict[str, type[Record]] = {"AcousticSense": Analysis, "DeepChorus": Chorus}
OPEN_IDENTITY = {"appkey": "anonymous", "token": "anonymous"}
"""What a server without apps wants to see, and lets in."""
_USER_AGENT = f"acousticsense-python/{version('acousticsense')}"


@dataclass(frozen=True)
class Call(Generic[T]):
    """One call.

    Attributes:
        method: HTTP's.
        path: with its query, from the base URL on.
        read: makes the result of the answer, or raises what it says.
        headers: besides those that every request has.
        content: JSON to send, unless ``audio`` is.
        audio: what to send, as ``content``'s member ``data``, or as a form's file.
        form: whether the audio goes as a form's file.
        repeats: whether 429 and 503 mean to ask again.
    """

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    headers: Mapping[str, str]
    content: Mapping[str, Any] | None = None
    audio: Audio | None = None
    form: bool = False
    repeats: bool = True

    @contextmanager
    def request(self, base_url: str, api_key: str | None) -> Iterator[httpx.Request]:
        """The request, new for every attempt, with its file open.

        Raises:
            OSError: the file is not there.
        """
        headers = {"User-Agent": _USER_AGENT, "Accept": "application/json", **self.headers}
        if api_key is not None:
            headers["Authorization"] = f"Bearer {api_key}"
        url = base_url.rstrip("/") + self.path
        if self.audio is None:
            yield httpx.Request(self.method, url, headers=headers, json=self.content)
            return
        with open_audio(self.audio) as file:
            if self.form:
                files = {"file": (_file_name(self.audio), file)}
                yield httpx.Request(self.method, url, headers=headers, files=files)
                return
            body = InvokeBody(self.content or {}, file)
            # With a stream httpx leaves these to us.
            headers["Host"] = httpx.URL(url).netloc.decode()
            headers["Content-Type"] = "application/json"
            headers["Content-Length"] = str(body.length)
            yield httpx.Request(self.method, url, headers=headers, stream=body)


def _file_name(audio: Audio) -> str:
    """What the form calls the file: lawful Unicode, which a file's name need not be."""
    name = "audio" if isinstance(audio, bytes) else os.path.basename(audio)  # noqa: PTH119  no path
    return name.encode("utf-8", "replace").decode()


def health() -> Call[Health]:
    """``GET /health``; a server that is not ready says so with 503, which is an answer too."""

    def read(response: httpx.Response) -> Health:
        if response.status_code == 503 and b'"unhealthy"' in response.content:
            return Health.read(response.json())
        return Health.read(check(response))

    return Call("GET", "/health", read, {}, repeats=False)


def analyze_file(audio: Audio) -> Call[Analysis]:
    """``POST /analyze-audio``."""
    return Call("POST", "/analyze-audio", _reads(Analysis), {}, audio=audio, form=True)


def analyze_url(url: str, webhook_url: str | None, webhook_token: str | None) -> Call[Accepted]:
    """``POST /analyze-with-webhook``."""
    content: dict[str, Any] = {"audio_url": url}
    if webhook_url is not None:
        content["webhook"] = _webhook(webhook_url, webhook_token)
    headers = _idempotent()
    return Call("POST", "/analyze-with-webhook", _reads(Accepted), headers, content)


def invocation(
    namespace: str,
    audio: Audio,
    identity: Mapping[str, str],
    read: Callable[[httpx.Response], T],
    **asked: Any,
) -> Call[T]:
    """``POST /api/v1/invoke``; what else is asked goes into its payload."""
    url = url_of(audio)
    payload = {**asked, "url": url} if url is not None else asked
    content = {
        **identity,
        "namespace": namespace,
        "version": "v4",
        "payload": json.dumps(payload) if payload else "",
    }
    sent = audio if url is None else None
    return Call("POST", "/api/v1/invoke", read, _idempotent(), content, sent)


def result_now(asked: Asked, audio: Audio, identity: Mapping[str, str]) -> Call[Any]:
    """An invocation that waits for its result."""
    namespace = NAMESPACES[asked]
    return invocation(
        namespace, audio, identity, lambda response: read_payload(namespace, check(response))
    )


def result_later(
    asked: Asked,
    audio: Audio,
    identity: Mapping[str, str],
    webhook_url: str | None,
    webhook_token: str | None,
) -> Call[str]:
    """An invocation that is answered with the task's id.

    Raises:
        ValueError: something else is asked.
    """
    if asked not in NAMESPACES:
        raise ValueError(f"asked is {asked!r}, neither {' nor '.join(map(repr, NAMESPACES))}")
    later: dict[str, Any] = {"async": True}
    if webhook_url is not None:
        later["webhook"] = _webhook(webhook_url, webhook_token)
    return invocation(
        NAMESPACES[asked],
        audio,
        identity,
        lambda response: str(check(response)["task_id"]),
        **later,
    )


def task_id_of(task: str | Accepted | Task) -> str:
    """The id of a task, of what was accepted as one, or the id itself."""
    if isinstance(task, Accepted):
        return task.request_id
    return task.id if isinstance(task, Task) else task


def task(task_id: str) -> Call[Task]:
    """``GET /api/v1/tasks/{id}``."""
    return Call("GET", f"/api/v1/tasks/{quote(task_id, safe='')}", _reads(Task), {})


def task_page(cursor: str | None) -> Call[tuple[list[Task], str | None]]:
    """``GET /api/v1/tasks``, and the cursor of the page after it."""

    def read(response: httpx.Response) -> tuple[list[Task], str | None]:
        page = check(response)
        return [Task.read(each) for each in page["tasks"]], page["next_cursor"]

    query = {"limit": "100", **({"cursor": cursor} if cursor else {})}
    return Call("GET", f"/api/v1/tasks?{httpx.QueryParams(query)}", read, {})


def read_payload(namespace: str, envelope: Mapping[str, Any]) -> Any:
    """The result in an envelope of the invoke protocol, typed where it is known."""
    try:
        payload = json.loads(envelope["payload"])
    except (KeyError, TypeError, ValueError) as error:
        message = f"the envelope of {namespace} has no JSON text in its payload"
        raise UnexpectedAnswerError(message) from error
    return READERS[namespace].read(payload) if namespace in READERS else payload


def result_of(document: Task) -> Any:
    """What a task that is over came to.

    Raises:
        ApiError: it failed.
        TaskCancelledError: it was cancelled.
    """
    if document.state == "cancelled":
        raise TaskCancelledError(f"task {document.id} was cancelled")
    if document.state == "failed" or document.result is None:
        error = document.error or {}
        code, text = error.get("code", 50000000), error.get("text", "ServerError")
        raise error_of(code, text, request_id=document.id)
    if document.kind == "invoke":
        return read_payload(document.namespace, document.result)
    return Analysis.read(document.result)


def _reads(kind: type[R]) -> Callable[[httpx.Response], R]:
    return lambda response: kind.read(check(response))


def _webhook(url: str, token: str | None) -> dict[str, str]:
    return {"url": url, **({"secret_token": token} if token is not None else {})}


def _idempotent() -> dict[str, str]:
    """The same for every attempt of one call, so that one whose answer was lost is no second."""
    return {"Idempotency-Key": uuid.uuid4().hex}
