"""Commands of the server's package, where it is installed: ``serve``, ``export``, ``app new``."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from acousticsense.command.options import end

PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""Arguments, ``--help`` among them, are the other program's."""

_HOW_TO_GET = (
    "In a clone of AcousticSense's repository, `make serve` installs it and starts it; "
    "`pip install -e '.[serving]'` there puts it beside this command (models: '.[export]')."
)


def serve(context: typer.Context) -> None:
    """Start a server on this machine: Triton and the gateway, until Ctrl-C."""
    _become("deploy.embedded", "serve", context.args)


def export(context: typer.Context) -> None:
    """Bring a model into the server's repository, or check what is there."""
    _become("export", "export", context.args)


def new(context: typer.Context) -> None:
    """Make an app's keys."""
    _become("gateway.new_app", "app new", context.args)


def installed(module: str) -> bool:
    """Whether there is such a module here; those around it are imported for that."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it is missing
        return False


def _become(module: str, command: str, arguments: Sequence[str]) -> NoReturn:
    """Run a module in this process's place: signals and exit status are its own."""
    if not installed(module):
        end(f"`{command}` belongs to the server, which is not installed here. {_HOW_TO_GET}", 2)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606  our own module
