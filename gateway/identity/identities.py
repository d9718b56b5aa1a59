"""One answer to "who is this?" for all fronts, or the error that the protocol has for it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import datetime

from pydantic import SecretStr

from gateway import errors
from gateway.identity.apps import App
from gateway.identity.replay import ReplayMemory
from gateway.identity.signature import SignedRequest, prove
from gateway.identity.tokens import Tokens

ANONYMOUS = App(
    name="anonymous",
    appkey="anonymous",
    access_key="anonymous",
    secret_key=SecretStr("there is nothing to sign"),
    # Whoever asks is on this machine: only the bound on all requests together holds.
    max_concurrency=2**31,
    requests_per_minute=2**31,
)
_REST_NAMESPACE = "AcousticSense"


class Identities:
    """The apps and their proofs. Without any app everyone is let in, as ``ANONYMOUS``.

    No way in tells by its timing how much of a secret was right.
    """

    def __init__(self, apps: Sequence[App], tokens: Tokens, now: Callable[[], datetime]) -> None:
        self._by_appkey = {app.appkey: app for app in apps}
        self._by_access_key = {app.access_key: app for app in apps}
        self._secret_keys = {app.access_key: app.secret_key for app in apps}
        self._api_keys = [(each.encode(), app) for app in apps for each in app.api_key_hashes]
        self._tokens = tokens
        self._replays = ReplayMemory()
        self._now = now

    @property
    def is_open(self) -> bool:
        """Whether anyone is let in, because no app is configured."""
        return not self._by_appkey

    def invoke_app(
        self, appkey: str, token: str, namespace: str, authorization: str | None = None
    ) -> App:
        """The app of an invocation: by appkey and token or, where neither is sent, by API key.

        Raises:
            InvalidAccess: appkey or API key is missing or unknown.
            IllegalToken: the token is missing, wrong, expired or another appkey's.
            DeniedNamespace: the app may not ask for this namespace.
        """
        if authorization is None or appkey or token:
            return _granted(self._app_of_appkey(appkey, token), namespace)
        app = ANONYMOUS if self.is_open else self._app_of_api_key(authorization)
        return _granted(app, namespace)

    def rest_app(self, authorization: str | None) -> App:
        """The app of a REST request, by its ``Authorization: Bearer <api key>``.

        Raises:
            InvalidAccess: the header is missing or of another scheme, or the key unknown.
            DeniedNamespace: the app may not ask for AcousticSense.
        """
        if self.is_open:
            return ANONYMOUS
        return _granted(self._app_of_api_key(authorization), _REST_NAMESPACE)

    def task_app(self, authorization: str | None, appkey: str | None, token: str | None) -> App:
        """The app that asks for its tasks, in either way, whatever it may ask to be analysed.

        Raises:
            InvalidAccess: neither an API key nor an appkey, or an unknown one.
            IllegalToken: as for :meth:`invoke_app`.
        """
        if self.is_open:
            return ANONYMOUS
        if authorization is None and appkey:
            return self._app_of_appkey(appkey, token or "")
        return self._app_of_api_key(authorization)

    def _app_of_appkey(self, appkey: str, token: str) -> App:
        if not appkey:
            raise errors.InvalidAccess("appkey is missing")
        if not token:
            raise errors.IllegalToken("token is missing")
        if self.is_open:
            return ANONYMOUS
        app = self._by_appkey.get(appkey)
        if app is None:
            raise errors.InvalidAccess("the appkey is unknown")
        if not _is_static_token(app, token):
            self._tokens.verify(token, appkey, self._now())
        return app

    def _app_of_api_key(self, authorization: str | None) -> App:
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise errors.InvalidAccess("send the header Authorization: Bearer <api key>")
        presented = _hash(key.strip()).hex().encode()
        found = None
        for known, app in self._api_keys:  # to the end, wherever it is found
            if hmac.compare_digest(known, presented):
                found = app
        if found is None:
            raise errors.InvalidAccess("the API key is unknown")
        return found

    def signing_app(self, request: SignedRequest, appkey: str) -> tuple[App, str]:
        """The app that signed a GetToken request for its own appkey, and the signature.

        The signature is used up in this process; an open server has none to give.

        Raises:
            ClientError: as for ``signature.prove``.
            InvalidAccess: as for ``signature.prove``; or the request was used before, or the
                appkey is not that of the access key.
            ExceededConcurrency: the app signed too many requests.
        """
        if self.is_open:
            return ANONYMOUS, ""
        now = self._now()
        proof = prove(request, self._secret_keys, now)
        app = self._by_access_key[proof.access_key]
        if not _equal(app.appkey, appkey):
            raise errors.InvalidAccess("the appkey is not that of the access key")
        self._replays.use(proof, now)
        return app, proof.signature

    def issue_token(self, app: App, seconds: int) -> tuple[str, int]:
        """A token for the app, and the Unix second at which it expires.

        Raises:
            ClientError: ``seconds`` is not within a day.
        """
        return self._tokens.issue(app, seconds, self._now())


def _granted(app: App, namespace: str) -> App:
    if namespace not in app.namespaces:
        raise errors.DeniedNamespace(
            f"namespace {namespace[:64]!r} is not granted; use {' or '.join(app.namespaces)}"
        )
    return app


def _is_static_token(app: App, token: str) -> bool:
    return app.token is not None and _equal(app.token.get_secret_value(), token)


def _equal(one: str, other: str) -> bool:
    """Compared as hashes: the comparison alone would tell the length."""
    return hmac.compare_digest(_hash(one), _hash(other))


def _hash(text: str) -> bytes:
    # JSON can carry halves of surrogate pairs, which UTF-8 cannot.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
