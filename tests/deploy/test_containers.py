"""What runs inside the images, here without one: secrets, Triton's start, the health check."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from tritonclient.grpc.model_config_pb2 import ModelInstanceGroup

from deploy.embedded.installation import find_wheel, write_backends
from deploy.embedded.repository import read_config, write_scaled
from deploy.triton_container import BACKENDS
from gateway.settings import Settings
from tests.conftest import PROJECT, free_ports
from tests.integration.processes import children
from tests.web import web


def run(module, *arguments, **environment):
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(
        command, env={**os.environ, **environment}, cwd=PROJECT, capture_output=True, text=True
    )


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_secrets_are_made_once_and_are_what_the_gateway_reads(tmp_path):
    done = run("deploy.new_secrets", tmp_path, "--app", "karaoke", "--database", "db:1")
    assert done.returncode == 0, done.stderr
    assert "API key     ask_" in done.stdout
    before = contents(tmp_path)
    again = run("deploy.new_secrets", tmp_path)
    assert again.returncode == 0
    assert "API key" not in again.stdout
    assert contents(tmp_path) == before
    gateway = tmp_path / "gateway"
    settings = Settings(_secrets_dir=gateway)
    password = (tmp_path / "postgresql" / "password").read_text()
    parts = psycopg.conninfo.conninfo_to_dict(settings.database_url.get_secret_value())
    assert (parts["password"], parts["host"], parts["port"]) == (password, "db", "1")
    redis = (tmp_path / "redis" / "redis.conf").read_text().split()[1]
    assert f":{redis}@redis:6379" in settings.redis_url.get_secret_value()
    assert len(settings.secret_keys) == len(settings.token_keys) == 1
    for path in gateway.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_missing_of_the_secrets_is_made_and_agrees_with_what_is_there(tmp_path):
    run("deploy.new_secrets", tmp_path)
    file = tmp_path / "gateway" / "acousticsense_database_url"
    before = file.read_text()
    file.unlink()
    assert run("deploy.new_secrets", tmp_path).returncode == 0
    assert file.read_text() == before


def test_a_folder_that_cannot_be_written_is_told_in_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    done = run("deploy.new_secrets", tmp_path / "file")
    assert done.returncode == 1
    assert done.stderr.startswith("The secrets cannot be made: ")
    assert "Traceback" not in done.stderr


def test_a_gateway_whose_secrets_are_not_mounted_does_not_start(tmp_path):
    done = run("gateway", ACOUSTICSENSE_SECRETS_DIR=str(tmp_path / "nothing"))
    assert done.returncode == 2
    assert "ACOUSTICSENSE_SECRETS_DIR: there is no folder" in done.stderr


@pytest.fixture
def alone(tmp_path):
    """Triton as its container starts it."""
    ports = dict(zip(("HTTP", "GRPC", "METRICS"), map(str, free_ports(3)), strict=True))
    environment = {
        **os.environ,
        **{f"TRITON_{name}_PORT": port for name, port in ports.items()},
        "TRITON_MODELS": str(PROJECT / "model_repository"),
        "TRITON_WORK": str(tmp_path / "work"),
        "TRITON_EXIT_SECONDS": "1",
        "ACOUSTICSENSE_CORES": "1",
    }
    made = not BACKENDS.exists()  # a step of the image
    if made:
        write_backends(find_wheel(), BACKENDS)
    with (tmp_path / "log").open("wb") as log:
        command = [sys.executable, "-m", "deploy.triton_container"]
        process = subprocess.Popen(command, env=environment, cwd=PROJECT, stdout=log, stderr=log)
    yield process, ports["HTTP"], tmp_path
    if process.poll() is None:
        process.kill()
    process.wait()
    if made:
        shutil.rmtree(BACKENDS)


def test_a_container_becomes_triton_scaled_to_its_cores_and_healthy(alone):
    process, port, folder = alone
    end = time.monotonic() + 120
    while (asked := run("deploy.healthy", "/v2/health/ready", "TRITON_HTTP_PORT", port)).returncode:
        assert process.poll() is None, (folder / "log").read_text()[-4000:]
        assert time.monotonic() < end, asked.stderr
        time.sleep(0.5)
    program = Path(f"/proc/{process.pid}/exe").readlink()
    assert program.name == "tritonserver"  # it is the process itself that gets the signals
    config = web.get(f"http://127.0.0.1:{port}/v2/models/genre_mel/config").json()
    assert config["instance_group"][0]["count"] == 1
    refused = web.post(f"http://127.0.0.1:{port}/v2/repository/index")
    assert refused.status_code == 403
    stub = next(pid for pid, line in children(process.pid).items() if "models/genre_vit/" in line)
    os.kill(stub, signal.SIGKILL)
    process.wait(60)  # the container ends, and is started again
    assert "a stub of triton's has died" in (folder / "log").read_text().lower()


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("ACOUSTICSENSE_CORES", "two", "ACOUSTICSENSE_CORES is 'two'"),
        ("TRITON_MODELS", "/nowhere", "no model repository at /nowhere"),
    ],
)
def test_a_container_that_cannot_start_says_why(tmp_path, setting, value, words):
    done = run("deploy.triton_container", TRITON_WORK=str(tmp_path / "work"), **{setting: value})
    assert done.returncode == 2
    assert words in done.stderr


def test_on_a_gpu_networks_move_and_decoding_stays(tmp_path):
    write_scaled(PROJECT / "model_repository", tmp_path / "models", 8, on_gpu=True)
    groups = {
        path.parent.name: read_config(path).instance_group[0]
        for path in (tmp_path / "models").glob("*_*/config.pbtxt")
    }
    on_gpu = {name for name, group in groups.items() if group.kind == ModelInstanceGroup.KIND_GPU}
    assert on_gpu == {"genre_vit", "chorus_net"}
    assert groups["genre_vit"].count == 1
    assert groups["genre_mel"].count == 8
