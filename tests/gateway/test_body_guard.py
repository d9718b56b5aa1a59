"""The bounds on bodies, on a real socket."""

from __future__ import annotations

import socket
import threading
import time

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gateway import errors
from gateway.inbound.body_guard import BodyGuard, BodyLimits
from gateway.room import Room
from tests.conftest import free_ports
from tests.web import web

LIMITS = BodyLimits(body_bytes=100_000, grace_seconds=0.5, least_rate=50_000)


async def count(request: Request) -> JSONResponse:
    size = 0
    async for block in request.stream():
        size += len(block)
    return JSONResponse(size)


async def refused(_: Request, error: errors.ApiError) -> JSONResponse:
    return JSONResponse(error.text, error.rest_status, headers=error.headers)


@pytest.fixture
def address():
    app = Starlette(
        routes=[Route("/", count, methods=["POST"])], exception_handlers={errors.ApiError: refused}
    )
    guard = BodyGuard(app, LIMITS, Room(150_000))
    (port,) = free_ports(1)
    server = uvicorn.Server(uvicorn.Config(guard, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield "127.0.0.1", port, guard
    server.should_exit = True
    thread.join()


def url(address):
    return f"http://{address[0]}:{address[1]}/"


def chunks(count, size=1_000):
    for _ in range(count):
        yield b"x" * size


def test_a_body_within_the_bounds_comes_through(address):
    assert web.post(url(address), content=b"x" * 99_999).json() == 99_999
    assert web.post(url(address), content=chunks(99)).json() == 99_000
    assert address[2].room.held == 0


def test_a_body_that_is_too_large_is_refused_declared_or_not(address):
    assert web.post(url(address), content=b"x" * 100_001).status_code == 413
    assert web.post(url(address), content=chunks(101)).status_code == 413
    assert address[2].room.held == 0


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, identity"])
def test_an_encoded_body_is_refused(address, encoding):
    answer = web.post(url(address), content=b"x", headers={"Content-Encoding": encoding})
    assert answer.status_code == 400
    assert "Content-Encoding" in answer.json()


def test_identity_is_no_encoding(address):
    headers = {"Content-Encoding": "Identity"}
    assert web.post(url(address), content=b"x", headers=headers).json() == 1


def test_too_many_header_fields_are_refused(address):
    headers = {f"X-{index}": "1" for index in range(120)}
    assert web.post(url(address), content=b"x", headers=headers).status_code == 400


def test_all_bodies_together_are_bounded(address):
    with socket.create_connection(address[:2]) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n")
        slow.sendall(b"x" * 80_000)
        deadline = time.monotonic() + 60
        while address[2].room.held != 80_000:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        answer = web.post(url(address), content=b"x" * 75_000)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) >= 1
        assert web.post(url(address), content=b"x" * 50_000).json() == 50_000
    deadline = time.monotonic() + 60
    while address[2].room.held:
        assert time.monotonic() < deadline, "the room of a client that left is not given back"
        time.sleep(0.01)


def test_a_body_that_is_only_announced_keeps_nobody_out(address):
    with socket.create_connection(address[:2]) as silent:
        silent.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n" + b"x" * 10)
        deadline = time.monotonic() + 60
        while address[2].room.held != 10:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert web.post(url(address), content=b"x" * 70_000).json() == 70_000


def test_a_body_that_drips_is_cut_off(address):
    with socket.create_connection(address[:2], timeout=60) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n")
        began = time.monotonic()
        answer = b""
        slow.settimeout(0.1)
        while not answer and time.monotonic() - began < 8:
            slow.sendall(b"x")
            try:
                answer = slow.recv(1_000)
            except TimeoutError:
                continue
        assert b" 400 " in answer
        assert 0.4 < time.monotonic() - began < 4
