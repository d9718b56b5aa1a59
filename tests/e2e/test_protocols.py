"""What existing apps send, as they send it, through the front door to a real Triton."""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import re
import uuid
from datetime import datetime

import pytest

from deploy.embedded.sample_song import CHORUSES
from tests.sounds import SHARED_SONGS, encode, pcm16, tones
from tests.web import web


def invoke_body(audio, namespace="DeepChorus", payload=None, **identity):
    """The body form: every field in the JSON, as the Python sample sends them."""
    return {
        "appkey": "app",
        "token": "token",
        "namespace": namespace,
        "payload": json.dumps(payload or {}),
        "data": base64.b64encode(audio).decode(),
        **identity,
    }


def overlap(span, spans):
    return sum(max(0.0, min(span[1], end) - max(span[0], start)) for start, end in spans)


def assert_lawful(payload, seconds):
    """The shape of protocol.md: gapless, ordered, consistent."""
    assert payload["frame_sec"] == 0.192
    raw, chorus = payload["raw_segments"], payload["chorus_segments"]
    assert raw[0]["interval"][0] == 0
    assert raw[-1]["interval"][1] == pytest.approx(seconds, abs=0.1)
    for one, following in itertools.pairwise(raw):
        assert one["interval"][1] == following["interval"][0]
    ends = {end for segment in raw for end in segment["interval"]}
    for segment in [*raw, *chorus]:
        start, end = segment["interval"]
        assert {start, end} <= ends
        assert segment["duration"] == pytest.approx(end - start, abs=2e-3)
        assert segment["res_duration"] == pytest.approx(seconds - start, abs=0.1)
        for name in ("start_prob", "end_prob", "chorus_prob"):
            assert 0 <= segment[name] <= 1
    assert len(payload["thumbnail"]) == 1
    best = max(chorus or raw, key=lambda segment: segment["chorus_prob"])
    if chorus:
        assert payload["thumbnail"] == [best]
    else:  # nothing passes for a chorus: the likeliest stretch, with its honest probability
        assert payload["thumbnail"][0]["chorus_prob"] <= best["chorus_prob"]


def test_the_python_request_with_everything_in_the_body(gateway, sample_mp3):
    answer = web.post(f"{gateway.url}/api/v1/invoke", json=invoke_body(sample_mp3), timeout=60)
    assert answer.status_code == 200
    envelope = answer.json()
    assert envelope["status_code"] == 20000000
    assert envelope["status_text"] == "OK"
    assert envelope["namespace"] == "DeepChorus"
    assert uuid.UUID(envelope["task_id"])
    assert isinstance(envelope["payload"], str) and isinstance(envelope["data"], str)
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Tt-Logid"])
    payload = json.loads(envelope["payload"])
    seconds = CHORUSES[-1][1] + 4 * 4 * 60 / 112
    assert_lawful(payload, seconds)
    start, end = payload["thumbnail"][0]["interval"]
    assert overlap((start, end), CHORUSES) > (end - start) / 2


def test_the_go_request_with_its_identity_in_the_query(gateway, sample_mp3):
    query = {"version": "v4", "token": "token", "appkey": "app", "namespace": "DeepChorus"}
    body = {"payload": "{}", "data": base64.b64encode(sample_mp3).decode()}
    answer = web.post(
        f"{gateway.url}/api/v1/invoke",
        params=query,
        content=json.dumps(body),
        headers={"Content-Type": "application/json"},
        timeout=60,
    )
    assert answer.status_code == 200
    assert len(answer.json()["payload"]) > 0


def test_server_timing_tells_where_the_time_went(gateway, sample_mp3):
    answer = web.post(f"{gateway.url}/api/v1/invoke", json=invoke_body(sample_mp3), timeout=60)
    parts = dict(part.split(";dur=") for part in answer.headers["Server-Timing"].split(", "))
    assert list(parts) == ["queue", "decode", "mel", "infer"]
    assert float(parts["decode"]) > 1
    assert float(parts["mel"]) > 1
    assert sum(map(float, parts.values())) <= answer.elapsed.total_seconds() * 1000


def assert_analysis(analysis):
    assert uuid.UUID(analysis["request_id"])
    assert datetime.fromisoformat(analysis["timestamp"]).tzinfo is not None
    results = analysis["analysis_results"]
    assert len(results) == 5
    confidences = [result["confidence"] for result in results]
    assert confidences == sorted(confidences, reverse=True)
    assert 0 < sum(confidences) <= 100.05
    assert analysis["top_genre"] == results[0]["genre"]
    assert analysis["top_confidence"] == results[0]["confidence"]


def test_an_upload_without_a_content_type_of_its_own_is_analysed(gateway, sample_mp3):
    boundary = "b0undary"
    body = (
        (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
        ).encode()
        + sample_mp3
        + f"\r\n--{boundary}--\r\n".encode()
    )
    answer = web.post(
        f"{gateway.url}/analyze-audio",
        content=body,
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
        timeout=60,
    )
    assert answer.status_code == 200
    assert_analysis(answer.json())


def test_the_genre_namespace_answers_with_the_same_object(gateway, sample_mp3):
    body = invoke_body(sample_mp3, "AcousticSense")
    answer = web.post(f"{gateway.url}/api/v1/invoke", json=body, timeout=60)
    assert_analysis(json.loads(answer.json()["payload"]))


def test_headerless_pcm_is_analysed_with_its_hints(gateway):
    hints = {"audio_info": {"format": "pcm", "sample_rate": 16_000, "channel": 2}}
    body = invoke_body(pcm16(tones(20.0, 16_000)), payload=hints)
    answer = web.post(f"{gateway.url}/api/v1/invoke", json=body, timeout=60)
    assert answer.status_code == 200
    assert_lawful(json.loads(answer.json()["payload"]), 20.0)


def test_a_clip_under_15_seconds_is_its_own_chorus(gateway):
    body = invoke_body(encode(tones(9.0), "mp3"))
    answer = web.post(f"{gateway.url}/api/v1/invoke", json=body, timeout=60)
    payload = json.loads(answer.json()["payload"])
    (chorus,) = payload["chorus_segments"]
    assert payload["thumbnail"] == [chorus]
    assert chorus["interval"] == pytest.approx([0, 9.0], abs=0.1)


@pytest.mark.skipif(not SHARED_SONGS.is_dir(), reason="the shared songs are not here")
def test_a_real_song_gets_its_chorus_and_five_genres(gateway):
    name = "us_joshua_morin_on_the_run.ogg"
    truth = json.loads((SHARED_SONGS / "annotations.json").read_text())[name]
    song = (SHARED_SONGS / name).read_bytes()
    answer = web.post(f"{gateway.url}/api/v1/invoke", json=invoke_body(song), timeout=60)
    payload = json.loads(answer.json()["payload"])
    assert_lawful(payload, truth["duration"])
    start, end = payload["thumbnail"][0]["interval"]
    assert overlap((start, end), truth["chorus"]) > (end - start) / 2
    upload = web.post(f"{gateway.url}/analyze-audio", files={"file": song}, timeout=60)
    assert_analysis(upload.json())


BAD_INVOCATIONS = [
    ({"data": "###"}, 400, "InvalidData:"),
    ({"data": 7}, 400, "InvalidData:"),
    ({"data": ""}, 400, "EmptyData:"),
    ({"data": base64.b64encode(b"plain text").decode()}, 400, "IllegalData:not audio"),
    ({"payload": "{"}, 400, "IllegalPayload:"),
    ({"payload": {}}, 400, "IllegalPayload:"),
    ({"payload": "[]"}, 400, "IllegalPayload:"),
    ({"payload": '{"audio_info": []}'}, 400, "IllegalPayload:"),
    ({"payload": '{"audio_info": {"format": "pcm"}}'}, 400, "InvalidPayload:"),
    (
        {"payload": '{"audio_info": {"format": "pcm", "sample_rate": "8", "channel": 1}}'},
        400,
        "IllegalPayload:",
    ),
    ({"namespace": "Other"}, 400, "DeniedNamespace:"),
    ({"version": "v3"}, 400, "ClientError:version"),
    ({"appkey": ""}, 401, "InvalidAccess:"),
    ({"token": ""}, 401, "DeniedAccess:IllegalToken"),
    ({"appkey": 1}, 400, "ClientError:appkey"),
]


@pytest.mark.parametrize(("change", "status", "text"), BAD_INVOCATIONS)
def test_a_bad_invocation_gets_the_envelope_with_its_code(gateway, change, status, text):
    body = {**invoke_body(encode(tones(1.0), "mp3")), **change}
    answer = web.post(f"{gateway.url}/api/v1/invoke", json=body)
    assert_envelope(answer, status, text)


def assert_envelope(answer, status, text):
    assert answer.status_code == status
    envelope = answer.json()
    assert set(envelope) == {
        "task_id", "namespace", "status_code", "status_text", "payload", "data",
    }  # fmt: skip
    assert envelope["payload"] == envelope["data"] == ""
    assert envelope["status_text"].startswith(text)
    assert envelope["status_code"] != 20000000


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 100_000, b"\xff"])
def test_a_body_that_is_no_object_gets_the_envelope(gateway, body):
    answer = web.post(f"{gateway.url}/api/v1/invoke", content=body)
    assert_envelope(answer, 400, "ClientError:the body ")


def test_an_identity_that_differs_between_query_and_body_is_refused(gateway):
    body = invoke_body(encode(tones(1.0), "mp3"))
    same = web.post(f"{gateway.url}/api/v1/invoke", json=body, params={"appkey": "app"})
    assert same.status_code == 200
    other = web.post(f"{gateway.url}/api/v1/invoke", json=body, params={"appkey": "other"})
    assert_envelope(other, 400, "ClientError:appkey differs")


def test_unknown_paths_and_methods_speak_the_dialect_of_their_place(gateway):
    assert_envelope(web.get(f"{gateway.url}/api/v1/nothing"), 404, "ClientError:")
    refused = web.get(f"{gateway.url}/api/v1/invoke")
    assert_envelope(refused, 405, "ClientError:")
    assert refused.headers["Allow"] == "POST"
    problem = web.get(f"{gateway.url}/nothing")
    assert problem.status_code == 404
    assert problem.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("files", "status", "title"),
    [
        ({"file": b"just words"}, 415, "IllegalData"),
        ({"file": b""}, 422, "EmptyData"),
        ({"other": b"x"}, 422, "EmptyData"),
        ({"file": encode(tones(5.0), "flac")[:20_000]}, 422, "IllegalData"),
    ],
    ids=["text", "empty", "no file", "truncated"],
)
def test_a_bad_upload_gets_a_problem_document(gateway, files, status, title):
    answer = web.post(f"{gateway.url}/analyze-audio", files=files)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["title"] == title
    assert problem["status"] == status
    assert problem["detail"]


def test_what_is_over_the_limit_is_refused_before_it_is_read(gateway):
    host = gateway.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.putrequest("POST", "/api/v1/invoke")
    connection.putheader("Content-Length", str(300 * 2**20))
    connection.endheaders()  # and no body: who waited for it would wait for ever
    answer = connection.getresponse()
    envelope = json.loads(answer.read())
    assert answer.status == 400
    assert envelope["status_code"] == 40000016
    assert envelope["status_text"].startswith("ExceededDataSize:")


def test_health_tells_what_it_should(gateway):
    health = web.get(f"{gateway.url}/health")
    assert health.json()["status"] == "healthy"
    assert datetime.fromisoformat(health.json()["timestamp"])
    assert web.get(f"{gateway.url}/health/live").status_code == 200
    assert web.get(f"{gateway.url}/health/ready").status_code == 200


def test_no_token_reaches_the_log(gateway, sample_mp3):
    secret = "s3cret-t0ken-value"
    query = {"token": secret, "appkey": "app", "namespace": "DeepChorus"}
    body = {"data": base64.b64encode(sample_mp3).decode()}
    answer = web.post(f"{gateway.url}/api/v1/invoke", params=query, json=body, timeout=60)
    entry = gateway.line(answer.json()["task_id"])
    assert entry["status"] == 200
    assert entry["path"] == "/api/v1/invoke"
    assert secret not in gateway.log.read_text()


def test_a_form_in_a_charset_that_is_none_is_refused(gateway):
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x; charset=undefined"}
    answer = web.post(f"{gateway.url}/analyze-audio", content=part, headers=headers)
    assert answer.status_code == 400, answer.text
    assert "charset" in answer.json()["detail"]


def test_a_payload_is_read_or_refused_at_every_depth(gateway):
    """Near Python's own limit reading may succeed where writing does not."""
    for depth in range(940, 1000):
        nested = '{"async":true,"x":' + "[" * depth + "]" * depth + "}"
        body = {"appkey": "a", "token": "a", "namespace": "DeepChorus", "payload": nested}
        answer = web.post(f"{gateway.url}/api/v1/invoke", json={**body, "data": "AAAA"})
        assert answer.status_code in {200, 400}, (depth, answer.text)
