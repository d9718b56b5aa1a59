"""Audio by URL through the front door: what is fetched, what is not, and what is told of it."""

from __future__ import annotations

import socket
from contextlib import contextmanager

import httpx
import pytest

from tests.conftest import free_ports
from tests.e2e.contract import CLIP, assert_refused, assert_served, invocation
from tests.gateway.strangers import ok, redirect, stranger

FAILED = "the url could not be downloaded"


async def by_url(gateway, url):
    body = invocation(b"", asks={"url": url})
    async with httpx.AsyncClient(timeout=60) as client:
        return await client.post(f"{gateway.url}/api/v1/invoke", json=body)


@contextmanager
def untouched(address="127.0.0.1"):
    """A port that listens inside, and fails the test if anyone knocks."""
    with socket.create_server((address, 0)) as listener:
        yield listener.getsockname()[1]
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody waits to be taken in
            listener.accept()


@pytest.mark.parametrize(
    "url",
    [
        "song.mp3",
        "ftp://127.0.0.1/song.mp3",
        "file:///etc/passwd",
        "http://",
        "http://user@127.0.0.1/",
        "http://127.0.0.1:99999/",
        "http://exa mple.com/",
    ],
)
async def test_a_malformed_url_is_a_failed_download(guarded, url):
    assert_refused(await by_url(guarded, url), "FailedDownload", "the url", namespace="DeepChorus")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",  # noqa: S104
    ],
)
async def test_an_address_inside_is_refused_and_never_dialled(guarded, host):
    with untouched() as port:
        answer = await by_url(guarded, f"http://{host}:{port}/song.mp3")
    assert_refused(answer, "FailedDownload")


async def test_a_redirect_to_an_address_inside_is_not_followed(narrow):
    with untouched("127.0.0.2") as port:
        async with stranger() as there:
            there.answers("/moved", redirect(f"http://127.0.0.2:{port}/song.mp3"))
            answer = await by_url(narrow, f"http://127.0.0.1:{there.port}/moved")
    assert there.connections == 1
    assert_refused(answer, "FailedDownload", FAILED)


async def test_forbidden_unreachable_and_missing_are_told_in_the_same_words(guarded, narrow):
    (closed,) = free_ports(1)
    async with stranger() as there:
        there.answers("/missing", b"HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\nsecret")
        answers = [
            await by_url(guarded, f"http://127.0.0.1:{there.port}/missing"),
            await by_url(narrow, f"http://127.0.0.1:{there.port}/missing"),
            await by_url(narrow, f"http://127.0.0.1:{closed}/"),
            await by_url(narrow, "http://nowhere.invalid/"),
        ]
    assert there.connections == 1
    texts = {assert_refused(answer, "FailedDownload", FAILED) for answer in answers}
    assert len(texts) == 1


async def test_a_song_from_an_allowed_host_is_analysed_redirects_and_all(narrow):
    async with stranger() as there:
        there.answers("/song", ok(CLIP))
        there.answers("/moved", redirect("/song"))
        for path in ("/song", "/moved"):
            answer = await by_url(narrow, f"http://127.0.0.1:{there.port}{path}")
            assert assert_served(answer)["thumbnail"]
    assert there.connections == 3


async def test_a_download_of_nothing_is_empty_data(narrow):
    async with stranger() as there:
        there.answers("/nothing", ok(b""))
        answer = await by_url(narrow, f"http://127.0.0.1:{there.port}/nothing")
    assert_refused(answer, "EmptyData", "0 bytes were downloaded")


async def test_a_download_of_words_is_illegal_data(narrow):
    async with stranger() as there:
        there.answers("/words", ok(b"<html>sign in</html>"))
        answer = await by_url(narrow, f"http://127.0.0.1:{there.port}/words")
    text = assert_refused(answer, "IllegalData", "not audio")
    assert "sign in" not in text


@pytest.mark.parametrize("declared", [True, False])
async def test_a_download_over_the_limit_exceeds_the_data_size(narrow, declared):
    body = b"\0" * 100_001
    whole = ok(body) if declared else b"HTTP/1.1 200 OK\r\n\r\n" + body
    async with stranger() as there:
        there.answers("/large", whole)
        answer = await by_url(narrow, f"http://127.0.0.1:{there.port}/large")
    assert_refused(answer, "ExceededDataSize", "100000")
