"""Gateways in front of the one Triton, each with what its tests need and nothing more."""

from __future__ import annotations

import pytest

from tests.conftest import new_gateway, stop
from tests.e2e.contract import APPS


@pytest.fixture(scope="session")
def guarded(triton, tmp_path_factory):
    """As it would be run: apps, and no address inside may be dialled."""
    log = tmp_path_factory.mktemp("guarded") / "log"
    front = new_gateway(triton.ports.grpc, log, ACOUSTICSENSE_APPS=APPS)
    yield front
    stop(front)


@pytest.fixture(scope="session")
def narrow(triton, tmp_path_factory):
    """Downloads from 127.0.0.1 are let through; there is room for two, and for little."""
    front = new_gateway(
        triton.ports.grpc,
        tmp_path_factory.mktemp("narrow") / "log",
        ACOUSTICSENSE_APPS=APPS,
        ACOUSTICSENSE_OUTBOUND__ALLOWED_HOSTS='["127.0.0.1"]',
        ACOUSTICSENSE_MAX_AUDIO_BYTES="100000",
        ACOUSTICSENSE_MAX_IN_FLIGHT="2",
        ACOUSTICSENSE_RESULT_SECONDS="1",
    )
    yield front
    stop(front)
