"""What a person reads when the machine lacks something."""

import socket
import sysconfig

import pytest

from deploy.embedded import installation
from deploy.embedded.installation import MissingPrerequisiteError, check_port, find_installation


def test_this_machine_is_fit():
    assert find_installation().executable.is_file()


def test_a_port_that_is_taken_is_named_with_its_setting():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(MissingPrerequisiteError, match=f"Port {port} .* TRITON_GRPC_PORT"):
            check_port(port, "TRITON_GRPC_PORT")
    check_port(port, "TRITON_GRPC_PORT")


@pytest.mark.parametrize(
    ("where", "answer", "words"),
    [
        ("platform.machine", lambda: "aarch64", "x86-64 Linux, this is aarch64"),
        ("platform.libc_ver", lambda: ("glibc", "2.31"), "glibc 2.35 or newer .* has glibc 2.31"),
        ("platform.libc_ver", lambda: ("", ""), "has another C library: use"),
        ("importlib.util.find_spec", lambda _: None, "nvidia-pytriton is not installed"),
    ],
)
def test_what_is_missing_is_said_with_what_to_do(monkeypatch, where, answer, words):
    module, name = where.rsplit(".", 1)
    owner = installation.platform if module == "platform" else installation.importlib.util
    monkeypatch.setattr(owner, name, answer)
    with pytest.raises(MissingPrerequisiteError, match=words):
        find_installation()


def test_a_missing_libpython_is_named_with_its_package(monkeypatch):
    names = {"INSTSONAME": "libpython3.11.so.9.9", "LIBDIR": "/nowhere", "MULTIARCH": "none"}
    monkeypatch.setattr(sysconfig, "get_config_var", names.get)
    with pytest.raises(MissingPrerequisiteError, match=r"apt-get install libpython3\.11"):
        find_installation()


def test_a_small_dev_shm_is_named_with_what_to_raise(monkeypatch):
    monkeypatch.setattr(installation, "_SHARED_MEMORY_BYTES", 2**60)
    with pytest.raises(MissingPrerequisiteError, match=r"--shm-size"):
        find_installation()
