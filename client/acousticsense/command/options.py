"""Options that several commands have, and how a command ends with a sentence."""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer
from rich.console import Console

from acousticsense.errors import AccessError

errors = Console(stderr=True, highlight=False)
"""Where progress and trouble are told; results go to standard output."""
output = Console(highlight=False)

BaseUrl = Annotated[
    str,
    typer.Option("--url", envvar="ACOUSTICSENSE_URL", help="The server.", metavar="URL"),
]
ApiKey = Annotated[
    str | None,
    typer.Option(
        envvar="ACOUSTICSENSE_API_KEY",
        help="Of an app; an open server needs none.",
        metavar="KEY",
        show_default=False,
    ),
]
DEFAULT_URL = "http://127.0.0.1:8080"


def words(error: Exception) -> str:
    """What an error says, and where a key goes if one is missing."""
    if isinstance(error, AccessError):
        return f"{error}; pass --api-key, or set ACOUSTICSENSE_API_KEY"
    return str(error)


def end(sentence: str, status: int) -> NoReturn:
    """Say what is wrong, and exit.

    Args:
        sentence: for people.
        status: 1 if something failed, 2 if it was not begun.
    """
    errors.print(sentence, markup=False, soft_wrap=True)
    raise typer.Exit(status)
