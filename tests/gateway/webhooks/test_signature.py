"""What we send, verified by those who will receive it."""

import base64
import hashlib
import hmac
import time

import pytest
import standardwebhooks

from gateway.webhooks.signature import headers, signing_key

BODY = '{"top_genre":"R&B","title":"Für Elise"}'.encode()
RAW_KEY = bytes(range(32))
WHSEC = "whsec_" + base64.b64encode(RAW_KEY).decode()


def test_the_standard_webhooks_package_verifies_a_whsec_secret():
    sent = headers("5f0c", int(time.time()), BODY, WHSEC)
    assert standardwebhooks.Webhook(WHSEC).verify(BODY, sent) == {
        "top_genre": "R&B",
        "title": "Für Elise",
    }


def test_the_standard_webhooks_package_verifies_a_plain_secret():
    sent = headers("5f0c", int(time.time()), BODY, "my secret")
    standardwebhooks.Webhook(b"my secret").verify(BODY, sent)


def test_it_refuses_another_body_another_id_and_another_secret():
    sent = headers("5f0c", int(time.time()), BODY, WHSEC)
    for body, changed, secret in (
        (BODY + b" ", sent, WHSEC),
        (BODY, {**sent, "webhook-id": "other"}, WHSEC),
        (BODY, sent, "whsec_" + base64.b64encode(bytes(32)).decode()),
    ):
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            standardwebhooks.Webhook(secret).verify(body, changed)


def test_the_receiver_of_the_products_documents_verifies_the_hex_signature():
    sent = headers("5f0c", 1_800_000_000, BODY, "my secret")
    expected = hmac.new(b"my secret", BODY, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(sent["X-Signature"], expected)


def test_without_a_secret_nothing_is_signed_but_the_id_is_there():
    assert headers("5f0c", 1_800_000_000, BODY, None) == {
        "webhook-id": "5f0c",
        "webhook-timestamp": "1800000000",
    }


def test_a_whsec_secret_may_lack_its_padding():
    assert signing_key(WHSEC.rstrip("=")) == RAW_KEY


@pytest.mark.parametrize("secret", ["whsec_", "whsec_!!", "whsec_ä", "whsec_a"])
def test_a_whsec_secret_that_is_no_base64_is_refused(secret):
    with pytest.raises(ValueError, match="whsec_"):
        signing_key(secret)
