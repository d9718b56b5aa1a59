"""Which addresses belong to the public internet.

``ipaddress.is_global`` is no guard: it calls multicast, NAT64 and 6to4 global. Here the IPv4
space is public but for a list, and the IPv6 space is forbidden but for 2000::/3, less a list
(IANA's special-purpose registries, RFC 6890). Ranges that carry an IPv4 address inside (mapped,
compatible, NAT64, 6to4, Teredo) are refused whole: nobody has to publish a song through them.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

_REFUSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host; Linux dials it as loopback
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; also where clouds put services
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host agent, in public space
        "169.254.0.0/16",  # link-local, with the metadata services
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # automatic multicast tunnelling
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and the broadcast address
    )
)
_PUBLIC_V6 = IPv6Network("2000::/3")  # so no ::/96, fc00::/7, fe80::/10, fec0::/10, ff00::/8 …
_REFUSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # the 6bone that was
        "3fff::/20",  # documentation
    )
)


def is_public(address: IPAddress) -> bool:
    """Whether an address may be dialled for somebody who asked from outside."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    if address.scope_id is not None or address not in _PUBLIC_V6:
        return False
    return not any(address in network for network in _REFUSED_V6)
