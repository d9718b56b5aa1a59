"""``python -m gateway.new_app NAME``: keys for a new app, printed once and kept by nobody else."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr, ValidationError

from gateway.identity.apps import App, AppsError, parse_apps

_EXAMPLE = """\
example:
  python -m gateway.new_app karaoke --file apps.toml

  makes the app `karaoke`, prints its keys and adds its table to apps.toml, which only you can
  read. The API key stands there as a hash: keep what is printed, it is not shown again.
"""


@dataclass(frozen=True, slots=True)
class NewApp:
    """An app and the API key that only its owner will have."""

    app: App
    api_key: SecretStr

    def keys(self) -> str:
        """What the app's owner is given, a line each."""
        return (
            f"appkey      {self.app.appkey}\n"
            f"access key  {self.app.access_key}\n"
            f"secret key  {self.app.secret_key.get_secret_value()}\n"
            f"API key     {self.api_key.get_secret_value()}\n"
        )

    def table(self) -> str:
        """What the operator stores."""
        fields = {
            "name": self.app.name,
            "appkey": self.app.appkey,
            "access_key": self.app.access_key,
            "secret_key": self.app.secret_key.get_secret_value(),
            "api_key_hashes": list(self.app.api_key_hashes),
        }
        # What JSON writes for printable strings and lists of them, TOML reads.
        lines = (f"{key} = {json.dumps(each, ensure_ascii=False)}" for key, each in fields.items())
        return "\n".join(["[[apps]]", *lines, ""])


def new_app(name: str) -> NewApp:
    """Random keys for an app of this name.

    Raises:
        ValidationError: the name is empty, too long or not printable.
    """
    api_key = f"ask_{secrets.token_urlsafe(32)}"
    app = App(
        name=name,
        appkey=secrets.token_hex(8),
        access_key=f"AK{secrets.token_hex(16)}",
        secret_key=SecretStr(secrets.token_urlsafe(32)),
        api_key_hashes=(hashlib.sha256(api_key.encode()).hexdigest(),),
    )
    return NewApp(app, SecretStr(api_key))


def append(table: str, file: Path) -> None:
    """Add a table to the file, in one step: readers see the old file or the new one, whole.

    The file ends readable by its owner only, and is made if there is none.

    Raises:
        AppsError: the file as it stands, or with the table, is not a file of apps.
        OSError: it cannot be read or written; FileExistsError if another command is at it.
    """
    file = file.resolve()  # a link stays a link
    text = file.read_text("utf-8") if file.exists() else ""
    joined = f"{text.rstrip()}\n\n{table}" if text.strip() else table
    parse_apps(joined, str(file))
    draft = file.with_name(f"{file.name}.new")
    # Made by nobody else: two commands at once would lose an app.
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as output:
            output.write(joined)
            output.flush()
            os.fsync(output.fileno())
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def main() -> int:
    """Make the keys, store and print them; 1 if they cannot be stored, 2 if the name is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway.new_app",
        description="Make the keys of a new app.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", help="what people call the app, up to 64 characters")
    parser.add_argument("--file", type=Path, help="add the app to this TOML file")
    arguments = parser.parse_args()
    try:
        made = new_app(arguments.name)
    except ValidationError as error:
        parser.error(f"the name: {error.errors(include_input=False)[0]['msg']}")
    if arguments.file is not None:
        try:
            append(made.table(), arguments.file)
        except FileExistsError as error:
            print(f"{error.filename} is there: another command is at it, or died", file=sys.stderr)
            return 1
        except (AppsError, OSError, UnicodeDecodeError) as error:
            print(error, file=sys.stderr)
            return 1
    print(made.keys())
    print(made.table() if arguments.file is None else f"added to {arguments.file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
