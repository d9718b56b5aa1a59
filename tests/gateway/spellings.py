"""URLs that lead inside, in more spellings than anyone should know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address

INSIDE = (
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104
    "10.0.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.169.254",
    "172.31.255.255",
    "192.168.1.1",
)


def _parts(address: IPv4Address) -> tuple[int, int, int, int]:
    a, b, c, d = address.packed
    return a, b, c, d


def _dotted(form: str) -> Callable[[IPv4Address], str]:
    return lambda address: ".".join(form.format(part) for part in _parts(address))


def _joined(dot: str) -> Callable[[IPv4Address], str]:
    return lambda address: str(address).replace(".", dot)


def _digits(zero: str) -> Callable[[IPv4Address], str]:
    """Digits of another script or width, by their zero."""
    return lambda address: "".join(
        chr(ord(zero) + int(sign)) if sign.isdigit() else sign for sign in str(address)
    )


def _embedded(prefix: str, shift: int = 0, mask: int = 0) -> Callable[[IPv4Address], str]:
    """An IPv6 address with the IPv4 address inside it."""
    return lambda address: (
        f"[{IPv6Address(int(IPv6Address(prefix)) | (int(address) ^ mask) << shift)}]"
    )


SPELLINGS: dict[str, Callable[[IPv4Address], str]] = {
    "dotted": str,
    "decimal": lambda address: str(int(address)),
    "hexadecimal": lambda address: hex(int(address)),
    "octal": lambda address: f"0{int(address):o}",
    "long octal": lambda address: f"0{int(address):020o}",
    "over 32 bits": lambda address: str(int(address) + 2**32),
    "dotted hexadecimal": _dotted("0x{:x}"),
    "dotted HEXADECIMAL": _dotted("0X{:02X}"),
    "dotted octal": _dotted("0{:o}"),
    "leading zeros": _dotted("{:03d}"),
    "mixed": lambda address: "0x{:x}.0{:o}.{}.{}".format(*_parts(address)),
    "two parts": lambda address: f"{int(address) >> 24}.{int(address) & 0xFFFFFF}",
    "three parts": lambda address: "{}.{}.{}".format(*_parts(address)[:2], int(address) & 0xFFFF),
    "trailing dot": lambda address: f"{address}.",
    "two trailing dots": lambda address: f"{address}..",
    "decimal with a trailing dot": lambda address: f"{int(address)}.",
    "hexadecimal end of a name": lambda address: f"x.{hex(int(address))}",
    "ideographic dots": _joined("\u3002"),
    "fullwidth dots": _joined("\uff0e"),
    "halfwidth ideographic dots": _joined("\uff61"),
    "one dot leaders": _joined("\u2024"),
    "fullwidth digits": _digits("\uff10"),
    "Arabic digits": _digits("\u0660"),
    "mathematical digits": _digits("\U0001d7ce"),
    "soft hyphen": lambda address: f"{address}\u00ad",
    "zero width space": lambda address: str(address).replace(".", "\u200b.", 1),
    "percent-encoded digit": lambda address: f"%3{str(address)[0]}{str(address)[1:]}",
    "percent-encoded dots": _joined("%2e"),
    "percent-encoded NUL": lambda address: f"{address}%00.public.test",
    "mapped": lambda address: f"[::ffff:{address}]",
    "mapped in hexadecimal": _embedded("::ffff:0:0"),
    "mapped in full": lambda address: f"[{IPv6Address(f'::ffff:{address}').exploded}]",
    "compatible": _embedded("::"),
    "translated": _embedded("::ffff:0:0:0"),
    "NAT64": _embedded("64:ff9b::"),
    "local NAT64": _embedded("64:ff9b:1::"),
    "6to4": _embedded("2002::", shift=80),
    "Teredo": _embedded("2001::", mask=0xFFFFFFFF),
    "Teredo's server": _embedded("2001::", shift=64),
    "ISATAP": _embedded("fe80::5efe:0:0"),
    "brackets around IPv4": lambda address: f"[{address}]",
    "behind a user": lambda address: f"public.test@{address}",
    "behind a user and password": lambda address: f"public.test:80@{address}",
}

PLAIN = (
    # other spellings of loopback and of what is not public in IPv6
    *("http://[::1]/", "http://[0:0:0:0:0:0:0:1]/", "http://[::]/", "http://[::0001]/"),
    *("http://[::1%25lo]/", "http://[::1%lo]/", "http://[fe80::1]/", "http://[fe80::1%251]/"),
    *("http://[fe80::1%25eth0]/", "http://[febf::1]/", "http://[fec0::1]/", "http://[fc00::1]/"),
    *("http://[fd00:ec2::254]/", "http://[fd20:ce::254]/", "http://[ff02::1]/"),
    *("http://[ff0e::1]/", "http://[2001:db8::1]/", "http://[3fff::1]/", "http://[2001:2::1]/"),
    *("http://[2001:20::1]/", "http://[3ffe::1]/", "http://[5f00::1]/", "http://[100::1]/"),
    *("http://[4000::1]/", "http://[2620:4f:8000::1]/"),
    *("http://[::1", "http://::1]/", "http://::1/", "http://[::1]x/", "http://[]/"),
    *("http://[[::1]]/", "http://[v1.x]/", "http://[::1]@public.test/"),
    # IPv4 that is not public, beyond the table above
    *("http://192.0.0.192/", "http://192.0.2.1/", "http://192.88.99.1/", "http://198.18.0.1/"),
    *("http://198.51.100.1/", "http://203.0.113.1/", "http://224.0.0.1/", "http://239.1.1.1/"),
    *("http://240.0.0.1/", "http://255.255.255.255/", "http://0.1.2.3/", "http://1/", "http://0/"),
    *("http://127.1/", "http://0x7f.1/", "http://0177.1/", "http://127.0.0.1.2/", "http://0x/"),
    *("http://00/", "http://127.0.0.01/", "http://256.0.0.1/", "http://127.0.0.1e/@127.0.0.1"),
    # names
    *("http://localhost/", "http://LOCALHOST/", "http://localhost./", "http://inside.test/"),
    *("http://INSIDE.test./", "http://\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54/"),
    *("http://inside\u3002test/", "http://mixed.test/", "http://mixed6.test/", "http://nat64.test/"),
    *("http://mapped.test/", "http://scoped.test/", "http://zero.test/", "http://none.test/"),
    *("http://late.test/", "https://inside.test/", "http://unknown.test/"),
    # hosts that two parsers read in two ways
    *("http://public.test@127.0.0.1/", "http://public.test:x@127.0.0.1/", "http://@127.0.0.1/"),
    *("http://a@b@127.0.0.1/", "http://127.0.0.1\\@public.test/", "http://public.test\\@127.0.0.1/"),
    *("http:\\\\127.0.0.1/", "http:/\\127.0.0.1/", "http://\\127.0.0.1/", "http:///127.0.0.1/"),
    *("http:127.0.0.1/", "http:/127.0.0.1/", "//127.0.0.1/", "http//127.0.0.1/", "127.0.0.1"),
    *("http://public.test\t@127.0.0.1/", "http://127.0.0.1\t/", "http://127.0.0.1\n/"),
    *("http://127.0.\r\n0.1/", " http://127.0.0.1/", "http://127.0.0.1/ ", "\x00http://127.0.0.1/"),
    *("http://127.0.0.1\x00/", "http://127.0.0.1 public.test/", "http://public.test /"),
    *("http://public.test\u00a0/", "http://public.test\u2028/", "http://\u202e127.0.0.1/"),
    *("http://127.0.0.1#@public.test/", "http://127.0.0.1?@public.test/", "http://#public.test/"),
    *("http://?public.test/", "http:///", "http://", "http", ":", "http://./", "http://../"),
    *("http://.public.test/", "http://public..test/", "http://-/", "http://a-.test/"),
    *("http://public.test,127.0.0.1/", "http://public.test;127.0.0.1/", "http://{public.test}/"),
    *("http://public.test%2f@127.0.0.1/", "http://%31%32%37.0.0.1/", "http://public%2etest/"),
    *("http://public.test%00.test/", "http://127.0.0.1:80%40public.test/", "http://\ud800.test/"),
    *("http://public.test/\ud800", "http://" + "a" * 64 + ".test/"),
    "http://" + "a." * 127 + "test/",
    "http://public.test/" + "a" * 9_000,
    # ports
    *("http://public.test:/", "http://public.test:0/", "http://public.test:65536/"),
    *("http://public.test:-1/", "http://public.test:+80/", "http://public.test:8_0/"),
    *("http://public.test:80:80/", "http://public.test:\uff18\uff10/", "http://public.test:x/"),
    *("http://public.test:80@127.0.0.1:80/", "http://public.test:000080/", "http://:80/"),
    # schemes
    *("file:///etc/passwd", "FILE:///etc/passwd", "file://127.0.0.1/etc/passwd", "ftp://public.test/"),
    *("gopher://127.0.0.1:6379/_FLUSHALL", "dict://127.0.0.1:6379/", "ldap://127.0.0.1/"),
    *("unix:///var/run/docker.sock", "http+unix://%2fvar%2frun%2fdocker.sock/", "data:audio/wav,x"),
    *("jar:http://public.test!/", "ws://public.test/", "httpx://public.test/", "https//a.test"),
    *("concat:/etc/passwd", "subfile:/etc/passwd", "javascript:alert(1)", "/etc/passwd", "~"),
    *("url:http://127.0.0.1/", "view-source:http://127.0.0.1/", "hTTp://127.0.0.1/", "tftp://x/"),
)  # fmt: skip


def everything() -> Iterator[str]:
    """Every URL of the table."""
    for address in INSIDE:
        for spell in SPELLINGS.values():
            yield f"http://{spell(IPv4Address(address))}/song.mp3"
    yield from PLAIN
