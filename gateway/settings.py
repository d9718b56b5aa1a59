"""Every setting, with its default and why. Each is read from an environment variable."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import AliasChoices, Field, FilePath, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gateway.identity.apps import App
from gateway.inbound.own_machine import is_loopback
from gateway.outbound.settings import OutboundSettings


class Settings(BaseSettings):
    """Variables begin with ``ACOUSTICSENSE_``; the port is also read from ``PORT``."""

    model_config = SettingsConfigDict(
        env_prefix="ACOUSTICSENSE_",
        env_nested_delimiter="__",
        hide_input_in_errors=True,  # it may be a secret
        use_attribute_docstrings=True,
    )

    host: str = "127.0.0.1"
    """Address to listen on. Without apps only a loopback address is accepted: any appkey and token
    would be let in."""

    port: int = Field(
        8080, ge=1, le=65535, validation_alias=AliasChoices("ACOUSTICSENSE_PORT", "PORT")
    )
    """Port to listen on."""

    triton_url: str = "127.0.0.1:8001"
    """Triton's gRPC endpoint, ``host:port``; several separated by commas. Every address of a name
    is asked, each over a connection of its own."""

    genre_model: str = "genre"
    """Triton's ensemble that names genres; ``python -m export genre`` makes others."""

    chorus_model: str = "chorus"
    """Triton's ensemble that finds choruses."""

    apps: tuple[App, ...] = ()
    """Apps that are let in, as a JSON list of objects with the fields of the file's tables."""

    apps_file: Path | None = None
    """TOML file of more apps; ``python -m gateway.new_app`` writes to it."""

    token_keys: list[SecretStr] = []
    """Keys that sign tokens, newest first, each of 32 bytes or more, as a JSON list. Without any a
    random one is made at start: then tokens end with the process, and replicas refuse each
    other's."""

    max_in_flight: int = Field(24, gt=0)
    """Most requests in work at once, over all apps; more are refused with ExceededConcurrency.
    For two cores: 16 clients keep them busy, and half as many again wait no more than twice as
    long. Raise it with the cores."""

    outbound: OutboundSettings = OutboundSettings()
    """Downloads by URL."""

    deadline_seconds: float = Field(60.0, gt=0)
    """Longest a request may take before it is answered with ServerTimeout; the same time is given
    to Triton, whose queue drops what cannot be answered in it."""

    grace_seconds: int = Field(3, ge=1)
    """How long requests under way may still take after SIGTERM or Ctrl-C; tasks in analysis get a
    second less, and what is not done then is handed back to be done by the next process."""

    max_audio_bytes: int = Field(100 * 2**20, gt=0)
    """Largest audio file, in bytes."""

    max_held_bytes: int = Field(2**30, gt=0)
    """Most bytes of request bodies and downloads under way, over all requests; beyond it new ones
    are refused with ExceededConcurrency."""

    body_grace_seconds: float = Field(10.0, gt=0)
    """How long a body may come in at any pace."""

    body_bytes_per_second: int = Field(16 * 1024, gt=0)
    """Average pace that a body must reach after the grace; a slower one is refused."""

    data_dir: Path = Path("var")
    """Folder for tasks: the SQLite file, the key that encrypts webhooks' secrets, and audio that
    was sent with tasks. With PostgreSQL only the audio; several hosts then share the folder."""

    database_url: SecretStr | None = None
    """Where tasks are kept, ``postgresql://user:password@host/database``, shared by several
    gateways. Without it in a SQLite file in ``data_dir``."""

    executor_id: str = ""
    """This process's name among all gateways of one database, the same after a restart; host name
    and port by default."""

    secret_keys: list[SecretStr] = []
    """Keys that encrypt webhooks' secrets, newest first, each 32 bytes in URL-safe base64, as a
    JSON list. Needed with PostgreSQL; without it one is made and kept beside the SQLite file."""

    task_seconds: int = Field(604_800, gt=0)
    """How long a task that is over is kept, with its result and its deliveries."""

    analysis_concurrency: int = Field(4, gt=0)
    """Most tasks in analysis at once, in this process, besides the requests that wait for their
    answer."""

    webhook_secret_header: bool = False
    """Send the webhook's secret itself in ``X-Secret-Token``, for receivers that expect it."""

    redis_url: SecretStr | None = None
    """Where results are kept, ``redis://host:6379/0``, shared by several gateways. Without it each
    gateway keeps its own in memory."""

    cors_origins: list[str] = []
    """Origins whose pages may call from a browser, as a JSON list; none by default."""

    result_seconds: int = Field(86_400, gt=0)
    """How long an analysis can be read by its id."""

    page: bool = True
    """Whether the web page is served at ``/``."""

    sample_song: FilePath | None = None
    """A song that the page offers to try the server with; without it the page has no such button.
    Anyone who reaches the page can download it."""

    log_format: Literal["console", "json"] = "console"
    """Lines for people or for machines."""

    @model_validator(mode="after")
    def _keys_with_postgresql(self) -> Self:
        if self.database_url is not None and not self.secret_keys:
            raise ValueError(
                "ACOUSTICSENSE_SECRET_KEYS must be set where ACOUSTICSENSE_DATABASE_URL is: all "
                "gateways of a database encrypt with the same keys"
            )
        return self

    @model_validator(mode="after")
    def _loopback_while_open(self) -> Self:
        if self.apps or self.apps_file is not None:
            return self
        if not is_loopback(self.host):
            raise ValueError(
                f"host {self.host!r} is refused: no app is configured, so anyone who reaches the "
                "port would be let in; set ACOUSTICSENSE_APPS_FILE, or listen on 127.0.0.1"
            )
        return self
