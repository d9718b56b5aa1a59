"""The signature that buys a token: HMAC-SHA256 as Volcengine's services take it.

A key derived for one day, region and service signs a canonical form of the request.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

_ALGORITHM = "HMAC-SHA256"
_REGION, _SERVICE, _END = "cn-north-1", "sami", "request"


def signed_headers(
    body: bytes, query: str, host: str, access_key: str, secret_key: str, now: datetime
) -> dict[str, str]:
    """Headers for ``POST /?query`` with this body.

    Args:
        body: what is sent.
        query: its fields sorted by name and escaped.
        host: as the ``Host`` header will say it.
        access_key: whose secret key signs.
        secret_key: the secret.
        now: the time; the server refuses one that is more than 15 minutes off.
    """
    date = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {
        "content-type": "application/json",
        "host": host,
        "x-content-sha256": hashlib.sha256(body).hexdigest(),
        "x-date": date,
        # Two requests within a second would have one signature, and the second be a replay.
        "x-nonce": secrets.token_hex(8),
    }
    scope = f"{date[:8]}/{_REGION}/{_SERVICE}/{_END}"
    canonical = _canonical_request(query, headers)
    text = "\n".join([_ALGORITHM, date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = _hmac(_key(secret_key, date[:8]), text).hex()
    headers["authorization"] = (
        f"{_ALGORITHM} Credential={access_key}/{scope}, "
        f"SignedHeaders={_names(headers)}, Signature={signature}"
    )
    return headers


def _canonical_request(query: str, headers: Mapping[str, str]) -> str:
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    return "\n".join(["POST", "/", query, lines, _names(headers), headers["x-content-sha256"]])


def _names(headers: Mapping[str, str]) -> str:
    return ";".join(sorted(headers))


def _key(secret_key: str, day: str) -> bytes:
    key = secret_key.encode()
    for part in (day, _REGION, _SERVICE, _END):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
