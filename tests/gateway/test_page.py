"""How the page is sent: its policy, its caching, and what switches it off."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from gateway.app import create_app
from gateway.page import _STATIC
from gateway.settings import Settings


@pytest.fixture
def sample(tmp_path):
    file = tmp_path / 'a "sample" <tune>.mp3'
    file.write_bytes(b"sound")
    return file


@pytest.fixture
def client(sample):
    return client_of(sample_song=sample)


def client_of(**settings):
    """A client that starts nothing: the page needs no Triton and no database."""
    return TestClient(
        create_app(Settings(**settings)),
        base_url="http://localhost",
        raise_server_exceptions=False,
    )


def named(page):
    """Every file that the page names."""
    return re.findall(r'(?:href|src)="(page/[^"]+)"', page.text)


def test_the_page_lets_nothing_in_from_elsewhere(client):
    page = client.get("/")
    policy = dict(
        each.strip().split(" ", 1) for each in page.headers["Content-Security-Policy"].split(";")
    )
    assert policy.pop("default-src") == "'none'"
    assert set(policy.values()) == {"'self'", "'none'"}
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert not re.search(r"<style|style=|\son\w+=|://", page.text)


def test_a_page_that_did_not_change_is_not_sent_again(client):
    page = client.get("/")
    assert page.headers["Cache-Control"] == "no-cache"
    again = client.get("/", headers={"If-None-Match": page.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["Content-Security-Policy"] == page.headers["Content-Security-Policy"]
    assert client.get("/", headers={"If-None-Match": 'W/"x"'}).status_code == 200
    assert client.head("/").status_code == 200


def test_every_file_is_sent_with_its_type_and_kept_for_good(client):
    types = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    files = named(client.get("/"))
    assert len(files) > 10
    for name in files:
        answer = client.get(f"/{name}")
        assert answer.status_code == 200, name
        media_type = answer.headers["Content-Type"].partition(";")[0]
        assert media_type == types[name.rpartition(".")[2]]
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_names_every_file_that_it_loads(client):
    late = {"index.html", "worker.js"}  # a worker is loaded with the first song
    loaded = {name.rpartition("/")[2] for name in named(client.get("/"))}
    assert loaded == {path.name for path in _STATIC.iterdir()} - late


def test_a_file_of_another_version_is_not_kept(client):
    answer = client.get("/page/0123456789abcdef/main.js")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize("name", ["nothing.js", "index.html", "..%2f__init__.py", "%00"])
def test_nothing_else_is_sent(client, name):
    assert client.get(f"/page/x/{name}").status_code == 404


def test_the_sample_song_is_sent_where_one_is_set(client):
    answer = client.get("/page/sample")
    assert answer.content == b"sound"
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert 'data-sample="a &quot;sample&quot; &lt;tune&gt;.mp3"' in client.get("/").text
    without = client_of()
    assert without.get("/page/sample").status_code == 404
    assert 'data-sample=""' in without.get("/").text


def test_a_setting_switches_the_page_off(sample):
    client = client_of(page=False, sample_song=sample)
    assert client.get("/").status_code == 405  # GetToken is still there
    assert client.get("/page/x/main.js").status_code == 404
    assert client.get("/page/sample").status_code == 404
