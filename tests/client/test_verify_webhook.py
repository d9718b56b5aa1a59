"""The receiver's side, held against what the gateway sends and what standardwebhooks signs."""

import base64
import hashlib
import hmac
import time
from datetime import UTC, datetime

import pytest
import standardwebhooks
from acousticsense import VerificationError, verify_webhook

from gateway.webhooks.signature import headers as signed

BODY = '{"top_genre":"R&B","title":"Für Elise"}'.encode()
PLAIN = "my secret"
WHSEC = "whsec_" + base64.b64encode(bytes(range(32))).decode()
NOW = 1_800_000_000


@pytest.mark.parametrize("secret", [PLAIN, WHSEC, WHSEC.rstrip("=")])
def test_what_the_gateway_sends_is_genuine_and_has_an_id(secret):
    sent = signed("5f0c", int(time.time()), BODY, secret)
    assert verify_webhook(BODY, sent, secret) == "5f0c"


def test_what_standardwebhooks_signs_is_genuine():
    stamp = datetime.now(UTC)
    signature = standardwebhooks.Webhook(WHSEC).sign("msg_1", stamp, BODY.decode())
    sent = {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(stamp.timestamp())),
        "Webhook-Signature": f"v2,no v1,bm8= {signature}",
    }
    assert verify_webhook(BODY, sent, WHSEC) == "msg_1"


def test_the_hex_signature_alone_is_understood_too():
    digest = hmac.new(PLAIN.encode(), BODY, hashlib.sha256).hexdigest()
    assert verify_webhook(BODY, {"X-Signature": digest}, PLAIN) is None
    assert verify_webhook(BODY, {"x-signature": digest.upper()}, PLAIN) is None
    with pytest.raises(VerificationError):
        verify_webhook(BODY + b" ", {"X-Signature": digest}, PLAIN)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "other"},
        {"webhook-timestamp": str(NOW + 1)},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,ä"},
        {"webhook-id": ""},
        {"webhook-timestamp": "now"},
        {"webhook-timestamp": "9" * 5000},
        {"webhook-timestamp": "١٢"},
    ],
)
def test_whatever_was_changed_is_noticed(change):
    sent = {**signed("5f0c", NOW, BODY, PLAIN), **change}
    with pytest.raises(VerificationError):
        verify_webhook(BODY, sent, PLAIN, now=NOW)


def test_a_good_hex_signature_does_not_make_up_for_a_bad_standard_one():
    sent = {**signed("5f0c", NOW, BODY, PLAIN), "webhook-signature": "v1,AAAA"}
    with pytest.raises(VerificationError):
        verify_webhook(BODY, sent, PLAIN, now=NOW)


@pytest.mark.parametrize("seconds", [-301, 301, 1e9])
def test_a_request_from_another_time_is_a_replay(seconds):
    sent = signed("5f0c", NOW, BODY, PLAIN)
    with pytest.raises(VerificationError, match="long ago"):
        verify_webhook(BODY, sent, PLAIN, now=NOW + seconds)
    assert verify_webhook(BODY, sent, PLAIN, now=NOW + seconds, window_seconds=2e9) == "5f0c"


def test_an_unsigned_request_is_refused():
    with pytest.raises(VerificationError, match="not signed"):
        verify_webhook(BODY, {"webhook-id": "5f0c", "webhook-timestamp": str(NOW)}, PLAIN)


@pytest.mark.parametrize("secret", ["", "whsec_!!"])
def test_a_secret_that_cannot_be_one_is_the_receivers_own_mistake(secret):
    with pytest.raises(ValueError, match="secret"):
        verify_webhook(BODY, signed("5f0c", NOW, BODY, PLAIN), secret, now=NOW)
