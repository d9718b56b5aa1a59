"""The guard of outbound calls. Whatever is let through reaches a socket that really listens."""

import asyncio
import ssl
import subprocess
import time

import httpcore
import pytest

from gateway.errors import EmptyURL, FailedDownload
from gateway.outbound import OutboundClient, OutboundSettings
from gateway.outbound.download import FAILED
from gateway.outbound.failures import MalformedUrlError
from gateway.outbound.urls import parse_url, redirect_target
from tests.gateway.spellings import INSIDE, everything
from tests.gateway.strangers import PUBLIC, Internet, Names, download, ok, redirect, stranger

SONG = b"song" * 1000
NAMES = {
    "public_test": [[PUBLIC]],
    "localhost": [["127.0.0.1", "::1"]],
    "inside_test": [["10.0.0.1"]],
    "mixed_test": [[PUBLIC, "127.0.0.1"]],
    "mixed6_test": [["2606:4700::1111", "::1"]],
    "nat64_test": [["64:ff9b::7f00:1"]],
    "mapped_test": [["::ffff:127.0.0.1"]],
    "scoped_test": [["fe80::1%1"]],
    "zero_test": [["0.0.0.0"]],  # noqa: S104
    "none_test": [[]],
    "late_test": [[*[PUBLIC] * 50, "10.0.0.1"]],
}


async def fetch(client, url):
    return await download(client, url, limit=10_000)


async def test_no_spelling_of_an_internal_address_is_dialled():
    urls = list(everything())
    assert len(urls) > 400
    async with stranger() as inside:
        internet = Internet(inside)
        async with OutboundClient(OutboundSettings(), Names(**NAMES), internet) as client:
            for url in urls:
                with pytest.raises(FailedDownload) as caught:
                    await fetch(client, url)
                assert "10.0.0.1" not in caught.value.text
                assert internet.dialled == [], url
        assert inside.connections == 0


async def test_the_spellings_of_loopback_fail_on_the_real_resolver_and_network_too():
    async with stranger() as inside:
        inside.answers("/song.mp3", ok(SONG))
        hosts = [url.split("/")[2] for url in everything() if url.endswith("/song.mp3")]
        loopback = [*hosts[: len(hosts) // len(INSIDE)], "localhost", "[::1]", "0", "127.1"]
        assert "127.0.0.1" in loopback
        assert "2130706433" in loopback
        async with OutboundClient(OutboundSettings()) as client:
            for host in loopback:
                with pytest.raises(FailedDownload):
                    await fetch(client, f"http://{host}:{inside.port}/song.mp3")
        assert inside.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://public.test/song.mp3",
        "HTTP://PUBLIC.TEST.:8080/song.mp3",
        "http://public\u3002test/song.mp3",
        "http://\uff50ublic.test/song.mp3#t=10",
        f"http://{PUBLIC}/song.mp3",
        "http://[2606:4700:4700::1111]:8080/song.mp3",
    ],
)
async def test_a_public_address_is_dialled_so_the_silence_above_means_something(url):
    async with stranger() as there:
        there.answers("/song.mp3", ok(SONG))
        internet = Internet(there)
        async with OutboundClient(OutboundSettings(), Names(**NAMES), internet) as client:
            assert await fetch(client, url) == SONG
        assert there.connections == len(internet.dialled) == 1


async def test_every_forbidden_unreachable_and_failing_address_gets_one_text():
    async with stranger() as there:
        there.answers("/missing", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        there.answers("/garbage", b"SSH-2.0-OpenSSH\r\n")
        texts = set()
        async with OutboundClient(OutboundSettings(), Names(**NAMES), Internet(there)) as client:
            for url in (
                *("http://10.0.0.1/", "http://inside.test/", "http://none.test/"),
                *("http://mixed.test/", "http://unknown.test/", "http://[fd00::1]/"),
                *("http://public.test/missing", "http://public.test/garbage"),
                "https://public.test/no-tls-here",
            ):
                with pytest.raises(FailedDownload) as caught:
                    await fetch(client, url)
                texts.add(caught.value.detail)
        assert texts == {FAILED}


async def test_a_name_that_changes_its_mind_is_asked_once_and_the_checked_address_is_dialled():
    names = Names(rebinding_test=[[PUBLIC], ["127.0.0.1"]])
    async with stranger() as there:
        there.keeps_open = True
        there.answers("/song.mp3", ok(SONG))
        internet = Internet(there)
        async with OutboundClient(OutboundSettings(), names, internet) as client:
            assert await fetch(client, "http://rebinding.test/song.mp3") == SONG
            assert (names.asked, internet.dialled) == (["rebinding.test"], [PUBLIC])
            with pytest.raises(FailedDownload):  # and no connection is kept for a second call
                await fetch(client, "http://rebinding.test/song.mp3")
        assert internet.dialled == [PUBLIC]


@pytest.mark.parametrize("status", [302, 308])
@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/internal",
        "//127.0.0.1/internal",
        "http://2130706433/internal",
        "http://[::ffff:127.0.0.1]/internal",
        "http://inside.test/internal",
        "http://mixed.test/internal",
        "https://inside.test/internal",
        "http://rebinding.test/internal",
        "/internal",  # the name has moved inside meanwhile
        "http://public.test@127.0.0.1/internal",
        "http:\\\\127.0.0.1\\internal",
        "\thttp://127.0.0.1/internal",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_INFO",
        "",
    ],
)
async def test_a_redirect_leads_nowhere_that_a_url_would_not(location, status):
    names = Names(**NAMES, rebinding_test=[[PUBLIC], ["127.0.0.1"]])
    async with stranger() as there:
        there.answers("/song.mp3", redirect(location, status))
        there.answers("/internal", ok(b"secret"))
        internet = Internet(there)
        async with OutboundClient(OutboundSettings(), names, internet) as client:
            with pytest.raises(FailedDownload) as caught:
                await fetch(client, "http://rebinding.test/song.mp3")
        assert caught.value.detail == FAILED
        assert internet.dialled == [PUBLIC]
        assert there.connections == 1


def test_a_redirect_from_https_to_http_is_refused():
    with pytest.raises(MalformedUrlError):
        redirect_target(parse_url("https://public.test/"), "http://public.test/")
    assert redirect_target(parse_url("http://a.test/x/y"), "../z?q#f").target == "/z?q"


@pytest.mark.parametrize("location", ["\thttp://a.test/", "http://a.\ntest/", "/a b", "\\\\a.test"])
def test_a_redirect_that_two_readers_would_read_in_two_ways_is_refused(location):
    with pytest.raises(MalformedUrlError):
        redirect_target(parse_url("http://public.test/"), location)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://public.test/a b", "spaces"),
        ("http://public.test/a\\b", "backslashes"),
        ("http://public.test/\x7f", "control"),
        ("http://public.test/\u2028", "spaces"),
        ("http://user@public.test/", "without user"),
        ("http://public%2etest/", "without user or %"),
        ("http://[fe80::1%25eth0]/", "without user or %"),
        ("http://[fe80::1%eth0]/", "without user or %"),
        ("http://[::g]/", "IPv6"),
        ("http://127.1/", "dotted address"),
        ("http://x.0x7f000001/", "dotted address"),
        ("http://public..test/", "host name"),
        ("http://public.test:0/", "port"),
        ("ftp://public.test/", "http:// or https://"),
        ("http://public.test/" + "a" * 9_000, "longer than"),
        ("http://public.test/\ud800", "Unicode"),
    ],
)
def test_a_malformed_url_is_refused_with_what_to_change(url, words):
    with pytest.raises(MalformedUrlError, match=words):
        parse_url(url)


async def test_proxies_of_the_environment_are_not_used(monkeypatch):
    async with stranger() as there, stranger() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        there.answers("/song.mp3", ok(SONG))
        async with OutboundClient(OutboundSettings(), Names(**NAMES), Internet(there)) as client:
            assert await fetch(client, "http://public.test/song.mp3") == SONG
        assert proxy.connections == 0


async def test_a_name_with_many_dead_addresses_is_given_up_after_four():
    class Dead(Internet):
        async def connect_tcp(self, host, *_, **__):
            self.dialled.append(host)
            raise httpcore.ConnectError

    names = Names(many_test=[[f"93.184.216.{last}" for last in range(100)]])
    async with stranger() as there:
        internet = Dead(there)
        async with OutboundClient(OutboundSettings(), names, internet) as client:
            with pytest.raises(FailedDownload):
                await fetch(client, "http://many.test/")
        assert len(internet.dialled) == 4


async def test_the_next_address_is_tried_when_one_is_dead():
    class HalfDead(Internet):
        async def connect_tcp(self, host, *rest, **more):
            if host == "93.184.216.0":
                raise httpcore.ConnectError
            return await super().connect_tcp(host, *rest, **more)

    async with stranger() as there:
        there.answers("/", ok(SONG))
        names = Names(two_test=[["93.184.216.0", PUBLIC]])
        async with OutboundClient(OutboundSettings(), names, HalfDead(there)) as client:
            assert await fetch(client, "http://two.test/") == SONG


@pytest.mark.parametrize("url", [None, ""])
async def test_no_url_is_EmptyURL(url):
    async with OutboundClient(OutboundSettings()) as client:
        with pytest.raises(EmptyURL):
            await fetch(client, url)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("http://EXAMPLE.com", "http://example.com/"),
        ("https://example.com.:443/a?b#c", "https://example.com/a?b"),
        ("http://example.com:8080?x=%20", "http://example.com:8080/?x=%20"),
        ("http://b\u00fccher.example/\u00fc%C3%BC", "http://xn--bcher-kva.example/%C3%BC%C3%BC"),
        ("http://[2606:4700:0:0::1]:81/", "http://[2606:4700::1]:81/"),
        ("http://my_bucket.s3.example/a:b@c", "http://my_bucket.s3.example/a:b@c"),
    ],
)
def test_a_lawful_url_is_read_in_its_plain_form(text, plain):
    assert str(parse_url(text)) == plain


def _certificate(folder, name):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


async def test_tls_names_the_host_and_checks_its_certificate_though_an_address_is_dialled(tmp_path):
    names = Names(song_test=[[PUBLIC]], other_test=[[PUBLIC]])
    context, asked = _certificate(tmp_path, "song.test"), []
    context.sni_callback = lambda _, name, __: asked.append(name)
    async with stranger(context) as there:
        there.answers("/song.mp3", ok(SONG))
        trusting = OutboundSettings(ca_file=tmp_path / "cert.pem")
        async with OutboundClient(trusting, names, Internet(there)) as client:
            assert await fetch(client, "https://song.test/song.mp3") == SONG
            with pytest.raises(FailedDownload):
                await fetch(client, "https://other.test/song.mp3")
        async with OutboundClient(OutboundSettings(), names, Internet(there)) as client:
            with pytest.raises(FailedDownload):  # signed by nobody that is known
                await fetch(client, "https://song.test/song.mp3")
        assert asked == ["song.test", "other.test", "song.test"]
        assert len(there.requests) == 1


async def test_a_name_server_that_is_silent_is_not_waited_for():
    async def silent(_):
        await asyncio.sleep(60)

    started = time.monotonic()
    async with OutboundClient(OutboundSettings(connect_seconds=0.2), silent) as client:
        with pytest.raises(FailedDownload):
            await fetch(client, "http://public.test/")
    assert time.monotonic() - started < 2
