"""Hosts and networks that the operator exempts from the rule of public addresses."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network

from gateway.outbound.addresses import IPAddress, IPNetwork, is_public
from gateway.outbound.failures import MalformedUrlError
from gateway.outbound.urls import normalised_host


class AllowList:
    """Which addresses a host may lead to."""

    def __init__(self, entries: Iterable[str]) -> None:
        """Read host names, addresses and CIDRs.

        Raises:
            ValueError: an entry is none of these.
        """
        self._names: set[str] = set()
        self._networks: list[IPNetwork] = []
        for entry in entries:
            try:
                self._networks.append(ip_network(entry))
            except ValueError:
                self._names.add(_name(entry))

    def lets_through(self, host: str, address: IPAddress) -> bool:
        """Whether this address may be dialled for this host (a name as the URL parser gives it)."""
        if is_public(address) or host in self._names:
            return True
        return any(address in network for network in self._networks)


def _name(entry: str) -> str:
    if "/" in entry or ":" in entry:
        raise ValueError(f"{entry!r} is no host name, address or network (without host bits)")
    try:
        return normalised_host(entry)
    except MalformedUrlError as error:
        raise ValueError(f"{entry!r}: {error}") from None
