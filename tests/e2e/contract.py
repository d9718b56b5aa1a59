"""The tables of docs/protocol.md, two apps, and what a client of either dialect sends."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.gateway.signing import QUERY, signed_headers
from tests.sounds import encode, tones
from tests.web import web

TABLE = {
    "ClientError": (400, 40000000),
    "InvalidData": (400, 40000010),
    "EmptyData": (400, 40000011),
    "IllegalData": (400, 40000012),
    "ExceededDuration": (400, 40000013),
    "ExceededDataSize": (400, 40000016),
    "InvalidPayload": (400, 40000020),
    "EmptyPayload": (400, 40000021),
    "IllegalPayload": (400, 40000022),
    "EmptyURL": (400, 40000023),
    "FailedDownload": (400, 40000024),
    "InvalidAccess": (401, 40200001),
    "DeniedAccess:IllegalToken": (401, 40200002),
    "DeniedNamespace": (400, 40200014),
    "ExceededConcurrency": (429, 42900000),
    "ServerBusy": (503, 50000003),
    "ServerTimeout": (504, 50000004),
    "ServerError": (500, 50000000),
}
"""Invoke: the HTTP status and the code of each name."""

ENVELOPE = {"task_id", "namespace", "status_code", "status_text", "payload", "data"}
PROBLEM = {"type", "title", "status", "detail", "code", "request_id"}
CLIP = encode(tones(2.0, 16_000, 1), "mp3", 16_000)


@dataclass(frozen=True)
class Client:
    """An app as its owner knows it; ``grants`` is what only the operator writes down."""

    name: str
    token: str | None
    grants: dict[str, object]

    @property
    def appkey(self) -> str:
        return f"{self.name}-appkey"

    @property
    def access_key(self) -> str:
        return f"AK{self.name}"

    @property
    def secret_key(self) -> str:
        return f"secret-key-of-{self.name}"

    @property
    def api_key(self) -> str:
        return f"ask_api-key-of-{self.name}"

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}

    def as_configured(self) -> dict[str, object]:
        return {
            "name": self.name,
            "appkey": self.appkey,
            "access_key": self.access_key,
            "secret_key": self.secret_key,
            "api_key_hashes": [hashlib.sha256(self.api_key.encode()).hexdigest()],
            "requests_per_minute": 60_000,
            **({"token": self.token} if self.token else {}),
            **self.grants,
        }


KARAOKE = Client("karaoke", "static-token-of-karaoke", {})
SINGER = Client("singer", None, {"namespaces": ["DeepChorus"]})
ALONE = Client("alone", "static-token-of-alone", {"max_concurrency": 1})
SELDOM = Client("seldom", "static-token-of-seldom", {"requests_per_minute": 1})
CLIENTS = (KARAOKE, SINGER, ALONE, SELDOM)
APPS = json.dumps([client.as_configured() for client in CLIENTS])


def invocation(audio=CLIP, *, client=KARAOKE, asks=None, **changes):
    """A whole body; ``asks`` is its payload, and a change to None leaves a field out."""
    fields = {
        "appkey": client.appkey,
        "token": client.token,
        "namespace": "DeepChorus",
        "version": "v4",
        "payload": json.dumps(asks or {}),
        "data": base64.b64encode(audio).decode(),
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def invoke(gateway, body, **options):
    return web.post(f"{gateway.url}/api/v1/invoke", json=body, timeout=60, **options)


def by_url(gateway, url, **changes):
    """An invocation that sends no data but says where it is."""
    return invoke(gateway, invocation(b"", asks={"url": url}, **changes))


def upload(gateway, audio=CLIP, *, client=KARAOKE, headers=None):
    return web.post(
        f"{gateway.url}/analyze-audio",
        files={"file": audio},
        headers=client.bearer if headers is None else headers,
        timeout=60,
    )


def stored(gateway, request_id, client=KARAOKE, headers=None):
    headers = client.bearer if headers is None else headers
    return web.get(f"{gateway.url}/analyze-audio/{request_id}", headers=headers)


def ask_token(gateway, client, *, secret_key=None, expiration=3600):
    """GetToken, signed as the documents say; no two are the same, as a replay is refused."""
    fields = {
        "appkey": client.appkey,
        "token_version": "volc-auth-v1",
        "expiration": expiration,
        "nonce": uuid.uuid4().hex,
    }
    body = json.dumps(fields).encode()
    headers = signed_headers(
        body,
        x_date=datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"),
        host=gateway.url.removeprefix("http://"),
        access_key=client.access_key,
        secret_key=secret_key or client.secret_key,
    )
    return web.post(f"{gateway.url}/?{QUERY}", content=body, headers=headers)


def token_of(gateway, client, **options):
    answer = ask_token(gateway, client, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()["token"]


def assert_served(answer):
    """A successful envelope; its payload."""
    assert answer.status_code == 200, answer.text
    envelope = answer.json()
    assert set(envelope) == ENVELOPE
    assert (envelope["status_code"], envelope["status_text"]) == (20000000, "OK")
    assert envelope["data"] == ""
    return json.loads(envelope["payload"])


def assert_refused(answer, name, detail="", *, status=None, namespace=None):
    """A failed envelope, in the table's numbers; its ``status_text``."""
    expected_status, code = TABLE[name]
    envelope = answer.json()
    text = envelope["status_text"]
    assert answer.status_code == (status or expected_status), answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert set(envelope) == ENVELOPE
    assert envelope["status_code"] == code, text
    assert text == name or text.startswith(f"{name}:"), text
    assert detail in text
    assert envelope["payload"] == envelope["data"] == ""
    assert uuid.UUID(envelope["task_id"])
    if namespace is not None:
        assert envelope["namespace"] == namespace
    _assert_promises(answer, code)
    return text


def assert_problem(answer, status, name, detail=""):
    """An RFC 9457 document with the table's name and number."""
    _, code = TABLE[name]
    problem = answer.json()
    assert answer.status_code == problem["status"] == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(problem) == PROBLEM
    assert (problem["title"], problem["code"]) == (name, code)
    assert detail in problem["detail"] and problem["detail"]
    assert uuid.UUID(problem["request_id"])
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    _assert_promises(answer, code)


def _assert_promises(answer, code):
    """Whoever is to come again is told when; nobody else is."""
    waits = code in {42900000, 50000003}
    assert ("Retry-After" in answer.headers) == waits
    if waits:
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert len(answer.headers["X-Tt-Logid"]) == 32


def wait_until(seconds_since_epoch):
    """For what ends by the clock that tests and gateway share."""
    while time.time() < seconds_since_epoch:
        time.sleep(0.02)
