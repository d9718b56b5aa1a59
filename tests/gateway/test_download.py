"""Downloads from real servers, which the allow-list lets through."""

import asyncio
import io
import time

import pytest

from gateway.errors import EmptyData, ExceededConcurrency, ExceededDataSize, FailedDownload
from gateway.outbound import OutboundClient, OutboundSettings
from gateway.outbound.download import FAILED, download_to
from gateway.outbound.urls import parse_url
from gateway.room import Room
from tests.gateway.strangers import download, ok, redirect, stranger

SONG = bytes(range(256)) * 1000
LOOPBACK = OutboundSettings(allowed_hosts=("127.0.0.0/8",))
HEAD = b"HTTP/1.1 200 OK\r\n"


async def fetch(there, path="/song.mp3", settings=LOOPBACK, limit=2**20, deadline=5.0):
    async with OutboundClient(settings) as client:
        url = f"http://127.0.0.1:{there.port}{path}"
        return await download(client, url, limit, deadline)


async def fails(there, settings=LOOPBACK, **more):
    """Seconds until the download was given up."""
    started = time.monotonic()
    with pytest.raises(FailedDownload) as caught:
        await fetch(there, settings=settings, **more)
    assert caught.value.detail == FAILED
    return time.monotonic() - started


@pytest.mark.parametrize("allowed", ["127.0.0.1", "127.0.0.0/8"])
async def test_a_song_inside_comes_through_the_allow_list(allowed):
    async with stranger() as there:
        there.answers("/song.mp3", ok(SONG))
        settings = OutboundSettings(allowed_hosts=(allowed,))
        assert await fetch(there, settings=settings) == SONG
        assert (await fails(there, settings=OutboundSettings())) < 2


async def test_a_name_on_the_allow_list_may_lead_inside():
    async with stranger() as there:
        there.answers("/song.mp3", ok(SONG))
        settings = OutboundSettings(allowed_hosts=("localhost",))
        async with OutboundClient(settings) as client:
            url = f"http://localhost:{there.port}/song.mp3"
            assert await download(client, url, 2**20, 5.0) == SONG


async def test_the_request_is_plain_and_carries_nothing_over():
    async with stranger() as there:
        there.answers("/song.mp3", redirect("/next", 302, "Set-Cookie: a=b; Path=/"))
        there.answers("/next", ok(SONG))
        assert await fetch(there) == SONG
        first, second = (request.lower() for request in there.requests)
        assert f"host: 127.0.0.1:{there.port}\r\n" in first
        assert "accept-encoding: identity\r\n" in first
        assert "content-length" not in first
        assert "cookie" not in second
        assert "referer" not in second


@pytest.mark.parametrize("redirects", [3, 4])
async def test_three_redirects_are_followed_and_no_fourth(redirects):
    async with stranger() as there:
        for step in range(redirects):
            there.answers(f"/{step}", redirect(f"/{step + 1}"))
        there.answers(f"/{redirects}", ok(SONG))
        if redirects == 3:
            assert await fetch(there, "/0") == SONG
        else:
            await fails(there, path="/0")
        assert there.connections == 4


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_every_kind_of_redirect_is_followed(status):
    async with stranger() as there:
        there.answers("/song.mp3", redirect("next?a=b#c", status))
        there.answers("/next?a=b", ok(SONG))
        assert await fetch(there) == SONG


async def test_a_chunked_body_without_a_length_is_read():
    async with stranger() as there:
        chunk = b"%x\r\n%b\r\n" % (len(SONG), SONG)
        head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        there.answers("/song.mp3", head, chunk, b"0\r\n\r\n")
        assert await fetch(there) == SONG


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_over_the_limit_is_not_read_to_its_end(declared):
    async with stranger() as there:
        sent = 0

        async def endless(writer):
            nonlocal sent
            writer.write(HEAD + (b"Content-Length: 9999999999\r\n\r\n" if declared else b"\r\n"))
            while sent < 64 * 2**20:
                writer.write(SONG)
                sent += len(SONG)
                await writer.drain()

        there.handlers["/song.mp3"] = endless
        words = "a body of 9999999999 bytes" if declared else "over the limit"
        with pytest.raises(ExceededDataSize, match=words):
            await fetch(there, limit=10**6)
        await asyncio.sleep(0.1)
        assert sent < 32 * 2**20  # what socket buffers took


async def test_a_body_of_exactly_the_limit_is_taken():
    async with stranger() as there:
        there.answers("/song.mp3", ok(SONG))
        assert await fetch(there, limit=len(SONG)) == SONG
        with pytest.raises(ExceededDataSize, match="smaller"):
            await fetch(there, limit=len(SONG) - 1)


async def test_nothing_is_EmptyData():
    async with stranger() as there:
        there.answers("/song.mp3", ok(b""))
        with pytest.raises(EmptyData):
            await fetch(there)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "identity, gzip", "GZIP"])
async def test_an_encoded_body_is_refused(encoding):
    async with stranger() as there:
        there.answers("/song.mp3", ok(SONG, f"Content-Encoding: {encoding}"))
        await fails(there)


@pytest.mark.parametrize("status", [201, 204, 206, 300, 304, 400, 401, 403, 404, 407, 500, 503])
async def test_only_200_is_a_file(status):
    async with stranger() as there:
        there.answers("/song.mp3", ok(SONG).replace(b"200", str(status).encode(), 1))
        await fails(there)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhung up",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        HEAD + b"Content-Length: -1\r\n\r\n",
        b"* OK IMAP4 ready\r\n",
        HEAD + b"X: " + b"x" * 200_000 + b"\r\n\r\n",
    ],
    ids=lambda answer: answer[-30:],
)
async def test_a_server_that_hangs_up_or_babbles_is_a_failed_download(answer):
    async with stranger() as there:
        there.answers("/song.mp3", answer)
        await fails(there)


async def test_a_server_that_drips_is_cut_off():
    quick = LOOPBACK.model_copy(update={"slow_seconds": 0.3, "slow_bytes": 1000})
    async with stranger() as there:
        length = b"Content-Length: 100000\r\n\r\n"
        there.answers("/song.mp3", HEAD + length, *[b"x"] * 100, pause=0.05)
        assert await fails(there, quick, deadline=30.0) < 2


async def test_a_server_that_falls_silent_is_cut_off():
    quick = LOOPBACK.model_copy(update={"slow_seconds": 0.3})
    async with stranger() as there:
        there.answers("/song.mp3", HEAD + b"Content-Length: 10\r\n\r\n", pause=5)
        assert await fails(there, quick, deadline=30.0) < 2


@pytest.mark.parametrize("deadline", [(0.4, 60.0), (30.0, 0.4)])
async def test_the_shorter_deadline_holds_for_all_of_a_download(deadline):
    given, most = deadline
    steady = LOOPBACK.model_copy(update={"total_seconds": most})
    async with stranger() as there:
        there.answers("/song.mp3", b"", redirect("/next"), pause=0.25)
        there.answers("/next", b"", HEAD + b"\r\n", *[b"x" * 10_000] * 50, pause=0.1)
        assert await fails(there, steady, deadline=given) < 2


async def test_endless_interim_answers_end_with_the_deadline():
    async with stranger() as there:
        there.answers("/song.mp3", *[b"HTTP/1.1 103 Early Hints\r\n\r\n"] * 100, pause=0.05)
        assert await fails(there, deadline=0.4) < 2


async def test_a_full_disk_is_a_fault_of_ours_and_not_the_other_sides():
    class Full(io.BytesIO):
        def write(self, _):
            raise OSError(28, "No space left on device")

    async with stranger() as there:
        there.answers("/song.mp3", ok(SONG))
        async with OutboundClient(LOOPBACK) as client:
            with pytest.raises(OSError, match="No space"):
                url = f"http://127.0.0.1:{there.port}/song.mp3"
                await download_to(Full(), client, url, 2**20, 5.0, Room(2**30).share())


async def test_downloads_are_counted_with_all_other_audio_under_way():
    async with stranger() as there:
        there.answers("/song.mp3", ok(SONG))
        url = f"http://127.0.0.1:{there.port}/song.mp3"
        async with OutboundClient(LOOPBACK) as client:
            room = Room(len(SONG))
            with room.share() as share:
                await download_to(io.BytesIO(), client, url, 2**20, 5.0, share)
                assert room.held == len(SONG)
                with room.share() as other, pytest.raises(ExceededConcurrency) as caught:
                    await download_to(io.BytesIO(), client, url, 2**20, 5.0, other)
                assert caught.value.retry_after > 0
                assert room.held == len(SONG)
            assert room.held == 0


async def test_a_download_that_nobody_waits_for_any_more_hangs_up():
    left = asyncio.Event()

    async with stranger() as there:

        async def patient(writer):
            writer.write(HEAD + b"\r\n")
            while not writer.is_closing():
                writer.write(b"x" * 100)
                await asyncio.sleep(0.02)
            left.set()

        there.handlers["/song.mp3"] = patient
        download = asyncio.ensure_future(fetch(there))
        await asyncio.sleep(0.3)
        download.cancel()
        async with asyncio.timeout(2):
            await left.wait()
        assert download.cancelled()


async def test_a_call_can_carry_a_body_and_sees_a_redirect_without_following_it():
    async with stranger() as there:
        there.answers("/hook", redirect("/elsewhere"))
        async with OutboundClient(LOOPBACK) as client:
            url = parse_url(f"http://127.0.0.1:{there.port}/hook")
            sent = {"method": "POST", "headers": {"X-Signature": "abc"}, "content": b"{}"}
            async with client.call(url=url, deadline_seconds=5.0, **sent) as answer:
                assert (answer.status, answer.headers["location"]) == (302, "/elsewhere")
        (request,) = there.requests
        assert request.startswith("POST /hook HTTP/1.1\r\n")
        assert "Content-Length: 2\r\n" in request
        assert "X-Signature: abc\r\n" in request
