"""What servers answer, with types.

Every result is a frozen dataclass and at once the ``dict`` that was sent: ``result.top_genre`` and
``result["top_genre"]`` are the same, ``json.dumps(result)`` works, and members that a newer server
adds are there by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self, TypeVar

from acousticsense.errors import UnexpectedAnswerError

R = TypeVar("R", bound="Record")


@dataclass(frozen=True, eq=False)
class Record(dict[str, Any]):
    """A JSON object with typed members; equal to any mapping of the same members."""

    def __post_init__(self) -> None:
        dict.update(self, {each.name: getattr(self, each.name) for each in fields(self)})

    @classmethod
    def read(cls, sent: Any) -> Self:
        """The object as a server sent it.

        Raises:
            UnexpectedAnswerError: a member is missing or of another form.
        """
        try:
            known = {each.name for each in fields(cls)}
            record = cls(**cls._members({name: sent[name] for name in known if name in sent}))
        except (TypeError, KeyError, ValueError) as error:
            message = f"the server's {cls.__name__} is not of the known form: {error}"
            raise UnexpectedAnswerError(message) from error
        dict.update(record, {name: each for name, each in sent.items() if name not in known})
        return record

    @classmethod
    def _members(cls, sent: dict[str, Any]) -> dict[str, Any]:
        """The members' values, records read as such."""
        return sent


@dataclass(frozen=True, eq=False)
class GenreScore(Record):
    """How sure the model is of a genre, in percent."""

    genre: str
    confidence: float


@dataclass(frozen=True, eq=False)
class Analysis(Record):
    """The genres of a song: the five most probable, best first."""

    request_id: str
    timestamp: str
    analysis_results: list[GenreScore]
    top_genre: str
    top_confidence: float

    @classmethod
    def _members(cls, sent: dict[str, Any]) -> dict[str, Any]:
        return {**sent, "analysis_results": _list_of(GenreScore, sent["analysis_results"])}


@dataclass(frozen=True, eq=False)
class Segment(Record):
    """A stretch of a song; times in seconds, probabilities 0 to 1.

    Attributes:
        interval: start and end.
        start_prob: how probably a boundary is at its start.
        end_prob: … at its end.
        chorus_prob: how probably it is a chorus, the mean over it.
        duration: end − start.
        res_duration: the song's length − start.
    """

    interval: list[float]
    start_prob: float
    end_prob: float
    chorus_prob: float
    duration: float
    res_duration: float

    @property
    def start(self) -> float:
        """Seconds from the song's beginning."""
        return self.interval[0]

    @property
    def end(self) -> float:
        """Seconds from the song's beginning."""
        return self.interval[1]


@dataclass(frozen=True, eq=False)
class Chorus(Record):
    """Where a song's choruses are.

    Attributes:
        frame_sec: seconds per frame of the model's curves.
        thumbnail: a list of one, the segment that is most probably a chorus.
        chorus_segments: all that pass for a chorus, in order; may be empty.
        raw_segments: the whole song in segments, in order and without gaps.
    """

    frame_sec: float
    thumbnail: list[Segment]
    chorus_segments: list[Segment]
    raw_segments: list[Segment]

    @property
    def seconds(self) -> float:
        """The song's length."""
        return self.raw_segments[-1].end

    @classmethod
    def _members(cls, sent: dict[str, Any]) -> dict[str, Any]:
        lists = ("thumbnail", "chorus_segments", "raw_segments")
        return {**sent, **{name: _list_of(Segment, sent[name]) for name in lists}}


@dataclass(frozen=True, eq=False)
class Accepted(Record):
    """The server will analyse it, whatever happens; ``request_id`` is what to wait for."""

    status: str
    message: str
    request_id: str


@dataclass(frozen=True, eq=False)
class Health(Record):
    """Whether the server can answer: ``healthy`` or ``unhealthy``."""

    status: str
    timestamp: str


@dataclass(frozen=True, eq=False)
class Task(Record):
    """How far a task is.

    Attributes:
        state: ``queued``, ``running``, ``succeeded``, ``failed`` or ``cancelled``.
        delivery: of its webhook: ``none``, ``waiting``, ``delivered``, ``failed``, ``cancelled``.
        error: ``code`` and ``text`` of one that failed.
        result: of one that succeeded, in its protocol's form; ``client.wait`` reads it. Lists of
            tasks leave it out.
    """

    id: str
    kind: str
    namespace: str
    state: str
    stage: str
    accepted_at: str
    started_at: str | None
    finished_at: str | None
    next_try_at: str | None
    tries: int
    delivery: str
    error: dict[str, Any] | None
    result: dict[str, Any] | None = None

    @property
    def over(self) -> bool:
        """Whether it has a result or an error, or was cancelled."""
        return self.state in {"succeeded", "failed", "cancelled"}


def _list_of(kind: type[R], sent: list[Mapping[str, Any]]) -> list[R]:
    return [kind.read(each) for each in sent]
