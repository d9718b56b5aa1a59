"""Heads that are too large or too slow, over a socket."""

import socket
import threading
import time

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from gateway.inbound import http_protocol
from gateway.inbound.http_protocol import MOST_HEAD_BYTES, HttpProtocol
from tests.conftest import free_ports
from tests.web import web


@pytest.fixture
def server(monkeypatch):
    for name in ("HEAD_SECONDS", "LINGER_SECONDS", "STALLED_SECONDS"):
        monkeypatch.setattr(http_protocol, name, 0.4)

    async def read(request):
        return PlainTextResponse(str(len(await request.body())))

    app = Starlette(
        routes=[
            Route("/", lambda _: PlainTextResponse("here"), methods=["POST"]),
            Route("/read", read, methods=["POST"]),
            Route("/large", lambda _: PlainTextResponse("x" * 2**24)),
        ]
    )
    (port,) = free_ports(1)
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, http=HttpProtocol, ws="none", log_level="critical")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server
    server.should_exit = True
    thread.join()


@pytest.fixture
def address(server):
    return "127.0.0.1", server.config.port


def until_nobody_is_connected(server):
    deadline = time.monotonic() + 10
    while server.server_state.connections:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def until_closed(connection):
    """What comes until the other side hangs up, and how many seconds that takes."""
    connection.settimeout(5)
    began, answer = time.monotonic(), b""
    try:
        while block := connection.recv(4096):
            answer += block
    except ConnectionResetError:
        pass
    return answer, time.monotonic() - began


@pytest.mark.parametrize(
    "head",
    [
        b"POST /" + b"x" * 2 * MOST_HEAD_BYTES,
        b"POST / HTTP/1.1\r\nX-Long: " + b"x" * 2 * MOST_HEAD_BYTES,
        b"POST / HTTP/1.1\r\n" + b"X-Many: 1\r\n" * (MOST_HEAD_BYTES // 5),
    ],
)
def test_a_head_that_is_too_large_is_refused(address, head, monkeypatch):
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 60)  # so that it is its size that ends it
    with socket.create_connection(address) as connection:
        for start in range(0, len(head), 4096):
            try:
                connection.sendall(head[start : start + 4096])
            except OSError:  # already refused
                break
            time.sleep(0.001)
        answer, _ = until_closed(connection)
    assert b"More than 65536 bytes" in answer or answer == b""  # a reset may swallow it
    assert web.post(f"http://127.0.0.1:{address[1]}/").text == "here"


@pytest.mark.parametrize("sent", [b"", b"POST / HT", b"POST / HTTP/1.1\r\nHost: x\r\nX-A: "])
def test_a_head_that_does_not_end_is_cut_off(address, sent):
    with socket.create_connection(address) as connection:
        connection.sendall(sent)
        answer, seconds = until_closed(connection)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"too slowly" in answer
    assert 0.3 < seconds < 3


def test_a_head_that_drips_is_cut_off(address):
    with socket.create_connection(address) as connection:
        began = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - began < 5:
                connection.sendall(b"X")
                time.sleep(0.05)
    assert time.monotonic() - began < 3


def test_requests_one_after_the_other_each_have_their_own_bounds(address):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nX-Some: " + b"x" * 40_000 + b"\r\n"
    with socket.create_connection(address) as connection:
        connection.settimeout(5)
        for _ in range(3):
            connection.sendall(head)
            time.sleep(0.2)
            connection.sendall(b"\r\n")
            assert b"here" in connection.recv(4096)
            time.sleep(0.3)


@pytest.mark.parametrize("path", [b"/", b"/read"])
def test_trailers_have_the_bounds_of_a_head(server, address, path):
    """Whether the request is answered already, or waits for its end."""
    with socket.create_connection(address) as connection:
        connection.sendall(
            b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\nabc\r\n0\r\n"
        )
        with pytest.raises(OSError):
            for _ in range(400):
                connection.sendall(b"X-Trailer: 1\r\n" * 100)
                time.sleep(0.002)
    until_nobody_is_connected(server)


def test_a_chunked_body_and_a_few_trailers_are_lawful(address):
    with socket.create_connection(address) as connection:
        connection.settimeout(5)
        for _ in range(2):
            connection.sendall(
                b"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            for _ in range(30_000):
                connection.sendall(b"1\r\nx\r\n")  # five bytes beside each of the body
            connection.sendall(b"0\r\nX-Checksum: 5\r\n\r\n")
            assert b"30000" in connection.recv(4096)


def test_what_drips_on_after_its_answer_is_hung_up_on(address):
    with socket.create_connection(address) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        began = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - began < 5:
                connection.sendall(b"X")
                time.sleep(0.05)
    assert 0.3 < time.monotonic() - began < 3


def test_the_rest_of_a_body_may_follow_its_answer(address):
    with socket.create_connection(address) as connection:
        connection.settimeout(5)
        for _ in range(3):
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
            assert b"here" in connection.recv(4096)
            time.sleep(0.2)
            connection.sendall(b"x" * 1000)
        _, seconds = until_closed(connection)
    assert seconds < 3, "nor does an idle connection stay for ever"


def test_a_body_may_follow_the_answer_to_the_request_before_it(address):
    """Sent in one go; what is hung up on is a body whose own answer was given."""
    head = b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
    with socket.create_connection(address) as connection:
        connection.settimeout(5)
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" + head)
        assert b"here" in connection.recv(4096)
        time.sleep(1.0)
        connection.sendall(b"x" * 1000)
        assert b"1000" in connection.recv(4096)


def test_who_does_not_read_is_hung_up_on(server, address):
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(address)
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        time.sleep(0.1)
        assert server.server_state.connections
        until_nobody_is_connected(server)


def test_who_reads_slowly_gets_everything(address):
    with socket.create_connection(address) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        size, began = 0, time.monotonic()
        while block := connection.recv(2**19):
            size += len(block)
            time.sleep(0.03)
    assert size > 2**24
    assert time.monotonic() - began > 2 * http_protocol.STALLED_SECONDS


def test_a_body_may_be_large_and_late(address):
    with socket.create_connection(address) as connection:
        connection.settimeout(5)
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n")
        time.sleep(0.6)
        connection.sendall(b"x" * 200_000)
        assert b"here" in connection.recv(4096)
