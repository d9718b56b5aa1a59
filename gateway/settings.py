"""Every setting, with its default and why. Each is read from an environment variable."""

from __future__ import annotations

import ipaddress
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Variables begin with ``ACOUSTICSENSE_``; the port is also read from ``PORT``."""

    model_config = SettingsConfigDict(env_prefix="ACOUSTICSENSE_", use_attribute_docstrings=True)

    host: str = "127.0.0.1"
    """Address to listen on. While no app is configured only a loopback address is accepted: any
    appkey and token would be let in."""

    port: int = Field(8080, validation_alias=AliasChoices("ACOUSTICSENSE_PORT", "PORT"))
    """Port to listen on."""

    triton_url: str = "127.0.0.1:8001"
    """Triton's gRPC endpoint, ``host:port``."""

    deadline_seconds: float = Field(60.0, gt=0)
    """Longest a request may take before it is answered with ServerTimeout; the same time is given
    to Triton, whose queue drops what cannot be answered in it."""

    max_audio_bytes: int = Field(100 * 2**20, gt=0)
    """Largest audio file, in bytes."""

    max_held_bytes: int = Field(2**30, gt=0)
    """Most bytes of request bodies under way, over all requests; beyond it new ones are refused
    with ExceededConcurrency."""

    body_grace_seconds: float = Field(10.0, gt=0)
    """How long a body may come in at any pace."""

    body_bytes_per_second: int = Field(16 * 1024, gt=0)
    """Average pace that a body must reach after the grace; a slower one is refused."""

    redis_url: SecretStr | None = None
    """Where results are kept, ``redis://host:6379/0``, shared by several gateways. Without it each
    gateway keeps its own in memory."""

    cors_origins: list[str] = []
    """Origins whose pages may call from a browser, as a JSON list; none by default."""

    result_seconds: int = Field(86_400, gt=0)
    """How long an analysis can be read by its id."""

    log_format: Literal["console", "json"] = "console"
    """Lines for people or for machines."""

    @field_validator("host")
    @classmethod
    def _loopback_while_open(cls, host: str) -> str:
        address = "127.0.0.1" if host == "localhost" else host
        try:
            loopback = ipaddress.ip_address(address).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            raise ValueError(
                f"{host!r} is refused: no app is configured, so anyone who reaches the port would "
                "be let in; listen on 127.0.0.1"
            )
        return host
