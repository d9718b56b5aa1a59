"""While anyone is let in, only this machine's own programs and pages are.

Listening on loopback keeps other machines out, but not the pages that somebody on this machine
looks at: a browser sends their requests to 127.0.0.1, and to any name that a stranger's DNS leads
there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import errors

_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class OwnMachine:
    """Refuses requests for another host's name, and changes that another site's page asks for."""

    def __init__(
        self,
        app: ASGIApp,
        origins: Collection[str],
        refuse: Callable[[Request, errors.ApiError], Response],
    ) -> None:
        """Wrap ``app``; ``origins`` are those of pages that may call, ``refuse`` makes answers."""
        self.app = app
        self.origins = origins
        self.refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, if it is from here."""
        words = ""
        if scope["type"] == "http":
            words = self._fault(scope["method"], Headers(scope=scope))
        if words:
            answer = self.refuse(Request(scope), errors.InvalidAccess(words))
            await answer(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _fault(self, method: str, headers: Headers) -> str:
        if not _is_own(headers.get("host", "")):
            return (
                "no app is configured, so only localhost is served; "
                "set ACOUSTICSENSE_APPS_FILE to be reached by another name"
            )
        foreign = headers.get("sec-fetch-site") == "cross-site"
        if foreign and method not in _READS and not self._lets(headers.get("origin", "")):
            return "a page of another site may not ask; set ACOUSTICSENSE_CORS_ORIGINS to let it"
        return ""

    def _lets(self, origin: str) -> bool:
        return origin in self.origins or "*" in self.origins


def _is_own(host: str) -> bool:
    """Whether a ``Host`` header names this machine to itself; HTTP/1.0 needs none."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    name = name.removeprefix("[").removesuffix("]").lower()
    # Browsers never ask DNS for what ends so.
    return name == "" or name.endswith(".localhost") or is_loopback(name)


def is_loopback(name: str) -> bool:
    """Whether a host's name or address leads to this machine and to no other."""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
