"""Whether a webhook really comes from the AcousticSense server that shares a secret with us.

Two schemes are understood, both HMAC-SHA256 under the same key: Standard Webhooks 1.0
(https://www.standardwebhooks.com), which signs the id and the time as well and so tells a replayed
request from a new one, and ``X-Signature`` of the body alone, as older senders have it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping

_PREFIX = "whsec_"
_WINDOW_SECONDS = 300


class VerificationError(Exception):
    """The request is not to be trusted; the words say why. Answer it with 401."""


def verify_webhook(
    body: bytes,
    headers: Mapping[str, str],
    secret: str,
    *,
    window_seconds: float = _WINDOW_SECONDS,
    now: float | None = None,
) -> str | None:
    """Make sure that a webhook is genuine. Call it with the body as it came, before parsing it.

    Args:
        body: the request's raw body.
        headers: the request's headers, their names in any case.
        secret: what was given as ``secret_token``, ``whsec_…`` or plain.
        window_seconds: how far the time it was signed at may be from ours.
        now: our time, Unix seconds; the system's by default.

    Returns:
        The ``webhook-id``, the same for every attempt to deliver one result: whoever has seen it
        has seen the result. ``None`` if only ``X-Signature`` was sent, which knows neither id nor
        time, and so cannot tell a replay.

    Raises:
        VerificationError: no signature, a wrong one, or one from another time.
    """
    sent = {name.lower(): value for name, value in headers.items()}
    key = _key(secret)
    if "webhook-signature" in sent:
        return _verify_standard(
            body, sent, key, window_seconds, time.time() if now is None else now
        )
    if "x-signature" in sent:
        _compare([sent["x-signature"].lower()], hmac.new(key, body, hashlib.sha256).hexdigest())
        return None
    raise VerificationError("the request is not signed")


def _verify_standard(
    body: bytes, sent: Mapping[str, str], key: bytes, window_seconds: float, now: float
) -> str:
    webhook_id, timestamp = sent.get("webhook-id", ""), sent.get("webhook-timestamp", "")
    if not webhook_id or not timestamp.isascii() or not timestamp.isdecimal():
        raise VerificationError("webhook-id or webhook-timestamp is missing or malformed")
    if abs(now - int(timestamp[:18])) > window_seconds:
        raise VerificationError("the request was signed too long ago, or a clock is wrong")
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    expected = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    signatures = [each.split(",", 1) for each in sent["webhook-signature"].split()]
    _compare([each[1] for each in signatures if len(each) == 2 and each[0] == "v1"], expected)
    return webhook_id


def _compare(signatures: list[str], expected: str) -> None:
    """Several may be sent while a secret is being changed: one must be right."""
    wanted = expected.encode()
    if not any(hmac.compare_digest(each.encode(), wanted) for each in signatures):
        raise VerificationError("the signature is wrong")


def _key(secret: str) -> bytes:
    if not secret:
        raise ValueError("the secret is empty")
    if not secret.startswith(_PREFIX):
        return secret.encode()
    encoded = secret.removeprefix(_PREFIX)
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        raise ValueError("what follows whsec_ in the secret is not base64") from None
