"""URLs read once and strictly: what is checked is what is dialled.

Servers are led inside by two parsers that read one text in two ways. So there is one parser,
lenient in nothing that decides where a connection goes, and its parts are used as they are: no
library reads the text again. Hosts in every spelling that the system's resolver would take for an
address (``0x7f.1``, ``017700000001``, ``2130706433``) are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote, urljoin

import idna

from gateway.outbound.failures import MalformedUrlError

_LONGEST_URL = 8_192
_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<target>[^#]*)", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:\[(?P<v6>[^\[\]]*)\]|(?P<host>[^:\[\]]*))(?::(?P<port>.*))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # as a last label it makes the host an address
_PORTS = {"http": 80, "https": 443}
_UNESCAPED = "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"  # all of ASCII stays as it was sent


@dataclass(frozen=True, slots=True)
class Url:
    """The parts of a URL.

    Attributes:
        scheme: ``http`` or ``https``.
        host: lower-case ASCII name without a trailing dot, or an address without brackets.
        port: 1 to 65,535.
        target: path and query, ASCII, as they go into the request line.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def host_header(self) -> str:
        """Host and, where it is not the scheme's own, port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host_header}{self.target}"


def parse_url(text: str) -> Url:
    """Take a URL apart.

    Raises:
        MalformedUrlError: anything that two readers could understand differently, or that is not
            http or https.
    """
    if len(text) > _LONGEST_URL:
        raise MalformedUrlError(f"the url is longer than {_LONGEST_URL} characters")
    if any(_misleading(character) for character in text):
        raise MalformedUrlError(
            "the url holds spaces, control characters or backslashes; percent-encode them"
        )
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text):  # half of a character
        raise MalformedUrlError("the url is not Unicode text")
    parts = _URL.fullmatch(text.partition("#")[0])
    if parts is None:
        raise MalformedUrlError("the url must begin with http:// or https://")
    scheme = parts["scheme"].lower()
    host, port = _host_and_port(parts["authority"], _PORTS[scheme])
    return Url(scheme, host, port, _ascii_target(parts["target"]))


def redirect_target(base: Url, location: str) -> Url:
    """Where a ``Location`` header leads, as strictly read as any URL.

    Raises:
        MalformedUrlError: nowhere, or from https to http.
    """
    if any(_misleading(character) for character in location):  # urljoin would drop some of them
        raise MalformedUrlError("the redirect holds spaces, control characters or backslashes")
    try:
        joined = urljoin(str(base), location)
    except ValueError:
        raise MalformedUrlError("the redirect is no url") from None
    target = parse_url(joined)
    if base.scheme == "https" and target.scheme == "http":
        raise MalformedUrlError("the redirect leads from https to http")
    return target


def normalised_host(host: str) -> str:
    """A host name in lower-case ASCII, or an IPv4 address in its one lawful spelling.

    Raises:
        MalformedUrlError: neither.
    """
    name = host.lower() if host.isascii() else _idna(host)
    name = name.removesuffix(".")  # the root's dot: the same name, but no certificate bears it
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise MalformedUrlError("the url's host is no host name")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(IPv4Address(name))
        except AddressValueError:
            raise MalformedUrlError("the url's host is no name and no dotted address") from None
    return name


def _host_and_port(authority: str, default_port: int) -> tuple[str, int]:
    parts = _AUTHORITY.fullmatch(authority)
    if "@" in authority or "%" in authority or parts is None:
        raise MalformedUrlError("the url's host must be a plain name or address, without user or %")
    port = parts["port"]
    if port is None:
        number = default_port
    elif re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) < 2**16:
        number = int(port)
    else:
        raise MalformedUrlError("the url's port is no number from 1 to 65535")
    if parts["v6"] is None:
        return normalised_host(parts["host"]), number
    try:
        return str(IPv6Address(parts["v6"])), number
    except AddressValueError:
        raise MalformedUrlError("the url's host is no IPv6 address") from None


def _idna(host: str) -> str:
    """UTS 46: among others it turns fullwidth digits and ideographic dots into plain ones."""
    try:
        return idna.encode(host, uts46=True, std3_rules=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise MalformedUrlError("the url's host is no host name") from None


def _ascii_target(target: str) -> str:
    encoded = quote(target, safe=_UNESCAPED)
    return encoded if encoded.startswith("/") else f"/{encoded}"


def _misleading(character: str) -> bool:
    code = ord(character)
    return code <= 0x20 or code == 0x7F or character == "\\" or character.isspace()
