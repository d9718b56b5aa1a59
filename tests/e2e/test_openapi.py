"""The OpenAPI document held against the server that publishes it."""

from __future__ import annotations

import base64
import json
import time

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given

from tests.e2e.contract import (
    ENVELOPE,
    KARAOKE,
    SINGER,
    TABLE,
    ask_token,
    by_url,
    invocation,
    invoke,
    stored,
    upload,
)
from tests.web import web

EXAMPLES_EACH = 100
SECONDS = 45
PROBED = [
    ("POST", "/"),
    ("POST", "/api/v1/invoke"),
    ("POST", "/analyze-audio"),
    ("GET", "/analyze-audio/{request_id}"),
    ("POST", "/analyze-with-webhook"),
    ("GET", "/api/v1/tasks"),
    ("GET", "/api/v1/tasks/{task_id}"),
    ("DELETE", "/api/v1/tasks/{task_id}"),
    ("GET", "/api/v1/tasks/{task_id}/deliveries"),
    ("POST", "/api/v1/tasks/{task_id}/replay"),
    ("POST", "/api/v1/webhooks/test"),
    ("GET", "/health"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
]
GET_TOKEN, INVOKE = "/", "/api/v1/invoke"
ANALYZE, STORED = "/analyze-audio", "/analyze-audio/{request_id}"
IDENTITY = {"appkey": "app", "token": "token", "namespace": "DeepChorus", "version": "v4"}


@pytest.fixture(scope="module")
def document(gateway):
    return web.get(f"{gateway.url}/openapi.json").json()


@pytest.fixture(scope="module")
def generated(gateway):
    return schemathesis.openapi.from_url(f"{gateway.url}/openapi.json")


def test_every_route_is_documented_and_nothing_else(document):
    documented = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }
    assert documented == set(PROBED)
    for item in document["paths"].values():
        for operation in item.values():
            assert operation["summary"]


@pytest.mark.parametrize(
    ("method", "path", "identity"),
    [*((method, path, {}) for method, path in PROBED), ("POST", INVOKE, IDENTITY)],
)
def test_nothing_that_the_document_allows_is_a_fault_of_ours(
    gateway, generated, method, path, identity
):
    operation = generated[path][method]
    end = time.monotonic() + SECONDS / (len(PROBED) + 1)

    @hypothesis.settings(
        max_examples=EXAMPLES_EACH,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def holds(case):
        if time.monotonic() < end:
            if identity and isinstance(case.body, dict):  # or nearly all end at the door
                case.body = {**case.body, **identity}
            answer = case.call(base_url=gateway.url, timeout=60)
            assert answer.status_code < 500, case.as_curl_command()
            assert_known(answer)

    holds()


def assert_known(answer):
    """Whatever went wrong is told with a name and a number of the table."""
    if answer.status_code < 400:
        return
    failure = answer.json()
    name = failure.get("title") or failure["status_text"].partition(":")[0]
    name = "DeniedAccess:IllegalToken" if name == "DeniedAccess" else name
    code = failure.get("code") or failure["status_code"]
    assert TABLE[name][1] == code


def examples_of(document):
    """Every documented answer with an example: path, method, status, example."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for status, answer in operation["responses"].items():
                for content in answer.get("content", {}).values():
                    if "example" in content:
                        yield path, method, int(status), content["example"]


def shape(value):
    """The keys and the types, however deep; of a list its first entry."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if isinstance(value, int | float) else type(value).__name__


def test_the_examples_of_success_have_the_keys_that_are_really_sent(gateway, document):
    analysis = upload(gateway, headers={})
    sent = {
        INVOKE: invoke(gateway, invocation()),
        ANALYZE: analysis,
        STORED: stored(gateway, analysis.json()["request_id"], headers={}),
    }
    shown = {path: example for path, _, status, example in examples_of(document) if status == 200}
    assert set(shown) >= set(sent)
    for path, answer in sent.items():
        assert answer.status_code == 200
        assert shape(shown[path]) == shape(answer.json()), path


def test_the_example_of_a_chorus_has_the_keys_that_are_really_sent(gateway, document):
    (example,) = (
        example
        for path, _, status, example in examples_of(document)
        if (path, status) == (INVOKE, 200)
    )
    sent = invoke(gateway, invocation()).json()
    assert shape(json.loads(example["payload"])) == shape(json.loads(sent["payload"]))


def test_the_examples_of_failure_have_the_keys_that_are_really_sent(guarded, document):
    invoked = invoke(guarded, invocation(appkey="nobody")).json()
    uploaded = upload(guarded, headers={}).json()
    failures = [entry for entry in examples_of(document) if entry[2] >= 400]
    assert len(failures) >= 15
    for path, _, status, example in failures:
        sent = invoked if path in {INVOKE, "/"} else uploaded
        assert shape(example) == shape(sent), (path, status)


def test_the_examples_of_failure_have_the_numbers_of_the_table(document):
    for path, _, status, example in examples_of(document):
        if status < 400:
            continue
        if "title" in example:
            assert TABLE[example["title"]][1] == example["code"], (path, status)
            assert example["status"] == status
        else:
            (name,) = (name for name in TABLE if example["status_text"].startswith(name))
            assert TABLE[name] == (status, example["status_code"])


def test_a_status_text_is_a_name_or_a_name_and_a_detail(document):
    texts = [
        example["status_text"]
        for path, _, _, example in examples_of(document)
        if "status_text" in example
    ]
    assert [text for text in texts if text.endswith(":")] == []


def test_the_example_of_a_request_is_lawful(document):
    operation = document["paths"][INVOKE]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    assert base64.b64decode(example["data"], validate=True)
    assert json.loads(example["payload"]) == {}


def _sign_wrongly(front):
    return ask_token(front, KARAOKE, secret_key=SINGER.secret_key)


@pytest.mark.parametrize(
    ("method", "path", "status", "ask"),
    [
        ("post", INVOKE, 200, lambda front: invoke(front, invocation())),
        ("post", INVOKE, 400, lambda front: by_url(front, "nonsense")),
        ("post", INVOKE, 401, lambda front: invoke(front, invocation(appkey="nobody"))),
        ("post", ANALYZE, 200, upload),
        ("post", ANALYZE, 401, lambda front: upload(front, headers={})),
        ("post", ANALYZE, 415, lambda front: upload(front, b"words")),
        ("post", ANALYZE, 422, lambda front: upload(front, b"")),
        ("post", ANALYZE, 403, lambda front: upload(front, client=SINGER)),
        ("get", STORED, 401, lambda front: stored(front, "x", headers={})),
        ("get", STORED, 404, lambda front: stored(front, "x")),
        ("get", STORED, 403, lambda front: stored(front, "x", SINGER)),
        ("post", GET_TOKEN, 200, lambda front: ask_token(front, KARAOKE)),
        ("post", GET_TOKEN, 400, lambda front: ask_token(front, KARAOKE, expiration=0)),
        ("post", GET_TOKEN, 401, _sign_wrongly),
    ],
)
def test_a_status_that_is_sent_is_documented(guarded, document, method, path, status, ask):
    answer = ask(guarded)
    assert answer.status_code == status, answer.text
    assert str(status) in document["paths"][path][method]["responses"]


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
def test_the_probes_document_that_they_can_fail(document, path):
    assert "503" in document["paths"][path]["get"]["responses"]


def test_the_body_of_a_token_request_is_documented(document):
    body = document["paths"][GET_TOKEN]["post"]["requestBody"]
    (content,) = body["content"].values()
    assert set(content["schema"]["properties"]) >= {"appkey", "token_version", "expiration"}


def test_no_failure_is_documented_in_a_form_that_is_never_sent(document):
    assert "HTTPValidationError" not in document.get("components", {}).get("schemas", {})
    for path, _, status, example in examples_of(document):
        if path == INVOKE and status >= 400:
            assert set(example) == ENVELOPE


def test_the_calls_with_an_api_key_say_so(document):
    schemes = document["components"]["securitySchemes"].values()
    assert any((each["type"], each["scheme"]) == ("http", "bearer") for each in schemes)
    assert document["paths"][ANALYZE]["post"]["security"]
    assert document["paths"][STORED]["get"]["security"]
