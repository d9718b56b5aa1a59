"""The HTTP client of tests that speak to servers of ours."""

import httpx

# ``httpx.get`` loads the machine's certificates for each request, which takes 40 ms of a core; and
# connections are not kept, because servers of tests die.
web = httpx.Client(
    verify=False,  # noqa: S501  loopback
    trust_env=False,
    limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
)
