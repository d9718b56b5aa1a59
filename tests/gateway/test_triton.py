"""The gRPC client, and what the analyzer makes of failures, against another gRPC implementation.

The server speaks Triton's protocol through ``grpc`` itself and fails in ways that a healthy Triton
cannot be made to at will.
"""

import asyncio
import io
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import numpy as np
import pytest
from grpclib.const import Status
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived
from opentelemetry.trace import NoOpTracer
from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc.service_pb2_grpc import (
    GRPCInferenceServiceServicer,
    add_GRPCInferenceServiceServicer_to_server,
)

from gateway import errors
from gateway.analyzer import Analyzer, Audio
from gateway.metrics import Metrics
from gateway.servers import Servers
from gateway.triton import ConnectionLostError, TritonClient, TritonError
from tests.conftest import free_ports
from tests.sounds import encode, tones

MIB = 2**20
STUB_DIED = "Stub process 'genre_mel_0' is not healthy."


class Server(GRPCInferenceServiceServicer):
    """Answers every inference; first with ``failures``, as long as there are any."""

    def __init__(self):
        self.requests = []
        self.failures = []
        self.pause = 0.0
        self.asked, self.cancelled = asyncio.Event(), asyncio.Event()

    async def ModelInfer(self, request, context):
        self.requests.append(request)
        self.asked.set()
        self.deadline = context.time_remaining()
        try:
            await asyncio.sleep(self.pause)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        if self.failures:
            await context.abort(*self.failures.pop(0))
        answer = messages.ModelInferResponse()
        for name, data, kind, shape in (
            ("TIMES", np.zeros(3).tobytes(), "FP64", [1, 3]),
            ("PROBABILITIES", b"\x0a\0\0\0" + b"1.0:0:Rock", "BYTES", [1, 1]),
        ):
            answer.outputs.add(name=name, datatype=kind, shape=shape)
            answer.raw_output_contents.append(data)
        return answer


@asynccontextmanager
async def serving(port=None):
    """The server and its address."""
    port = port or free_ports(1)[0]
    running = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)])
    servicer = Server()
    add_GRPCInferenceServiceServicer_to_server(servicer, running)
    running.add_insecure_port(f"127.0.0.1:{port}")
    await running.start()
    try:
        yield servicer, f"127.0.0.1:{port}"
    finally:
        await running.stop(None)


@asynccontextmanager
async def calling(url):
    async with TritonClient(url, NoOpTracer()) as client:
        yield client


@asynccontextmanager
async def analyzing(url):
    async with Servers(url, NoOpTracer()) as servers:
        yield Analyzer(servers, Metrics())


async def ask(client, audio=b"song", seconds=30.0):
    return await client.infer("genre", io.BytesIO(audio), {"PROBABILITIES": 16}, {"a": 1}, seconds)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 300_000, 5 * MIB])
async def test_the_message_is_what_grpc_understands(size):
    audio = bytes(range(256)) * (size // 256) + bytes(size % 256)
    async with serving() as (server, url), calling(url) as client:
        answer = await ask(client, audio)
    (request,) = server.requests
    assert request.raw_input_contents == [size.to_bytes(4, "little") + audio]
    assert (request.model_name, request.inputs[0].shape) == ("genre", [1, 1])
    assert request.outputs[0].parameters["classification"].int64_param == 16
    assert request.parameters["a"].int64_param == 1
    assert request.parameters["timeout"].int64_param == 30_000_000
    assert 30 < server.deadline <= 32  # ours passes first
    assert answer.as_numpy("PROBABILITIES")[0] == b"1.0:0:Rock"


async def test_a_file_is_sent_from_its_beginning_wherever_it_was_read_to():
    async with serving() as (server, url), calling(url) as client:
        file = io.BytesIO(b"song")
        for _ in range(2):
            await client.infer("genre", file, {}, {}, 5.0)
        assert [r.raw_input_contents[0][4:] for r in server.requests] == [b"song"] * 2


def _memory():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


async def test_a_large_file_is_never_in_memory_as_a_whole():
    """The other side is a plain sink: it lets the sender write, and hangs up."""
    taken, peak = 0, 0

    async def sink(reader, writer):
        nonlocal taken, peak
        # Settings, then credit for 2 GiB, on the connection and on stream 1.
        writer.write(bytes.fromhex("000000040000000000"))
        for stream in (0, 1):
            writer.write(b"\0\0\4\x08\0" + stream.to_bytes(4, "big") + bytes.fromhex("7f000000"))
        while taken < 200 * MIB and (block := await reader.read(MIB)):
            taken += len(block)
            peak = max(peak, _memory())
        writer.close()

    listening = await asyncio.start_server(sink, "127.0.0.1", 0)
    url = f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    with tempfile.TemporaryFile() as file:
        file.truncate(200 * MIB)
        async with calling(url) as client:
            before = _memory()
            with pytest.raises(TritonError):
                await client.infer("genre", file, {}, {}, 60.0)
    listening.close()
    assert taken >= 200 * MIB
    assert peak - before < 30 * MIB


@pytest.mark.parametrize("size", [0, 10, 300_000])
async def test_the_end_of_the_message_comes_with_its_last_bytes(size):
    """Else a quick server answers in between and resets the stream, answer and all."""
    frames = []

    async def receive(reader, writer):
        other = H2Connection(H2Configuration(client_side=False))
        other.initiate_connection()
        while data := await reader.read(MIB):
            events = other.receive_data(data)
            for event in events:
                if isinstance(event, DataReceived):
                    frames.append((len(event.data), event.stream_ended is not None))
                    other.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            writer.write(other.data_to_send())
            if frames and frames[-1][1]:
                break
        writer.close()

    listening = await asyncio.start_server(receive, "127.0.0.1", 0)
    async with calling(f"127.0.0.1:{listening.sockets[0].getsockname()[1]}") as client:
        with pytest.raises(TritonError):
            await ask(client, bytes(size))
    listening.close()
    assert all(length and not ended for length, ended in frames[:-1])
    assert frames[-1][0] > 0
    assert frames[-1][1]


async def test_what_the_server_says_is_what_is_raised():
    async with serving() as (server, url), calling(url) as client:
        server.failures = [(grpc.StatusCode.INTERNAL, "IllegalData: 100 % Müll\n")]
        with pytest.raises(TritonError) as caught:
            await ask(client)
    assert caught.value.status is Status.INTERNAL
    assert caught.value.words == "IllegalData: 100 % Müll\n"


async def test_the_deadline_ends_the_call_and_the_server_hears_of_it():
    async with serving() as (server, url), calling(url) as client:
        server.pause = 10
        with pytest.raises(TritonError) as caught:
            await ask(client, seconds=0.3)
        assert caught.value.status is Status.DEADLINE_EXCEEDED
        await asyncio.wait_for(server.cancelled.wait(), 5)


async def test_a_cancelled_call_is_cancelled_at_the_server():
    async with serving() as (server, url), calling(url) as client:
        server.pause = 10
        call = asyncio.ensure_future(ask(client))
        await asyncio.wait_for(server.asked.wait(), 5)
        call.cancel()
        await asyncio.wait_for(server.cancelled.wait(), 5)


async def test_nobody_there_is_unavailable_and_somebody_later_is_found():
    (port,) = free_ports(1)
    async with calling(f"127.0.0.1:{port}") as client:
        with pytest.raises(TritonError) as caught:
            await ask(client)
        assert caught.value.status is Status.UNAVAILABLE
        assert not isinstance(caught.value, ConnectionLostError)
        for _ in range(2):  # there, gone, and there again
            async with serving(port):
                await ask(client)


async def test_a_connection_that_breaks_is_told_apart_from_one_that_never_was():
    async def hang_up(reader, writer):
        await reader.readuntil(b"song")
        writer.close()

    listening = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with calling(f"127.0.0.1:{listening.sockets[0].getsockname()[1]}") as client:
        with pytest.raises(ConnectionLostError) as caught:
            await ask(client)
    listening.close()
    assert caught.value.status is Status.UNAVAILABLE


@pytest.mark.parametrize("failures", [0, 1, 2])
async def test_a_request_whose_stub_died_goes_again_once(failures):
    async with serving() as (server, url), analyzing(url) as analyzer:
        server.failures = [(grpc.StatusCode.INTERNAL, STUB_DIED)] * failures
        asked = analyzer.genre(Audio(io.BytesIO(b"song")), 5.0)
        if failures < 2:
            assert (await asked).ranking == [("Rock", 1.0)]
        else:
            with pytest.raises(errors.ServerBusy) as caught:
                await asked
            assert caught.value.retry_after > 0
    assert len(server.requests) == min(2, failures + 1)
    assert {r.raw_input_contents[0] for r in server.requests} == {b"\4\0\0\0song"}


async def test_bad_audio_is_not_asked_about_twice():
    async with serving() as (server, url), analyzing(url) as analyzer:
        server.failures = [(grpc.StatusCode.INTERNAL, "in ensemble 'genre', IllegalData: noise")]
        with pytest.raises(errors.IllegalData, match="noise"):
            await analyzer.genre(Audio(io.BytesIO(b"song")), 5.0)
    assert len(server.requests) == 1


async def test_deadlines_that_pass_in_triton_take_nobody_else_along(triton):
    """Neither the connection nor another's call on it."""
    long = encode(tones(200.0, 16_000, 2), "wav", 16_000)
    async with calling(f"127.0.0.1:{triton.ports.grpc}") as client:
        await client.all_ready(["genre"])
        connection = client._channel._protocol

        async def late(seconds):
            with pytest.raises(TritonError) as caught:
                await client.infer("genre", io.BytesIO(long), {}, {}, seconds)
            assert caught.value.status is Status.DEADLINE_EXCEEDED

        async def patient():
            song = encode(tones(5.0), "mp3")
            answer = await client.infer("genre", io.BytesIO(song), {"PROBABILITIES": 16}, {}, 60.0)
            assert len(answer.as_numpy("PROBABILITIES")[0]) == 16

        waiting = [asyncio.ensure_future(patient()) for _ in range(3)]
        for _ in range(12):
            await asyncio.gather(*map(late, (0.005, 0.01, 0.02, 0.05)))
        await asyncio.gather(*waiting)
        assert client._channel._protocol is connection
