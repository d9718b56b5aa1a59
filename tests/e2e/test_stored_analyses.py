"""Analyses kept by id and by content, through the front door."""

from __future__ import annotations

import uuid

import httpx
import pytest

from tests.conftest import new_gateway, stop
from tests.gateway.test_results import Redis, needs_redis
from tests.sounds import encode, tones


def analyze(gateway, data, **headers):
    answer = httpx.post(
        f"{gateway.url}/analyze-audio", files={"file": data}, headers=headers, timeout=60
    )
    assert answer.status_code == 200
    return answer


def test_the_same_audio_again_is_answered_from_the_cache(gateway):
    data = encode(tones(6.1), "mp3")
    first, again = analyze(gateway, data), analyze(gateway, data)
    assert "Age" not in first.headers
    assert int(again.headers["Age"]) < 60
    assert again.json() == first.json()
    assert first.headers["X-Model-Version"] == again.headers["X-Model-Version"] != ""
    other = analyze(gateway, encode(tones(6.2), "mp3"))
    assert "Age" not in other.headers


def test_a_request_can_refuse_the_cache(gateway):
    data = encode(tones(6.3), "mp3")
    first = analyze(gateway, data)
    again = analyze(gateway, data, **{"Cache-Control": "no-cache"})
    assert "Age" not in again.headers
    assert again.json()["request_id"] != first.json()["request_id"]
    assert again.json()["analysis_results"] == first.json()["analysis_results"]


def test_an_analysis_can_be_read_again_by_its_id(gateway):
    analysis = analyze(gateway, encode(tones(6.4), "mp3")).json()
    url = f"{gateway.url}/analyze-audio/{analysis['request_id']}"
    stored = httpx.get(url)
    assert stored.json() == analysis
    assert stored.headers["Cache-Control"] == "private, max-age=300"
    fresh = httpx.get(url, headers={"If-None-Match": stored.headers["ETag"]})
    assert (fresh.status_code, fresh.content) == (304, b"")
    assert httpx.get(url, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("name", ["nonsense", str(uuid.uuid4()), "..%2f..", "%00"])
def test_an_unknown_id_is_not_found(gateway, name):
    answer = httpx.get(f"{gateway.url}/analyze-audio/{name}")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


@needs_redis
def test_gateways_share_results_in_redis_and_go_on_when_it_dies(triton, tmp_path):
    server = Redis(tmp_path)
    fronts = [
        new_gateway(triton.ports.grpc, tmp_path / name, ACOUSTICSENSE_REDIS_URL=server.url)
        for name in ("one", "other")
    ]
    data = encode(tones(6.5), "mp3")
    try:
        first = analyze(fronts[0], data)
        shared = analyze(fronts[1], data)
        assert "Age" in shared.headers
        assert shared.json() == first.json()
        server.kill()
        alone = analyze(fronts[0], data)
        assert "Age" not in alone.headers
        url = f"{fronts[1].url}/analyze-audio/{first.json()['request_id']}"
        assert httpx.get(url).status_code == 404
        assert "redis is away" in fronts[0].log.read_text()
    finally:
        for front in fronts:
            stop(front)
        server.kill()


def test_long_answers_are_compressed_for_who_takes_it(gateway):
    answer = httpx.get(f"{gateway.url}/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    plain = httpx.get(f"{gateway.url}/openapi.json", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.json() == answer.json()


def test_only_listed_origins_may_call_from_a_browser(triton, gateway, tmp_path):
    origins = '["https://app.example"]'
    front = new_gateway(triton.ports.grpc, tmp_path / "log", ACOUSTICSENSE_CORS_ORIGINS=origins)
    asks = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    try:
        allowed = httpx.options(f"{front.url}/analyze-audio", headers=asks)
        assert allowed.headers["Access-Control-Allow-Origin"] == "https://app.example"
        asks["Origin"] = "https://other.example"
        refused = httpx.options(f"{front.url}/analyze-audio", headers=asks)
        assert "Access-Control-Allow-Origin" not in refused.headers
    finally:
        stop(front)
    asks["Origin"] = "https://app.example"
    closed = httpx.options(f"{gateway.url}/analyze-audio", headers=asks)
    assert "Access-Control-Allow-Origin" not in closed.headers
