"""What a client may say about a task: where the result goes to, and how often it may be asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway import errors
from gateway.outbound.failures import MalformedUrlError
from gateway.outbound.urls import parse_url
from gateway.webhooks.sender import Webhook
from gateway.webhooks.signature import signing_key

_TIMEOUT_SECONDS = range(1, 31)
_DEFAULT_TIMEOUT = 30
_LONGEST_SECRET = 512
_KEY = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, slots=True)
class NewTask:
    """What is to be done, for whom.

    Attributes:
        id: the request's, which the task keeps.
        app: the appkey of whom it belongs to.
        kind: the dialect of its result, ``rest`` or ``invoke``.
        namespace: what is asked.
        audio_url: where the audio is, unless it was sent.
        pcm: (Hz, channels) of headerless samples.
        webhook: where the result goes to, if anywhere.
        idempotency_key: the client's name for this request.
        fingerprint: of everything that makes it this request and no other.
    """

    id: str
    app: str
    kind: str
    namespace: str
    audio_url: str | None
    pcm: tuple[int, int] | None
    webhook: Webhook | None
    idempotency_key: str | None
    fingerprint: str


def parse_webhook(value: Any) -> Webhook | None:
    """The ``webhook`` object of either protocol; ``None`` if it is absent.

    Raises:
        IllegalPayload: a field has the wrong type.
        InvalidPayload: a field has a value that is not taken.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise errors.IllegalPayload("webhook must be an object")
    timeout = value.get("timeout")
    if timeout is None:
        timeout = _DEFAULT_TIMEOUT
    if not isinstance(timeout, int) or isinstance(timeout, bool):
        raise errors.IllegalPayload("webhook.timeout must be a whole number of seconds")
    if timeout not in _TIMEOUT_SECONDS:
        raise errors.InvalidPayload("webhook.timeout must be 1 to 30 seconds")
    return Webhook(_url(value.get("url"), "webhook.url"), _secret(value), timeout)


def parse_audio_url(value: Any, name: str) -> str:
    """A URL to download from, checked for its form only.

    Raises:
        IllegalPayload: it is no text.
        EmptyURL: it is missing or empty.
        FailedDownload: it is malformed.
    """
    if value is not None and not isinstance(value, str):
        raise errors.IllegalPayload(f"{name} must be a string")
    if not value:
        raise errors.EmptyURL("send the audio's url")
    try:
        parse_url(value)
    except MalformedUrlError as error:
        raise errors.FailedDownload(str(error)) from None
    return value


def parse_idempotency_key(header: str | None) -> str | None:
    """The ``Idempotency-Key`` header.

    Raises:
        ClientError: it is empty, too long, or not printable ASCII.
    """
    if header is not None and not _KEY.fullmatch(header):
        raise errors.ClientError("Idempotency-Key must be 1 to 255 printable ASCII characters")
    return header


def _url(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise errors.IllegalPayload(f"{name} must be a string")
    try:
        parse_url(value)
    except MalformedUrlError as error:
        raise errors.InvalidPayload(f"{name}: {error}") from None
    return value


def _secret(webhook: Mapping[str, Any]) -> str | None:
    secret = webhook.get("secret_token")
    if secret is None or secret == "":
        return None
    if not isinstance(secret, str):
        raise errors.IllegalPayload("webhook.secret_token must be a string")
    if len(secret) > _LONGEST_SECRET or not secret.isprintable() or not secret.isascii():
        raise errors.InvalidPayload(
            f"webhook.secret_token must be at most {_LONGEST_SECRET} printable ASCII characters"
        )
    try:
        signing_key(secret)
    except ValueError as error:
        raise errors.InvalidPayload(f"webhook.secret_token: {error}") from None
    return secret
