"""Calls to Triton over gRPC (KServe v2), made so that large audio does not stall the event loop.

``tritonclient`` builds a request by copying the audio four times on the loop's thread: 0.8 s for
100 MB, in which nobody else is served. Its messages and its reading of answers are used here; the
request is put together by hand, in a thread, with one copy.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping, Sequence
from typing import Self

import grpc.aio
from opentelemetry.propagate import inject
from opentelemetry.trace import SpanKind, Tracer
from tritonclient.grpc import InferResult
from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

_CHANNEL = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_reconnect_backoff_ms", 1000),  # or a Triton that is back is not seen for minutes
]
_INFER = "/inference.GRPCInferenceService/ModelInfer"
_RAW_INPUT = bytes([7 << 3 | 2])  # ModelInferRequest.raw_input_contents, length-delimited
_SMALL = 256 * 1024  # bytes that are copied faster than a thread is woken
_ASK_SECONDS = 2.0  # for what Triton answers from memory


class TritonClient:
    """One channel to one Triton. Every call raises ``grpc.aio.AioRpcError`` when it fails."""

    def __init__(self, url: str, tracer: Tracer) -> None:
        self._channel = grpc.aio.insecure_channel(url, options=_CHANNEL)
        self._stub = GRPCInferenceServiceStub(self._channel)
        self._infer = self._channel.unary_unary(
            _INFER, response_deserializer=messages.ModelInferResponse.FromString
        )
        self._tracer = tracer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()

    async def infer(
        self,
        model: str,
        audio: bytes,
        outputs: Mapping[str, int],
        parameters: Mapping[str, int],
        seconds: float,
    ) -> InferResult:
        """Ask an ensemble about one audio file.

        Args:
            model: the ensemble's name.
            audio: the file's bytes.
            outputs: tensors wanted; above 0, how many classes of the classification extension.
            parameters: request parameters for the decoding stage.
            seconds: deadline, also of Triton's queues.
        """
        head = _head(model, outputs, {**parameters, "timeout": int(seconds * 1e6)})
        if len(audio) > _SMALL:
            request = await asyncio.to_thread(_message, head, audio)
        else:
            request = _message(head, audio)
        with self._tracer.start_as_current_span(f"infer {model}", kind=SpanKind.CLIENT):
            headers: dict[str, str] = {}
            inject(headers)
            call = self._infer(request, timeout=seconds, metadata=tuple(headers.items()))
            return InferResult(await call)

    async def all_ready(self, models: Sequence[str]) -> bool:
        """Whether these models, with their parts, are ready."""
        requests = [messages.ModelReadyRequest(name=name) for name in models]
        answers = await asyncio.gather(
            *(self._stub.ModelReady(request, timeout=_ASK_SECONDS) for request in requests)
        )
        return all(answer.ready for answer in answers)

    async def parameter(self, model: str, key: str) -> str:
        """A parameter of a model's configuration, empty if it has none of that name."""
        request = messages.ModelConfigRequest(name=model)
        answer = await self._stub.ModelConfig(request, timeout=_ASK_SECONDS)
        text: str = answer.config.parameters[key].string_value
        return text


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


def _message(head: bytes, audio: bytes) -> bytes:
    """The whole request: fields of a protobuf message may simply follow each other."""
    # One element of a BYTES tensor is its length, in four bytes, and itself.
    return b"".join(
        (head, _RAW_INPUT, _varint(4 + len(audio)), struct.pack("<I", len(audio)), audio)
    )


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
