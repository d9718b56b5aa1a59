"""GetToken, and what keys and tokens open, through the application's front door.

Triton is not asked, and need not be there.
"""

import hashlib
import json
import uuid
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from gateway.app import create_app
from gateway.settings import Settings
from tests.gateway.signing import ACCESS_KEY, APPKEY, BODY, QUERY, SECRET_KEY, signed_headers

API_KEY = "ask_a-key-of-the-app"
WRONG_KEY = "not-the-secret-key"
APPS = f"""
[[apps]]
name = "karaoke"
appkey = "{APPKEY}"
access_key = "{ACCESS_KEY}"
secret_key = "{SECRET_KEY}"
api_key_hashes = ["{hashlib.sha256(API_KEY.encode()).hexdigest()}"]
"""


@pytest.fixture
def client(tmp_path):
    file = tmp_path / "apps.toml"
    file.write_text(APPS)
    with TestClient(create_app(Settings(apps_file=file))) as client:
        yield client


def x_date(seconds=0):
    return datetime.fromtimestamp(datetime.now(UTC).timestamp() + seconds, UTC).strftime(
        "%Y%m%dT%H%M%SZ"
    )


def post(client, body=BODY, *, query=QUERY, signed_body=None, **signing):
    signing = {"x_date": x_date(), "host": "testserver", "query": query, **signing}
    headers = signed_headers(body if signed_body is None else signed_body, **signing)
    return client.post(f"/?{query}", content=body, headers=headers)


def body(**changes):
    return json.dumps({**json.loads(BODY), **changes}).encode()


def invoke(client, token, appkey=APPKEY):
    fields = {"appkey": appkey, "token": token, "namespace": "DeepChorus", "data": ""}
    return client.post("/api/v1/invoke", json=fields).json()["status_text"]


def test_a_signed_request_gets_a_token_that_the_invoke_call_takes(client):
    before = datetime.now(UTC).timestamp()
    answer = post(client)
    assert answer.status_code == 200, answer.text
    fields = answer.json()
    assert set(fields) == {"status_code", "status_text", "task_id", "token", "expires_at"}
    assert (fields["status_code"], fields["status_text"]) == (20000000, "OK")
    assert before - 1 <= fields["expires_at"] - 3600 <= datetime.now(UTC).timestamp()
    assert answer.headers["Cache-Control"] == "no-store"
    assert uuid.UUID(fields["task_id"])
    assert invoke(client, fields["token"]).startswith("EmptyData")  # past the door
    assert invoke(client, fields["token"] + "x").startswith("DeniedAccess:IllegalToken")
    assert invoke(client, fields["token"], "other").startswith("InvalidAccess")


def assert_refused(answer, status, text):
    assert answer.status_code == status, answer.text
    envelope = answer.json()
    assert envelope["status_text"].startswith(text)
    assert envelope["payload"] == envelope["data"] == ""
    assert "token" not in envelope
    assert SECRET_KEY not in answer.text


def test_the_same_request_again_is_refused(client):
    date = x_date()
    assert post(client, x_date=date).status_code == 200
    assert_refused(post(client, x_date=date), 401, "InvalidAccess:this signed request was used")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"secret_key": WRONG_KEY}, "InvalidAccess:the access key is unknown, or"),
        ({"access_key": "AKnobody"}, "InvalidAccess:the access key is unknown, or"),
        ({"signed_body": body(expiration=60)}, "InvalidAccess:X-Content-Sha256"),
        ({"body": body(appkey="other")}, "InvalidAccess:the appkey is not that of"),
    ],
)
def test_a_request_that_proves_nothing_is_refused(client, change, text):
    assert_refused(post(client, **change), 401, text)


def test_a_request_that_was_signed_for_another_host_is_refused(client):
    headers = signed_headers(x_date=x_date(), host="elsewhere") | {"host": "testserver"}
    answer = client.post(f"/?{QUERY}", content=BODY, headers=headers)
    assert_refused(answer, 401, "InvalidAccess:the access key is unknown, or")


@pytest.mark.parametrize("seconds", [-1000, 1000])
def test_a_date_far_off_is_refused(client, seconds):
    assert_refused(post(client, x_date=x_date(seconds)), 401, "InvalidAccess:X-Date is more than")


def test_an_unsigned_request_is_refused(client):
    assert_refused(client.post(f"/?{QUERY}", content=BODY), 401, "InvalidAccess:sign the request")


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"", "the body is not JSON"),
        (b"\xff", "the body is not JSON"),
        (b"[" * 10_000, "the body is not JSON"),
        (b"[]", "the body is JSON, but not an object"),
        (body(appkey=1), "appkey must be"),
        (b"{}", "appkey must be"),
        (body(token_version="volc-auth-v2"), "token_version must be volc-auth-v1"),  # noqa: S106
        (body(expiration="3600"), "expiration must be a whole number"),
        (body(expiration=True), "expiration must be a whole number"),
        (body(expiration=3.5), "expiration must be a whole number"),
        (body(expiration=None), "expiration must be a whole number"),
        (body(expiration=0), "expiration must be 1 to 86400"),
        (body(expiration=86_401), "expiration must be 1 to 86400"),
    ],
)
def test_a_wrong_body_is_refused_and_told_what_to_change(client, sent, words):
    assert_refused(post(client, sent), 400, f"ClientError:{words}")


def test_a_large_body_is_refused(client):
    assert_refused(post(client, b" " * 20_000 + BODY), 400, "ExceededDataSize:")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "Action=GetToken",
        "Action=Other&Version=2021-07-27",
        "Action=GetToken&Version=2020-01-01",
    ],
)
def test_another_action_or_version_is_refused(client, query):
    assert_refused(post(client, query=query), 400, "ClientError:only Action=GetToken")


def test_without_apps_any_signature_gets_a_token_that_is_let_in():
    with TestClient(create_app(Settings()), base_url="http://localhost") as client:
        answer = post(client, access_key="AKnobody", host="localhost")
        assert answer.status_code == 200
        assert invoke(client, answer.json()["token"]).startswith("EmptyData")


def test_the_rest_call_wants_an_api_key_and_says_so(client):
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        refused = client.post("/analyze-audio", files={"other": b"x"}, headers=headers)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
        assert refused.json()["code"] == 40200001
    headers = {"Authorization": f"Bearer {API_KEY}"}
    accepted = client.post("/analyze-audio", files={"other": b"x"}, headers=headers)
    assert accepted.json()["title"] == "EmptyData"  # past the door


@pytest.mark.parametrize("name", ["appkey", "token", "namespace", "version"])
def test_half_a_character_in_an_identity_gets_the_envelope(client, name):
    content = json.dumps({name: "\ud800"}).encode()
    answer = client.post("/api/v1/invoke", content=content)
    assert_refused(answer, 400, f"ClientError:{name} holds")


def test_no_secret_reaches_the_log(client, capfd):
    token = post(client).json()["token"]
    post(client, secret_key=WRONG_KEY)
    client.post(f"/api/v1/invoke?appkey={APPKEY}&token={token}&namespace=DeepChorus", json={})
    client.post("/analyze-audio", headers={"Authorization": f"Bearer {API_KEY}"})
    written = "".join(capfd.readouterr())
    assert "/api/v1/invoke" in written
    for secret in (token, SECRET_KEY, API_KEY):
        assert secret not in written
