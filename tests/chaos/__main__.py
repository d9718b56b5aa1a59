"""``python -m tests.chaos``: kill, kill, kill, and see whether every promise is kept."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from tests.chaos.monkey import Monkey
from tests.chaos.world import World
from tests.conftest import PROJECT, new_triton
from tests.postgresql import new_cluster, remove

_CHECKED_EVERY = 25  # kills
_SECONDS = 300.0


def main() -> None:
    """Half of the kills on SQLite and one gateway, half on PostgreSQL and three."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="in all (1000)")
    parser.add_argument("--seed", type=int, default=1, help="which are killed when (1)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        triton = new_triton(PROJECT / "model_repository", Path(folder) / "triton")
        cluster = new_cluster()
        try:
            for name, server, gateways in (("SQLite", None, 1), ("PostgreSQL", cluster, 3)):
                world = World(Path(folder) / name, triton, server, gateways)
                try:
                    _torment(name, world, arguments.kills // 2, arguments.seed)
                finally:
                    world.close()
        finally:
            remove(cluster)
            triton.stop()


def _torment(name: str, world: World, kills: int, seed: int) -> None:
    monkey, began = Monkey(world, seed), time.monotonic()
    for number in range(1, kills + 1):
        monkey.strike()
        if number % _CHECKED_EVERY == 0 or number == kills:
            world.check(_SECONDS)
            told = sum(map(len, world.outside.bodies.values()))
            print(
                f"{name}: {number} kills in {time.monotonic() - began:.0f} s, "
                f"{len(world.accepted)} tasks accepted, all ended, {told} webhooks, "
                "never two bodies for one id",
                flush=True,
            )
    for what, count in sorted(monkey.kills.items()):
        print(f"  {what}: {count}")


if __name__ == "__main__":
    main()
