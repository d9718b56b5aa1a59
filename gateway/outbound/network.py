"""The network that outbound connections are made through: it dials only what it has looked at.

A name is resolved once and refused if any of its addresses is forbidden; then the very address
that was looked at is dialled. A name that resolves differently a moment later changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

import httpcore

from gateway.outbound.addresses import IPAddress
from gateway.outbound.allow_list import AllowList
from gateway.outbound.failures import ForbiddenAddressError
from gateway.outbound.resolver import Resolver

_MOST_ADDRESSES = 4  # tried in turn; a name with hundreds must not make us knock at each


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Dials only addresses that it has looked at itself."""

    def __init__(
        self, allowed: AllowList, resolve: Resolver, network: httpcore.AsyncNetworkBackend
    ) -> None:
        """Build it: what is exempt, names to addresses, and what dials a checked address."""
        self._allowed = allowed
        self._resolve = resolve
        self._network = network

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Dial a host.

        Raises:
            ForbiddenAddressError: one of its addresses is not public; nothing was dialled.
            httpcore.ConnectError, httpcore.ConnectTimeout, OSError: no connection.
        """
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in (await self._checked(host, timeout))[:_MOST_ADDRESSES]:
            try:
                return await self._network.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _checked(self, host: str, seconds: float | None) -> Sequence[IPAddress]:
        """All addresses of a host, asked for once; none, unless every one may be dialled."""
        try:
            addresses: Sequence[IPAddress] = [ip_address(host)]
        except ValueError:
            async with asyncio.timeout(seconds):
                addresses = await self._resolve(host)
        for address in addresses:
            if not self._allowed.lets_through(host, address):
                raise ForbiddenAddressError(f"{host} leads to {address}")
        return addresses

    async def sleep(self, seconds: float) -> None:
        """Wait, as httpcore asks of a network."""
        await self._network.sleep(seconds)
