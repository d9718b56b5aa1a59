"""The end of a gateway that somebody still asks."""

import signal
import socket
import time

import pytest

from tests.conftest import new_gateway
from tests.web import web

HEAD = (
    b"POST /analyze-audio HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
)


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -15)])
def test_who_is_still_sending_is_told_to_send_again(triton, tmp_path, sent, status):
    log = tmp_path / "log"
    running = new_gateway(triton.ports.grpc, log, ACOUSTICSENSE_GRACE_SECONDS="1")
    port = int(running.url.rpartition(":")[2])
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(HEAD)
            deadline = time.monotonic() + 30
            while (
                "requests_in_flight 2.0" not in web.get(f"{running.url}/metrics").text
            ):  # and this
                assert time.monotonic() < deadline
            running.process.send_signal(sent)
            answer = b""
            while block := connection.recv(65_536):
                answer += block
        assert running.process.wait(30) == status
    finally:
        running.process.kill()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after" in answer.lower() and b"stopping; send it again" in answer
    assert "Traceback" not in log.read_text()
