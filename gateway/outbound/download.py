"""Audio by URL, with every failure in the words of the wire protocols.

A forbidden address, a dead one and one that answered 404 are told in one text: whoever asks must
not learn from us what stands inside.
"""

from __future__ import annotations

import time
from typing import BinaryIO

import structlog

from gateway import errors
from gateway.outbound.client import Answer, OutboundClient
from gateway.outbound.failures import (
    BodyTooLargeError,
    MalformedUrlError,
    OutboundError,
    UnreachableError,
    UnwantedAnswerError,
)
from gateway.outbound.urls import Url, parse_url, redirect_target
from gateway.room import Share

FAILED = "the url could not be downloaded: a public address must answer it with 200 and the file"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429})  # besides 5xx: the file may be had later
log = structlog.get_logger()


async def download_to(
    file: BinaryIO,
    client: OutboundClient,
    url: str | None,
    limit_bytes: int,
    deadline_seconds: float,
    share: Share,
) -> None:
    """Fetch a file, written while it comes and counted in ``share``.

    Raises:
        EmptyURL: the URL is missing or empty.
        FailedDownload: it is malformed, or the file could not be had.
        ExceededDataSize: the file has more than ``limit_bytes``.
        EmptyData: it has none.
        ExceededConcurrency: there is no room for it beside the others.
    """
    if not url:
        raise errors.EmptyURL("send the audio's url")
    end = time.monotonic() + min(deadline_seconds, client.settings.total_seconds)
    try:
        await _follow(file, share, client, parse_url(url), limit_bytes, end)
    except MalformedUrlError as error:
        raise errors.FailedDownload(str(error)) from None
    except BodyTooLargeError as error:
        raise errors.ExceededDataSize(f"{error}; send a smaller file") from None
    except OutboundError as error:
        log.info("download failed", reason=f"{type(error).__name__}: {error}")
        passing = isinstance(error, UnreachableError)
        raise errors.FailedDownload(FAILED, passing=passing) from None
    if not file.tell():
        raise errors.EmptyData("0 bytes were downloaded from the url")


async def _follow(
    file: BinaryIO, share: Share, client: OutboundClient, url: Url, limit_bytes: int, end: float
) -> None:
    for _ in range(client.settings.redirects + 1):
        left = end - time.monotonic()
        async with client.call("GET", url, deadline_seconds=left) as answer:
            if answer.status not in _REDIRECTS:
                await _save(file, share, answer, limit_bytes)
                return
        url = _next(url, answer)
    raise UnwantedAnswerError("too many redirects")


def _next(url: Url, answer: Answer) -> Url:
    try:
        return redirect_target(url, answer.headers.get("location", ""))
    except MalformedUrlError as error:  # the other side's fault, not that of the url we were sent
        raise UnwantedAnswerError(str(error)) from None


async def _save(file: BinaryIO, share: Share, answer: Answer, limit_bytes: int) -> None:
    if answer.status in _PASSING or answer.status >= 500:
        raise UnreachableError(f"status {answer.status}")
    if answer.status != 200:
        raise UnwantedAnswerError(f"status {answer.status}")
    async for piece in answer.body(limit_bytes):
        share.grow(file.tell() + len(piece))
        file.write(piece)
