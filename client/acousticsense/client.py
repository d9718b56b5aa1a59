"""The client that waits for its answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Self, TypeVar

import httpx

from acousticsense import calls
from acousticsense.audio import Audio, url_of
from acousticsense.calls import Asked, Call
from acousticsense.connection import (
    TIMEOUT_SECONDS,
    checked_api_key,
    checked_base_url,
    polls,
    timeouts,
)
from acousticsense.errors import WaitTimeoutError
from acousticsense.results import Accepted, Analysis, Chorus, Health, Task
from acousticsense.retries import Attempts

T = TypeVar("T")


class AcousticSenseClient:
    """Asks an AcousticSense server. Threads may share one; ``with`` or :meth:`close` ends it.

    Every method raises :class:`~acousticsense.AcousticSenseError`, of the kind that says what went
    wrong, after ``retries`` more attempts where another attempt may help.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        timeout: float = TIMEOUT_SECONDS,
        retries: int = 4,
    ) -> None:
        """Name a server.

        Args:
            base_url: ``http://127.0.0.1:8080`` for instance.
            api_key: what ``python -m gateway.new_app`` printed; not needed by an open server.
            timeout: seconds without a sign of the server after which a call fails.
            retries: how often a call is made again if the server is busy, or the connection fails.

        Raises:
            ValueError: the URL is none of http or https, or the key cannot be one.
        """
        self._base_url = checked_base_url(base_url)
        self._api_key = checked_api_key(api_key)
        self._identity = {} if api_key is not None else calls.OPEN_IDENTITY
        self._retries = retries
        self._http = httpx.Client(timeout=timeouts(timeout))

    def analyze_audio_file(self, file_path: Audio) -> Analysis:
        """The genres of a song in a file (or of a file's bytes), which is sent."""
        return self.call(calls.analyze_file(file_path))

    def analyze_audio_url(
        self, audio_url: str, webhook_url: str | None = None, webhook_token: str | None = None
    ) -> Accepted:
        """Have the genres of a song found that the server downloads; answered at once.

        The analysis is sent to the webhook, signed under the token, and :meth:`wait` finds it by
        the answer's ``request_id``.
        """
        return self.call(calls.analyze_url(audio_url, webhook_url, webhook_token))

    def get_health(self) -> Health:
        """Whether the server can answer."""
        return self.call(calls.health())

    def find_genre(self, audio: Audio) -> Analysis:
        """The genres of a song: a path, the bytes of a file, or a URL."""
        if url_of(audio) is None:
            return self.call(calls.analyze_file(audio))
        analysis: Analysis = self.call(calls.result_now("genre", audio, self._identity))
        return analysis

    def find_chorus(self, audio: Audio) -> Chorus:
        """Where the choruses of a song are: a path, the bytes of a file, or a URL."""
        chorus: Chorus = self.call(calls.result_now("chorus", audio, self._identity))
        return chorus

    def submit(
        self,
        audio: Audio,
        asked: Asked = "genre",
        *,
        webhook_url: str | None = None,
        webhook_token: str | None = None,
    ) -> str:
        """Hand a song over to be analysed later, whatever happens; the task's id.

        Args:
            audio: a path, the bytes of a file, or a URL.
            asked: ``genre`` or ``chorus``.
            webhook_url: where the server is to send the result's envelope.
            webhook_token: the secret that it is signed under.
        """
        return self.call(
            calls.result_later(asked, audio, self._identity, webhook_url, webhook_token)
        )

    def task(self, task_id: str) -> Task:
        """How far a task is, by the id of :meth:`submit` or a ``request_id``."""
        return self.call(calls.task(task_id))

    def tasks(self) -> Iterator[Task]:
        """All tasks of this app, newest first, without their results."""
        cursor = None
        while True:
            page, cursor = self.call(calls.task_page(cursor))
            yield from page
            if cursor is None:
                return

    def wait(self, task: str | Accepted | Task, timeout: float | None = None) -> Any:
        """The result of a task, once it is there: an :class:`Analysis` or a :class:`Chorus`.

        Args:
            task: the id of :meth:`submit` or a ``request_id``, or what bears it.
            timeout: seconds; without, as long as it takes.

        Raises:
            ApiError: the task failed, or there is none.
            TaskCancelledError: it was cancelled.
            WaitTimeoutError: it is still in work.
        """
        task_id = calls.task_id_of(task)
        for pause in polls(timeout):
            document = self.task(task_id)
            if document.over:
                return calls.result_of(document)
            time.sleep(pause)
        raise WaitTimeoutError(f"task {task_id} is not over after {timeout} s")

    def call(self, call: Call[T]) -> T:
        """Make a call, again where that may help."""
        attempts = Attempts(self._retries)
        while True:
            with call.request(self._base_url, self._api_key) as request:
                try:
                    response = self._http.send(request)
                except httpx.TransportError as error:
                    pause: float | None = attempts.after_failure(call, error, self._base_url)
                else:
                    pause = attempts.after_answer(call, response)
            if pause is None:
                return call.read(response)
            time.sleep(pause)

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
