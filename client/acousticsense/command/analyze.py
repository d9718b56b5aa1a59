"""``acousticsense analyze``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from acousticsense.async_client import AsyncAcousticSenseClient
from acousticsense.command import run
from acousticsense.command.entries import ResultsFile, ResultsFileError
from acousticsense.command.options import DEFAULT_URL, ApiKey, BaseUrl, end, errors, words
from acousticsense.command.progress import RunProgress, show
from acousticsense.command.report import WRITERS, write_report
from acousticsense.command.songs import NoSongError, songs_of
from acousticsense.errors import AcousticSenseError

_RETRIES = 12  # some four minutes: a server that is started again is waited for


def analyze(  # noqa: PLR0913, PLR0917  every one is an option of the command
    songs: Annotated[
        list[str], typer.Argument(help="Files, folders or URLs.", metavar="FILE|DIR|URL…")
    ],
    genre: Annotated[bool, typer.Option("--genre", help="Genres only.")] = False,
    chorus: Annotated[bool, typer.Option("--chorus", help="Choruses only.")] = False,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Songs at a time.")] = 4,
    out: Annotated[
        Path | None,
        typer.Option(help="File for results, a JSON line a song.", metavar="RESULTS.JSONL"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with --out: what it holds is not asked again.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="File for a report: .html, .md or .json.", metavar="FILE")
    ] = None,
    url: BaseUrl = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Find the genres and choruses of songs.

    [bold]One song[/], printed:

      acousticsense analyze song.mp3

    [bold]A collection[/], with a report. After Ctrl-C, or a crash, the same line
    goes on where it was; a song is known by its content, whatever its name:

      acousticsense analyze Music --out all.jsonl --resume --report all.html

    [bold]Only choruses[/], of a song that the server downloads:

      acousticsense analyze --chorus https://example.com/song.mp3

    Songs that fail are named and passed over; then the exit status is 1.
    """
    asked = [name for name, wanted in (("genre", genre), ("chorus", chorus)) if wanted]
    asked = asked or ["genre", "chorus"]
    _check(out, resume=resume, report=report)
    try:
        found = songs_of(songs)
    except NoSongError as error:
        end(str(error), 2)
    try:
        with ResultsFile(out, resume=resume) as results:
            progress = _run(url, api_key, found, asked, results, jobs)
    except (ResultsFileError, OSError) as error:
        end(str(error), 2)
    try:
        if out is None:
            show(progress.entries.values())
        if report is not None:
            write_report(report, progress.entries.values())
    except OSError as error:
        end(str(error), 1)
    failed = any(each.error is not None for each in progress.entries.values())
    if len(found) > 1 or out is not None:
        errors.print(progress.summary(), markup=False, soft_wrap=True)
    raise typer.Exit(1 if failed else 0)


def _run(
    url: str,
    api_key: str | None,
    songs: list[str],
    asked: list[str],
    results: ResultsFile,
    jobs: int,
) -> RunProgress:
    """Analyse the songs; ends the command where the server, or somebody, ends the run."""
    progress = RunProgress(len(songs))
    more = f" {len(songs)} were asked for: with --out and --resume the same command goes on."

    async def work() -> None:
        async with AsyncAcousticSenseClient(url, api_key, retries=_RETRIES) as client:
            await run.analyze(client, songs, asked, results, jobs, progress.tell)

    try:
        _check_server(url, api_key)
        with progress:
            asyncio.run(work())
    except AcousticSenseError as error:
        told = words(error)
        end(f"{told}\n{progress.summary(more)}" if progress.entries else told, 1)
    except KeyboardInterrupt:
        end(f"Stopped. {progress.summary(more)}", 130)
    return progress


def _check_server(url: str, api_key: str | None) -> None:
    """Ask once before anything else: a wrong address is told at once, not after all retries.

    Raises:
        AcousticSenseError: nothing answers there, or not as our servers do.
    """

    async def ask() -> None:
        async with AsyncAcousticSenseClient(url, api_key) as client:
            await client.get_health()

    try:
        asyncio.run(ask())
    except ValueError as error:
        end(str(error), 2)


def _check(out: Path | None, *, resume: bool, report: Path | None) -> None:
    """What would only be noticed after an hour's work is noticed now."""
    if resume and out is None:
        end("--resume goes on with a file: name it with --out results.jsonl", 2)
    if report is not None and report.suffix.lower() not in WRITERS:
        end(f"{report}: a report's name ends with {', '.join(WRITERS)}", 2)
    for each in (out, report):
        if each is not None and not each.parent.is_dir():
            end(f"{each}: there is no folder {each.parent}", 2)
        if each is not None and each.is_dir():
            end(f"{each} is a folder: name a file", 2)
    if out is not None and report is not None and out.resolve() == report.resolve():
        end(f"{out} cannot hold both the results and their report: name two files", 2)
