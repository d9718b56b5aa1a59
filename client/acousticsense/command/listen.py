"""``acousticsense listen``: a webhook's receiver to look at, for developing against."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Annotated, Any

import typer
from rich.markup import escape

from acousticsense.command.options import end, errors, output
from acousticsense.webhooks import VerificationError, verify_webhook

_MOST_BYTES = 16 * 2**20


def listen(
    secret: Annotated[
        str | None,
        typer.Option(
            envvar="WEBHOOK_SECRET",
            help="What was given as secret_token; without it nothing is verified.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 9000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Print webhooks as they come, and say whether they are genuine.

    Wrong signatures are answered with 401, all else with 200. A server calls
    addresses of its own machine only where the setting
    ACOUSTICSENSE_OUTBOUND__ALLOWED_HOSTS names them. For example:

      acousticsense listen --secret 'my secret'
    """
    try:
        server = _Receiver((host, port), secret)
    except (OSError, OverflowError) as error:
        end(f"{host}:{port} cannot be listened on: {error}", 2)
    with server:
        address = f"http://{host}:{server.server_port}/"
        try:
            errors.print(f"Listening on {address}   (Ctrl-C ends it)", markup=False)
            server.serve_forever()
        except KeyboardInterrupt:
            end("Stopped.", 130)


class _Receiver(ThreadingHTTPServer):
    """Remembers which webhooks it has seen."""

    def __init__(self, address: tuple[str, int], secret: str | None) -> None:
        if secret is not None:
            _check_secret(secret)
        super().__init__(address, _Handler)
        self.secret = secret
        self.lock = threading.Lock()
        self.seen: set[str] = set()


class _Handler(BaseHTTPRequestHandler):
    server: _Receiver
    timeout = 30

    def do_POST(self) -> None:
        """Take a webhook."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _MOST_BYTES:
            self.send_error(411 if not length else 413)
            return
        body = self.rfile.read(int(length))
        with self.server.lock:  # one after the other, on the terminal as well
            status = self._print(body)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  as in the base class
        """Say nothing: every webhook is printed."""

    def _print(self, body: bytes) -> int:
        """Print one; the status it is answered with."""
        status, verdict = self._verdict(body)
        output.rule(f"{escape(self.path)}  {verdict}", align="left")
        try:
            output.print_json(json.dumps(json.loads(body)))
        except (ValueError, RecursionError):
            output.print(repr(body[:200]), markup=False)
        return status

    def _verdict(self, body: bytes) -> tuple[int, str]:
        if self.server.secret is None:
            webhook_id = self.headers.get("webhook-id")
            words = "[yellow]not verified: start with --secret[/]"
        else:
            try:
                headers = dict(self.headers.items())
                webhook_id = verify_webhook(body, headers, self.server.secret)
            except VerificationError as error:
                return 401, f"[red]refused: {escape(str(error))}[/]"
            words = "[green]genuine[/]"
        if webhook_id is None:
            return 200, words
        again = ", [yellow]seen before[/]" if webhook_id in self.server.seen else ""
        self.server.seen.add(webhook_id)
        return 200, f"{words} {escape(webhook_id)}{again}"


def _check_secret(secret: str) -> None:
    """One that cannot be right is told before the first webhook."""
    try:
        verify_webhook(b"", {"x-signature": ""}, secret)
    except VerificationError:
        return
    except ValueError as error:
        end(str(error), 2)
