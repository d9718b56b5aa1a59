"""Analyses kept by id and by content, through the front door."""

from __future__ import annotations

import threading
import time

import pytest

from tests.conftest import new_gateway, stop
from tests.e2e.contract import APPS, KARAOKE, QUERY, ask_token, assert_refused
from tests.gateway.test_results import Redis, needs_redis
from tests.sounds import encode, tones
from tests.web import web


def analyze(gateway, data, **headers):
    answer = web.post(
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
    stored = web.get(url)
    assert stored.json() == analysis
    assert stored.headers["Cache-Control"] == "private, max-age=300"
    fresh = web.get(url, headers={"If-None-Match": stored.headers["ETag"]})
    assert (fresh.status_code, fresh.content) == (304, b"")
    assert web.get(url, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    "name", ["nonsense", "00000000-0000-4000-8000-000000000000", "..%2f..", "%00"]
)
def test_an_unknown_id_is_not_found(gateway, name):
    answer = web.get(f"{gateway.url}/analyze-audio/{name}")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


@needs_redis
def test_gateways_share_results_in_redis_and_go_on_when_one_dies(triton, tmp_path):
    """Two servers: two gateways at the first, one at the second. The first is killed mid-run."""
    servers = [Redis(tmp_path), Redis(tmp_path)]
    fronts = [
        new_gateway(triton.ports.grpc, tmp_path / f"log{index}", ACOUSTICSENSE_REDIS_URL=server.url)
        for index, server in enumerate([servers[0], servers[0], servers[1]])
    ]
    data = encode(tones(6.5), "mp3")
    try:
        first = analyze(fronts[0], data)
        shared = analyze(fronts[1], data)
        assert "Age" in shared.headers
        assert shared.json() == first.json()
        assert "Age" not in analyze(fronts[2], data).headers
        answers = []
        running = threading.Thread(
            target=lambda: answers.extend(analyze(fronts[0], data) for _ in range(20))
        )
        running.start()
        while len(answers) < 3:
            time.sleep(0.01)
        servers[0].kill()
        running.join()
        assert "Age" in answers[0].headers
        assert "Age" not in answers[-1].headers
        assert answers[-1].json()["analysis_results"] == first.json()["analysis_results"]
        url = f"{fronts[1].url}/analyze-audio/{first.json()['request_id']}"
        assert web.get(url).status_code == 404
        assert "redis is away" in fronts[0].log.read_text()
        assert "Age" in analyze(fronts[2], data).headers
    finally:
        for front in fronts:
            stop(front)
        for server in servers:
            server.kill()


@needs_redis
def test_a_signed_request_is_worth_nothing_at_another_gateway_either(triton, tmp_path):
    server = Redis(tmp_path)
    shared = {"ACOUSTICSENSE_REDIS_URL": server.url, "ACOUSTICSENSE_APPS": APPS}
    fronts = [new_gateway(triton.ports.grpc, tmp_path / name, **shared) for name in ("a", "b")]
    try:
        first = ask_token(fronts[0], KARAOKE)
        assert first.status_code == 200
        sent = first.request
        again = web.post(f"{fronts[1].url}/?{QUERY}", content=sent.content, headers=sent.headers)
        assert_refused(again, "InvalidAccess", "used before, at another gateway")
        assert ask_token(fronts[1], KARAOKE).status_code == 200
    finally:
        for front in fronts:
            stop(front)
        server.kill()


def test_long_answers_are_compressed_for_who_takes_it(gateway):
    answer = web.get(f"{gateway.url}/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    plain = web.get(f"{gateway.url}/openapi.json", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.json() == answer.json()


def test_only_listed_origins_may_call_from_a_browser(triton, gateway, tmp_path):
    origins = '["https://app.example"]'
    front = new_gateway(triton.ports.grpc, tmp_path / "log", ACOUSTICSENSE_CORS_ORIGINS=origins)
    asks = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    try:
        allowed = web.options(f"{front.url}/analyze-audio", headers=asks)
        assert allowed.headers["Access-Control-Allow-Origin"] == "https://app.example"
        asks["Origin"] = "https://other.example"
        refused = web.options(f"{front.url}/analyze-audio", headers=asks)
        assert "Access-Control-Allow-Origin" not in refused.headers
    finally:
        stop(front)
    asks["Origin"] = "https://app.example"
    closed = web.options(f"{gateway.url}/analyze-audio", headers=asks)
    assert "Access-Control-Allow-Origin" not in closed.headers
