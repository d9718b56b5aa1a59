"""The invoke protocol's table, row by row: what is wrong with a request, and how it is told."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.e2e.contract import (
    CLIP,
    KARAOKE,
    SINGER,
    TABLE,
    assert_refused,
    assert_served,
    by_url,
    invocation,
    invoke,
)
from tests.sounds import encode, tones

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol.md"
PCM = {"format": "pcm", "sample_rate": 16_000, "channel": 1}


def test_the_document_has_the_rows_that_are_tested_here():
    rows = {}
    for line in PROTOCOL.read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 6 and re.match(r"\d{3}$", cells[1]) and cells[2] != "20000000":
            first, *ends = cells[2].split(", ")
            codes = [int(first), *(int(first[: -len(end)] + end) for end in ends)]
            names = re.findall(r"`([A-Za-z:]+)`", cells[3])
            rows |= {name: (int(cells[1]), code) for name, code in zip(names, codes, strict=True)}
    assert rows == TABLE


@pytest.mark.parametrize("namespace", ["DeepChorus", "AcousticSense"])
def test_ok(guarded, namespace):
    payload = assert_served(invoke(guarded, invocation(namespace=namespace)))
    assert ("thumbnail" in payload) == (namespace == "DeepChorus")


@pytest.mark.parametrize(
    ("name", "detail", "change"),
    [
        ("ClientError", "version", {"version": "v3"}),
        ("ClientError", "appkey", {"appkey": ["karaoke-appkey"]}),
        ("InvalidData", "", {"data": "SUQz!"}),
        ("InvalidData", "", {"data": "SUQ"}),
        ("InvalidData", "", {"data": {}}),
        ("EmptyData", "url", {"data": ""}),
        ("EmptyData", "url", {"data": None}),
        ("EmptyData", "url", {"data": None, "payload": None}),
        ("InvalidPayload", "sample_rate", {"payload": '{"audio_info": {"format": "pcm"}}'}),
        ("IllegalPayload", "not JSON", {"payload": "{'url': 1}"}),
        ("IllegalPayload", "text", {"payload": {"url": "http://example.com"}}),
        ("IllegalPayload", "url", {"data": "", "payload": '{"url": 5}'}),
        ("IllegalPayload", "format", {"payload": '{"audio_info": {"format": 1}}'}),
        ("EmptyURL", "url", {"data": "", "payload": '{"url": ""}'}),
        ("EmptyURL", "url", {"data": None, "payload": '{"url": null}'}),
        ("InvalidAccess", "unknown", {"appkey": "nobody"}),
        ("InvalidAccess", "missing", {"appkey": None}),
        ("DeniedAccess:IllegalToken", "GetToken", {"token": "wrong"}),
        ("DeniedAccess:IllegalToken", "missing", {"token": None}),
        ("DeniedNamespace", "DeepChorus", {"namespace": "Karaoke"}),
        ("DeniedNamespace", "DeepChorus", {"namespace": None}),
    ],
)
def test_a_wrong_field_gets_its_row_and_is_told_what_to_change(guarded, name, detail, change):
    answer = invoke(guarded, invocation(**change))
    assert_refused(answer, name, detail)


@pytest.mark.parametrize(
    "change",
    [
        {"payload": "{"},
        {"data": ""},
        {"token": "wrong"},
        {"appkey": "nobody"},
        {"namespace": "Karaoke"},
        {"data": "SUQz!"},
    ],
)
def test_a_failure_repeats_the_namespace_that_was_sent(guarded, change):
    body = invocation(**change)
    assert invoke(guarded, body).json()["namespace"] == body["namespace"]


@pytest.mark.parametrize(
    ("name", "detail", "audio"),
    [
        ("IllegalData", "not audio", b"these are words"),
        ("IllegalData", "", encode(tones(3.0), "flac")[:20_000]),
        ("EmptyData", "", encode(tones(0.0, 16_000, 1), "wav", 16_000)),
        ("ExceededDuration", "600 s", encode(tones(601.0, 4_000, 1), "wav", 4_000)),
    ],
    ids=["words", "cut off", "no sample", "too long"],
)
def test_audio_that_cannot_be_analysed_gets_its_row(guarded, name, detail, audio):
    assert_refused(invoke(guarded, invocation(audio)), name, detail, namespace="DeepChorus")


def resident_bytes(process):
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_broken_base64_leaves_nothing_of_its_body_behind(guarded):
    body = invocation(data="SUQz!", padding="x" * 900_000)
    for _ in range(10):
        assert_refused(invoke(guarded, body), "InvalidData")
    before = resident_bytes(guarded.process)
    for _ in range(60):
        invoke(guarded, body)
    assert resident_bytes(guarded.process) - before < 20 * 2**20


@pytest.mark.parametrize("missing", ["sample_rate", "channel"])
def test_pcm_without_a_hint_is_an_invalid_payload(guarded, missing):
    hints = {name: value for name, value in PCM.items() if name != missing}
    answer = invoke(guarded, invocation(b"\0" * 8000, asks={"audio_info": hints}))
    assert_refused(answer, "InvalidPayload", missing)


@pytest.mark.parametrize("payload", [None, "", "{}", '{"extra": {"a": 1}, "other": []}'])
def test_no_namespace_needs_a_payload_so_none_is_empty(guarded, payload):
    assert_served(invoke(guarded, invocation(payload=payload)))


def test_audio_over_the_limit_is_400_here_and_not_413(narrow):
    assert_refused(invoke(narrow, invocation(b"\0" * 100_001)), "ExceededDataSize", "100000")
    assert_refused(invoke(narrow, invocation(b"\0" * 100_000)), "IllegalData")


def test_data_wins_over_the_url(guarded):
    assert_served(invoke(guarded, invocation(asks={"url": "http://127.0.0.1/"})))
    assert_refused(by_url(guarded, "http://127.0.0.1/"), "FailedDownload")


def test_a_namespace_that_was_not_granted_is_denied_like_an_unknown_one(guarded):
    answer = invoke(guarded, invocation(client=SINGER, token=None, namespace="AcousticSense"))
    assert_refused(answer, "DeniedAccess:IllegalToken")  # the token is asked for first
    query = {"appkey": KARAOKE.appkey, "token": KARAOKE.token, "namespace": "Karaoke"}
    for body in ({"data": ""}, invocation(namespace="Karaoke")):
        answer = invoke(guarded, body, params=query)
        assert_refused(answer, "DeniedNamespace", "use DeepChorus or AcousticSense")


def test_query_and_body_may_agree_but_not_differ(guarded):
    assert_served(invoke(guarded, invocation(), params={"appkey": KARAOKE.appkey, "extra": "1"}))
    for name in ("appkey", "token", "namespace", "version"):
        answer = invoke(guarded, invocation(), params={name: "another"})
        assert_refused(answer, "ClientError", f"{name} differs")


def test_an_encoded_body_is_a_client_error(guarded):
    answer = invoke(guarded, invocation(), headers={"Content-Encoding": "gzip"})
    assert_refused(answer, "ClientError", "Content-Encoding")


def test_no_answer_repeats_the_audio_or_the_token(guarded):
    answer = invoke(guarded, invocation(CLIP[:50]))
    for secret in (KARAOKE.token, invocation(CLIP[:50])["data"]):
        assert secret not in answer.text
