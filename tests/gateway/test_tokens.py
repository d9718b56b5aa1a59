import base64
import hashlib
import hmac
import json
import traceback
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from pydantic import SecretStr

from gateway import errors
from gateway.identity.apps import App
from gateway.identity.tokens import Tokens

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OLD, NEW = SecretStr("old-" + "k" * 32), SecretStr("new-" + "k" * 32)
APP = App(
    name="karaoke",
    appkey="app-1",
    access_key="AK1",
    secret_key=SecretStr("the-secret-key-of-tests"),
)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def by_hand(header, claims, key):
    """A token as RFC 7515 says, without the library."""
    signed = f"{base64url(json.dumps(header).encode())}.{base64url(json.dumps(claims).encode())}"
    return f"{signed}.{base64url(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def refused(tokens, token, appkey="app-1", now=NOW):
    with pytest.raises(errors.IllegalToken) as caught:
        tokens.verify(token, appkey, now)
    return caught.value


def test_a_token_is_good_for_its_appkey_until_it_expires():
    tokens = Tokens([NEW])
    token, expires_at = tokens.issue(APP, 3600, NOW)
    assert expires_at == int((NOW + timedelta(hours=1)).timestamp())
    tokens.verify(token, "app-1", NOW)
    tokens.verify(token, "app-1", NOW + timedelta(seconds=3599))
    assert "expired" in refused(tokens, token, now=NOW + timedelta(hours=1)).detail


def test_a_token_says_whose_it_is_and_when_and_never_twice_the_same():
    tokens = Tokens([NEW])
    one, two = (tokens.issue(APP, 60, NOW)[0] for _ in range(2))
    claims = json.loads(base64.urlsafe_b64decode(one.split(".")[1] + "=="))
    issued = int(NOW.timestamp())
    assert claims.pop("jti")
    assert claims == {"aud": "app-1", "iat": issued, "exp": issued + 60}
    assert one != two


@pytest.mark.parametrize("seconds", [1, 86_400])
def test_a_lifetime_of_up_to_a_day_is_granted(seconds):
    tokens = Tokens([NEW])
    tokens.verify(tokens.issue(APP, seconds, NOW)[0], "app-1", NOW)


@pytest.mark.parametrize("seconds", [-1, 0, 86_401, 10**30])
def test_another_lifetime_is_refused(seconds):
    with pytest.raises(errors.ClientError, match="86400"):
        Tokens([NEW]).issue(APP, seconds, NOW)


def test_a_token_of_another_appkey_is_refused():
    tokens = Tokens([NEW])
    assert "another appkey" in refused(tokens, tokens.issue(APP, 60, NOW)[0], "app-2").detail


def test_the_newest_key_signs_and_every_listed_key_verifies():
    before = Tokens([OLD]).issue(APP, 60, NOW)[0]
    rotated = Tokens([NEW, OLD])
    rotated.verify(before, "app-1", NOW)
    after = rotated.issue(APP, 60, NOW)[0]
    Tokens([NEW]).verify(after, "app-1", NOW)
    refused(Tokens([OLD]), after)
    refused(Tokens([NEW]), before)


def test_without_a_key_a_random_one_is_made_that_no_other_process_has():
    one, two = Tokens([]), Tokens([])
    token = one.issue(APP, 60, NOW)[0]
    one.verify(token, "app-1", NOW)
    refused(two, token)


@pytest.mark.parametrize("keys", [[SecretStr("k" * 31)], [NEW, SecretStr("")]])
def test_a_short_key_is_refused(keys):
    with pytest.raises(ValueError, match="at least 32 bytes"):
        Tokens(keys)


def parts():
    """Header and claims of a good token, to be made bad."""
    token = Tokens([NEW]).issue(APP, 60, NOW)[0]
    header, claims, _ = token.split(".")
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in (header, claims)]


def test_a_token_made_by_hand_with_the_right_key_is_good():
    header, claims = parts()
    token = by_hand(header, claims, NEW.get_secret_value().encode())
    Tokens([NEW]).verify(token, "app-1", NOW)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE"])
def test_an_unsigned_token_is_refused(algorithm):
    header, claims = parts()
    unsigned = by_hand({**header, "alg": algorithm}, claims, b"")
    refused(Tokens([NEW]), unsigned.rpartition(".")[0] + ".")
    refused(Tokens([NEW]), unsigned)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_is_refused_even_with_the_right_key(algorithm):
    key = SecretStr("k" * 64)
    tokens = Tokens([key])
    good = tokens.issue(APP, 60, NOW)[0]
    kid, claims = jwt.get_unverified_header(good)["kid"], parts()[1]
    refused(tokens, jwt.encode(claims, key.get_secret_value(), algorithm, headers={"kid": kid}))
    same = jwt.encode(claims, key.get_secret_value(), "HS256", headers={"kid": kid})
    tokens.verify(same, "app-1", NOW)


@pytest.mark.parametrize("name", ["aud", "iat", "exp", "jti"])
def test_a_token_without_one_of_its_claims_is_refused(name):
    header, claims = parts()
    del claims[name]
    refused(Tokens([NEW]), by_hand(header, claims, NEW.get_secret_value().encode()))


@pytest.mark.parametrize(
    "change",
    [{"aud": ["app-1", "app-2"]}, {"aud": None}, {"exp": "never"}, {"exp": None}, {"exp": 9e99}],
)
def test_a_claim_of_another_type_is_refused(change):
    header, claims = parts()
    token = by_hand(header, {**claims, **change}, NEW.get_secret_value().encode())
    refused(Tokens([NEW]), token)


def test_a_token_far_longer_than_any_of_ours_is_not_even_read():
    header, claims = parts()
    token = by_hand(header, {**claims, "more": "x" * 2000}, NEW.get_secret_value().encode())
    refused(Tokens([NEW]), token)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_changed_anywhere_is_refused(part):
    tokens = Tokens([NEW])
    pieces = tokens.issue(APP, 60, NOW)[0].split(".")
    middle = len(pieces[part]) // 2
    flipped = "A" if pieces[part][middle] != "A" else "B"
    pieces[part] = pieces[part][:middle] + flipped + pieces[part][middle + 1 :]
    refused(tokens, ".".join(pieces))


@pytest.mark.parametrize(
    "token",
    [
        "", ".", "..", "x", "a.b.c", "\ud800.a.b", "é.a.b", "a" * 10_000,
        *(
            f"{base64url(header)}.e30.AAAA"
            for header in (
                b"[]", b"null", b"{}", b'{"kid": []}', b'{"kid": {}}', b'{"kid": null}',
                b'{"kid": 1}', b'{"kid": "x"}', b"[" * 1500, b"\xff", b"NaN",
            )
        ),
    ],
)  # fmt: skip
def test_what_is_no_token_is_refused(token):
    refused(Tokens([NEW]), token)


def test_no_key_shows_in_the_tokens_object_or_in_a_refusal():
    tokens = Tokens([NEW])
    error = refused(tokens, "a.b.c")
    shown = repr(tokens) + "".join(traceback.format_exception(error))
    assert NEW.get_secret_value() not in shown
    assert tokens.issue(APP, 60, NOW)[0].count(NEW.get_secret_value()) == 0
