"""``python -m deploy.new_secrets FOLDER``: every secret of a deployment that is not there yet.

A folder for each part that reads it, so that each is given only its own:

    gateway/     apps.toml and the settings of the gateway that are secret, a file each
    postgresql/  password
    redis/       redis.conf
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

_EXAMPLE = """\
example:
  python -m deploy.new_secrets secrets --app karaoke

  makes what is missing below secrets/, and prints the keys of the app, once.
"""
# What other users of a container read; the folder that holds it is given to that container alone.
_OTHERS = 0o444


def main() -> int:
    """Make what is missing; 1 if it cannot be written."""
    arguments = _arguments()
    try:
        _make(arguments)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"The secrets cannot be made: {error}", file=sys.stderr)
        return 1
    return 0


def _make(arguments: argparse.Namespace) -> None:
    gateway, postgresql, redis = (
        arguments.folder / name for name in ("gateway", "postgresql", "redis")
    )
    for folder, mode in ((gateway, 0o700), (postgresql, 0o755), (redis, 0o755)):
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
    password = _kept(postgresql / "password", secrets.token_urlsafe(24), _OTHERS)
    line = _kept(redis / "redis.conf", f"requirepass {secrets.token_urlsafe(24)}\n", _OTHERS)
    database = f"postgresql://acousticsense:{password}@{arguments.database}/acousticsense"
    _kept(gateway / "acousticsense_database_url", database)
    cache = f"redis://:{line.removeprefix('requirepass ').strip()}@{arguments.cache}/0"
    _kept(gateway / "acousticsense_redis_url", cache)
    fernet = base64.urlsafe_b64encode(os.urandom(32)).decode()
    _kept(gateway / "acousticsense_secret_keys", json.dumps([fernet]))
    _kept(gateway / "acousticsense_token_keys", json.dumps([secrets.token_urlsafe(48)]))
    _first_app(gateway / "apps.toml", arguments.app)


def _kept(file: Path, text: str, mode: int = 0o600) -> str:
    """The text of the file, made with this one if it is missing."""
    if not file.exists():
        draft = file.with_name(f"{file.name}.new")  # whole or not at all
        draft.touch(0o600)
        draft.write_text(text)
        draft.chmod(mode)
        draft.rename(file)
    return file.read_text()


def _first_app(file: Path, name: str) -> None:
    """Have the gateway's own command make it, and print its keys."""
    if file.exists():
        print(f"{file} is there: it was left as it is.")
        return
    print(f"The keys of the app {name!r}, shown this once:\n", flush=True)
    command = [sys.executable, "-m", "gateway.new_app", name, "--file", str(file)]
    subprocess.run(command, check=True)  # noqa: S603  our own command


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.new_secrets",
        description="Make the secrets of a deployment that are not there yet.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="where they are kept")
    parser.add_argument("--app", default="demo", help="name of the first app (demo)")
    parser.add_argument(
        "--database", default="postgresql:5432", help="host:port of PostgreSQL (postgresql:5432)"
    )
    parser.add_argument("--cache", default="redis:6379", help="host:port of Redis (redis:6379)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
