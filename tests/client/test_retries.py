"""When a call is made again: against peers that refuse, break off, or are something else."""

import asyncio
import json
import time

import pytest
from acousticsense import (
    AcousticSenseClient,
    AsyncAcousticSenseClient,
    AudioError,
    BusyError,
    ConnectionFailedError,
    UnexpectedAnswerError,
)

from tests.client.scripted import base_url, scripted
from tests.conftest import free_ports
from tests.gateway.receiver import raw, receiver, silence, status

ANALYSIS = {
    "request_id": "5f0c",
    "timestamp": "2026-11-21T12:00:00+00:00",
    "analysis_results": [{"genre": "Jazz", "confidence": 71.1}],
    "top_genre": "Jazz",
    "top_confidence": 71.1,
}
SERVED = status(200, body=json.dumps(ANALYSIS).encode())
ACCEPTED = status(
    200, body=json.dumps({"status_code": 20000000, "status_text": "OK", "task_id": "5f0c"}).encode()
)


def problem(code, number, title, *headers):
    body = json.dumps({"title": title, "detail": "x", "status": code, "code": number}).encode()
    return status(code, *headers, body=body)


BUSY = problem(503, 50000003, "ServerBusy", "Retry-After: 2")
FULL = problem(429, 42900000, "ExceededConcurrency", "Retry-After: 2")
CUT_OFF = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")


@pytest.mark.parametrize("refusal", [BUSY, FULL])
def test_a_refusal_is_waited_out_as_long_as_the_server_says(refusal, clip):
    with scripted(refusal, SERVED) as there:
        began = time.monotonic()
        analysis = AcousticSenseClient(base_url(there)).analyze_audio_file(clip)
        took = time.monotonic() - began
    assert analysis.top_genre == "Jazz"
    assert took >= 2.0
    first, second = there.calls
    assert clip.read_bytes() in first.body and clip.read_bytes() in second.body


@pytest.mark.parametrize("broken", [CUT_OFF, raw(b""), raw(b"HTTP/1.1 2")])
def test_a_broken_connection_is_made_anew_and_the_task_stays_one(broken, clip):
    with scripted(broken, ACCEPTED) as there:
        assert AcousticSenseClient(base_url(there)).submit(clip, "chorus") == "5f0c"
    first, second = there.calls
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.body == second.body
    assert int(first.headers["content-length"]) == len(first.body)


def test_every_task_has_a_key_of_its_own(clip):
    with scripted(ACCEPTED) as there:
        client = AcousticSenseClient(base_url(there))
        client.submit(clip)
        client.submit(clip)
    assert len({each.headers["idempotency-key"] for each in there.calls}) == 2


def test_retries_end_and_the_servers_words_are_raised(clip):
    with scripted(problem(429, 42900000, "ExceededConcurrency", "Retry-After: 0")) as there:
        with pytest.raises(BusyError) as caught:
            AcousticSenseClient(base_url(there), retries=2).analyze_audio_file(clip)
        assert len(there.calls) == 3
    assert (caught.value.status, caught.value.retry_after) == (429, 0.0)


def test_a_wait_of_hours_is_not_waited(clip):
    with scripted(problem(503, 50000003, "ServerBusy", "Retry-After: 7200")) as there:
        with pytest.raises(BusyError) as caught:
            AcousticSenseClient(base_url(there)).find_genre(clip)
        assert len(there.calls) == 1
    assert caught.value.retry_after == 7200


def test_what_is_wrong_with_the_audio_is_not_asked_again(clip):
    with scripted(problem(415, 40000012, "IllegalData")) as there:
        with pytest.raises(AudioError):
            AcousticSenseClient(base_url(there)).analyze_audio_file(clip)
        assert len(there.calls) == 1


def test_an_unhealthy_server_is_an_answer():
    body = json.dumps({"status": "unhealthy", "timestamp": "2026-11-21T12:00:00+00:00"}).encode()
    with scripted(status(503, body=body)) as there:
        assert AcousticSenseClient(base_url(there)).get_health().status == "unhealthy"
        assert len(there.calls) == 1


def test_nobody_there_is_said_in_a_sentence(clip):
    (port,) = free_ports(1)
    client = AcousticSenseClient(f"http://127.0.0.1:{port}", retries=1)
    with pytest.raises(ConnectionFailedError, match=f"nothing answers at http://127.0.0.1:{port}"):
        client.find_chorus(clip)


def test_silence_is_waited_for_once(clip):
    with scripted(silence) as there:
        with pytest.raises(ConnectionFailedError, match="longer than the client's timeout"):
            AcousticSenseClient(base_url(there), timeout=0.5).analyze_audio_file(clip)
        assert len(there.calls) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            status(200, body=b"<html>It works!</html>"),
            "not as an AcousticSense server does: <html>",
        ),
        (status(502, body=b"Bad Gateway"), "answered 502"),
        (status(200, body=b"[1]"), "not as an AcousticSense server"),
        (status(200, body=b'{"ok":true}'), "Analysis is not of the known form"),
        (status(301, "Location: https://example.com/"), "points to https://example.com/"),
    ],
)
def test_another_server_is_told_from_ours(answer, words, clip):
    with scripted(answer) as there, pytest.raises(UnexpectedAnswerError, match=words):
        AcousticSenseClient(base_url(there)).analyze_audio_file(clip)


async def test_the_async_client_does_the_same(clip):
    async with receiver(BUSY, CUT_OFF, ACCEPTED) as there:
        async with AsyncAcousticSenseClient(base_url(there)) as client:
            assert await asyncio.wait_for(client.submit(clip), 60) == "5f0c"
        assert len({each.headers["idempotency-key"] for each in there.calls}) == 1
        assert len({each.body for each in there.calls}) == 1
        assert len(there.calls) == 3
