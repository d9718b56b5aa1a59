"""What ``python -m gateway --help`` says of the settings, and which names are misspelt."""

from __future__ import annotations

import difflib
import inspect
import shutil
import textwrap
from collections.abc import Iterable, Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.settings import Settings

PREFIX = str(Settings.model_config["env_prefix"])
_ALIKE = 0.8  # of difflib: a letter or two, a plural, a missing underscore
_WIDEST = 100
_INDENT = 6 * " "


def described() -> str:
    """Every variable, its default in brackets, and what it is for."""
    width = min(_WIDEST, shutil.get_terminal_size().columns)
    lines = []
    for name, field in _fields(Settings):
        given = field.default not in (None, "", [], ())
        lines.append(f"  {PREFIX}{name} ({field.default})" if given else f"  {PREFIX}{name}")
        words = inspect.cleandoc(field.description or "").replace("``", "")
        lines.append(textwrap.fill(words, width, initial_indent=_INDENT, subsequent_indent=_INDENT))
    return "\n".join(lines)


def hints(environment: Iterable[str]) -> list[str]:
    """A sentence for each variable that does nothing, but is nearly the name of a setting."""
    names = [name for name, _ in _fields(Settings)]
    ours = [name.removeprefix(PREFIX) for name in environment if name.startswith(PREFIX)]
    return [
        f"{PREFIX}{name} is no setting: is {PREFIX}{meant} meant?"
        for name in sorted(set(ours) - set(names))
        for meant in difflib.get_close_matches(name, names, 1, _ALIKE)
    ]


def _fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        if isinstance(field.default, BaseModel):
            yield from _fields(type(field.default), f"{prefix}{name.upper()}__")
        else:
            yield prefix + name.upper(), field
