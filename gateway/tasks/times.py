"""Times as the database holds them: UTC, in milliseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime


def milliseconds(moment: datetime) -> int:
    """The number for a moment."""
    return round(moment.timestamp() * 1000)


def moment(number: int) -> datetime:
    """The moment of a number, in UTC."""
    return datetime.fromtimestamp(number / 1000, UTC)
