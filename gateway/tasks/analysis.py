"""The work of one task: its audio, its analysis, and the body that says how it ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from gateway import errors
from gateway.analysis import analysis_object
from gateway.analyzer import Analyzer, Audio
from gateway.dialects import failure_envelope, problem_object, success_envelope
from gateway.outbound.client import OutboundClient
from gateway.outbound.download import download_to
from gateway.room import Room
from gateway.spool import spool
from gateway.tasks.schema import TaskState
from gateway.tasks.store import Ending, TaskRow
from gateway.tasks.uploads import Uploads

RETRY_SECONDS = (2, 5, 10, 20, 60, *(120,) * 24)
"""After each try that failed in passing: Triton may be away for the better part of an hour, and
nobody waits much longer once it is back."""
_DOWNLOADS_RETRIED = 4
_PASSING = (
    errors.ExceededConcurrency,
    errors.ServerBusy,
    errors.ServerTimeout,
    errors.ServerError,
)

Enter = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the work.

    Attributes:
        seconds: for the download and for the analysis of one try, each.
        audio_bytes: the largest file.
        at_once: tasks in work at the same time.
    """

    seconds: float
    audio_bytes: int
    at_once: int


class Work:
    """Turns a task's row into its ending."""

    def __init__(
        self,
        analyzer: Analyzer,
        outbound: OutboundClient,
        room: Room,
        uploads: Uploads,
        now: Callable[[], datetime],
        limits: Limits,
    ) -> None:
        self._analyzer = analyzer
        self._outbound = outbound
        self._room = room
        self._uploads = uploads
        self._now = now
        self._limits = limits
        self.turn = asyncio.Semaphore(limits.at_once)
        """To be held while a task is in work."""

    async def do(self, task: TaskRow, enter: Enter) -> Ending:
        """Analyse the task's audio; ``enter`` is told each stage.

        Raises:
            ApiError: it could not be analysed.
            OSError: its audio cannot be read or written.
        """
        with self._room.share() as share, closing(await self._file(task)) as file:
            if task.audio_url:
                limits = self._limits
                await download_to(
                    file, self._outbound, task.audio_url, limits.audio_bytes, limits.seconds, share
                )
            await enter("analysing")
            pcm = (task.pcm_sample_rate, task.pcm_channels) if task.pcm_sample_rate else None
            result = await self._result(task, Audio(file, pcm))
        if task.kind == "invoke":
            result = success_envelope(task.id, task.namespace, _json(result))
        return Ending(TaskState.SUCCEEDED, _json(result))

    async def clear(self, task: TaskRow) -> None:
        """Let the audio of a task go that is over."""
        if task.audio_file:
            await asyncio.to_thread(self._uploads.remove, task.audio_file)

    async def _file(self, task: TaskRow) -> BinaryIO:
        if task.audio_file is None:
            return spool()
        try:
            return await asyncio.to_thread(self._uploads.open, task.audio_file)
        except FileNotFoundError:
            raise errors.ServerError("the audio that was sent is no longer there") from None

    async def _result(self, task: TaskRow, audio: Audio) -> dict[str, Any]:
        if task.namespace == "DeepChorus":
            return (await self._analyzer.chorus(audio, self._limits.seconds)).payload
        genre = await self._analyzer.genre(audio, self._limits.seconds)
        return analysis_object(genre, task.id, self._now())


def retry_seconds(error: errors.ApiError, tries: int) -> float | None:
    """How long to wait before the next try, after so many before this one; ``None``: it is final.

    What is wrong with the audio stays wrong; what is wrong with Triton or with the server that has
    the audio may pass.
    """
    if isinstance(error, errors.FailedDownload):
        most = _DOWNLOADS_RETRIED if error.passing else 0
    else:
        most = len(RETRY_SECONDS) if isinstance(error, _PASSING) else 0
    return RETRY_SECONDS[tries] if tries < most else None


def failure(task: TaskRow, error: errors.ApiError) -> Ending:
    """The ending of a task that failed, in the dialect that it was asked in."""
    body = (
        failure_envelope(task.id, task.namespace, error)
        if task.kind == "invoke"
        else problem_object(error, task.id)
    )
    return Ending(TaskState.FAILED, _json(body), error.code, error.text)


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
