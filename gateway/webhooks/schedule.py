"""When the next attempt to deliver is due."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

RETRY_SECONDS = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)
"""After the first attempt and each that follows; after the last of these nothing more is tried."""
_SPREAD = 0.2  # of each, so that what failed together does not come back together
_MOST_ASKED_SECONDS = 36_000  # a receiver may ask to be left alone for no longer than we ever wait


def next_delay(retry: int, asked: float | None, chance: random.Random) -> timedelta | None:
    """How long to wait after a failed attempt, or ``None`` if it was the last.

    Args:
        retry: how many retries there were before, 0 after the first attempt.
        asked: seconds of ``Retry-After``; they lengthen the wait, up to ten hours.
        chance: where the spread of ± 20 % comes from.
    """
    if retry >= len(RETRY_SECONDS):
        return None
    seconds = RETRY_SECONDS[retry] * chance.uniform(1 - _SPREAD, 1 + _SPREAD)
    return timedelta(seconds=max(seconds, min(asked or 0.0, _MOST_ASKED_SECONDS)))


def asked_seconds(retry_after: str | None, now: datetime) -> float | None:
    """What a ``Retry-After`` header asks for, seconds or a date; ``None`` if it is neither."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None
