"""``python -m gateway``: serve until told to stop. Settings come from the environment."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path
from types import FrameType

import structlog
import uvicorn
from pydantic import ValidationError
from pydantic_settings import SettingsError

from gateway.app import create_app
from gateway.inbound.http_protocol import HttpProtocol
from gateway.settings import Settings


def main() -> int:
    """Read the settings and serve; 2 if a setting is wrong."""
    argparse.ArgumentParser(prog="python -m gateway", description=_help()).parse_args()
    try:
        settings = _settings()
    except SettingsError as error:  # a list that is not JSON
        print(error, file=sys.stderr)
        return 2
    except ValidationError as error:
        for problem in error.errors():
            name = "__".join(map(str, problem["loc"])).upper()
            print(f"{name}: {problem['msg']}" if name else problem["msg"], file=sys.stderr)
        return 2
    _configure_logs(settings)
    try:
        app = create_app(settings)
    except ValueError as error:  # AppsError is one
        print(error, file=sys.stderr)
        return 2
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
    server.run()
    return 0 if server.started else 1


class _Server(uvicorn.Server):
    """Stops taking tasks as soon as it is told to end, not when the last request is answered."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle SIGINT or SIGTERM, on the loop's thread."""
        drain = getattr(self.config.app.state, "drain", None)  # type: ignore[union-attr]  # ours
        if drain is not None:
            asyncio.get_running_loop().call_soon_threadsafe(drain)
        super().handle_exit(sig, frame)


def _settings() -> Settings:
    """From the environment, and from a folder with a file for each that is secret.

    Raises:
        ValidationError, SettingsError: one is wrong, or there is no such folder.
    """
    folder = os.environ.get("ACOUSTICSENSE_SECRETS_DIR")
    if not folder:
        return Settings()
    if not Path(folder).is_dir():  # never read as "nothing is secret, so let anyone in"
        raise SettingsError(f"ACOUSTICSENSE_SECRETS_DIR: there is no folder {folder}")
    return Settings(_secrets_dir=folder)


def _help() -> str:
    names = ", ".join(f"ACOUSTICSENSE_{name.upper()}" for name in Settings.model_fields)
    return f"Serve the AcousticSense gateway. Settings, from the environment: {names}."


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
