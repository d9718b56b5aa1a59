"""The client for asyncio: the methods of ``AcousticSenseClient``, to be awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
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


class AsyncAcousticSenseClient:
    """Asks an AcousticSense server; see :class:`acousticsense.AcousticSenseClient`."""

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        timeout: float = TIMEOUT_SECONDS,
        retries: int = 4,
    ) -> None:
        """Name a server; see :class:`acousticsense.AcousticSenseClient`."""
        self._base_url = checked_base_url(base_url)
        self._api_key = checked_api_key(api_key)
        self._identity = {} if api_key is not None else calls.OPEN_IDENTITY
        self._retries = retries
        self._http = httpx.AsyncClient(timeout=timeouts(timeout))

    async def analyze_audio_file(self, file_path: Audio) -> Analysis:
        """The genres of a song in a file, or of a file's bytes."""
        return await self.call(calls.analyze_file(file_path))

    async def analyze_audio_url(
        self, audio_url: str, webhook_url: str | None = None, webhook_token: str | None = None
    ) -> Accepted:
        """Have the genres of a song found that the server downloads; answered at once."""
        return await self.call(calls.analyze_url(audio_url, webhook_url, webhook_token))

    async def get_health(self) -> Health:
        """Whether the server can answer."""
        return await self.call(calls.health())

    async def find_genre(self, audio: Audio) -> Analysis:
        """The genres of a song: a path, the bytes of a file, or a URL."""
        if url_of(audio) is None:
            return await self.call(calls.analyze_file(audio))
        analysis: Analysis = await self.call(calls.result_now("genre", audio, self._identity))
        return analysis

    async def find_chorus(self, audio: Audio) -> Chorus:
        """Where the choruses of a song are: a path, the bytes of a file, or a URL."""
        chorus: Chorus = await self.call(calls.result_now("chorus", audio, self._identity))
        return chorus

    async def submit(
        self,
        audio: Audio,
        asked: Asked = "genre",
        *,
        webhook_url: str | None = None,
        webhook_token: str | None = None,
    ) -> str:
        """Hand a song over to be analysed later, whatever happens; the task's id."""
        return await self.call(
            calls.result_later(asked, audio, self._identity, webhook_url, webhook_token)
        )

    async def task(self, task_id: str) -> Task:
        """How far a task is, by the id of :meth:`submit` or a ``request_id``."""
        return await self.call(calls.task(task_id))

    async def tasks(self) -> AsyncIterator[Task]:
        """All tasks of this app, newest first, without their results."""
        cursor = None
        while True:
            page, cursor = await self.call(calls.task_page(cursor))
            for each in page:
                yield each
            if cursor is None:
                return

    async def wait(self, task: str | Accepted | Task, timeout: float | None = None) -> Any:  # noqa: ASYNC109  as the other client's
        """The result of a task, once it is there: an :class:`Analysis` or a :class:`Chorus`.

        Raises:
            ApiError: the task failed, or there is none.
            TaskCancelledError: it was cancelled.
            WaitTimeoutError: it is still in work.
        """
        task_id = calls.task_id_of(task)
        for pause in polls(timeout):
            document = await self.task(task_id)
            if document.over:
                return calls.result_of(document)
            await asyncio.sleep(pause)
        raise WaitTimeoutError(f"task {task_id} is not over after {timeout} s")

    async def call(self, call: Call[T]) -> T:
        """Make a call, again where that may help."""
        attempts = Attempts(self._retries)
        while True:
            with call.request(self._base_url, self._api_key) as request:
                try:
                    response = await self._http.send(request)
                except httpx.TransportError as error:
                    pause: float | None = attempts.after_failure(call, error, self._base_url)
                else:
                    pause = attempts.after_answer(call, response)
            if pause is None:
                return call.read(response)
            await asyncio.sleep(pause)

    async def aclose(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
