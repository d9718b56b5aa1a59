import pytest
from pydantic import ValidationError

from gateway.settings import Settings


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
