"""One attempt to deliver a body: signed, dialled through the guard, and its answer judged."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.outbound.client import Answer, OutboundClient
from gateway.outbound.failures import (
    BodyTooLargeError,
    MalformedUrlError,
    OutboundError,
    UnwantedAnswerError,
)
from gateway.outbound.urls import parse_url
from gateway.webhooks.attempts import Outcome
from gateway.webhooks.schedule import asked_seconds
from gateway.webhooks.signature import headers

_MOST_READ = 16 * 1024  # bytes of an answer; it is of no use to us
_MOST_LOGGED = 2 * 1024
GONE = 410


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where to deliver to.

    Attributes:
        url: any that ``parse_url`` takes.
        secret: signs the body, where there is one.
        timeout: seconds for one attempt, all in all.
    """

    url: str
    secret: str | None
    timeout: int

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        url = parse_url(self.url)
        return f"{url.scheme}://{url.host_header}"


class Sender:
    """Delivers bodies. Redirects are failures; so is everything but 2xx."""

    def __init__(
        self, client: OutboundClient, now: Callable[[], datetime], *, sends_secret: bool
    ) -> None:
        """Build it; ``sends_secret`` adds the header ``X-Secret-Token`` with the secret itself."""
        self._client = client
        self._now = now
        self._sends_secret = sends_secret

    async def send(self, webhook: Webhook, webhook_id: str, body: bytes) -> Outcome:
        """Make one attempt. A status of 2xx is success, whatever becomes of the answer's body."""
        signed = headers(webhook_id, int(self._now().timestamp()), body, webhook.secret)
        if self._sends_secret and webhook.secret is not None:
            signed["X-Secret-Token"] = webhook.secret
        sent = {"Content-Type": "application/json", "Content-Length": str(len(body)), **signed}
        began = time.monotonic()
        answer: Answer | None = None
        beginning = b""
        error: str | None = None
        try:
            async with self._client.call(
                "POST",
                parse_url(webhook.url),
                deadline_seconds=webhook.timeout,
                headers=sent,
                content=body,
            ) as answer:
                beginning = await _beginning(answer)
        except MalformedUrlError:
            error = "malformed url"
        except OutboundError:
            late = time.monotonic() - began >= webhook.timeout
            # Or forbidden: what stands inside is not told.
            error = "timeout" if late else "unreachable"
        milliseconds = round((time.monotonic() - began) * 1000)
        if answer is None:
            return Outcome(None, error, milliseconds)
        return Outcome(
            answer.status,
            None if 200 <= answer.status < 300 else f"status {answer.status}",
            milliseconds,
            beginning[:_MOST_LOGGED].decode("utf-8", "replace").replace("\0", "�"),
            asked_seconds(answer.headers.get("retry-after"), self._now()),
        )


async def _beginning(answer: Answer) -> bytes:
    """What comes of the body within the bound; more, or in another form, is left unread."""
    read = bytearray()
    try:
        async for piece in answer.body(_MOST_READ):
            read += piece
    except (BodyTooLargeError, UnwantedAnswerError):
        pass
    return bytes(read)
