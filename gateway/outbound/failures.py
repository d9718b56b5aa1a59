"""What can become of a call to a stranger. For our log; a client is told less.

OutboundError
├── MalformedUrlError      the text is no URL that is dialled
├── ForbiddenAddressError  the host has an answer outside the public internet
├── UnreachableError       no name, no connection, no certificate, too slow, hung up
├── UnwantedAnswerError    an encoding or a redirect that is not taken
└── BodyTooLargeError      more bytes than were asked for
"""

from __future__ import annotations


class OutboundError(Exception):
    """A call that failed, or was not made."""


class MalformedUrlError(OutboundError):
    """The URL is refused by its form; the words say what to change."""


class ForbiddenAddressError(OutboundError):
    """The host leads to an address that is not public. Nothing was dialled."""


class UnreachableError(OutboundError):
    """The other side could not be reached, or did not keep up."""


class UnwantedAnswerError(OutboundError):
    """The other side answered in a form that is not taken."""


class BodyTooLargeError(OutboundError):
    """The answer's body is over the limit."""
