"""Receivers' secrets at rest: encrypted, so that a copy of the database alone signs nothing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class UnreadableSecretError(Exception):
    """The secret was encrypted with a key that is not among ours."""


class SecretBox:
    """Encrypts with the first key and decrypts with any, so that keys can be changed."""

    def __init__(self, keys: Sequence[str | bytes]) -> None:
        """Take the keys, newest first, as Fernet's: 32 bytes in URL-safe base64.

        Raises:
            ValueError: one is not such a key.
        """
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise ValueError("a secret key must be 32 bytes in URL-safe base64") from None

    def seal(self, secret: str) -> str:
        """Encrypt a secret."""
        return self._fernet.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """Decrypt a secret.

        Raises:
            UnreadableSecretError: none of the keys is the one it was encrypted with.
        """
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise UnreadableSecretError from None


def kept_key(path: Path) -> bytes:
    """The key in a file, which is made, for its owner's eyes only, if it is not there."""
    if not path.exists():
        # Such a file is its owner's alone from the beginning.
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f"{path.name}.") as draft:
            draft.write(Fernet.generate_key())
            draft.flush()
            os.fsync(draft.fileno())
            with suppress(FileExistsError):  # another process was first: its key counts
                path.hardlink_to(draft.name)
    return path.read_bytes()
