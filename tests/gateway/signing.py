"""A client's side of GetToken, written from the protocol's text and from nothing of ours."""

import hashlib
import hmac
import json

ACCESS_KEY, SECRET_KEY = "AKtest", "c2VjcmV0LWtleS1vZi1hLXRlc3Q="
APPKEY = "karaoke-appkey"
QUERY = "Action=GetToken&Version=2021-07-27"
BODY = json.dumps({"appkey": APPKEY, "token_version": "volc-auth-v1", "expiration": 3600}).encode()
X_DATE = "20260102T030405Z"


def hmac_sha256(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature_of(canonical_request, x_date=X_DATE, secret_key=SECRET_KEY):
    """The last steps of the documented algorithm, one a line."""
    scope = f"{x_date[:8]}/cn-north-1/sami/request"
    canonical_hash = hashlib.sha256(canonical_request.encode()).hexdigest()
    string_to_sign = f"HMAC-SHA256\n{x_date}\n{scope}\n{canonical_hash}"
    k_date = hmac_sha256(secret_key.encode(), x_date[:8])
    k_region = hmac_sha256(k_date, "cn-north-1")
    k_service = hmac_sha256(k_region, "sami")
    k_signing = hmac_sha256(k_service, "request")
    return hmac_sha256(k_signing, string_to_sign).hex()


def signed_headers(
    body=BODY,
    *,
    query=QUERY,
    x_date=X_DATE,
    host="sami.example.org",
    access_key=ACCESS_KEY,
    secret_key=SECRET_KEY,
):
    """What the SDK sends: it signs the content type, the host and its own two headers."""
    body_hash = hashlib.sha256(body).hexdigest()
    headers = {
        "content-type": "application/json",
        "host": host,
        "x-content-sha256": body_hash,
        "x-date": x_date,
    }
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical_request = f"POST\n/\n{query}\n{lines}\n{names}\n{body_hash}"
    signature = signature_of(canonical_request, x_date, secret_key)
    headers["authorization"] = (
        f"HMAC-SHA256 Credential={access_key}/{x_date[:8]}/cn-north-1/sami/request, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return headers
