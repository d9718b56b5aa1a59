"""The web page at ``GET /``: files that are read once, and sent under a strict content policy.

There is no build step: what stands in ``static/`` is what a browser gets. The page's own files are
named with a digest of all of them, ``/page/<digest>/main.js``, so that a browser keeps them for
good and an upgrade is seen at once; the page itself is asked for anew each time, and is mostly
answered with 304.
"""

from __future__ import annotations

import hashlib
import html
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response

from gateway import errors
from gateway.settings import Settings

_STATIC = Path(__file__).parent / "static"
_PAGE = "index.html"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_TYPES |= {".svg": "image/svg+xml"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_ASK_AGAIN = "no-cache"
_KEEP = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it is sent: its bytes, its type, and a tag that changes with them."""

    body: bytes
    media_type: str
    tag: str

    def answer(self, request: Request, cache: str) -> Response:
        """The file, or 304 for who has it already."""
        headers = {**_HEADERS, "Cache-Control": cache, "ETag": self.tag}
        if self.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self.body, media_type=self.media_type, headers=headers)


def make_router(settings: Settings, *, locked: bool) -> APIRouter:
    """The routes of the page.

    Args:
        settings: names the sample song, and how large a file may be.
        locked: whether apps are configured, so that the page must ask for an API key.
    """
    files = {path.name: path.read_bytes() for path in sorted(_STATIC.iterdir())}
    version = _digest(b"".join(files.values()))
    sample = settings.sample_song
    values = {
        "version": version,
        "sample": html.escape(sample.name) if sample else "",
        "limit": str(settings.max_audio_bytes),
        "locked": "true" if locked else "",
    }
    page = _file(_PAGE, Template(files.pop(_PAGE).decode()).substitute(values).encode())
    return _routes(page, {name: _file(name, body) for name, body in files.items()}, version, sample)


def _routes(
    page: _File, files: Mapping[str, _File], version: str, sample: Path | None
) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.api_route("/", methods=["GET", "HEAD"])
    async def index(request: Request) -> Response:
        return page.answer(request, _ASK_AGAIN)

    @router.api_route("/page/sample", methods=["GET", "HEAD"])
    async def sample_song() -> Response:
        if sample is None:
            raise errors.NotFound("no sample song is set")
        media_type, _ = mimetypes.guess_type(sample.name)
        return FileResponse(sample, media_type=media_type, headers=_HEADERS)

    @router.api_route("/page/{digest}/{name}", methods=["GET", "HEAD"])
    async def file(request: Request) -> Response:
        found = files.get(request.path_params["name"])
        if found is None:
            raise errors.NotFound(f"the page has no file {request.path_params['name']}")
        # While gateways are being replaced, a page may ask for a file of another version
        return found.answer(
            request, _KEEP if request.path_params["digest"] == version else _ASK_AGAIN
        )

    return router


def _file(name: str, body: bytes) -> _File:
    # Weak: an answer that is compressed on its way has the same tag
    return _File(body, _TYPES[Path(name).suffix], f'W/"{_digest(body)}"')


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
