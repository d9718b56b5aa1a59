"""A gateway that lets anyone in lets in this machine only, whatever its browsers are led to."""

import subprocess

import pytest

from tests.conftest import new_gateway, stop
from tests.e2e.contract import assert_problem
from tests.sounds import encode, tones
from tests.web import web

OWN = ["localhost", "LOCALHOST:80", "127.0.0.1", "127.8.8.8:1", "[::1]", "[::1]:80", "a.localhost"]
OTHERS = ["rebound.example:8080", "192.168.1.4", "localhost.example", "0.0.0.0", "[::"]  # noqa: S104
LATER = b'{"audio_url": "http://127.0.0.1:1/"}'


@pytest.mark.parametrize("host", OWN)
def test_its_own_names_are_served(gateway, host):
    assert web.get(f"{gateway.url}/api/v1/tasks", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", OTHERS)
def test_another_name_is_not(gateway, host):
    """A stranger's DNS may lead any name of his to this machine."""
    answer = web.get(f"{gateway.url}/api/v1/tasks", headers={"Host": host})
    assert_problem(answer, 401, "InvalidAccess", "ACOUSTICSENSE_APPS_FILE")


def test_a_page_of_another_site_starts_nothing(gateway):
    """A browser sends such a request without asking, and says where it is from."""
    later = f"{gateway.url}/analyze-with-webhook"
    foreign = {
        "Content-Type": "text/plain",
        "Origin": "http://evil.example",
        "Sec-Fetch-Site": "cross-site",
    }
    answer = web.post(later, content=LATER, headers=foreign)
    assert_problem(answer, 401, "InvalidAccess", "another site")
    own = {"Origin": gateway.url, "Sec-Fetch-Site": "same-origin"}
    assert web.post(later, content=LATER, headers=own).status_code == 200
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert web.get(f"{gateway.url}/health/live", headers=followed).status_code == 200


def test_a_page_that_is_let_in_may_ask(triton, tmp_path):
    origins = {"ACOUSTICSENSE_CORS_ORIGINS": '["http://karaoke.example"]'}
    running = new_gateway(triton.ports.grpc, tmp_path / "log", **origins)
    headers = {"Origin": "http://karaoke.example", "Sec-Fetch-Site": "cross-site"}
    try:
        later = f"{running.url}/analyze-with-webhook"
        answer = web.post(later, content=LATER, headers=headers)
    finally:
        stop(running)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "http://karaoke.example"


@pytest.fixture
def two_megabytes(tmp_path):
    """A folder that holds no more."""
    folder = tmp_path / "full"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_temporary_folder_is_no_fault_of_ours(triton, tmp_path, two_megabytes):
    log = tmp_path / "log"
    running = new_gateway(triton.ports.grpc, log, TMPDIR=str(two_megabytes))
    try:
        large, small = (
            web.post(f"{running.url}/analyze-audio", files={"file": encode(tones(seconds), "wav")})
            for seconds in (60.0, 2.0)
        )
    finally:
        stop(running)
    assert_problem(large, 503, "ServerBusy", "no room")
    assert int(large.headers["Retry-After"]) >= 1
    assert small.status_code == 200
    assert "Traceback" not in log.read_text()
