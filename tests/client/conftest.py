"""A gateway as an app's developer meets it: apps, downloads and webhooks on this machine."""

from __future__ import annotations

import pytest
from acousticsense import AcousticSenseClient

from tests.conftest import new_gateway, stop
from tests.e2e.contract import APPS, CLIP, KARAOKE


@pytest.fixture(scope="session")
def front(triton, tmp_path_factory):
    running = new_gateway(
        triton.ports.grpc,
        tmp_path_factory.mktemp("front") / "log",
        ACOUSTICSENSE_APPS=APPS,
        ACOUSTICSENSE_OUTBOUND__ALLOWED_HOSTS='["127.0.0.1"]',
    )
    yield running
    stop(running)


@pytest.fixture
def client(front):
    with AcousticSenseClient(front.url, KARAOKE.api_key) as there:
        yield there


@pytest.fixture
def clip(tmp_path):
    file = tmp_path / "clip.mp3"
    file.write_bytes(CLIP)
    return file


@pytest.fixture(scope="session")
def song_file(sample_mp3, tmp_path_factory):
    """The project's own tune: a Jazz with three choruses."""
    file = tmp_path_factory.mktemp("song") / "song.mp3"
    file.write_bytes(sample_mp3)
    return file
