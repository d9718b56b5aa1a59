"""Tasks through the front door, with a real Triton behind it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
import uuid

import httpx
import pytest
import standardwebhooks

from tests.conftest import new_gateway, stop
from tests.e2e.contract import (
    APPS,
    CLIP,
    KARAOKE,
    SINGER,
    assert_problem,
    assert_refused,
    assert_served,
    invocation,
    token_of,
)
from tests.gateway.receiver import raw, receiver, silence, status
from tests.gateway.strangers import ok

SECRET = "my secret"


@pytest.fixture(scope="module")
def front(triton, tmp_path_factory):
    """Apps, and webhooks to this machine."""
    running = new_gateway(
        triton.ports.grpc,
        tmp_path_factory.mktemp("tasks") / "log",
        ACOUSTICSENSE_APPS=APPS,
        ACOUSTICSENSE_OUTBOUND__ALLOWED_HOSTS='["127.0.0.1"]',
    )
    yield running
    stop(running)


async def ask(front, method, path, *, client=KARAOKE, **options):
    options.setdefault("headers", {}).update(client.bearer if client else {})
    async with httpx.AsyncClient(base_url=front.url, timeout=60) as http:
        return await http.request(method, path, **options)


async def analyze(front, body, *, client=KARAOKE, key=None):
    headers = {"Idempotency-Key": key} if key else {}
    return await ask(
        front, "POST", "/analyze-with-webhook", client=client, json=body, headers=headers
    )


async def invoke_later(front, *, audio=CLIP, key=None, asks=None, **changes):
    headers = {"Idempotency-Key": key} if key else {}
    body = invocation(audio, asks=asks if asks is not None else {"async": True}, **changes)
    return await ask(front, "POST", "/api/v1/invoke", client=None, json=body, headers=headers)


async def over(front, task, client=KARAOKE, seconds=90):
    end = time.monotonic() + seconds
    while True:
        document = (await ask(front, "GET", f"/api/v1/tasks/{task}", client=client)).json()
        if document["finished_at"] and document["delivery"] != "waiting":
            return document
        assert time.monotonic() < end, document
        await asyncio.sleep(0.05)


def served(audio):
    return receiver(raw(ok(audio)))


async def test_an_analysis_is_delivered_signed_and_found_again(front):
    async with served(CLIP) as audio, receiver() as there:
        hook = {"url": there.url, "secret_token": SECRET}
        answer = await analyze(front, {"audio_url": audio.url, "webhook": hook})
        assert answer.status_code == 200
        assert set(answer.json()) == {"status", "message", "request_id"}
        assert answer.json()["status"] == "processing"
        task = answer.json()["request_id"]
        (call,) = await there.until(1)
        document = await over(front, task)
    standardwebhooks.Webhook(SECRET.encode()).verify(call.body, call.headers)
    sent = json.loads(call.body)
    assert sent["request_id"] == call.headers["webhook-id"] == task
    assert len(sent["analysis_results"]) == 5
    assert document["state"] == "succeeded"
    assert document["result"] == sent
    stored = await ask(front, "GET", f"/analyze-audio/{task}")
    assert stored.content == call.body
    assert (await ask(front, "GET", f"/analyze-audio/{task}", client=SINGER)).status_code == 403


async def test_an_invocation_with_data_is_answered_at_once_and_delivered_as_an_envelope(front):
    async with receiver() as there:
        hook = {"url": there.url, "secret_token": SECRET, "timeout": 5}
        answer = await invoke_later(front, asks={"webhook": hook})
        assert answer.status_code == 200
        accepted = answer.json()
        assert (accepted["status_code"], accepted["payload"], accepted["data"]) == (
            20000000,
            "",
            "",
        )
        (call,) = await there.until(1)
        document = await over(front, accepted["task_id"])
    delivered = json.loads(call.body)
    assert delivered["task_id"] == call.headers["webhook-id"] == accepted["task_id"]
    assert (delivered["namespace"], delivered["status_text"]) == ("DeepChorus", "OK")
    assert json.loads(delivered["payload"])["thumbnail"]
    assert document["result"] == delivered


async def test_an_invocation_can_be_asked_for_later(front):
    answer = await invoke_later(front, namespace="AcousticSense")
    document = await over(front, answer.json()["task_id"])
    assert (document["state"], document["delivery"]) == ("succeeded", "none")
    assert json.loads(document["result"]["payload"])["request_id"] == answer.json()["task_id"]
    for name in ("accepted_at", "started_at", "finished_at"):
        assert document[name].endswith("+00:00")


async def test_an_invocation_by_url_can_be_asked_for_later(front):
    async with served(CLIP) as audio:
        answer = await invoke_later(front, audio=b"", asks={"url": audio.url, "async": True})
        document = await over(front, answer.json()["task_id"])
    assert document["state"] == "succeeded"


async def test_an_invocation_that_does_not_say_so_is_answered_with_its_result(front):
    answer = await invoke_later(front, asks={"async": False})
    assert assert_served(answer)["thumbnail"]


@pytest.mark.parametrize("kind", ["rest", "invoke"])
async def test_bad_audio_fails_at_once_and_its_failure_is_delivered(front, kind):
    began = time.monotonic()
    async with served(b"words, no music") as audio, receiver() as there:
        hook = {"url": there.url}
        if kind == "rest":
            await analyze(front, {"audio_url": audio.url, "webhook": hook})
        else:
            await invoke_later(front, audio=b"words, no music", asks={"webhook": hook})
        (call,) = await there.until(1)
    assert time.monotonic() - began < 5
    body = json.loads(call.body)
    if kind == "rest":
        assert (body["status"], body["code"]) == (415, 40000012)
        assert body["request_id"] == call.headers["webhook-id"]
    else:
        assert body["status_code"] == 40000012
        assert body["status_text"].startswith("IllegalData:")
        assert body["payload"] == body["data"] == ""
    document = await over(front, call.headers["webhook-id"])
    assert document["state"] == "failed"
    assert document["result"] is None
    assert document["error"]["code"] == 40000012


async def test_the_same_idempotency_key_makes_one_task_in_both_dialects(front):
    key = uuid.uuid4().hex
    body = {"audio_url": "http://127.0.0.1:1/song.mp3"}
    first, again = await analyze(front, body, key=key), await analyze(front, body, key=key)
    assert first.json() == again.json()
    other = await analyze(front, {**body, "audio_url": "http://127.0.0.1:2/"}, key=key)
    assert_problem(other, 409, "ClientError", "Idempotency-Key")
    elsewhere = await invoke_later(front, key=key)
    assert_refused(elsewhere, "ClientError", "Idempotency-Key", status=409)


async def test_an_invocation_repeated_with_a_new_token_is_the_same(front):
    key, fresh = uuid.uuid4().hex, token_of(front, KARAOKE)
    first = await invoke_later(front, key=key)
    again = await invoke_later(front, key=key, token=fresh)
    assert first.json() == again.json()
    other = await invoke_later(front, key=key, audio=CLIP + b"\0")
    assert_refused(other, "ClientError", "Idempotency-Key", status=409)


async def test_another_apps_task_is_not_found(front):
    task = (await analyze(front, {"audio_url": "http://127.0.0.1:1/"})).json()["request_id"]
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/deliveries"),
        ("POST", "/replay"),
    ):
        answer = await ask(front, method, f"/api/v1/tasks/{task}{path}", client=SINGER)
        assert_problem(answer, 404, "ClientError", "no task")
        assert (await ask(front, method, f"/api/v1/tasks/{task}{path}")).status_code in {200, 409}


async def test_an_app_without_an_api_key_asks_with_its_appkey_and_token(front):
    task = (await invoke_later(front)).json()["task_id"]
    path = f"/api/v1/tasks/{task}"
    known = {"appkey": KARAOKE.appkey, "token": KARAOKE.token}
    assert (await ask(front, "GET", path, client=None, params=known)).status_code == 200
    wrong = {**known, "token": "wrong"}
    assert_problem(
        await ask(front, "GET", path, client=None, params=wrong),
        401,
        "DeniedAccess:IllegalToken",
    )
    assert_problem(await ask(front, "GET", path, client=None), 401, "InvalidAccess")


@pytest.mark.parametrize(
    ("hook", "name", "detail"),
    [
        ("text", "IllegalPayload", "webhook must be an object"),
        ({}, "IllegalPayload", "webhook.url must be a string"),
        ({"url": "ftp://example.com/"}, "InvalidPayload", "webhook.url"),
        ({"url": "http://e.com/", "timeout": 31}, "InvalidPayload", "1 to 30"),
        ({"url": "http://e.com/", "timeout": 0}, "InvalidPayload", "1 to 30"),
        ({"url": "http://e.com/", "timeout": "5"}, "IllegalPayload", "whole number"),
        ({"url": "http://e.com/", "timeout": True}, "IllegalPayload", "whole number"),
        ({"url": "http://e.com/", "secret_token": 5}, "IllegalPayload", "secret_token"),
        ({"url": "http://e.com/", "secret_token": "a\nb"}, "InvalidPayload", "printable"),
        ({"url": "http://e.com/", "secret_token": "x" * 513}, "InvalidPayload", "512"),
        ({"url": "http://e.com/", "secret_token": "whsec_!"}, "InvalidPayload", "base64"),
    ],
)
async def test_a_webhook_that_cannot_be_called_is_refused_in_both_dialects(
    front, hook, name, detail
):
    body = {"audio_url": "http://127.0.0.1:1/", "webhook": hook}
    assert_problem(await analyze(front, body), 400, name, detail)
    assert_refused(await invoke_later(front, asks={"webhook": hook}), name, detail)


async def test_what_is_no_request_for_a_task_is_refused(front):
    assert_problem(await analyze(front, {}), 400, "EmptyURL")
    assert_problem(await analyze(front, {"audio_url": 5}), 400, "IllegalPayload")
    assert_problem(await analyze(front, {"audio_url": "song"}), 400, "FailedDownload")
    assert_problem(await analyze(front, []), 400, "ClientError", "not an object")
    key = "ä".encode("latin-1")
    body = {"audio_url": "http://127.0.0.1:1/"}
    answer = await ask(
        front, "POST", "/analyze-with-webhook", json=body, headers={"Idempotency-Key": key}
    )
    assert_problem(answer, 400, "ClientError", "Idempotency-Key")
    large = await ask(front, "POST", "/analyze-with-webhook", content=b"[" * 70_000)
    assert_problem(large, 413, "ExceededDataSize")
    assert_refused(await invoke_later(front, asks={"async": 1}), "IllegalPayload", "async")
    assert_refused(await invoke_later(front, audio=b""), "EmptyData")
    half = {"audio_url": "http://127.0.0.1:1/#\ud800"}
    assert_problem(
        await ask(front, "POST", "/analyze-with-webhook", content=json.dumps(half)),
        400, "FailedDownload", "Unicode",
    )  # fmt: skip
    pcm = {"format": "pcm", "channel": 1, "sample_rate": 2**31}
    assert_refused(await invoke_later(front, asks={"audio_info": pcm}), "IllegalPayload", "2**31")


@pytest.mark.parametrize("name", ["%00", "..%2f..", "no-uuid", "é", "1" * 3000])
async def test_what_is_no_id_finds_nothing(front, name):
    for method, path in (
        ("GET", ""), ("DELETE", ""), ("GET", "/deliveries"), ("POST", "/replay"),
    ):  # fmt: skip
        answer = await ask(front, method, f"/api/v1/tasks/{name}{path}")
        assert_problem(answer, 404, "ClientError")
    cursor = base64.urlsafe_b64encode(b"1 \0").decode()
    answer = await ask(front, "GET", "/api/v1/tasks", params={"cursor": cursor})
    assert_problem(answer, 400, "ClientError", "cursor")


async def test_pages_are_walked_by_their_cursor(front):
    for number in range(3):
        await analyze(front, {"audio_url": f"http://127.0.0.1:1/{number}"}, client=KARAOKE)
    seen, cursor = [], None
    while True:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await ask(front, "GET", "/api/v1/tasks", params=params)).json()
        seen += [task["id"] for task in page["tasks"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) >= 3
    assert "result" not in page["tasks"][0]
    for params in ({"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"cursor": "?"}):
        answer = await ask(front, "GET", "/api/v1/tasks", params=params)
        assert_problem(answer, 400, "ClientError")


async def test_a_webhook_can_be_tried(front):
    async with receiver() as there:
        body = {"url": there.url, "secret_token": SECRET}
        answer = (await ask(front, "POST", "/api/v1/webhooks/test", json=body)).json()
        (call,) = there.calls
    assert (answer["delivered"], answer["status"], answer["error"]) == (True, 200, None)
    assert call.headers["webhook-id"] == answer["webhook_id"]
    standardwebhooks.Webhook(SECRET.encode()).verify(call.body, call.headers)
    assert json.loads(call.body) == {"type": "ping"}
    answer = await ask(front, "POST", "/api/v1/webhooks/test", json={"url": "http://10.0.0.1/"})
    assert (answer.json()["delivered"], answer.json()["error"]) == (False, "unreachable")


async def test_a_task_in_work_is_cancelled(front):
    async with receiver(silence) as audio, receiver() as there:
        answer = await analyze(front, {"audio_url": audio.url, "webhook": {"url": there.url}})
        path = f"/api/v1/tasks/{answer.json()['request_id']}"
        await audio.until(1)
        document = (await ask(front, "DELETE", path)).json()
        assert (document["state"], document["delivery"]) == ("cancelled", "cancelled")
        await asyncio.sleep(0.5)
        assert there.calls == []
        assert (await ask(front, "DELETE", path)).json() == document
        assert (await ask(front, "GET", f"{path}/deliveries")).json() == {"deliveries": []}


async def test_nothing_secret_is_logged_or_told(front):
    async with served(CLIP) as audio, receiver(status(500)) as there:
        hook = {"url": f"{there.url}?key=hidden-in-url", "secret_token": "hidden-in-secret"}
        answer = await analyze(front, {"audio_url": audio.url, "webhook": hook})
        task = answer.json()["request_id"]
        await there.until(1)
        told = ""
        for path in ("", "/deliveries"):
            told += (await ask(front, "GET", f"/api/v1/tasks/{task}{path}")).text
        told += front.log.read_text()
        await ask(front, "DELETE", f"/api/v1/tasks/{task}")
    assert "hidden-in-secret" not in told
    assert "hidden-in-url" not in told


async def test_audio_that_was_sent_is_deleted_once_it_is_analysed(front):
    digest = hashlib.sha256(CLIP).hexdigest()
    answer = await invoke_later(front)
    await over(front, answer.json()["task_id"])
    folder = front.log.parent / "data" / "audio"
    await asyncio.sleep(0.1)
    assert digest not in [
        hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()
    ]
