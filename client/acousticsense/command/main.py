"""The command line: which commands there are, and how it ends."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from acousticsense.command import server
from acousticsense.command.analyze import analyze
from acousticsense.command.cut import cut
from acousticsense.command.doctor import doctor
from acousticsense.command.listen import listen

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Find the genre of songs and where their chorus is, by asking an AcousticSense server.",
    epilog="First steps:  acousticsense doctor   ·   acousticsense analyze song.mp3",
)
apps = typer.Typer(no_args_is_help=True, help="Apps that a server lets in.")

app.command()(analyze)
app.command()(cut)
app.command()(listen)
app.command()(doctor)
app.command(context_settings=server.PASSED_ON)(server.serve)
app.command(context_settings=server.PASSED_ON)(server.export)
apps.command(context_settings=server.PASSED_ON)(server.new)
app.add_typer(apps, name="app")


def _version(asked: bool) -> None:
    if asked:
        print(version("acousticsense"))
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_version, help="Print the version."),
    ] = False,
) -> None:
    """Say what the whole command takes."""


def main() -> int:
    """Run the command; 130 after Ctrl-C."""
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # it is a text stream
    try:
        ended = app(standalone_mode=False, prog_name="acousticsense")
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except Exception as error:
        show = getattr(error, "show", None)  # the parser's own errors show themselves
        if show is None:
            raise
        show()
        return 2
    return ended if isinstance(ended, int) else 0


if __name__ == "__main__":
    sys.exit(main())
