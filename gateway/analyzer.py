"""Bytes to results, through Triton: the one place where the gateway meets the models."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, Literal, TypeVar

import structlog
from grpclib.const import Status
from tritonclient.grpc import InferResult

from gateway import errors
from gateway.metrics import Metrics
from gateway.servers import Servers, reached
from gateway.triton import ConnectionLostError, TritonClient, TritonError

_MOST_GENRES = 16
_NOT_AUDIO = "not audio"  # how audio.decoders begins the detail when the bytes are something else
_STAGE_ERROR = re.compile(r"\b(EmptyData|IllegalData|ExceededDuration): (.*)", re.DOTALL)
_RETRY_SECONDS = 2.0  # a Triton that restarts is back within seconds
_VERSION_SECONDS = 60.0
T = TypeVar("T")
log = structlog.get_logger()

Kind = Literal["genre", "chorus"]
"""What can be asked."""


@dataclass(frozen=True, slots=True)
class Models:
    """Triton's names of the ensembles that are asked."""

    genre: str = "genre"
    chorus: str = "chorus"


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time of one inference went, in seconds."""

    queue: float
    decode: float
    mel: float
    infer: float

    def stages(self) -> dict[str, float]:
        """The stages by name, in order."""
        return asdict(self)

    def header(self) -> str:
        """The value of a ``Server-Timing`` header (milliseconds)."""
        stages = self.stages().items()
        return ", ".join(f"{name};dur={seconds * 1000:.1f}" for name, seconds in stages)


@dataclass(frozen=True, slots=True)
class GenreResult:
    """The genres (the first sixteen) with their probabilities, most probable first."""

    ranking: list[tuple[str, float]]
    timings: Timings


@dataclass(frozen=True, slots=True)
class ChorusResult:
    """The DeepChorus payload: ``frame_sec``, ``thumbnail`` and the lists of segments."""

    payload: dict[str, Any]
    timings: Timings


@dataclass(frozen=True, slots=True)
class Audio:
    """One audio file, open and seekable, on disk when it is large.

    Nobody else may read it while it is analysed. ``pcm`` is (Hz, channels) where it holds
    headerless samples.
    """

    file: BinaryIO
    pcm: tuple[int, int] | None = None

    def parameters(self) -> dict[str, int]:
        """Triton request parameters that the decoding stage reads."""
        if self.pcm is None:
            return {}
        return {"pcm_sample_rate": self.pcm[0], "pcm_channels": self.pcm[1]}


class Analyzer:
    """Asks Triton, within given seconds; leaving the awaiting task cancels the inference."""

    def __init__(self, servers: Servers, metrics: Metrics, models: Models | None = None) -> None:
        """Ask the bundled models, unless others are named."""
        self._servers = servers
        self._metrics = metrics
        self._models = models or Models()
        self._versions: dict[str, tuple[str, float]] = {}

    async def genre(self, audio: Audio, seconds: float) -> GenreResult:
        """Name the genre within so many seconds.

        Raises:
            ApiError: any of the tree that Triton can cause.
        """
        # The classification extension answers "probability:index:label", best first.
        answer, timings = await self._ask(
            self._models.genre, audio, seconds, {"PROBABILITIES": _MOST_GENRES}
        )
        ranking = []
        for entry in answer.as_numpy("PROBABILITIES")[0]:
            probability, _, label = entry.decode().split(":", 2)
            ranking.append((label, float(probability)))
        return GenreResult(ranking, timings)

    async def chorus(self, audio: Audio, seconds: float) -> ChorusResult:
        """Find the chorus within so many seconds.

        Raises:
            ApiError: any of the tree that Triton can cause.
        """
        answer, timings = await self._ask(self._models.chorus, audio, seconds, {"SEGMENTS": 0})
        return ChorusResult(json.loads(answer.as_numpy("SEGMENTS")[0, 0]), timings)

    async def version(self, kind: Kind) -> str:
        """What an ensemble calls the version of its network, asked anew every minute.

        Of a model that is not the bundled one, its name and its version.

        Raises:
            ServerBusy: Triton is away.
        """
        model: str = getattr(self._models, kind)
        known, until = self._versions.get(model, ("", 0.0))
        if time.monotonic() < until:
            return known
        try:
            version = await self._call(lambda triton: triton.parameter(model, "model_version"))
        except TritonError as error:
            raise _translated(error) from error
        if model != kind:
            version = f"{model} {version}"
        self._versions[model] = (version, time.monotonic() + _VERSION_SECONDS)
        return version

    async def ready(self) -> bool:
        """Whether both ensembles, and so all their parts, are ready."""
        names = [self._models.genre, self._models.chorus]
        try:  # whoever asks often is also the probe that closes a breaker
            return await self._call(lambda triton: triton.all_ready(names))
        except (TritonError, errors.ServerBusy):
            return False

    async def _ask(
        self, model: str, audio: Audio, seconds: float, outputs: dict[str, int]
    ) -> tuple[InferResult, Timings]:
        """One inference, and where its time went."""
        end = time.monotonic() + seconds
        wanted = {**outputs, "TIMES": 0}
        started = 0.0

        async def infer(triton: TritonClient) -> InferResult:
            nonlocal started
            started = time.time()
            left = max(0.001, end - time.monotonic())
            return await triton.infer(model, audio.file, wanted, audio.parameters(), left)

        try:
            answer = await self._call(infer)
        except TritonError as error:
            raise _translated(error) from error
        timings = _timings(answer.as_numpy("TIMES")[0], started, time.time())
        for stage, spent in timings.stages().items():
            self._metrics.stage_seconds.labels(stage).observe(spent)
        return answer, timings

    async def _call(self, work: Callable[[TritonClient], Awaitable[T]]) -> T:
        """Ask a server; once more if a process of Triton's died under it, or another may do it.

        Raises:
            ServerBusy: every server is left in peace.
            TritonError: as for the work.
        """
        for last in (False, True):
            try:
                async with self._servers.call() as triton:
                    return await work(triton)
            except TritonError as error:
                away = reached(error) is False and self._servers.have_another
                if last or not (away or _died_under_it(error)):
                    raise
        raise AssertionError("the loop returns or raises")


def _timings(times: Mapping[int, float], started: float, ended: float) -> Timings:
    """Split the time by what the decoding stage noted (its start, decoding, mel).

    Its clock is the server's: on another machine ``queue`` is as good as the two clocks agree.
    """
    begun, decode, mel = (float(times[index]) for index in range(3))
    queue = max(0.0, begun - started)
    infer = max(0.0, ended - started - queue - decode - mel)
    return Timings(queue, decode, mel, infer)


def _died_under_it(error: TritonError) -> bool:
    """Whether Triton, or a Python stub of it, ended meanwhile: the request may go again."""
    return isinstance(error, ConnectionLostError) or "Stub process" in error.words


def _translated(error: TritonError) -> errors.ApiError:
    """Triton's words as one of ours."""
    stage = _STAGE_ERROR.search(error.words)
    if stage:
        name, detail = stage.groups()
        if name == "IllegalData" and detail.startswith(_NOT_AUDIO):
            return errors.NotAudio(detail)
        return {
            "EmptyData": errors.EmptyData,
            "IllegalData": errors.IllegalData,
            "ExceededDuration": errors.ExceededDuration,
        }[name](detail)
    if error.status is Status.DEADLINE_EXCEEDED or "Request timeout expired" in error.words:
        return errors.ServerTimeout("no answer before the deadline; send less at once, or later")
    if error.status is Status.UNAVAILABLE or _died_under_it(error):
        return errors.ServerBusy(
            "the inference server is away or its queue is full; try again",
            retry_after=_RETRY_SECONDS,
        )
    log.error("Triton failed", status=error.status.name, words=error.words)  # the client hears less
    return errors.ServerError()
