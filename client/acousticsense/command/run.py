"""Songs through a server, some at a time, past those that fail."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from acousticsense.async_client import AsyncAcousticSenseClient
from acousticsense.audio import url_of
from acousticsense.command.entries import Entry, ResultsFile, failure
from acousticsense.errors import (
    AccessError,
    AcousticSenseError,
    BusyError,
    ConnectionFailedError,
    UnexpectedAnswerError,
)

SERVERS_OWN = (AccessError, BusyError, ConnectionFailedError, UnexpectedAnswerError)
"""What is no song's fault and would be the same for the next: it ends the run."""


async def analyze(
    client: AsyncAcousticSenseClient,
    songs: Iterable[str],
    asked: list[str],
    results: ResultsFile,
    jobs: int,
    told: Callable[[Entry, bool], None],
) -> None:
    """Analyse songs that the results do not hold yet.

    Args:
        client: who is asked.
        songs: paths and URLs.
        asked: ``genre``, ``chorus`` or both.
        results: where entries are looked up and put.
        jobs: how many songs at a time.
        told: is called for every song with its entry, and whether it was analysed now.

    Raises:
        AcousticSenseError: one of :data:`SERVERS_OWN`; the songs in work then have no entry.
    """
    waiting = iter(songs)
    begun: dict[str, asyncio.Future[None]] = {}

    async def work() -> None:
        for song in waiting:  # shared: each worker takes the next
            entry, new = await _one(client, song, asked, results, begun)
            told(entry, new)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(jobs):
                group.create_task(work())
    except ExceptionGroup as errors:
        raise _first(errors) from None


async def _one(
    client: AsyncAcousticSenseClient,
    song: str,
    asked: list[str],
    results: ResultsFile,
    begun: dict[str, asyncio.Future[None]],
) -> tuple[Entry, bool]:
    """A song's entry, and whether it was analysed now; two files of one content are one song."""
    digest = None
    if url_of(song) is None:
        try:
            digest = await asyncio.to_thread(sha256, Path(song))
        except OSError as error:
            entry = Entry(song, None, asked, error=failure(error))
            results.add(entry)
            return entry, True
    key = digest or song
    if key in begun:
        await begun[key]
        return results.entries[key], False
    begun[key] = asyncio.get_running_loop().create_future()
    known = results.entries.get(key)
    new = known is None or not known.settles(asked)
    if known is None or new:
        known = await _asked(client, song, digest, asked)
        results.add(known)
    begun[key].set_result(None)
    return known, new


async def _asked(
    client: AsyncAcousticSenseClient, song: str, digest: str | None, asked: list[str]
) -> Entry:
    genre = chorus = error = None
    try:
        if "genre" in asked:
            genre = await client.find_genre(song)
        if "chorus" in asked:
            chorus = await client.find_chorus(song)
    except SERVERS_OWN:
        raise
    except (AcousticSenseError, OSError) as problem:
        error = failure(problem)
    return Entry(song, digest, asked, genre, chorus, error)


def sha256(path: Path) -> str:
    """The hash of a file's content.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _first(errors: ExceptionGroup[Exception]) -> Exception:
    """One stands for all: they are of one server."""
    return next(_leaves(errors))


def _leaves(errors: ExceptionGroup[Exception]) -> Iterator[Exception]:
    for each in errors.exceptions:
        if isinstance(each, ExceptionGroup):
            yield from _leaves(each)
        else:
            yield each
