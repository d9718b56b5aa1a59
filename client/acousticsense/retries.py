"""When a call is made again, and how long before.

Made again are calls that the server refused for now (429, 503) and calls whose connection could
not be made or broke: the first were not begun, and the others are either without effect or carry an
``Idempotency-Key``. One that only takes too long is not: it would be work on top of work.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import httpx

from acousticsense.calls import Call
from acousticsense.errors import ConnectionFailedError, retry_after

_REFUSED_FOR_NOW = {429, 503}
_BROKEN = (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ConnectTimeout)
_FIRST_SECONDS = 0.5
_LONGEST_SECONDS = 30.0
_LONGEST_ASKED_SECONDS = 120.0


@dataclass
class Attempts:
    """The attempts of one call: after each, how long to wait before the next, if there is one."""

    retries: int
    made: int = 0

    def after_answer(self, call: Call[Any], response: httpx.Response) -> float | None:
        """Seconds to wait before another attempt; ``None`` if this answer is to be taken."""
        if not call.repeats or response.status_code not in _REFUSED_FOR_NOW:
            return None
        asked = retry_after(response.headers) or 0.0
        if self.made >= self.retries or asked > _LONGEST_ASKED_SECONDS:
            return None
        return asked + self._pause()

    def after_failure(self, call: Call[Any], error: httpx.HTTPError, url: str) -> float:
        """Seconds to wait before another attempt.

        Raises:
            ConnectionFailedError: there is none.
        """
        if call.repeats and isinstance(error, _BROKEN) and self.made < self.retries:
            return self._pause()
        raise ConnectionFailedError(_words(error, url)) from error

    def _pause(self) -> float:
        """Twice as long every time, and by chance up to half less: others wait as well."""
        longest = min(_LONGEST_SECONDS, _FIRST_SECONDS * 2.0**self.made)
        self.made += 1
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  no secret


def _words(error: httpx.HTTPError, url: str) -> str:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return f"nothing answers at {url}: is the server running? ({error or 'timed out'})"
    if isinstance(error, httpx.TimeoutException):
        return f"{url} took longer than the client's timeout"
    return f"the connection to {url} failed: {error or type(error).__name__}"
