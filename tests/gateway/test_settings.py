import os
import subprocess
import sys

import pytest
from pydantic import ValidationError

from gateway.read_settings import WrongSettingsError, read_settings
from gateway.settings import Settings
from gateway.settings_help import hints
from tests.conftest import PROJECT


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_loopback_addresses_are_accepted(monkeypatch, host):
    monkeypatch.setenv("ACOUSTICSENSE_HOST", host)
    assert Settings().host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.com", ""])  # noqa: S104
def test_an_address_that_others_reach_is_refused_while_anyone_is_let_in(monkeypatch, host):
    monkeypatch.setenv("ACOUSTICSENSE_HOST", host)
    with pytest.raises(ValidationError, match="no app is configured"):
        Settings()


def test_with_apps_any_address_may_be_listened_on(monkeypatch, tmp_path):
    monkeypatch.setenv("ACOUSTICSENSE_HOST", "0.0.0.0")  # noqa: S104
    monkeypatch.setenv("ACOUSTICSENSE_APPS_FILE", str(tmp_path / "apps.toml"))
    assert Settings().host == "0.0.0.0"  # noqa: S104


def test_the_port_is_read_from_either_name(monkeypatch):
    monkeypatch.delenv("ACOUSTICSENSE_PORT", raising=False)
    monkeypatch.setenv("PORT", "9090")
    assert Settings().port == 9090


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("MAX_IN_FLIGHT", "0", "MAX_IN_FLIGHT: input should be greater than 0"),
        ("PORT", "many", "PORT: input should be a valid integer"),
        ("OUTBOUND__REDIRECTS", "-1", "OUTBOUND__REDIRECTS: input should be greater than or"),
        ("APPS", "{", "APPS: must be JSON, and is not: Expecting property name"),
        ("APPS", '[{"name": "a"}]', "APPS[0].appkey: field required"),
        ("SAMPLE_SONG", "/nowhere.mp3", "SAMPLE_SONG: path does not point to a file"),
        ("SECRETS_DIR", "/nowhere", "SECRETS_DIR: there is no folder /nowhere"),
    ],
)
def test_a_wrong_setting_is_named_as_it_was_set(monkeypatch, variable, value, words):
    monkeypatch.setenv(f"ACOUSTICSENSE_{variable}", value)
    with pytest.raises(WrongSettingsError) as caught:
        read_settings()
    assert str(caught.value).startswith(f"ACOUSTICSENSE_{words}")


def test_a_setting_that_misses_its_name_is_hinted_at_with_the_fault(monkeypatch):
    monkeypatch.setenv("ACOUSTICSENSE_HOST", "0.0.0.0")  # noqa: S104
    monkeypatch.setenv("ACOUSTICSENSE_APP_FILE", "apps.toml")
    with pytest.raises(WrongSettingsError) as caught:
        read_settings()
    fault, hint, more = str(caught.value).splitlines()
    assert fault.startswith("host '0.0.0.0' is refused")
    assert hint == "ACOUSTICSENSE_APP_FILE is no setting: is ACOUSTICSENSE_APPS_FILE meant?"
    assert more.endswith("python -m gateway --help")


def test_only_near_misses_are_hinted_at():
    others = ["PATH", "PORT", "ACOUSTICSENSE_CORES", "ACOUSTICSENSE_URL", "ACOUSTICSENSE_API_KEY"]
    ours = [f"ACOUSTICSENSE_{name.upper()}" for name in Settings.model_fields]
    assert hints([*others, *ours, "ACOUSTICSENSE_OUTBOUND__CA_FILE"]) == []
    assert [hint.split()[0] for hint in hints(["ACOUSTICSENSE_OUTBOUND__CAFILE"])] == [
        "ACOUSTICSENSE_OUTBOUND__CAFILE"
    ]


def test_help_and_documentation_tell_every_setting():
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "--help"],
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    document = (PROJECT / "docs" / "settings.md").read_text()
    for name in Settings.model_fields:
        variable = f"ACOUSTICSENSE_{name.upper()}"
        assert f"`{variable}`" in document or name == "port"
        (at,) = [
            number
            for number, line in enumerate(lines)
            if line.strip().split(" (")[0] in {variable, f"{variable}__ALLOWED_HOSTS"}
        ]
        assert len(lines[at + 1].split()) > 2, "what it is for stands below"
    assert "  ACOUSTICSENSE_DEADLINE_SECONDS (60.0)" in lines
    assert max(map(len, lines)) <= 80
