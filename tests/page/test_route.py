"""How the page is sent: its policy, its caching, and what switches it off."""

from __future__ import annotations

import re

import httpx
import pytest

from gateway.page import _STATIC
from tests.conftest import new_gateway, stop


@pytest.fixture(scope="module")
def page(front):
    return httpx.get(f"{front.url}/")


def named(page):
    """Every file that the page names."""
    return re.findall(r'(?:href|src)="(page/[^"]+)"', page.text)


def test_the_page_lets_nothing_in_from_elsewhere(page):
    policy = dict(
        each.strip().split(" ", 1) for each in page.headers["Content-Security-Policy"].split(";")
    )
    assert policy.pop("default-src") == "'none'"
    assert set(policy.values()) == {"'self'", "'none'"}
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "<style" not in page.text and "style=" not in page.text and "onclick" not in page.text
    assert "://" not in page.text


def test_a_page_that_did_not_change_is_not_sent_again(front, page):
    tag = page.headers["ETag"]
    assert page.headers["Cache-Control"] == "no-cache"
    again = httpx.get(f"{front.url}/", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["Content-Security-Policy"] == page.headers["Content-Security-Policy"]
    assert httpx.get(f"{front.url}/", headers={"If-None-Match": 'W/"x"'}).status_code == 200
    assert httpx.head(f"{front.url}/").status_code == 200


def test_every_file_is_sent_with_its_type_and_kept_for_good(front, page):
    types = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    files = named(page)
    assert len(files) > 10
    for name in files:
        answer = httpx.get(f"{front.url}/{name}")
        assert answer.status_code == 200, name
        media_type = answer.headers["Content-Type"].partition(";")[0]
        assert media_type == types[name.rpartition(".")[2]]
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_names_every_module_that_is_loaded_with_it(page):
    late = {"index.html", "worker.js"}  # a worker is no part of the page's modules
    assert {name.rpartition("/")[2] for name in named(page)} == {
        path.name for path in _STATIC.iterdir()
    } - late


def test_a_file_of_another_version_is_not_kept(front):
    answer = httpx.get(f"{front.url}/page/0123456789abcdef/main.js")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    "name", ["page/x/nothing.js", "page/x/index.html", "page/x/..%2f__init__.py"]
)
def test_nothing_else_is_sent(front, name):
    assert httpx.get(f"{front.url}/{name}").status_code == 404


def test_the_sample_song_is_sent_where_one_is_set(front, locked, sample):
    answer = httpx.get(f"{front.url}/page/sample")
    assert answer.content == sample.read_bytes()
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert 'data-sample="sample tune.mp3"' in httpx.get(f"{front.url}/").text
    assert httpx.get(f"{locked.url}/page/sample").status_code == 404
    assert 'data-sample=""' in httpx.get(f"{locked.url}/").text


def test_a_setting_switches_the_page_off(triton, tmp_path):
    front = new_gateway(triton.ports.grpc, tmp_path / "log", ACOUSTICSENSE_PAGE="false")
    try:
        assert httpx.get(f"{front.url}/").status_code == 405  # GetToken is still there
        assert httpx.get(f"{front.url}/page/x/main.js").status_code == 404
        assert httpx.get(f"{front.url}/page/sample").status_code == 404
    finally:
        stop(front)
