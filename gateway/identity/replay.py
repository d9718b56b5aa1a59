"""Memory of the signatures that were used, so that a captured request is worth nothing.

It is kept in the process, and bounded there; gateways that share a Redis ask it as well
(``ResultStore.claim``), so that what one has answered no other answers again.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from gateway import errors
from gateway.identity.signature import Proof

_MOST_PER_APP = 4096  # in half an hour; far over what a client with a one-day token needs


@dataclass(slots=True)
class _Seen:
    signatures: set[str] = field(default_factory=set)
    by_end: list[tuple[datetime, str]] = field(default_factory=list)  # a heap

    def forget(self, now: datetime) -> None:
        while self.by_end and self.by_end[0][0] < now:
            self.signatures.discard(heapq.heappop(self.by_end)[1])


class ReplayMemory:
    """Every signature that could come again, bounded for each app on its own.

    Only right signatures get in, so a stranger can fill nothing, and an app only its own share.
    """

    def __init__(self, most_per_app: int = _MOST_PER_APP) -> None:
        self._most = most_per_app
        self._seen: defaultdict[str, _Seen] = defaultdict(_Seen)

    def use(self, proof: Proof, now: datetime) -> None:
        """Note the signature as used.

        Raises:
            InvalidAccess: it was used before.
            ExceededConcurrency: the app signed too often within the time that is remembered.
        """
        seen = self._seen[proof.access_key]
        seen.forget(now)
        if proof.signature in seen.signatures:
            raise errors.InvalidAccess(
                "this signed request was used before: sign again, with the X-Date of now"
            )
        if len(seen.signatures) >= self._most:
            # Forgetting one that is still good would let it be replayed.
            raise errors.ExceededConcurrency(
                f"{self._most} signed requests in half an hour: keep a token until it expires",
                retry_after=(seen.by_end[0][0] - now).total_seconds(),
            )
        seen.signatures.add(proof.signature)
        heapq.heappush(seen.by_end, (proof.replayable_until, proof.signature))
