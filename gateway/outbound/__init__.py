"""Every call that the service makes to an address somebody else chose.

OutboundClient   resolves, checks and dials; nothing else in the gateway opens a connection
├── parse_url    what a URL says, read once and strictly
└── is_public    whether an address belongs to the public internet
download_to      audio by URL, in the words of the wire protocols
"""

from gateway.outbound.client import Answer, OutboundClient
from gateway.outbound.download import download_to
from gateway.outbound.failures import (
    BodyTooLargeError,
    ForbiddenAddressError,
    MalformedUrlError,
    OutboundError,
    UnreachableError,
    UnwantedAnswerError,
)
from gateway.outbound.settings import OutboundSettings

__all__ = [
    "Answer",
    "BodyTooLargeError",
    "ForbiddenAddressError",
    "MalformedUrlError",
    "OutboundClient",
    "OutboundError",
    "OutboundSettings",
    "UnreachableError",
    "UnwantedAnswerError",
    "download_to",
]
