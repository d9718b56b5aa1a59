"""``python -m gateway``: serve until told to stop. Settings come from the environment."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from types import FrameType

import structlog
import uvicorn

from gateway.app import create_app
from gateway.inbound.http_protocol import HttpProtocol
from gateway.read_settings import read_settings
from gateway.settings import Settings
from gateway.settings_help import described, hints

_HELP = """\
settings, from the environment (PORT names the port as well):

{settings}
  ACOUSTICSENSE_SECRETS_DIR
      Folder with a file for each setting that is a secret, named as its
      variable in lower case.

examples:
  python -m gateway
  ACOUSTICSENSE_TRITON_URL=triton:8001 python -m gateway
"""


def main() -> int:
    """Read the settings and serve; 2 if a setting is wrong, 130 after Ctrl-C."""
    _parse_arguments()
    try:
        settings = read_settings()
        _configure_logs(settings)
        app = create_app(settings)
    except ValueError as error:  # WrongSettingsError and AppsError are
        print(error, file=sys.stderr)
        return 2
    for hint in hints(os.environ):
        structlog.get_logger().warning(hint)
    if not settings.apps and settings.apps_file is None:
        structlog.get_logger().warning(
            "no app is configured: any appkey and token is accepted, on this machine only"
        )
    elif not settings.token_keys:
        structlog.get_logger().warning(
            "no token key is set: tokens end with this process, and no other gateway takes them"
        )
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        http=HttpProtocol,
        ws="none",
        timeout_graceful_shutdown=settings.grace_seconds,
        server_header=False,
    )
    server = _Server(config)
    try:
        server.run()
    except KeyboardInterrupt:  # uvicorn has ended in order, and tells the signal on
        return 130
    return 0 if server.started else 1


class _Server(uvicorn.Server):
    """Stops taking tasks as soon as it is told to end, not when the last request is answered."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle SIGINT or SIGTERM, on the loop's thread."""
        drain = getattr(self.config.app.state, "drain", None)  # type: ignore[union-attr]  # ours
        if drain is not None:
            asyncio.get_running_loop().call_soon_threadsafe(drain)
        super().handle_exit(sig, frame)


def _parse_arguments() -> None:
    """There are none, but ``--help``."""
    argparse.ArgumentParser(
        prog="python -m gateway",
        description="Serve the AcousticSense gateway, before a Triton that runs already.",
        epilog=_HELP.format(settings=described()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()


def _configure_logs(settings: Settings) -> None:
    """One line an event on standard error, the libraries' warnings among them."""
    last = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            last,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
