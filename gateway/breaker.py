"""A circuit breaker: while Triton cannot be reached, say so at once instead of trying each time.

closed ── N failures in a row ──► open ── after a rest ──► half-open: one probe
  ▲                                ▲                            │
  └──── any call that got through ─┼──────────── got through ───┤
                                   └──────────────── failed ────┘
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gateway import errors


class Breaker:
    """Guards calls to one server.

    What counts is whether the server was reached, not whether it liked the request: an answer
    that the audio is broken closes the breaker, a refused connection opens it, and a call that
    was cancelled or ran out of time says neither.
    """

    def __init__(
        self,
        max_failures: int,
        rest_seconds: float,
        clock: Callable[[], float],
        reached: Callable[[BaseException], bool | None],
    ) -> None:
        """Open after ``max_failures`` in a row, for ``rest_seconds`` before each probe.

        ``clock`` is monotonic, in seconds. ``reached`` judges the exception that a call ended
        with: the server was reached (True), was not (False), or nobody can tell (None).
        """
        self._max_failures = max_failures
        self._rest = rest_seconds
        self._clock = clock
        self._reached = reached
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether calls are refused; true as well while a probe is out."""
        return self._opened_at is not None

    @property
    def admits(self) -> bool:
        """Whether a call would be let through now, if only as the probe."""
        return self._opened_at is None or not (self._probing or self._left() > 0)

    @contextmanager
    def call(self) -> Iterator[None]:
        """Make one call inside.

        Raises:
            ServerBusy: the breaker is open, and this call is not the probe.
        """
        is_probe = self._admit()
        try:
            yield
        except BaseException as error:  # a cancelled probe must give its place back
            self._settle(self._reached(error), is_probe)
            raise
        self._settle(True, is_probe)

    def _admit(self) -> bool:
        """Let the call through; whether it is the probe."""
        if self._opened_at is None:
            return False
        if not self.admits:
            raise errors.ServerBusy(
                "the inference server is away; try again", retry_after=max(self._left(), 1.0)
            )
        self._probing = True
        return True

    def _left(self) -> float:
        """Seconds of rest that are left, for an open breaker."""
        assert self._opened_at is not None  # noqa: S101  the callers looked
        return self._opened_at + self._rest - self._clock()

    def _settle(self, reached: bool | None, is_probe: bool) -> None:
        if is_probe:
            self._probing = False
        if reached:
            self._failures, self._opened_at = 0, None
        elif reached is False:
            self._failures += 1
            # Calls that were out when it opened, and fail late, do not lengthen its rest.
            if is_probe or (self._opened_at is None and self._failures >= self._max_failures):
                self._opened_at = self._clock()
