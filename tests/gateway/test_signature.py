"""The signature check, against vectors worked out here from the documented algorithm."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from gateway import errors
from gateway.identity import signature
from gateway.identity.replay import ReplayMemory
from gateway.identity.signature import Proof, SignedRequest, prove
from tests.gateway.signing import (
    ACCESS_KEY,
    BODY,
    QUERY,
    SECRET_KEY,
    X_DATE,
    signature_of,
    signed_headers,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WRONG_KEY = "not-the-secret-key"
SECRET_KEYS = {ACCESS_KEY: SecretStr(SECRET_KEY)}


def request(headers, *, method="POST", path="/", query=QUERY, body=BODY):
    pairs = headers.items() if isinstance(headers, dict) else headers
    return SignedRequest(method, path, query, list(pairs), body)


def refusal(signed, *, now=NOW, secret_keys=None):
    with pytest.raises(errors.ApiError) as caught:
        prove(signed, SECRET_KEYS if secret_keys is None else secret_keys, now)
    return caught.value


def test_the_client_of_these_tests_signs_what_openssl_signs():
    signed = signed_headers()["authorization"].rpartition("=")[2]
    assert signed == "d75274ce0ed8f196f5ff23fb36f1e12f2e83c37f43a863a149dea19568b348bd"


def test_a_request_signed_as_documented_is_proven():
    proof = prove(request(signed_headers()), SECRET_KEYS, NOW)
    assert proof.access_key == ACCESS_KEY
    assert proof.replayable_until == NOW + timedelta(minutes=15)


def test_two_signed_headers_are_enough_in_whatever_order_they_are_named():
    body_hash = hashlib.sha256(BODY).hexdigest()
    canonical = (
        f"POST\n/\n{QUERY}\nx-date:{X_DATE}\nx-content-sha256:{body_hash}\n\n"
        f"x-date;x-content-sha256\n{body_hash}"
    )
    headers = {
        "X-Date": X_DATE,
        "X-Content-Sha256": f" {body_hash} ",
        "Authorization": f"HMAC-SHA256 Credential={ACCESS_KEY}/20260102/cn-north-1/sami/request,"
        f"SignedHeaders=x-date;x-content-sha256,Signature={signature_of(canonical)}",
    }
    assert prove(request(headers), SECRET_KEYS, NOW).access_key == ACCESS_KEY


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        ("Version=2021-07-27&Action=GetToken", QUERY),
        ("b=2&a=1", "a=1&b=2"),
        ("name=a+b%2Bc&empty=", "empty=&name=a%20b%2Bc"),
        ("x=%E9%9F%B3&y=~-_.*", "x=%E9%9F%B3&y=~-_.%2A"),
        ("raw=%ff", "raw=%FF"),
        ("a=2&a=1", "a=2&a=1"),
        ("", ""),
    ],
)
def test_the_query_is_sorted_by_name_and_escaped_anew(sent, canonical):
    signed = request(signed_headers(query=canonical), query=sent)
    assert prove(signed, SECRET_KEYS, NOW).access_key == ACCESS_KEY


WRONG_SIGNATURE = "the access key is unknown, or the signature is not"
TAMPERED = [
    ("another method", {"method": "PUT"}, {}),
    ("another path", {"path": "/other"}, {}),
    ("another query value", {"query": QUERY.replace("27", "28")}, {}),
    ("an added query field", {"query": f"{QUERY}&Extra=1"}, {}),
    ("swapped values of one field", {"query": "a=1&a=2"}, {"query": "a=2&a=1"}),
    ("another raw byte", {"query": "a=%fe"}, {"query": "a=%FF"}),
]


@pytest.mark.parametrize(("what", "sent", "signed"), TAMPERED, ids=[row[0] for row in TAMPERED])
def test_what_was_changed_on_the_way_is_refused(what, sent, signed):
    error = refusal(request(signed_headers(**signed), **sent))
    assert isinstance(error, errors.InvalidAccess), what
    assert error.detail.startswith(WRONG_SIGNATURE)


@pytest.mark.parametrize("name", ["content-type", "host"])
def test_a_changed_signed_header_is_refused(name):
    error = refusal(request({**signed_headers(), name: "changed"}))
    assert error.detail.startswith(WRONG_SIGNATURE)


def test_a_changed_date_is_refused():
    error = refusal(request({**signed_headers(), "x-date": "20260102T030406Z"}))
    assert error.detail.startswith(WRONG_SIGNATURE)


def test_a_changed_body_is_refused_by_its_hash():
    error = refusal(request(signed_headers(), body=BODY.replace(b"3600", b"9999")))
    assert isinstance(error, errors.InvalidAccess)
    assert error.detail.startswith("X-Content-Sha256 is not the hash")


def test_a_body_changed_together_with_its_hash_is_refused():
    other = BODY.replace(b"3600", b"9999")
    headers = {**signed_headers(), "x-content-sha256": hashlib.sha256(other).hexdigest()}
    assert refusal(request(headers, body=other)).detail.startswith(WRONG_SIGNATURE)


@pytest.mark.parametrize("digit", [0, 31, 63])
def test_one_wrong_digit_of_the_signature_is_refused(digit):
    headers = signed_headers()
    start, _, signature = headers["authorization"].rpartition("=")
    flipped = "0" if signature[digit] != "0" else "1"
    wrong = f"{start}={signature[:digit]}{flipped}{signature[digit + 1 :]}"
    error = refusal(request({**headers, "authorization": wrong}))
    assert error.detail.startswith(WRONG_SIGNATURE)


def test_a_wrong_secret_key_and_an_unknown_access_key_get_the_same_words():
    wrong = refusal(request(signed_headers(secret_key=WRONG_KEY)))
    unknown = refusal(request(signed_headers(access_key="AKnobody")))
    nobody = refusal(request(signed_headers()), secret_keys={})
    assert wrong.text == unknown.text == nobody.text
    assert wrong.code == 40200001


def test_the_key_that_strangers_are_checked_against_opens_nothing():
    stand_in = signature._NO_APP.get_secret_value()
    error = refusal(request(signed_headers(access_key="AKnobody", secret_key=stand_in)))
    assert error.detail.startswith(WRONG_SIGNATURE)


def test_a_refusal_tells_neither_the_secret_nor_the_right_signature():
    right = signed_headers()["authorization"].rpartition("=")[2]
    headers = {
        **signed_headers(),
        "authorization": signed_headers()["authorization"][:-64] + "0" * 64,
    }
    error = refusal(request(headers))
    assert right not in repr(error) + error.text + str(error.__context__)
    assert SECRET_KEY not in repr(error) + error.text


@pytest.mark.parametrize("seconds", [-900, 900])
def test_a_date_a_quarter_of_an_hour_off_is_accepted(seconds):
    assert prove(request(signed_headers()), SECRET_KEYS, NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-901, 901])
def test_a_date_further_off_is_refused_and_told_the_time(seconds):
    error = refusal(request(signed_headers()), now=NOW + timedelta(seconds=seconds))
    assert isinstance(error, errors.InvalidAccess)
    assert (NOW + timedelta(seconds=seconds)).strftime("%Y%m%dT%H%M%SZ") in error.detail


@pytest.mark.parametrize("date", ["20260102T03040Z", "20261302T030405Z", "2026-01-02T03:04:05Z"])
def test_a_date_of_another_form_is_refused(date):
    error = refusal(request(signed_headers(x_date=date)))
    assert isinstance(error, errors.ClientError)
    assert error.detail.startswith("X-Date")


@pytest.mark.parametrize(
    "scope",
    [
        "20260101/cn-north-1/sami/request",
        "20260102/us-east-1/sami/request",
        "20260102/cn-north-1/iam/request",
        "20260102/cn-north-1/sami/aws4_request",
        "20260102",
    ],
)
def test_another_scope_is_refused_and_told_the_right_one(scope):
    headers = signed_headers()
    changed = headers["authorization"].replace("20260102/cn-north-1/sami/request", scope)
    error = refusal(request({**headers, "authorization": changed}))
    assert isinstance(error, errors.ClientError)
    assert "20260102/cn-north-1/sami/request" in error.detail


def test_the_date_must_be_signed():
    headers = signed_headers()
    fewer = headers["authorization"].replace(";x-date", "")
    error = refusal(request({**headers, "authorization": fewer}))
    assert error.detail == "SignedHeaders must name x-date"


def test_a_client_that_sends_no_body_hash_has_signed_it_all_the_same():
    body_hash = hashlib.sha256(BODY).hexdigest()
    canonical = f"POST\n/\n{QUERY}\nx-date:{X_DATE}\n\nx-date\n{body_hash}"
    headers = {
        "X-Date": X_DATE,
        "Authorization": f"HMAC-SHA256 Credential={ACCESS_KEY}/20260102/cn-north-1/sami/request, "
        f"SignedHeaders=x-date,Signature={signature_of(canonical)}",
    }
    assert prove(request(headers), SECRET_KEYS, NOW).access_key == ACCESS_KEY
    error = refusal(request(headers, body=BODY + b" "))
    assert isinstance(error, errors.InvalidAccess)


@pytest.mark.parametrize("name", ["x-date", "x-content-sha256", "host"])
def test_a_signed_header_must_be_there_once(name):
    headers = signed_headers()
    without = {key: value for key, value in headers.items() if key != name}
    assert refusal(request(without)).detail == f"the header {name} is missing"
    twice = [*headers.items(), (name.title(), headers[name])]
    assert refusal(request(twice)).detail == f"the header {name} is there more than once"


def test_a_header_named_twice_is_refused():
    headers = signed_headers()
    twice = headers["authorization"].replace("host;", "host;host;")
    error = refusal(request({**headers, "authorization": twice}))
    assert error.detail == "SignedHeaders names a header twice"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer abc",
        "HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a/20260102/cn-north-1/sami/request, SignedHeaders=x-date, "
        f"Signature={'0' * 64}",
        "HMAC-SHA256 Credential=a/20260102/cn-north-1/sami/request, SignedHeaders=X-Date, "
        f"Signature={'0' * 64}",
        "HMAC-SHA256 Credential=a/20260102/cn-north-1/sami/request, SignedHeaders=x-date, "
        f"Signature={'0' * 63}",
        "HMAC-SHA256 Credential=a/20260102/cn-north-1/sami/request, SignedHeaders=x-date, "
        f"Signature={'é' * 64}",
    ],
)
def test_another_form_of_authorization_is_refused_and_told_the_form(value):
    error = refusal(request({**signed_headers(), "authorization": value}))
    assert isinstance(error, errors.ClientError)
    assert "Credential=<access key>" in error.detail


def test_a_request_without_authorization_is_refused():
    headers = {key: value for key, value in signed_headers().items() if key != "authorization"}
    assert isinstance(refusal(request(headers)), errors.InvalidAccess)


def test_a_body_hash_that_is_not_ascii_is_refused():
    error = refusal(request({**signed_headers(), "x-content-sha256": "é" * 64}))
    assert error.detail.startswith("X-Content-Sha256 is not the hash")


def test_a_query_of_very_many_fields_is_refused():
    error = refusal(request(signed_headers(), query="&".join(["a=1"] * 1000)))
    assert error.detail == "the query has too many fields"


def proof(number, until=NOW, access_key=ACCESS_KEY):
    return Proof(access_key, f"{number:064x}", until)


def test_the_same_signed_request_is_refused_the_second_time():
    memory = ReplayMemory()
    once = prove(request(signed_headers()), SECRET_KEYS, NOW)
    memory.use(once, NOW)
    for later in (timedelta(0), timedelta(minutes=15)):
        again = prove(request(signed_headers()), SECRET_KEYS, NOW + later)
        with pytest.raises(errors.InvalidAccess, match="used before"):
            memory.use(again, NOW + later)


def test_a_signature_is_forgotten_only_when_its_date_no_longer_counts():
    memory = ReplayMemory()
    memory.use(proof(1, NOW + timedelta(minutes=15)), NOW)
    memory.use(proof(2, NOW), NOW)
    later = NOW + timedelta(minutes=15)
    with pytest.raises(errors.InvalidAccess):
        memory.use(proof(1, later), later)
    memory.use(proof(2, NOW), later)


def test_a_full_memory_refuses_that_app_until_there_is_room_and_no_other():
    memory = ReplayMemory(most_per_app=3)
    for number in range(3):
        memory.use(proof(number, NOW + timedelta(seconds=10 * (number + 1))), NOW)
    with pytest.raises(errors.ExceededConcurrency) as caught:
        memory.use(proof(3, NOW + timedelta(minutes=15)), NOW)
    assert caught.value.headers == {"Retry-After": "10"}
    memory.use(proof(3, access_key="AKother"), NOW)
    memory.use(proof(3, NOW + timedelta(minutes=15)), NOW + timedelta(seconds=11))
