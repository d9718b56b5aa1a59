"""The ``tritonserver`` inside the ``nvidia-pytriton`` wheel, and what it needs of the machine.

Everything that can be missing is looked for before the server starts, because its own messages
about a library that does not load, or a port that is taken, come late and say little.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import socket
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_GLIBC = (2, 35)
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  where the Python backend keeps its tensors
_SHARED_MEMORY_BYTES = 256 * 2**20
_ONNXRUNTIME = Path(__file__).with_name("onnxruntime")


class MissingPrerequisiteError(RuntimeError):
    """The machine lacks something; the message says what, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Where the wheel's server lies, and the library folders it needs."""

    wheel: Path
    site_packages: Path
    python_library: Path

    @property
    def executable(self) -> Path:
        """The ``tritonserver`` program."""
        return self.wheel / "tritonserver" / "bin" / "tritonserver"

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """Variables for the server's process and the Python stubs that it starts."""
        libraries = [self.site_packages / "nvidia_pytriton.libs", self.python_library]
        return {
            **inherited,
            "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
            # The stubs embed an interpreter that ignores PYTHONPATH and takes its packages from
            # where the first python3 of PATH stands: let that be this environment's.
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), inherited.get("PATH", ""))),
            "PYTHONDONTWRITEBYTECODE": "1",
            # One thread a stub: instances, not BLAS threads, fill the cores.
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }


def find_installation() -> Installation:
    """Find the server and check the machine.

    Raises:
        MissingPrerequisiteError: the machine cannot run it.
    """
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise MissingPrerequisiteError(
            f"The embedded Triton runs on x86-64 Linux, this is {platform.machine()} "
            f"{sys.platform}: run Triton's container instead."
        )
    _check_glibc()
    _check_shared_memory()
    wheel = find_wheel()
    return Installation(wheel, wheel.parent, _python_library())


def find_wheel() -> Path:
    """Find the wheel's folder, with a stub for this Python in it.

    Raises:
        MissingPrerequisiteError: it is not installed, or not for this Python.
    """
    found = importlib.util.find_spec("pytriton")
    if found is None or found.origin is None:
        raise MissingPrerequisiteError(
            "The package nvidia-pytriton is not installed: run `make install`."
        )
    wheel = Path(found.origin).parent
    _stub(wheel)
    return wheel


def write_backends(wheel: Path, target: Path) -> None:
    """Lay out a backend directory: the wheel's Python backend, and ours named onnxruntime."""
    python = target / "python"  # copied: Triton refuses a library whose link leads elsewhere
    shutil.copytree(wheel / "tritonserver" / "backends" / "python", python)
    shutil.copy(_stub(wheel), python)
    shutil.copytree(_ONNXRUNTIME, target / "onnxruntime")


def check_port(port: int, setting: str) -> None:
    """Make sure that a loopback port is free.

    Raises:
        MissingPrerequisiteError: something listens there, or it is none.
    """
    if not 0 < port < 2**16:
        raise MissingPrerequisiteError(f"{setting} is {port}: a port is a number from 1 to 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise MissingPrerequisiteError(
                f"Port {port} cannot be used ({error.strerror}): "
                f"stop what uses it, or set {setting} to another."
            ) from None


def _check_glibc() -> None:
    name, version = platform.libc_ver()
    found = tuple(int(part) for part in version.split(".")[:2]) if name == "glibc" else (0,)
    if found < _GLIBC:
        raise MissingPrerequisiteError(
            f"The embedded Triton needs glibc {_GLIBC[0]}.{_GLIBC[1]} or newer (Debian 12, "
            f"Ubuntu 22.04), this machine has {name or 'another C library'} {version}".rstrip()
            + ": use a newer system or Triton's container."
        )


def _check_shared_memory() -> None:
    free = shutil.disk_usage(_SHARED_MEMORY).free if _SHARED_MEMORY.is_dir() else 0
    if free < _SHARED_MEMORY_BYTES:
        raise MissingPrerequisiteError(
            f"{_SHARED_MEMORY} has {free // 2**20} MiB free, Triton's Python backend needs "
            f"{_SHARED_MEMORY_BYTES // 2**20}: in a container, raise --shm-size."
        )


def _stub(wheel: Path) -> Path:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = wheel / "tritonserver" / "python_backend_stubs" / version / "triton_python_backend_stub"
    if not stub.is_file():
        raise MissingPrerequisiteError(
            f"nvidia-pytriton has no Python backend for Python {version}: use Python 3.11."
        )
    return stub


def _python_library() -> Path:
    """Folder of the shared libpython, which the stubs load."""
    name = sysconfig.get_config_var("INSTSONAME") or ""
    if ".so" not in name:  # an interpreter with its library built in: a package may still have one
        name = f"libpython{sys.version_info.major}.{sys.version_info.minor}.so.1.0"
    multiarch = sysconfig.get_config_var("MULTIARCH") or "x86_64-linux-gnu"
    libraries = (sysconfig.get_config_var("LIBDIR") or "", f"/usr/lib/{multiarch}", "/usr/lib64")
    for folder in map(Path, libraries):
        if (folder / name).is_file():
            return folder
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    raise MissingPrerequisiteError(
        f"{name} is missing, and Triton's Python backend loads it: install libpython{version} "
        f"(Debian, Ubuntu: `apt-get install libpython{version}`), or use a Python built with "
        "--enable-shared."
    )
