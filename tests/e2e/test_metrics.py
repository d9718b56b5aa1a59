"""What Prometheus reads, held against what was sent."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import new_gateway, stop
from tests.sounds import encode, tones
from tests.web import web


def scrape(front):
    answer = web.get(f"{front.url}/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_requests_errors_times_sizes_and_the_cache_are_counted(triton, tmp_path):
    front = new_gateway(triton.ports.grpc, tmp_path / "log")
    data = encode(tones(5.0), "mp3")
    try:
        for body in (data, data, b"words"):
            web.post(f"{front.url}/analyze-audio", files={"file": body}, timeout=60)
        web.get(f"{front.url}/nothing/{'x' * 50}")
        seen = scrape(front)
    finally:
        stop(front)
    route = ("route", "/analyze-audio")
    name = "acousticsense_requests_total"
    assert seen[name, ("code", "20000000"), route, ("status", "200")] == 2
    assert seen[name, ("code", "40000012"), route, ("status", "415")] == 1
    assert seen[name, ("code", "40000000"), ("route", "none"), ("status", "404")] == 1
    assert seen["acousticsense_request_seconds_count", route] == 3
    assert seen["acousticsense_request_bytes_sum", route] > 2 * len(data)
    assert seen["acousticsense_cache_lookups_total", ("found", "true")] == 1
    assert seen["acousticsense_cache_lookups_total", ("found", "false")] == 2
    assert seen["acousticsense_stage_seconds_count", ("stage", "decode")] == 1
    assert seen["acousticsense_triton_ready",] == 1
    assert not any("xxx" in str(key) for key in seen)
