import stat
import threading

import pytest
from cryptography.fernet import Fernet

from gateway.webhooks.secrets import SecretBox, UnreadableSecretError, kept_key


def test_a_secret_at_rest_is_not_the_secret():
    box = SecretBox([Fernet.generate_key()])
    sealed = box.seal("my secret")
    assert "my secret" not in sealed
    assert box.open(sealed) == "my secret"


def test_keys_can_be_changed_while_old_secrets_are_kept():
    old, new = Fernet.generate_key(), Fernet.generate_key()
    sealed = SecretBox([old]).seal("my secret")
    assert SecretBox([new, old]).open(sealed) == "my secret"
    with pytest.raises(UnreadableSecretError):
        SecretBox([new]).open(sealed)


def test_a_key_that_is_none_is_refused_without_being_told():
    with pytest.raises(ValueError, match="32 bytes") as caught:
        SecretBox(["not a key"])
    assert "not a key" not in str(caught.value)


def test_the_kept_key_is_made_once_for_its_owner_only(tmp_path):
    path = tmp_path / "secrets.key"
    keys = []
    threads = [threading.Thread(target=lambda: keys.append(kept_key(path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert set(keys) == {kept_key(path)}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["secrets.key"]
