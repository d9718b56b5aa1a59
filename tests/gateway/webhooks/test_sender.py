"""One attempt, at receivers as bad as they come."""

import asyncio
import random
import time
from datetime import UTC, datetime
from functools import partial

import pytest

from gateway.outbound import OutboundClient, OutboundSettings
from gateway.tasks.runtime import webhook_settings
from gateway.webhooks.sender import Sender, Webhook
from tests.gateway.receiver import drip, raw, receiver, silence, status
from tests.gateway.strangers import PUBLIC, Internet, Names, stranger

BODY = b'{"top_genre":"Jazz"}'
LOOPBACK = webhook_settings(OutboundSettings(allowed_hosts=("127.0.0.0/8",)))
now = partial(datetime.now, UTC)


async def send(there, *, secret=None, seconds=30, settings=LOOPBACK, sends_secret=False):
    async with OutboundClient(settings) as client:
        sender = Sender(client, now, sends_secret=sends_secret)
        return await sender.send(Webhook(there.url, secret, seconds), "5f0c", BODY)


async def test_a_body_is_posted_as_it_is_with_its_headers():
    async with receiver(status(204)) as there:
        outcome = await send(there, secret="my secret")
    (call,) = there.calls
    assert (outcome.status, outcome.error) == (204, None)
    assert call.body == BODY
    assert call.headers["content-type"] == "application/json"
    assert {"x-signature", "webhook-id", "webhook-timestamp", "webhook-signature"} <= set(
        call.headers
    )
    assert "x-secret-token" not in call.headers


async def test_the_secret_itself_is_sent_only_where_that_is_set():
    async with receiver() as there:
        await send(there, secret="my secret", sends_secret=True)
        await send(there, sends_secret=True)
    assert there.calls[0].headers["x-secret-token"] == "my secret"
    assert "x-secret-token" not in there.calls[1].headers


@pytest.mark.parametrize("code", [300, 400, 404, 410, 429, 500, 503])
async def test_whatever_is_not_2xx_is_a_failure(code):
    async with receiver(status(code, body=b"no")) as there:
        outcome = await send(there)
    assert (outcome.status, outcome.error) == (code, f"status {code}")
    assert outcome.response == "no"


@pytest.mark.parametrize("code", [301, 302, 307, 308])
async def test_a_redirect_is_a_failure_and_not_followed(code):
    async with receiver() as inside, receiver(status(code, f"Location: {inside.url}")) as there:
        outcome = await send(there)
    assert outcome.error == f"status {code}"
    assert inside.connections == 0


async def test_an_internal_address_is_not_dialled_and_not_told_from_a_dead_one():
    async with receiver() as inside:
        outcome = await send(inside, settings=OutboundSettings())
        assert inside.connections == 0
    assert (outcome.status, outcome.error) == (None, "unreachable")
    assert (await send(inside)).error == "unreachable"


async def test_a_name_that_leads_inside_is_not_dialled():
    names = Names(hook_test=[[PUBLIC, "127.0.0.1"]])
    async with stranger() as inside:
        internet = Internet(inside)
        async with OutboundClient(OutboundSettings(), names, internet) as client:
            sender = Sender(client, now, sends_secret=False)
            outcome = await sender.send(Webhook("http://hook.test/", None, 2), "5f0c", BODY)
        assert internet.dialled == []
    assert outcome.error == "unreachable"


@pytest.mark.parametrize("answer", [silence, drip(0.02)], ids=["hangs", "drips"])
async def test_a_receiver_that_does_not_come_to_the_point_is_left_at_the_timeout(answer):
    async with receiver(answer) as there:
        began = time.monotonic()
        outcome = await send(there, seconds=1)
    assert 0.9 < time.monotonic() - began < 2.0
    assert (outcome.status, outcome.error) == (None, "timeout")
    assert 900 < outcome.milliseconds < 2000


async def test_an_answer_of_10_mb_is_not_read_and_is_a_success():
    sent = 0

    async def flood(writer):
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(160):
            writer.write(b"x" * 65_536)
            sent += 65_536
            await writer.drain()

    async with receiver(flood) as there:
        outcome = await send(there)
        await asyncio.sleep(0.1)
    assert outcome.error is None
    assert sent < 10_000_000


async def test_two_kib_of_an_answer_are_kept_for_the_log():
    async with receiver(status(500, body="ä".encode() * 5000)) as there:
        outcome = await send(there)
    assert outcome.response == "ä" * 1024


@pytest.mark.parametrize(
    "answer",
    [
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nlonger than said"),
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nno"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n"),
    ],
    ids=["closes mid-body", "too long", "broken chunk", "encoded", "declares 10 MB"],
)
async def test_a_2xx_counts_whatever_becomes_of_its_body(answer):
    async with receiver(answer) as there:
        outcome = await send(there)
    assert (outcome.status, outcome.error) == (200, None)


@pytest.mark.parametrize(
    "answer",
    [raw(b""), raw(b"SSH-2.0-OpenSSH\r\n"), raw(b"HTTP/1.1 200"), raw(b"HTTP/1.1 20x OK\r\n\r\n")],
)
async def test_what_is_no_http_is_a_failure(answer):
    async with receiver(answer) as there:
        outcome = await send(there)
    assert (outcome.status, outcome.error) == (None, "unreachable")


async def test_retry_after_is_reported():
    async with receiver(status(429, "Retry-After: 90")) as there:
        outcome = await send(there)
    assert outcome.retry_after == 90.0


async def test_what_receivers_answer_never_breaks_us():
    chance = random.Random(1)
    for _ in range(100):
        noise = b"HTTP/1.1 200 OK\r\n" + chance.randbytes(chance.randrange(200))
        async with receiver(raw(noise)) as there:
            outcome = await send(there, seconds=2)
        assert outcome.status in {200, None}
