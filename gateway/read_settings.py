"""The settings, or what is wrong with them: a line a fault, each with its variable."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import SettingsError

from gateway.settings import Settings
from gateway.settings_help import PREFIX, hints

_MORE = "What each setting is for: python -m gateway --help"


class WrongSettingsError(ValueError):
    """Its text is for whoever set them."""


def read_settings() -> Settings:
    """From the environment, and from a folder with a file for each that is secret.

    Raises:
        WrongSettingsError: one is wrong, or there is no such folder.
    """
    try:
        return _settings()
    except ValidationError as error:
        faults = [_fault(problem["loc"], problem["msg"]) for problem in error.errors()]
    except SettingsError as error:  # a list that is not JSON
        faults = [_not_json(error)]
    raise WrongSettingsError("\n".join([*faults, *hints(os.environ), _MORE]))


def _settings() -> Settings:
    variable = f"{PREFIX}SECRETS_DIR"
    folder = os.environ.get(variable)
    if not folder:
        return Settings()
    if not Path(folder).is_dir():  # never read as "nothing is secret, so let anyone in"
        raise WrongSettingsError(f"{variable}: there is no folder {folder}")
    return Settings(_secrets_dir=folder)


def _fault(place: tuple[int | str, ...], words: str) -> str:
    """``ACOUSTICSENSE_APPS[0].name: …``; what concerns several settings names them itself."""
    if not place:
        return words.removeprefix("Value error, ")
    name, *inner = map(str, place)
    variable = PREFIX + name.upper().removeprefix(PREFIX)
    if inner and inner[0].isdecimal():
        index, *fields = inner
        where = "".join([f"{variable}[{index}]", *(f".{field}" for field in fields)])
    else:
        where = "__".join([variable, *map(str.upper, inner)])
    return f"{where}: {words[0].lower()}{words[1:]}"


def _not_json(error: SettingsError) -> str:
    found = re.search(r'field "(\w+)"', str(error))
    if found is None:
        return str(error)
    return f"{PREFIX}{found[1].upper()}: must be JSON, and is not: {error.__cause__}"
