"""``python -m deploy.docker.lock``: the packages of each image, with the hashes of their wheels.

``requirements.lock`` says which version of everything; here pip says which files those are for the
Python and the machine of an image, and their SHA-256 as the index has it. An image then installs
these files and no others (``pip install --require-hashes``).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

_PROJECT = Path(__file__).parents[2]
_FOLDER = Path(__file__).parent
# What pip takes on Debian 12 and newer, and on Ubuntu 22.04 and newer
_PLATFORMS = [f"manylinux_2_{minor}_x86_64" for minor in (36, 35, 34, 31, 28, 27, 26, 24, 17, 12)]
_PLATFORMS += ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"]
# redis asks for it before Python 3.11.3, as in Debian 12; pip looks at the Python that it runs on
_GATEWAY_TOO = ["async-timeout>=4.0.3,<6"]
# Each image's extras, and its Python; Triton's container of 26.04 has 3.12
_LOCKS: dict[str, tuple[list[str], str]] = {
    "gateway": (["gateway"], "3.11"),
    "triton": (["triton"], "3.12"),
    "embedded": (["triton", "embedded"], "3.11"),
    "build": ([], "3.11"),
}


class LockError(RuntimeError):
    """The packages cannot be locked; the message says why."""


def requirements(extras: list[str]) -> list[str]:
    """What ``pyproject.toml`` asks for; with no extras, what builds our own wheel.

    An extra that names another of ours is written out by the caller.
    """
    project = tomllib.loads((_PROJECT / "pyproject.toml").read_text())
    if not extras:
        return [*project["build-system"]["requires"], "wheel"]
    ours = project["project"]["name"]
    optional = project["project"]["optional-dependencies"]
    found = [each for extra in extras for each in optional[extra] if not each.startswith(ours)]
    return found + _GATEWAY_TOO * ("gateway" in extras)


def resolve(wanted: list[str], python: str) -> list[dict[str, Any]]:
    """What pip would install on an image with this Python: its report's entries.

    Raises:
        LockError: pip finds no such set.
    """
    target = [f"--platform={platform}" for platform in _PLATFORMS]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--report=-"]
    command += ["--ignore-installed", "--only-binary=:all:", f"--python-version={python}"]
    command += ["--implementation=cp", "--target=nowhere", *target]
    command += [f"--constraint={_PROJECT / 'requirements.lock'}", *wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise LockError(done.stderr.strip())
    entries: list[dict[str, Any]] = json.loads(done.stdout)["install"]
    return entries


def hashes(entries: list[dict[str, Any]]) -> dict[str, str]:
    """``name==version`` and the hash of each.

    Raises:
        LockError: a file is not from an index, so that nobody else has one with this hash.
    """
    found = {}
    for entry in entries:
        source = entry["download_info"]
        name, version = entry["metadata"]["name"], entry["metadata"]["version"]
        if not source["url"].startswith("https://"):
            raise LockError(
                f"{name} came from {source['url']}: lock without PIP_FIND_LINKS and such settings"
            )
        found[f"{name.lower()}=={version}"] = source["archive_info"]["hashes"]["sha256"]
    return found


def main() -> int:
    """Write every file anew; 1 if pip says no."""
    argparse.ArgumentParser(prog="python -m deploy.docker.lock", description=__doc__).parse_args()
    for name, (extras, python) in _LOCKS.items():
        print(f"{name}.txt …", flush=True)
        try:
            found = hashes(resolve(requirements(extras), python))
        except LockError as error:
            print(error, file=sys.stderr)
            return 1
        text = f"# Made by `make lock`, for Python {python} on x86-64 Linux.\n"
        for pin, sha in sorted(found.items()):
            text += f"{pin} \\\n    --hash=sha256:{sha}\n"
        (_FOLDER / f"{name}.txt").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
