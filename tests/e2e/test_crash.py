"""A fault of the server's own: told in the path's dialect, with an id, and no word of its cause."""

from __future__ import annotations

import base64
import shutil

import pytest

from tests.conftest import new_gateway, stop
from tests.e2e.contract import assert_refused
from tests.web import web

LARGE = bytes(3 * 2**20)  # more than a spool keeps in memory


@pytest.fixture(scope="module")
def diskless(triton, tmp_path_factory):
    """A gateway whose folder for temporary files was taken away."""
    folder = tmp_path_factory.mktemp("diskless")
    (folder / "tmp").mkdir()
    front = new_gateway(triton.ports.grpc, folder / "log", TMPDIR=str(folder / "tmp"))
    answer = web.post(f"{front.url}/analyze-audio", files={"file": LARGE})  # finds the folder
    assert answer.status_code == 415
    shutil.rmtree(folder / "tmp")
    yield front
    stop(front)


def assert_told_to_the_log_alone(gateway, answer, task_id):
    assert answer.headers["X-Tt-Logid"] == task_id.replace("-", "")
    for secret in ("tmp", "directory", "Traceback", "Error:"):
        assert secret not in answer.text.replace("ServerError", "")
    entry = gateway.line(task_id)
    assert (entry["method"], entry["status"], entry["code"]) == ("POST", 500, 50000000)
    assert "FileNotFoundError" in gateway.log.read_text()


def test_a_crash_is_an_envelope_for_invoke(diskless):
    body = {"data": base64.b64encode(LARGE).decode()}
    query = {"appkey": "a", "token": "b", "namespace": "DeepChorus"}
    answer = web.post(f"{diskless.url}/api/v1/invoke", params=query, json=body)
    assert_refused(answer, "ServerError")
    assert_told_to_the_log_alone(diskless, answer, answer.json()["task_id"])


def test_a_crash_is_a_problem_for_rest(diskless):
    answer = web.post(f"{diskless.url}/analyze-audio", files={"file": LARGE})
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == 50000000
    assert_told_to_the_log_alone(diskless, answer, answer.json()["request_id"])


def test_the_next_request_is_served(diskless):
    assert web.post(f"{diskless.url}/analyze-audio", files={"file": b"no"}).status_code == 415
