"""Answers and errors, read from their JSON."""

import base64
import io
import json

import httpx
import pytest
from acousticsense import (
    AccessError,
    Analysis,
    BusyError,
    Chorus,
    RequestError,
    Task,
    UnexpectedAnswerError,
)
from acousticsense.audio import InvokeBody
from acousticsense.errors import check, error_of, retry_after

from gateway import errors as served
from gateway.dialects import failure_envelope, problem_object

ANALYSIS = {
    "request_id": "5f0c",
    "timestamp": "2026-11-21T12:00:00+00:00",
    "analysis_results": [{"genre": "Jazz", "confidence": 71.1}],
    "top_genre": "Jazz",
    "top_confidence": 71.1,
}


def kinds(base=served.ApiError):
    """Every error that the gateway can tell."""
    for each in base.__subclasses__():
        yield each
        yield from kinds(each)


def answer(status, content, **headers):
    request = httpx.Request("POST", "http://server/api")
    return httpx.Response(status, json=content, headers=headers, request=request)


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda each: each.__name__)
@pytest.mark.parametrize("detail", ["", "612.4 s: the limit is 600 s"])
def test_every_error_of_the_gateway_is_read_alike_in_both_dialects(kind, detail):
    error = kind(detail)
    forms = [
        answer(error.rest_status, problem_object(error, "5f0c"), **error.headers),
        answer(error.invoke_status, failure_envelope("5f0c", "DeepChorus", error)),
    ]
    for form in forms:
        with pytest.raises(Exception) as caught:
            check(form)
        read = caught.value
        assert type(read).__module__ == "acousticsense.errors"
        assert (read.code, read.name, read.detail) == (error.code, error.name, detail)
        assert read.request_id == "5f0c"
        assert read.status == form.status_code
    later = error_of(error.code, error.text)
    assert (later.name, later.detail) == (error.name, detail)


def test_errors_are_told_apart_by_what_to_do_about_them():
    assert isinstance(error_of(40200002, "DeniedAccess:IllegalToken:it expired"), AccessError)
    assert isinstance(error_of(42900000, "ExceededConcurrency"), BusyError)
    assert isinstance(error_of(49999999, "SomethingNew:x"), RequestError)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("", None), ("soon", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("-1", None)],
)
def test_retry_after_is_a_number_or_a_date(header, seconds):
    assert retry_after({"Retry-After": header}) == seconds


def test_what_a_newer_server_adds_is_there_by_name():
    analysis = Analysis.read({**ANALYSIS, "mood": "calm"})
    assert analysis["mood"] == "calm"
    assert analysis.top_genre == "Jazz"


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        (Analysis, {}),
        (Analysis, {**ANALYSIS, "analysis_results": 5}),
        (Analysis, {**ANALYSIS, "analysis_results": [{"genre": "Jazz"}]}),
        (Chorus, {"frame_sec": 0.192}),
        (Task, {"id": "5f0c"}),
        (Task, None),
    ],
)
def test_what_is_not_of_its_form_is_said(kind, sent):
    with pytest.raises(UnexpectedAnswerError, match="is not of the known form"):
        kind.read(sent)


def test_a_result_is_not_changed_by_accident():
    with pytest.raises(AttributeError):
        Analysis.read(ANALYSIS).top_genre = "Rock"


@pytest.mark.parametrize("size", [0, 1, 2, 3, 48 * 1024, 48 * 1024 + 1, 200_001])
def test_an_invoke_body_is_the_json_that_json_would_write(size):
    audio = bytes(index * 7 % 256 for index in range(size))
    body = InvokeBody({"namespace": "DeepChorus", "payload": '{"a": "ü"}'}, io.BytesIO(audio))
    text = b"".join(body)
    assert len(text) == body.length
    read = json.loads(text)
    assert base64.b64decode(read.pop("data"), validate=True) == audio
    assert read == {"namespace": "DeepChorus", "payload": '{"a": "ü"}'}
