"""The client for apps that speak SAMI's invoke protocol: appkey, access key and secret key.

The secret key signs a request for a token, and the token goes with every invocation until it is
about to expire.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import httpx

from acousticsense import calls
from acousticsense.audio import Audio
from acousticsense.client import AcousticSenseClient
from acousticsense.connection import TIMEOUT_SECONDS
from acousticsense.errors import AccessError, check
from acousticsense.signature import signed_headers

_QUERY = "Action=GetToken&Version=2021-07-27"
_ILLEGAL_TOKEN = 40200002
_RENEWED_SECONDS = 60.0  # before its end: an upload that takes long still arrives in time


@dataclass(frozen=True)
class _GetToken(calls.Call[str]):
    """GetToken, signed anew for every attempt: a signature that was used is refused."""

    access_key: str = ""
    secret_key: str = ""

    @contextmanager
    def request(self, base_url: str, api_key: str | None) -> Iterator[httpx.Request]:  # noqa: ARG002  the secret key is the proof
        """The signed request."""
        url = httpx.URL(base_url + self.path)
        body = json.dumps(self.content).encode()
        host = url.netloc.decode()
        keys = (self.access_key, self.secret_key)
        headers = signed_headers(body, _QUERY, host, *keys, datetime.now(UTC))
        yield httpx.Request(self.method, url, headers=headers, content=body)


class SamiClient:
    """Invokes a namespace. Threads may share one; ``with`` or :meth:`close` ends it.

    Raises what :class:`~acousticsense.AcousticSenseClient` raises.
    """

    def __init__(
        self,
        base_url: str,
        appkey: str,
        access_key: str = "",
        secret_key: str = "",
        *,
        token: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
        retries: int = 4,
    ) -> None:
        """Name a server and an app.

        Args:
            base_url: ``http://127.0.0.1:8080`` for instance.
            appkey: the app's.
            access_key: names the secret key.
            secret_key: signs requests for tokens.
            token: the app's static token, instead of the two keys.
            timeout: seconds without a sign of the server after which a call fails.
            retries: how often a call is made again if the server is busy, or the connection fails.

        Raises:
            ValueError: the URL is none of http or https, or there is nothing to show as proof.
        """
        if token is None and not (access_key and secret_key):
            raise ValueError("pass access_key and secret_key, or a static token")
        self._client = AcousticSenseClient(base_url, timeout=timeout, retries=retries)
        self._appkey = appkey
        self._keys = (access_key, secret_key)
        self._static = token
        self._token = ""
        self._renewed_at = 0.0
        self._lock = threading.Lock()

    def invoke(
        self,
        namespace: str,
        data: Audio | None = None,
        *,
        url: str | None = None,
        audio_info: Mapping[str, Any] | None = None,
    ) -> Any:
        """The result of an invocation.

        Args:
            namespace: ``DeepChorus`` or ``AcousticSense``.
            data: a path or the bytes of a file, which is sent.
            url: what the server is to download instead.
            audio_info: ``format``, ``sample_rate`` and ``channel`` of headerless PCM.

        Returns:
            A :class:`Chorus` or an :class:`Analysis`; of other namespaces, what JSON gives.
        """
        audio = url if data is None else data
        if audio is None:
            raise ValueError("pass data or url")
        try:
            return self._invoke(namespace, audio, audio_info)
        except AccessError as error:
            # Servers that are started anew may sign with other keys than the token's.
            if self._static is not None or error.code != _ILLEGAL_TOKEN:
                raise
            self._renewed_at = 0.0
            return self._invoke(namespace, audio, audio_info)

    def get_token(self, expiration: int = 3600) -> str:
        """A new token, good for so many seconds: a day at most."""
        content = {
            "appkey": self._appkey,
            "token_version": "volc-auth-v1",
            "expiration": expiration,
        }
        call = _GetToken(
            "POST",
            f"/?{_QUERY}",
            lambda response: str(check(response)["token"]),
            {},
            content,
            access_key=self._keys[0],
            secret_key=self._keys[1],
        )
        return self._client.call(call)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _invoke(self, namespace: str, audio: Audio, audio_info: Mapping[str, Any] | None) -> Any:
        identity = {"appkey": self._appkey, "token": self._current_token()}
        asked = {"audio_info": dict(audio_info)} if audio_info is not None else {}
        return self._client.call(
            calls.invocation(
                namespace,
                audio,
                identity,
                lambda response: calls.read_payload(namespace, check(response)),
                **asked,
            )
        )

    def _current_token(self) -> str:
        """The static token, or one that is good for a while yet; threads share one."""
        if self._static is not None:
            return self._static
        with self._lock:
            now = time.monotonic()
            if now >= self._renewed_at:
                seconds = 3600
                self._token = self.get_token(seconds)
                self._renewed_at = now + seconds - _RENEWED_SECONDS
            return self._token
