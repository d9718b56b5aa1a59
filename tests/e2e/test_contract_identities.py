"""From a signature to a result, and how little a hostile client gets."""

from __future__ import annotations

import time

import pytest

from tests.e2e.contract import (
    ALONE,
    CLIENTS,
    KARAOKE,
    SINGER,
    Client,
    ask_token,
    assert_problem,
    assert_refused,
    assert_served,
    invocation,
    invoke,
    token_of,
    upload,
    wait_until,
)
from tests.web import web

ILLEGAL = "DeniedAccess:IllegalToken"


@pytest.fixture
def token(guarded):
    return token_of(guarded, SINGER)


def test_a_signature_buys_a_token_and_the_token_an_analysis(guarded):
    asked = time.time()
    answer = ask_token(guarded, SINGER, expiration=600)
    assert answer.status_code == 200, answer.text
    bought = answer.json()
    assert set(bought) == {"status_code", "status_text", "task_id", "token", "expires_at"}
    assert asked + 599 <= bought["expires_at"] <= time.time() + 600
    body = invocation(client=SINGER, token=bought["token"])
    assert assert_served(invoke(guarded, body))["thumbnail"]
    identity = {name: body.pop(name) for name in ("appkey", "token", "namespace", "version")}
    assert assert_served(invoke(guarded, body, params=identity))["thumbnail"]


def test_one_api_key_does_for_both_protocols(guarded):
    nobody = {"appkey": None, "token": None}
    body = invocation(client=KARAOKE, **nobody)
    assert assert_served(invoke(guarded, body, headers=KARAOKE.bearer))["thumbnail"]
    answer = invoke(guarded, body, headers={"Authorization": "Bearer ask_nobody"})
    assert_refused(answer, "InvalidAccess", "the API key is unknown", namespace="DeepChorus")
    assert_refused(invoke(guarded, body), "InvalidAccess", "appkey is missing")


def test_a_token_that_has_expired_is_refused(guarded):
    bought = ask_token(guarded, SINGER, expiration=1).json()
    wait_until(bought["expires_at"])
    answer = invoke(guarded, invocation(client=SINGER, token=bought["token"]))
    assert_refused(answer, ILLEGAL, "the token has expired", namespace="DeepChorus")


def test_another_apps_token_is_refused(guarded, token):
    answer = invoke(guarded, invocation(client=KARAOKE, token=token))
    assert_refused(answer, ILLEGAL, "belongs to another appkey")
    answer = invoke(guarded, invocation(client=ALONE, token=KARAOKE.token))
    assert_refused(answer, ILLEGAL)


def test_a_token_of_another_gateway_is_refused(guarded, narrow):
    answer = invoke(guarded, invocation(client=SINGER, token=token_of(narrow, SINGER)))
    assert_refused(answer, ILLEGAL, "not one of this server's")


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_that_was_tampered_with_is_refused(guarded, token, part):
    parts = token.split(".")
    parts[part] = parts[part][:-4] + ("AAAA" if parts[part][-4:] != "AAAA" else "BBBB")
    answer = invoke(guarded, invocation(client=SINGER, token=".".join(parts)))
    assert_refused(answer, ILLEGAL)


def test_a_token_opens_only_the_namespaces_of_its_app(guarded, token):
    body = invocation(client=SINGER, token=token, namespace="AcousticSense")
    answer = invoke(guarded, body)
    assert_refused(answer, "DeniedNamespace", "use DeepChorus", namespace="AcousticSense")


def test_a_wrong_key_gets_no_token(guarded):
    stranger = Client("stranger", None, {})
    for answer in (
        ask_token(guarded, SINGER, secret_key=KARAOKE.secret_key),
        ask_token(guarded, stranger),
        web.post(f"{guarded.url}/?Action=GetToken&Version=2021-07-27", json={"appkey": "x"}),
    ):
        assert answer.status_code in {400, 401}
        assert "token" not in answer.json()
    unknown, wrong = (
        assert_refused(ask_token(guarded, who, secret_key=KARAOKE.secret_key), "InvalidAccess")
        for who in (stranger, SINGER)
    )
    assert unknown == wrong  # not told which of the two it was


def test_a_secret_of_one_call_is_none_for_another(guarded, token):
    for secret in (SINGER.api_key, SINGER.secret_key, SINGER.access_key):
        answer = invoke(guarded, invocation(client=SINGER, token=secret))
        assert_refused(answer, ILLEGAL)
    answer = upload(guarded, headers={"Authorization": f"Bearer {token}"})
    assert_problem(answer, 401, "InvalidAccess")


def test_no_secret_reaches_the_log_or_the_metrics(guarded, narrow, token):
    query = {"appkey": SINGER.appkey, "token": token, "namespace": "DeepChorus"}
    for front in (guarded, narrow):
        invoke(front, {"data": ""}, params=query)
        invoke(front, {"data": "#"}, params={**query, "appkey": "nobody"})
        invoke(front, invocation(token=f"{KARAOKE.token}x"))
        web.get(f"{front.url}/nothing", params=query, headers=KARAOKE.bearer)
        web.put(f"{front.url}/api/v1/invoke", params=query)
        ask_token(front, SINGER, secret_key=KARAOKE.secret_key)
        answer = upload(front)
        task_id = answer.json()["request_id"]
        written = log_with(front, task_id) + web.get(f"{front.url}/metrics").text
        secrets = [token, *(client.token for client in CLIENTS if client.token)]
        for client in CLIENTS:
            secrets += [client.secret_key, client.api_key]
        assert [secret for secret in secrets if secret in written] == []


def log_with(front, task_id):
    """The log, once it has the line of this request."""
    deadline = time.monotonic() + 60
    while task_id not in (text := front.log.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return text
