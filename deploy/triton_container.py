"""``python -m deploy.triton_container``: Triton as a container's one process.

Lays the model repository out for the cores that the container has, then becomes the server, so
that signals and exit statuses are Triton's own; a watch (:mod:`deploy.stubs`) stays beside it. It
serves with the container's own Triton, or with the embedded one where there is no other.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.embedded.installation import MissingPrerequisiteError, find_installation
from deploy.embedded.repository import available_cores, write_scaled
from deploy.triton_arguments import Ports, embedded_arguments, remove_regions, server_arguments

BACKENDS = Path(sys.prefix) / "backends"
"""The embedded Triton's, written when the image is made: no code runs from where one may write."""
_TRITON = Path("/opt/tritonserver/bin/tritonserver")
_EPILOG = """\
environment:
  TRITON_MODELS         the model repository (/models), which is only read
  TRITON_WORK           a folder to write to, emptied at every start (/tmp/triton)
  TRITON_ADDRESS        address to listen on (127.0.0.1); 0.0.0.0 only where a network of its own
                        lets nobody but the gateway in: Triton asks for no password
  TRITON_HTTP_PORT      ports (8000, 8001, 8002)
  TRITON_GRPC_PORT
  TRITON_METRICS_PORT
  TRITON_EXIT_SECONDS   how long work may go on after SIGTERM (30)
  TRITON_GPUS           1: networks run on the GPU (0)
  ACOUSTICSENSE_CORES   cores to use, for instances and threads: the container's CPU limit

example:
  docker run --network none --shm-size 1g -v ./model_repository:/models:ro \\
    acousticsense/triton-embedded:0.1.0
"""


def main() -> None:
    """Become the server; status 2 if the machine or a setting is not right."""
    argparse.ArgumentParser(
        prog="python -m deploy.triton_container",
        description="Serve the models in a container.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    try:
        command, environment, work = _prepare()
    except (MissingPrerequisiteError, ValueError, OSError) as error:
        print(f"Cannot start: {error}", file=sys.stderr)
        sys.exit(2)
    watch = [sys.executable, "-m", "deploy.stubs", str(os.getpid())]  # which Triton will have
    subprocess.Popen(watch, stdin=subprocess.DEVNULL)  # noqa: S603  our own arguments
    os.chdir(work)  # the stubs import from where they stand
    os.execve(command[0], command, environment)  # noqa: S606  our own arguments


def _prepare() -> tuple[list[str], dict[str, str], Path]:
    """The server's command and environment; its folder is written."""
    models = Path(os.environ.get("TRITON_MODELS") or "/models")
    work = Path(os.environ.get("TRITON_WORK") or "/tmp/triton")  # noqa: S108  the container's own
    cores = _number("ACOUSTICSENSE_CORES", available_cores(), least=1)
    names = ("HTTP", "GRPC", "METRICS")
    ports = Ports(
        *(_number(f"TRITON_{name}_PORT", 8000 + at, least=1) for at, name in enumerate(names))
    )
    arguments = server_arguments(
        work / "models",
        ports,
        cores,
        _number("TRITON_EXIT_SECONDS", 30, least=0),
        os.environ.get("TRITON_ADDRESS") or "127.0.0.1",
    )
    shutil.rmtree(work, ignore_errors=True)
    remove_regions(ports)  # /dev/shm outlives a container that is started again in its pod
    on_gpu = bool(_number("TRITON_GPUS", 0, least=0))
    write_scaled(models, work / "models", cores, on_gpu=on_gpu)
    if _TRITON.is_file():
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        return [str(_TRITON), *arguments], environment, work
    installation = find_installation()
    command = [str(installation.executable), *arguments, *embedded_arguments(BACKENDS, ports)]
    return command, installation.environment(os.environ), work


def _number(setting: str, default: int, *, least: int) -> int:
    text = os.environ.get(setting, "")
    if not text:
        return default
    if not text.isdecimal() or int(text) < least:
        raise ValueError(f"{setting} is {text!r}: it must be a whole number, {least} or more")
    return int(text)


if __name__ == "__main__":
    main()
