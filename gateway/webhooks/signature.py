"""How a receiver knows that a webhook is ours: Standard Webhooks 1.0, and ``X-Signature``.

Both are HMAC-SHA256 under one key: ``X-Signature`` of the body, in hexadecimal, as receivers of the
AcousticSense protocol check it; ``webhook-signature`` of id, time and body, so that a replayed
request is told from a new one (https://www.standardwebhooks.com).
"""

from __future__ import annotations

import base64
import hmac

_PREFIX = "whsec_"


def signing_key(secret: str) -> bytes:
    """The key of a secret: the base64 part of ``whsec_…``, or the text itself.

    Raises:
        ValueError: what follows ``whsec_`` is not base64, or nothing.
    """
    if not secret.startswith(_PREFIX):
        return secret.encode()
    encoded = secret.removeprefix(_PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise ValueError("a secret that begins with whsec_ goes on in base64")
    return key


def headers(webhook_id: str, timestamp: int, body: bytes, secret: str | None) -> dict[str, str]:
    """The headers of one attempt; ``timestamp`` in Unix seconds. Unsigned without a secret."""
    named = {"webhook-id": webhook_id, "webhook-timestamp": str(timestamp)}
    if secret is None:
        return named
    key = signing_key(secret)
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    digest = hmac.digest(key, signed, "sha256")
    return {
        **named,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        "X-Signature": hmac.digest(key, body, "sha256").hex(),
    }
