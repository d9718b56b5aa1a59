"""The apps that are let in: their keys, what they are granted and how much they may use.

An operator writes them into a TOML file, one ``[[apps]]`` table an app; ``python -m
gateway.new_app`` makes such a table.

API keys are kept as plain SHA-256, without salt or stretching: those guard guessable secrets, and
an API key is 256 random bits that nobody guesses, checked on every single request. The secret key
cannot be hashed, because checking a signature takes it; the file is as secret as what it holds.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
)

Namespace = Literal["DeepChorus", "AcousticSense"]
_Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_LEAST_SECRET_CHARS = 16


def _hard_to_guess(secret: SecretStr) -> SecretStr:
    if len(secret) < _LEAST_SECRET_CHARS:
        raise ValueError(f"must have at least {_LEAST_SECRET_CHARS} characters")
    return secret


_Secret = Annotated[SecretStr, AfterValidator(_hard_to_guess)]


class AppsError(ValueError):
    """The apps as configured cannot be used; one sentence says what to change, and no secret."""


class App(BaseModel):
    """One app, as the operator declares it."""

    # Without the input in its errors: the input is secrets.
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True
    )

    name: str = Field(min_length=1, max_length=64)
    """For people: printable, shown in logs and metrics."""

    appkey: str = Field(pattern=r"^[!-~]{1,128}$")
    """Names the app in the invoke protocol. Public; it travels in query strings."""

    access_key: str = Field(pattern=r"^[A-Za-z0-9_.=+-]{1,128}$")
    """Names the app when it signs. Public; without the slash and comma that would end it there."""

    secret_key: _Secret
    """Signs GetToken requests."""

    token: _Secret | None = None
    """A static token, for apps that cannot call GetToken."""

    api_key_hashes: tuple[_Hash, ...] = ()
    """SHA-256 of every API key for the REST protocol, in lower-case hexadecimal."""

    namespaces: tuple[Namespace, ...] = ("DeepChorus", "AcousticSense")
    """What the app may ask for; the REST protocol asks for AcousticSense."""

    max_concurrency: int = Field(8, ge=1)
    """Requests of this app in work at the same time."""

    requests_per_minute: int = Field(600, ge=1)
    """How many requests are let in over time."""

    @field_validator("name")
    @classmethod
    def _printable(cls, name: str) -> str:
        if not name.isprintable():
            raise ValueError("must be printable, on one line")
        return name

    @property
    def burst(self) -> int:
        """Requests that may come at once after a pause: six seconds' worth, and never none."""
        return max(1, self.requests_per_minute // 10)


def load_apps(path: Path) -> list[App]:
    """The apps of a TOML file.

    Raises:
        AppsError: the file cannot be read, is not such a file, or holds no app or one twice.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise AppsError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise AppsError(f"{path} is not UTF-8 text") from None
    return parse_apps(text, str(path))


def parse_apps(text: str, source: str) -> list[App]:
    """The apps of a TOML text; ``source`` names it in errors.

    Raises:
        AppsError: as for ``load_apps``.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise AppsError(f"{source} is not TOML: {error}") from None
    for key in document.keys() - {"apps"}:
        raise AppsError(f"{source}: unknown key {key!r}; it takes only [[apps]] tables")
    tables = document.get("apps")
    if not tables or not isinstance(tables, list):
        # Never read as "no app, so let anyone in".
        raise AppsError(f"{source} holds no [[apps]] table")
    apps = [_app(table, number, source) for number, table in enumerate(tables, 1)]
    check_distinct(apps, source)
    return apps


def check_distinct(apps: Iterable[App], source: str) -> None:
    """Make sure that no two apps share a key.

    Raises:
        AppsError: two do; ``source`` names where they stand.
    """
    seen: dict[tuple[str, str], App] = {}
    for app in apps:
        for kind, value in _identifiers(app):
            other = seen.setdefault((kind, value), app)
            if other is not app:
                raise AppsError(
                    f"{source}: apps {other.name!r} and {app.name!r} have the same {kind}"
                )


def _identifiers(app: App) -> Iterator[tuple[str, str]]:
    """What tells an app from the others."""
    yield "appkey", app.appkey
    yield "access_key", app.access_key
    for each in app.api_key_hashes:
        yield "API key", each


def _app(table: Any, number: int, source: str) -> App:
    try:
        return App.model_validate(table)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
    field = ".".join(map(str, problem["loc"])) or "the table"
    raise AppsError(f"{source}: app {number}: {field}: {problem['msg']}")
