"""The REST protocol's statuses, one by one, as problem documents."""

from __future__ import annotations

import time

import pytest

from tests.e2e.contract import (
    CLIP,
    KARAOKE,
    SINGER,
    Client,
    assert_problem,
    assert_refused,
    invocation,
    invoke,
    stored,
    upload,
)
from tests.sounds import encode, tones
from tests.web import web

STRANGER = Client("stranger", None, {})
SECOND = encode(tones(2.5, 16_000, 1), "mp3", 16_000)


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({}, "Authorization: Bearer"),
        (STRANGER.bearer, "the API key is unknown"),
        ({"Authorization": "Bearer"}, "Authorization: Bearer"),
        ({"Authorization": f"Basic {KARAOKE.api_key}"}, "Authorization: Bearer"),
        ({"Authorization": f"Bearer {KARAOKE.api_key}x"}, "the API key is unknown"),
        ({"Authorization": f"Bearer {KARAOKE.token}"}, "the API key is unknown"),
        ({"Authorization": f"Bearer {KARAOKE.secret_key}"}, "the API key is unknown"),
    ],
)
def test_who_is_not_known_gets_401_and_is_told_the_scheme(guarded, headers, detail):
    for answer in (upload(guarded, headers=headers), stored(guarded, "x", headers=headers)):
        assert_problem(answer, 401, "InvalidAccess", detail)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_namespace_that_was_not_granted_is_403(guarded):
    for answer in (upload(guarded, client=SINGER), stored(guarded, "x", SINGER)):
        assert_problem(answer, 403, "DeniedNamespace", "use DeepChorus")


def test_a_body_that_is_no_form_is_400(guarded):
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    for headers, body in (
        ({"Content-Type": "multipart/form-data"}, b"x"),
        (form, b"nonsense"),
        ({**form, "Content-Encoding": "gzip"}, b"x"),
    ):
        answer = web.post(
            f"{guarded.url}/analyze-audio", content=body, headers={**KARAOKE.bearer, **headers}
        )
        assert_problem(answer, 400, "ClientError")


@pytest.mark.parametrize(
    ("status", "name", "audio"),
    [
        (415, "IllegalData", b"these are words"),
        (422, "IllegalData", encode(tones(3.0), "flac")[:20_000]),
        (422, "EmptyData", b""),
        (422, "EmptyData", encode(tones(0.0, 16_000, 1), "wav", 16_000)),
        (422, "ExceededDuration", encode(tones(601.0, 4_000, 1), "wav", 4_000)),
    ],
    ids=["words", "cut off", "empty", "no sample", "too long"],
)
def test_audio_that_cannot_be_analysed_gets_its_status(guarded, status, name, audio):
    assert_problem(upload(guarded, audio), status, name)


def test_audio_over_the_limit_is_413(narrow):
    assert_problem(upload(narrow, b"\0" * 100_001), 413, "ExceededDataSize", "100000")
    assert_problem(upload(narrow, b"\0" * 100_000), 415, "IllegalData")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/analyze-audio", "POST"),
        ("DELETE", "/analyze-audio/x", "GET"),
        ("PUT", "/health", "GET"),
    ],
)
def test_another_method_is_405_and_is_told_which(guarded, method, path, allowed):
    answer = web.request(method, f"{guarded.url}{path}", headers=KARAOKE.bearer)
    assert_problem(answer, 405, "ClientError", method)
    assert answer.headers["Allow"] == allowed


def test_an_unknown_path_is_404_in_the_dialect_of_its_place(guarded):
    assert_problem(web.get(f"{guarded.url}/nothing"), 404, "ClientError", "/nothing")
    assert_refused(web.get(f"{guarded.url}/api/v2/x"), "ClientError", "/api/v2/x", status=404)
    assert_refused(web.put(f"{guarded.url}/api/v1/invoke"), "ClientError", "PUT", status=405)
    assert_refused(web.put(f"{guarded.url}/"), "ClientError", "PUT", status=405)


def test_another_apps_analysis_is_as_unknown_as_one_that_never_was(guarded):
    other = Client("alone", None, {})
    mine = upload(guarded, SECOND).json()
    assert stored(guarded, mine["request_id"]).json() == mine
    foreign = stored(guarded, mine["request_id"], other)
    assert_problem(foreign, 404, "ClientError", "no analysis")
    assert mine["top_genre"] not in foreign.text
    assert_problem(stored(guarded, mine["request_id"], SINGER), 403, "DeniedNamespace")
    assert_problem(stored(guarded, mine["request_id"], STRANGER), 401, "InvalidAccess")


def test_the_cache_answers_no_app_with_anothers_analysis(guarded):
    mine = upload(guarded, CLIP)
    theirs = upload(guarded, CLIP, client=Client("alone", None, {}))
    assert "Age" not in theirs.headers
    assert theirs.json()["request_id"] != mine.json()["request_id"]
    assert theirs.json()["analysis_results"] == mine.json()["analysis_results"]


def test_an_analysis_that_was_kept_long_enough_is_404(narrow):
    name = upload(narrow, SECOND).json()["request_id"]
    deadline = time.monotonic() + 60  # it is kept for one second here
    while stored(narrow, name).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert_problem(stored(narrow, name), 404, "ClientError", "no analysis")


def test_an_invocation_is_no_analysis_to_be_read_by_its_id(guarded):
    task_id = invoke(guarded, invocation(namespace="AcousticSense")).json()["task_id"]
    assert_problem(stored(guarded, task_id), 404, "ClientError", "no analysis")
