"""One Chromium for the page's tests, and gateways for it to talk to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.conftest import Gateway, new_gateway, stop
from tests.e2e.contract import APPS
from tests.page.reader import Reader

SMALL_LIMIT = 2_000_000  # bytes; the sample is smaller


# Of the package, not of the session: its event loop must be gone before asynchronous tests begin
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--mute-audio", "--autoplay-policy=no-user-gesture-required"],
        )
        yield running
        running.close()


@pytest.fixture(scope="package")
def sample(tmp_path_factory: pytest.TempPathFactory, sample_mp3: bytes) -> Path:
    file = tmp_path_factory.mktemp("sample") / "sample tune.mp3"
    file.write_bytes(sample_mp3)
    return file


@pytest.fixture(scope="package")
def front(triton, tmp_path_factory, sample) -> Iterator[Gateway]:
    """Anyone is let in, and there is a sample song."""
    log = tmp_path_factory.mktemp("front") / "log"
    running = new_gateway(triton.ports.grpc, log, ACOUSTICSENSE_SAMPLE_SONG=str(sample))
    yield running
    stop(running)


@pytest.fixture(scope="package")
def locked(triton, tmp_path_factory) -> Iterator[Gateway]:
    """Who has no API key is not let in, and large files are not taken; no sample song."""
    running = new_gateway(
        triton.ports.grpc,
        tmp_path_factory.mktemp("locked") / "log",
        ACOUSTICSENSE_APPS=APPS,
        ACOUSTICSENSE_MAX_AUDIO_BYTES=str(SMALL_LIMIT),
    )
    yield running
    stop(running)


@pytest.fixture
def reader(browser: Browser) -> Iterator[Reader]:
    """Somebody at a browser; whatever they did, the page kept to its own server and its policy."""
    someone = Reader(browser)
    yield someone
    someone.close()
    assert someone.strangers == []
    assert someone.complaints == []
