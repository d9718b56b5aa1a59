"""The signature of a GetToken request: proof that the sender holds an app's secret key.

The method is Volcengine's (HMAC-SHA256 over a canonical request, with a key derived for one day,
region and service); section 1 of the protocol states it. Header values are taken byte for byte as
they arrived: a proxy in front must leave ``Host`` as the client sent it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

from pydantic import SecretStr

from gateway import errors

MAX_SKEW = timedelta(minutes=15)
_ALGORITHM = "HMAC-SHA256"
_REGION, _SERVICE, _TERMINATOR = "cn-north-1", "sami", "request"
_MUST_BE_SIGNED = ("x-date",)
_DATE_FORMAT = "%Y%m%dT%H%M%SZ"
_AUTHORIZATION = re.compile(
    r"HMAC-SHA256 Credential=(?P<access_key>[^/,\s]+)/(?P<scope>[^,\s]+), ?"
    r"SignedHeaders=(?P<headers>[a-z0-9;-]+), ?"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_MAX_QUERY_FIELDS = 32
_WIRE = "latin-1"  # one character a byte: how ASGI frameworks hand headers on
_NO_APP = SecretStr(secrets.token_hex(32))  # what unknown access keys are checked against


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What of an HTTP request is signed; ``query`` is raw, header values decoded as Latin-1."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """The value of a header that must be there, once.

        Raises:
            ClientError: it is missing or repeated.
        """
        values = [value for key, value in self.headers if key.lower() == name]
        if len(values) != 1:
            how = "is missing" if not values else "is there more than once"
            raise errors.ClientError(f"the header {name} {how}")
        return values[0].strip()


@dataclass(frozen=True, slots=True)
class Proof:
    """A signature that was right: whose, and until when the same request could come again."""

    access_key: str
    signature: str
    replayable_until: datetime


def prove(request: SignedRequest, secret_keys: Mapping[str, SecretStr], now: datetime) -> Proof:
    """Check the request's signature; ``secret_keys`` are by access key.

    Raises:
        ClientError: a header is missing, not in its form, or not covered by the signature.
        InvalidAccess: the access key is unknown or the signature wrong (which of them is not
            told), the date is too far off, or the body is not the one that was signed.
    """
    parts = _AUTHORIZATION.fullmatch(_authorization(request))
    if parts is None:
        raise errors.ClientError(
            f"Authorization must be: {_ALGORITHM} Credential=<access key>/<YYYYMMDD>/{_REGION}/"
            f"{_SERVICE}/{_TERMINATOR}, SignedHeaders=<lower case, joined by ;>, "
            "Signature=<64 lower-case hexadecimal digits>"
        )
    names = parts["headers"].split(";")
    _check_coverage(names)
    date = request.header("x-date")
    signed_at = _check_date(date, now)
    scope = _check_scope(parts["scope"], date)
    body_hash = _check_body(request)
    canonical = canonical_request(request, names, body_hash)
    text = "\n".join([_ALGORITHM, date, scope, _hex_hash(canonical)])
    # A stranger is checked like a friend: the answer takes as long and says the same.
    secret_key = secret_keys.get(parts["access_key"])
    key = signing_key(secret_key or _NO_APP, date[:8])
    right = hmac.compare_digest(_hmac(key, text).hex(), parts["signature"])
    if not right or secret_key is None:
        raise errors.InvalidAccess(
            "the access key is unknown, or the signature is not that of this request under its "
            "secret key"
        )
    return Proof(parts["access_key"], parts["signature"], signed_at + MAX_SKEW)


def canonical_request(request: SignedRequest, names: Sequence[str], body_hash: str) -> str:
    """What is signed of a request: the header names are in the client's order."""
    lines = "".join(f"{name}:{request.header(name)}\n" for name in names)
    query = _canonical_query(request.query)
    return "\n".join([request.method, request.path, query, lines, ";".join(names), body_hash])


def signing_key(secret_key: SecretStr, day: str) -> bytes:
    """The key for one day (``YYYYMMDD``) in our region and service."""
    key = secret_key.get_secret_value().encode()
    for part in (day, _REGION, _SERVICE, _TERMINATOR):
        key = _hmac(key, part)
    return key


def _authorization(request: SignedRequest) -> str:
    try:
        return request.header("authorization")
    except errors.ClientError:
        raise errors.InvalidAccess("sign the request: one Authorization header is needed") from None


def _check_coverage(names: Sequence[str]) -> None:
    if missing := [name for name in _MUST_BE_SIGNED if name not in names]:
        raise errors.ClientError(f"SignedHeaders must name {' and '.join(missing)}")
    if len(set(names)) != len(names):
        raise errors.ClientError("SignedHeaders names a header twice")


def _check_date(date: str, now: datetime) -> datetime:
    # strptime alone also takes shorter forms.
    if not re.fullmatch(r"[0-9]{8}T[0-9]{6}Z", date):
        raise errors.ClientError("X-Date must be UTC as YYYYMMDDTHHMMSSZ")
    try:
        signed_at = datetime.strptime(date, _DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise errors.ClientError("X-Date is not a date") from None
    if abs(now - signed_at) > MAX_SKEW:
        raise errors.InvalidAccess(
            f"X-Date is more than {MAX_SKEW.seconds // 60} minutes off; the time here is "
            f"{now.astimezone(UTC).strftime(_DATE_FORMAT)}"
        )
    return signed_at


def _check_scope(scope: str, date: str) -> str:
    wanted = f"{date[:8]}/{_REGION}/{_SERVICE}/{_TERMINATOR}"
    if scope != wanted:
        raise errors.ClientError(
            f"the scope in Credential must be {wanted}, the day that of X-Date"
        )
    return scope


def _check_body(request: SignedRequest) -> str:
    body_hash = hashlib.sha256(request.body).hexdigest()
    if not any(key.lower() == "x-content-sha256" for key, _ in request.headers):
        return body_hash  # some public clients leave it out; the hash itself is signed anyway
    declared = request.header("x-content-sha256")
    if not hmac.compare_digest(declared.encode(_WIRE), body_hash.encode(_WIRE)):
        raise errors.InvalidAccess("X-Content-Sha256 is not the hash of the body that arrived")
    return body_hash


def _canonical_query(query: str) -> str:
    """Fields sorted by name, escaped anew; Latin-1 keeps every escaped byte what it was."""
    try:
        fields = parse_qsl(
            query, keep_blank_values=True, encoding=_WIRE, max_num_fields=_MAX_QUERY_FIELDS
        )
    except ValueError:
        raise errors.ClientError("the query has too many fields") from None
    fields.sort(key=lambda field: field[0])
    return "&".join(
        "=".join(quote(part, safe="-_.~", encoding=_WIRE) for part in field) for field in fields
    )


def _hex_hash(text: str) -> str:
    return hashlib.sha256(text.encode(_WIRE)).hexdigest()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(_WIRE), "sha256")
