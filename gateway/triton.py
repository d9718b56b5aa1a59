"""Calls to Triton over gRPC (KServe v2), made so that a large file never is in memory as a whole.

A gRPC message is one HTTP/2 stream of bytes, but ``tritonclient`` and ``grpc`` take it as one
object and copy it: three to five times 100 MB, and 0.1 to 0.8 s in which nobody else is served.
Here ``grpclib`` speaks the protocol, and the audio is read from its file as the other side takes
it. The messages are ``tritonclient``'s.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, BinaryIO, Self

from grpclib.client import Channel, UnaryUnaryMethod
from grpclib.const import Cardinality, Status
from grpclib.exceptions import GRPCError, StreamTerminatedError
from h2.exceptions import ProtocolError
from opentelemetry.propagate import inject
from opentelemetry.trace import SpanKind, Tracer
from tritonclient.grpc import InferResult
from tritonclient.grpc import service_pb2 as messages

_SERVICE = "/inference.GRPCInferenceService/"
_RAW_INPUT = bytes([7 << 3 | 2])  # ModelInferRequest.raw_input_contents, length-delimited
_BLOCK = 256 * 1024  # bytes read at a time: some 50 µs, and others get their turn in between
_CONNECT_SECONDS = 2.0
# A server whose deadline passes closes the stream twice (gRPC as in Triton 2.51), which h2 takes
# for a broken connection, and others' calls go down with it. So we are the ones who hang up first.
# grpclib tells the server whole seconds, rounded down.
_SLACK_SECONDS = 2.0
_ASK_SECONDS = 2.0  # for what Triton answers from memory


class TritonError(Exception):
    """A call that failed: gRPC's status, and Triton's words."""

    def __init__(self, status: Status, words: str) -> None:
        super().__init__(f"{status.name}: {words}")
        self.status = status
        self.words = words


class ConnectionLostError(TritonError):
    """The connection broke while an answer was awaited; nobody can tell what became of it."""


class TritonClient:
    """One connection to one Triton, made anew when it is lost; calls raise ``TritonError``."""

    def __init__(self, url: str, tracer: Tracer) -> None:
        """Calls go to ``url``, ``host:port``, from when the client is entered."""
        host, _, port = url.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._tracer = tracer

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Get ready for calls, on the running loop; nothing is dialled before the first."""
        self._channel = Channel(self._host, self._port)

    def close(self) -> None:
        """Let the connection go."""
        self._channel.close()

    async def infer(
        self,
        model: str,
        audio: BinaryIO,
        outputs: Mapping[str, int],
        parameters: Mapping[str, int],
        seconds: float,
    ) -> InferResult:
        """Ask an ensemble about one audio file.

        Args:
            model: the ensemble's name.
            audio: the file, read from its beginning; nobody else may read it meanwhile.
            outputs: tensors wanted; above 0, how many classes of the classification extension.
            parameters: request parameters for the decoding stage.
            seconds: deadline, also of Triton's queues.
        """
        parameters = {**parameters, "timeout": int(seconds * 1e6)}
        size = audio.seek(0, os.SEEK_END)
        audio.seek(0)
        # Fields of a protobuf message may simply follow each other; one element of a BYTES tensor
        # is its length, in four bytes, and itself.
        head = b"".join(
            (
                _head(model, outputs, parameters),
                _RAW_INPUT,
                _varint(4 + size),
                struct.pack("<I", size),
            )
        )
        with self._tracer.start_as_current_span(f"infer {model}", kind=SpanKind.CLIENT):
            headers: dict[str, str] = {}
            inject(headers)
            async with self._connected(seconds):
                return InferResult(await self._send(head, audio, size, headers, seconds))

    async def _send(
        self, head: bytes, audio: BinaryIO, size: int, headers: dict[str, str], seconds: float
    ) -> messages.ModelInferResponse:
        """One call whose message is written piece by piece, as fast as it is taken."""
        async with self._channel.request(
            f"{_SERVICE}ModelInfer",
            Cardinality.UNARY_UNARY,
            messages.ModelInferRequest,
            messages.ModelInferResponse,
            timeout=seconds + _SLACK_SECONDS,
            metadata=headers,
        ) as call:
            await call.send_request()
            stream = call._stream  # grpclib's own send_message takes whole messages only
            with call._wrapper:  # a lost connection ends the writing as well
                start = struct.pack(">?I", False, len(head) + size) + head
                await stream.send_data(start, end_stream=not size)
                while size:
                    block = audio.read(min(_BLOCK, size))
                    size -= len(block)
                    # The end goes with the last bytes: a server that has the whole message may
                    # answer and reset the stream before it sees an end that comes by itself.
                    await stream.send_data(block, end_stream=not size)
                    await asyncio.sleep(0)
            call._send_message_done = True
            answer = await call.recv_message()
            if answer is None:  # leaving the call raises what the trailers say
                await call.recv_trailing_metadata()
            return answer

    async def all_ready(self, models: Sequence[str]) -> bool:
        """Whether these models, with their parts, are ready."""
        asked = (self._ask("ModelReady", name=name) for name in models)
        return all(answer.ready for answer in await asyncio.gather(*asked))

    async def parameter(self, model: str, key: str) -> str:
        """A parameter of a model's configuration, empty if it has none of that name."""
        answer = await self._ask("ModelConfig", name=model)
        text: str = answer.config.parameters[key].string_value
        return text

    async def _ask(self, method: str, **fields: str) -> Any:
        request = getattr(messages, f"{method}Request")
        response = getattr(messages, f"{method}Response")
        call = UnaryUnaryMethod(self._channel, f"{_SERVICE}{method}", request, response)
        async with self._connected(_ASK_SECONDS):
            return await call(request(**fields), timeout=_ASK_SECONDS + _SLACK_SECONDS)

    @asynccontextmanager
    async def _connected(self, seconds: float) -> AsyncIterator[None]:
        """Make a call inside, within so many seconds; whatever goes wrong is a ``TritonError``."""
        try:
            async with asyncio.timeout(seconds):
                await self._connect()
                yield
        except GRPCError as error:
            raise TritonError(error.status, error.message or "") from None
        except TimeoutError:
            raise TritonError(Status.DEADLINE_EXCEEDED, "no answer in time") from None
        except (StreamTerminatedError, ProtocolError, OSError) as error:
            raise ConnectionLostError(Status.UNAVAILABLE, str(error)) from None

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._channel.__connect__()
        except OSError as error:  # TimeoutError is one
            raise TritonError(Status.UNAVAILABLE, f"cannot be reached: {error}") from None


def _head(model: str, outputs: Mapping[str, int], parameters: Mapping[str, int]) -> bytes:
    """Everything of the request but the audio."""
    request = messages.ModelInferRequest(model_name=model)
    request.inputs.add(name="AUDIO", datatype="BYTES", shape=[1, 1])
    for name, classes in outputs.items():
        output = request.outputs.add(name=name)
        if classes:
            output.parameters["classification"].int64_param = classes
    for name, value in parameters.items():
        request.parameters[name].int64_param = value
    head: bytes = request.SerializeToString()
    return head


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
