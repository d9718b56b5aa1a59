from ipaddress import ip_address, ip_network

import pytest

from gateway.outbound.addresses import is_public
from gateway.outbound.allow_list import AllowList

_FORBIDDEN = """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16 172.16.0.0/12
    192.0.0.0/24 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16
    192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
    255.255.255.255/32
    ::/128 ::1/128 ::/96 ::ffff:0:0/96 ::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64
    2001::/32 2001:2::/48 2001:20::/28 2001:db8::/32 2002::/16 2620:4f:8000::/48 3ffe::/16 3fff::/20
    4000::/3 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8
"""
_NEIGHBOURS = """
    1.0.0.0 1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255
    128.0.0.0 168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0
    191.255.255.255 192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0
    198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255
    2000:: 2001:200:: 2001:4860:4860::8888 2003:: 2606:4700:4700::1111 2a00:1450::1 3ffd:ffff::
"""


@pytest.mark.parametrize("network", [ip_network(each) for each in _FORBIDDEN.split()], ids=str)
def test_the_first_and_the_last_address_of_a_special_network_are_not_public(network):
    assert not is_public(network[0])
    assert not is_public(network[-1])


@pytest.mark.parametrize(
    "address",
    _NEIGHBOURS.split(),
)
def test_their_neighbours_are(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize("scope", ["1", "eth0"])
def test_an_address_with_a_scope_is_not(scope):
    assert not is_public(ip_address(f"2606:4700:4700::1111%{scope}"))


def test_the_allow_list_takes_names_addresses_and_networks():
    allowed = AllowList(["MinIO.internal.", "10.1.2.3", "10.9.0.0/16", "fd00::/8"])
    inside = ip_address("10.0.0.1")
    assert allowed.lets_through("minio.internal", inside)
    assert not allowed.lets_through("other.internal", inside)
    assert not allowed.lets_through("sub.minio.internal", inside)
    assert allowed.lets_through("other.internal", ip_address("10.1.2.3"))
    assert not allowed.lets_through("other.internal", ip_address("10.1.2.4"))
    assert allowed.lets_through("other.internal", ip_address("10.9.255.255"))
    assert allowed.lets_through("other.internal", ip_address("fd12::1"))
    assert not allowed.lets_through("other.internal", ip_address("::ffff:10.1.2.3"))


@pytest.mark.parametrize("entry", ["", "10.0.0.0/33", "10.0.0.1/8", "a b", "host:80", "127.1", "*"])
def test_an_unreadable_entry_is_told_at_start(entry):
    with pytest.raises(ValueError, match=r"host|network|address"):
        AllowList([entry])
