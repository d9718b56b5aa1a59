import hashlib
import traceback
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from gateway import errors
from gateway.identity.apps import App
from gateway.identity.identities import ANONYMOUS, Identities
from gateway.identity.signature import SignedRequest
from gateway.identity.tokens import Tokens
from tests.gateway.signing import ACCESS_KEY, APPKEY, BODY, QUERY, SECRET_KEY, signed_headers

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WRONG_KEY = "not-the-secret-key"
STATIC_TOKEN = "a-static-token-of-tests"
API_KEYS = ["ask_first-key-of-the-app", "ask_second-key-of-the-app"]
SECRETS = [SECRET_KEY, STATIC_TOKEN, *API_KEYS]
KARAOKE = App(
    name="karaoke",
    appkey=APPKEY,
    access_key=ACCESS_KEY,
    secret_key=SecretStr(SECRET_KEY),
    token=SecretStr(STATIC_TOKEN),
    api_key_hashes=tuple(hashlib.sha256(key.encode()).hexdigest() for key in API_KEYS),
)
CHORUS_ONLY = App(
    name="chorus only",
    appkey="chorus-appkey",
    access_key="AKchorus",
    secret_key=SecretStr("another-secret-key"),
    api_key_hashes=(hashlib.sha256(b"ask_chorus").hexdigest(),),
    namespaces=("DeepChorus",),
)


class Clock:
    """A time that a test moves."""

    def __init__(self):
        self.time = NOW

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def identities(clock):
    return Identities([KARAOKE, CHORUS_ONLY], Tokens([]), clock)


def test_a_static_token_lets_its_app_in(identities):
    assert identities.invoke_app(APPKEY, STATIC_TOKEN, "DeepChorus") is KARAOKE


def test_an_issued_token_lets_its_app_in_until_it_expires(identities, clock):
    token, _ = identities.issue_token(CHORUS_ONLY, 60)
    assert identities.invoke_app("chorus-appkey", token, "DeepChorus") is CHORUS_ONLY
    clock.time += timedelta(seconds=60)
    with pytest.raises(errors.IllegalToken, match="expired"):
        identities.invoke_app("chorus-appkey", token, "DeepChorus")


def test_an_api_key_lets_its_app_invoke_where_neither_appkey_nor_token_is_sent(identities):
    bearer = f"Bearer {API_KEYS[1]}"
    assert identities.invoke_app("", "", "DeepChorus", bearer) is KARAOKE
    with pytest.raises(errors.InvalidAccess, match="API key is unknown"):
        identities.invoke_app("", "", "DeepChorus", "Bearer ask_nobody")
    with pytest.raises(errors.DeniedNamespace):
        identities.invoke_app("", "", "AcousticSense", "Bearer ask_chorus")


def test_an_api_key_saves_no_wrong_token_and_no_half_identity(identities):
    bearer = f"Bearer {API_KEYS[1]}"
    with pytest.raises(errors.IllegalToken, match="missing"):
        identities.invoke_app(APPKEY, "", "DeepChorus", bearer)
    with pytest.raises(errors.InvalidAccess, match="appkey is missing"):
        identities.invoke_app("", STATIC_TOKEN, "DeepChorus", bearer)


@pytest.mark.parametrize("appkey", ["", "nobody", "\ud800", ACCESS_KEY])
def test_a_missing_or_unknown_appkey_is_refused(identities, appkey):
    with pytest.raises(errors.InvalidAccess):
        identities.invoke_app(appkey, STATIC_TOKEN, "DeepChorus")


@pytest.mark.parametrize(
    "token", ["", STATIC_TOKEN[:-1], STATIC_TOKEN + "x", "\ud800", "é", API_KEYS[0], SECRET_KEY]
)
def test_a_missing_or_wrong_token_is_refused(identities, token):
    with pytest.raises(errors.IllegalToken):
        identities.invoke_app(APPKEY, token, "DeepChorus")


def test_another_apps_token_is_refused_static_or_issued(identities):
    issued, _ = identities.issue_token(KARAOKE, 60)
    for foreign in (STATIC_TOKEN, issued):
        with pytest.raises(errors.IllegalToken):
            identities.invoke_app("chorus-appkey", foreign, "DeepChorus")


@pytest.mark.parametrize("namespace", ["AcousticSense", "Other", "", "\ud800"])
def test_a_namespace_that_is_not_granted_is_refused(identities, namespace):
    token, _ = identities.issue_token(CHORUS_ONLY, 60)
    with pytest.raises(errors.DeniedNamespace, match="use DeepChorus"):
        identities.invoke_app("chorus-appkey", token, namespace)


def test_who_is_not_let_in_is_not_told_about_namespaces(identities):
    with pytest.raises(errors.IllegalToken):
        identities.invoke_app("chorus-appkey", "wrong", "AcousticSense")


@pytest.mark.parametrize("key", API_KEYS)
@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER  {} "])
def test_every_api_key_of_an_app_lets_it_in(identities, key, form):
    assert identities.rest_app(form.format(key)) is KARAOKE


@pytest.mark.parametrize(
    "authorization",
    [
        None, "", "Bearer", "Bearer ", "Bearer é", f"Basic {API_KEYS[0]}", API_KEYS[0],
        f"Bearer {API_KEYS[0][:-1]}", f"Bearer {API_KEYS[0]}x", f"Bearer {STATIC_TOKEN}",
        f"Bearer {KARAOKE.api_key_hashes[0]}",
    ],
)  # fmt: skip
def test_a_missing_or_wrong_api_key_is_refused(identities, authorization):
    with pytest.raises(errors.InvalidAccess) as caught:
        identities.rest_app(authorization)
    assert caught.value.rest_status == 401


def test_an_app_without_the_rest_namespace_is_denied_there(identities):
    with pytest.raises(errors.DeniedNamespace) as caught:
        identities.rest_app("Bearer ask_chorus")
    assert caught.value.rest_status == 403


def signed(body=BODY, **changes):
    return SignedRequest("POST", "/", QUERY, list(signed_headers(body, **changes).items()), body)


def test_a_signature_proves_the_app_once(identities, clock):
    assert identities.signing_app(signed(), APPKEY)[0] is KARAOKE
    clock.time += timedelta(minutes=14)
    with pytest.raises(errors.InvalidAccess, match="used before"):
        identities.signing_app(signed(), APPKEY)
    later = clock.time.strftime("%Y%m%dT%H%M%SZ")
    assert identities.signing_app(signed(x_date=later), APPKEY)[0] is KARAOKE


def test_an_app_gets_no_token_for_another_appkey(identities):
    with pytest.raises(errors.InvalidAccess, match="not that of the access key"):
        identities.signing_app(signed(), "chorus-appkey")


def test_a_refused_request_uses_no_signature_up(identities):
    with pytest.raises(errors.InvalidAccess):
        identities.signing_app(signed(secret_key=WRONG_KEY), APPKEY)
    assert identities.signing_app(signed(), APPKEY)[0] is KARAOKE


def test_without_apps_anyone_is_let_in_who_sends_what_the_protocol_wants(clock):
    identities = Identities([], Tokens([]), clock)
    assert identities.is_open
    assert identities.invoke_app("any", "thing", "DeepChorus") is ANONYMOUS
    assert identities.rest_app(None) is ANONYMOUS
    unsigned = SignedRequest("POST", "/", QUERY, [], BODY)
    assert identities.signing_app(unsigned, "any") == (ANONYMOUS, "")
    with pytest.raises(errors.InvalidAccess):
        identities.invoke_app("", "thing", "DeepChorus")
    with pytest.raises(errors.IllegalToken):
        identities.invoke_app("any", "", "DeepChorus")
    with pytest.raises(errors.DeniedNamespace):
        identities.invoke_app("any", "thing", "Other")


def test_the_anonymous_app_is_nobody_once_there_are_apps(identities):
    assert not identities.is_open
    with pytest.raises(errors.InvalidAccess):
        identities.invoke_app(ANONYMOUS.appkey, "any", "DeepChorus")


def test_no_refusal_and_no_repr_shows_a_secret(identities):
    token, _ = identities.issue_token(KARAOKE, 60)
    attempts = [
        lambda: identities.invoke_app("nobody", STATIC_TOKEN, "DeepChorus"),
        lambda: identities.invoke_app("chorus-appkey", STATIC_TOKEN, "DeepChorus"),
        lambda: identities.invoke_app("chorus-appkey", token, "DeepChorus"),
        lambda: identities.invoke_app(APPKEY, token + "x", "DeepChorus"),
        lambda: identities.rest_app(f"Basic {API_KEYS[0]}"),
        lambda: identities.rest_app(f"Bearer {API_KEYS[0]}x"),
        lambda: identities.signing_app(signed(), "chorus-appkey"),
        lambda: identities.signing_app(signed(secret_key=WRONG_KEY), APPKEY),
    ]
    shown = repr(identities) + repr(vars(identities))
    for attempt in attempts:
        with pytest.raises(errors.ApiError) as caught:
            attempt()
        shown += caught.value.text + repr(caught.value)
        shown += "".join(traceback.TracebackException.from_exception(caught.value).format())
    assert token not in shown
    for secret in SECRETS:
        assert secret not in shown
