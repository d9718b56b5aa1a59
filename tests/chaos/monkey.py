"""Kills at random, at moments that hurt: while something was done and not yet told."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter

from tests.chaos.world import World

MOMENTS = ("upload", "accepted", "fetch", "inference", "call", "answered")
_PATIENCE_SECONDS = 3.0  # the moment may not come: then the kill comes at any other


class Monkey:
    """One who kills."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed)
        self.kills: Counter[str] = Counter()
        self._sent = 0

    def strike(self) -> None:
        """Have some tasks accepted, kill something meanwhile, and start it again."""
        moment = self.chance.choice(MOMENTS)
        happened = threading.Event()
        world = self.world
        world.mind_triton()
        world.outside.on_fetch = happened.set if moment == "fetch" else _nothing
        world.outside.on_call = self._holding(happened) if moment == "call" else _nothing
        clients = [threading.Thread(target=self._send, args=(number,)) for number in range(3)]
        for client in clients:
            client.start()
        self._await(moment, clients, happened)
        self._kill(moment)
        world.outside.on_fetch = world.outside.on_call = _nothing
        for client in clients:
            client.join()

    def _send(self, number: int) -> None:
        self._sent += 1
        key = f"{self._sent}-{number}-{time.monotonic_ns()}"
        self.world.send(key, by_url=number > 0, tries=600)

    def _holding(self, happened: threading.Event) -> object:
        """The receiver has the body, and has not answered yet."""

        def hold() -> None:
            happened.set()
            time.sleep(0.3)

        return hold

    def _await(
        self, moment: str, clients: list[threading.Thread], happened: threading.Event
    ) -> None:
        if moment == "upload":
            time.sleep(self.chance.uniform(0.0, 0.05))
        elif moment in {"fetch", "call"}:
            happened.wait(_PATIENCE_SECONDS)
        else:
            clients[0].join()
            if moment == "inference":
                time.sleep(self.chance.uniform(0.0, 0.4))
            elif moment == "answered":
                time.sleep(self.chance.uniform(0.2, 1.0))

    def _kill(self, moment: str) -> None:
        world, chance = self.world, self.chance
        victims = ["gateway"] * 7 + ["triton", "stub"] + ["database"] * 2 * bool(world.cluster)
        victim = chance.choice(victims)
        if victim == "gateway":
            # One or more: with all of them gone nobody is left to take over but the next.
            number = chance.randint(1, len(world.gateways))
            dead = chance.sample(range(len(world.gateways)), number)
            for each in dead:
                world.kill_gateway(each)
            for each in dead:
                world.revive_gateway(each)
        elif victim == "triton":
            world.kill_triton()
        elif victim == "stub":
            world.kill_stub(chance)
        else:
            world.kill_database()
        self.kills[f"{victim} at {moment}"] += 1


def _nothing() -> None:
    pass
