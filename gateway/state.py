"""What the application holds while it runs: made in the lifespan, passed, never global."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from gateway.admission import Admission
from gateway.analyzer import Analyzer
from gateway.identity.identities import Identities
from gateway.metrics import Metrics
from gateway.outbound.client import OutboundClient
from gateway.results import ResultStore
from gateway.room import Room
from gateway.settings import Settings
from gateway.tasks.runtime import Runtime
from gateway.tasks.service import Tasks


@dataclass(frozen=True, slots=True)
class State:
    """Dependencies of the fronts. The clock is one, so that tests pass their own."""

    settings: Settings
    analyzer: Analyzer
    identities: Identities
    admission: Admission
    outbound: OutboundClient
    room: Room
    results: ResultStore
    metrics: Metrics
    runtime: Runtime
    now: Callable[[], datetime]

    @property
    def tasks(self) -> Tasks:
        """The tasks, whether or not their store is there."""
        return self.runtime.tasks


def state_of(request: Request) -> State:
    """The application's state, as the lifespan made it."""
    state: State = request.state.gateway
    return state
