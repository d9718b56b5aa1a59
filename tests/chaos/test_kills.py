"""A slice of ``make chaos``."""

from __future__ import annotations

import pytest

from tests.chaos.monkey import Monkey
from tests.chaos.world import World
from tests.conftest import PROJECT, new_triton
from tests.postgresql import postgresql  # noqa: F401

SECONDS = 300.0


@pytest.fixture(scope="module")
def mortal(tmp_path_factory):
    """A Triton of these tests' own: they kill it."""
    server = new_triton(PROJECT / "model_repository", tmp_path_factory.mktemp("triton") / "work")
    yield server
    server.stop()


@pytest.mark.parametrize(("store", "gateways", "seed"), [("sqlite", 1, 1), ("postgresql", 2, 2)])
def test_whatever_is_killed_every_accepted_task_is_told_in_one_way(
    request, tmp_path, mortal, store, gateways, seed
):
    cluster = request.getfixturevalue("postgresql") if store == "postgresql" else None
    world = World(tmp_path, mortal, cluster, gateways)
    try:
        monkey = Monkey(world, seed)
        for _ in range(3):
            monkey.strike()
        world.check(SECONDS)
        assert len(world.accepted) == 9
    finally:
        world.close()
