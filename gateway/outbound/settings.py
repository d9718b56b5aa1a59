"""Settings of outbound calls."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gateway.outbound.allow_list import AllowList


class OutboundSettings(BaseModel):
    """Limits of downloads and webhooks."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    allowed_hosts: tuple[str, ...] = ()
    """Exempt from the rule that only public addresses are dialled: host names (whatever they
    resolve to), addresses, and networks as CIDR. For storage inside a private deployment; on a
    network that reaches IPv4 through NAT64, its prefix."""

    ca_file: Path | None = None
    """Certificates (PEM) of authorities that are trusted besides the public ones."""

    connect_seconds: float = Field(5.0, gt=0)
    """Longest wait for a name, for a connection to one address, and for TLS, each."""

    total_seconds: float = Field(60.0, gt=0)
    """Longest download, redirects and all."""

    slow_seconds: float = Field(10.0, gt=0)
    """In any such span, and before the first byte, something must come …"""

    slow_bytes: int = Field(64 * 1024, ge=1)
    """… and as long as the body lasts at least this many bytes: a server that drips is cut off."""

    redirects: int = Field(3, ge=0)
    """Most redirects that a download follows; each target is checked like the first."""

    connections: int = Field(32, ge=1)
    """Most calls at once; others wait ``connect_seconds`` for their turn."""

    @field_validator("allowed_hosts")
    @classmethod
    def _readable(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        AllowList(entries)
        return entries
