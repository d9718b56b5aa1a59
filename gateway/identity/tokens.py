"""Tokens that an app gets by signing once, and shows with every request until they expire.

They are JWTs under HMAC-SHA256, bound to one appkey by their audience. Each names the key that
signed it (``kid``), so keys rotate without a stop: put a new one in front, and take the old one
out a day later, when no token under it is alive.

Where no key is configured a random one is made at start. Then a restart ends every token, and a
token from one replica is nothing to another: set the same keys for all of them.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import jwt
from pydantic import SecretStr

from gateway import errors
from gateway.identity.apps import App

MAX_SECONDS = 86_400
_ALGORITHM = "HS256"
_MIN_KEY_BYTES = 32  # RFC 7518, section 3.2: no shorter than the hash
_MAX_TOKEN_CHARS = 2048  # ours are under 500; what is longer is not worth parsing


class Tokens:
    """Issues and verifies; the newest key, the first, signs, and every key verifies."""

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        """Take the signing keys, newest first; none makes a random one.

        Raises:
            ValueError: a key is shorter than 32 bytes.
        """
        material = [key.get_secret_value().encode() for key in keys]
        if any(len(key) < _MIN_KEY_BYTES for key in material):
            raise ValueError(f"a token key needs at least {_MIN_KEY_BYTES} bytes")
        material = material or [secrets.token_bytes(_MIN_KEY_BYTES)]
        self._keys = {_kid(key): key for key in material}
        self._newest = _kid(material[0])

    def issue(self, app: App, seconds: int, now: datetime) -> tuple[str, int]:
        """A token for the app, and the Unix second at which it expires.

        Raises:
            ClientError: ``seconds`` is not within 1 to 86,400.
        """
        if not 1 <= seconds <= MAX_SECONDS:
            raise errors.ClientError(f"expiration must be 1 to {MAX_SECONDS} seconds")
        issued = int(now.timestamp())
        expires = issued + seconds
        claims = {"aud": app.appkey, "iat": issued, "exp": expires, "jti": uuid.uuid4().hex}
        key = self._keys[self._newest]
        return jwt.encode(claims, key, _ALGORITHM, headers={"kid": self._newest}), expires

    def verify(self, token: str, appkey: str, now: datetime) -> None:
        """Return if the token was issued here, for this appkey, and is alive.

        Raises:
            IllegalToken: it was not, or is not.
        """
        claims = self._claims(token, appkey)
        if claims["exp"] <= now.timestamp():
            raise errors.IllegalToken("the token has expired: get a new one with GetToken")

    def _claims(self, token: str, appkey: str) -> dict[str, Any]:
        try:
            if len(token) > _MAX_TOKEN_CHARS:
                raise jwt.DecodeError
            kid = jwt.get_unverified_header(token).get("kid", "")
            key = self._keys[kid]
            claims = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],  # never what the token asks for
                audience=appkey,
                options={
                    "require": ["aud", "iat", "exp", "jti"],
                    "strict_aud": True,
                    # The library reads its own clock; `verify` reads the one it is given.
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
        except jwt.InvalidAudienceError:
            raise errors.IllegalToken("the token belongs to another appkey") from None
        except (jwt.PyJWTError, KeyError, ValueError, RecursionError):
            raise errors.IllegalToken(
                "the token is not one of this server's: get one with GetToken"
            ) from None
        if not isinstance(claims["exp"], int):
            raise errors.IllegalToken("the token's expiry is not a number")
        return claims


def _kid(key: bytes) -> str:
    """A name for the key that tells nothing of it: a key of 32 random bytes hides in its hash."""
    return hashlib.sha256(b"kid:" + key).hexdigest()[:16]
