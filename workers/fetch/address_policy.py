"""Which addresses a source may be fetched from: one table, in which the most specific row decides.

Python's `is_global` does not serve: it is true of 6to4, NAT64 and IPv4-compatible forms of loopback, of
site-local addresses, of multicast and of Azure's platform address. The rows are those of the IANA IPv4 and
IPv6 special-purpose address registries, and what clouds and translators add to them. Outside 2000::/3 nothing
of IPv6 is public, so that what is not listed is refused.
"""

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

IPAddress = IPv4Address | IPv6Address


class Reach(Enum):
    """Whether addresses of a network may be fetched from."""

    PUBLIC = "always"
    PRIVATE = "only where private networks are allowed"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class AddressRule:
    """One row: a network, whether it may be fetched from, what its addresses are, and who says so."""

    network: IPv4Network | IPv6Network
    reach: Reach
    kind: str
    source: str


_REGISTRY_IPV4: tuple[tuple[str, Reach, str, str], ...] = (
    ("0.0.0.0/0", Reach.PUBLIC, "a public address", "RFC 791"),
    ("0.0.0.0/8", Reach.NEVER, "an address of 'this network'", "RFC 791, section 3.2"),
    ("10.0.0.0/8", Reach.PRIVATE, "a private address", "RFC 1918"),
    # Alibaba Cloud's metadata service, 100.100.100.200, lies in it.
    ("100.64.0.0/10", Reach.NEVER, "a shared (carrier-grade NAT) address", "RFC 6598"),
    ("127.0.0.0/8", Reach.PRIVATE, "a loopback address", "RFC 1122, section 3.2.1.3"),
    ("168.63.129.16/32", Reach.NEVER, "a cloud platform's own address", "Azure: IP address 168.63.129.16"),
    # The clouds' metadata services, 169.254.169.254 and its neighbours, lie in it.
    ("169.254.0.0/16", Reach.NEVER, "a link-local address", "RFC 3927"),
    ("172.16.0.0/12", Reach.PRIVATE, "a private address", "RFC 1918"),
    ("192.0.0.0/24", Reach.NEVER, "an address of IETF protocol assignments", "RFC 6890, section 2.1"),
    ("192.0.2.0/24", Reach.NEVER, "a documentation address", "RFC 5737"),
    ("192.31.196.0/24", Reach.NEVER, "an AS112 address", "RFC 7535"),
    ("192.52.193.0/24", Reach.NEVER, "an AMT relay address", "RFC 7450"),
    ("192.88.99.0/24", Reach.NEVER, "a 6to4 relay address", "RFC 7526"),
    ("192.168.0.0/16", Reach.PRIVATE, "a private address", "RFC 1918"),
    ("192.175.48.0/24", Reach.NEVER, "an AS112 address", "RFC 7534"),
    ("198.18.0.0/15", Reach.NEVER, "a benchmarking address", "RFC 2544"),
    ("198.51.100.0/24", Reach.NEVER, "a documentation address", "RFC 5737"),
    ("203.0.113.0/24", Reach.NEVER, "a documentation address", "RFC 5737"),
    ("224.0.0.0/4", Reach.NEVER, "a multicast address", "RFC 5771"),
    ("240.0.0.0/4", Reach.NEVER, "a reserved address", "RFC 1112, section 4"),
    ("255.255.255.255/32", Reach.NEVER, "the broadcast address", "RFC 919, section 7"),
)

_REGISTRY_IPV6: tuple[tuple[str, Reach, str, str], ...] = (
    ("::/0", Reach.NEVER, "an address outside global unicast", "RFC 4291 and IANA's IPv6 address space"),
    ("2000::/3", Reach.PUBLIC, "a public address", "RFC 4291 and IANA's IPv6 address space"),
    ("::/128", Reach.NEVER, "the unspecified address", "RFC 4291, section 2.5.2"),
    ("::1/128", Reach.PRIVATE, "the loopback address", "RFC 4291, section 2.5.3"),
    ("::/96", Reach.NEVER, "an IPv4-compatible address", "RFC 4291, section 2.5.5.1"),
    ("::ffff:0:0/96", Reach.NEVER, "an IPv4-mapped address", "RFC 4291, section 2.5.5.2"),
    ("::ffff:0:0:0/96", Reach.NEVER, "an IPv4-translated address", "RFC 2765, section 2.1"),
    ("64:ff9b::/96", Reach.NEVER, "a NAT64 address", "RFC 6052, section 2.1"),
    ("64:ff9b:1::/48", Reach.NEVER, "a NAT64 address", "RFC 8215"),
    ("100::/64", Reach.NEVER, "a discard-only address", "RFC 6666"),
    ("100:0:0:1::/64", Reach.NEVER, "a dummy address", "RFC 9780"),
    ("2001::/23", Reach.NEVER, "an address of IETF protocol assignments", "RFC 2928"),
    ("2001::/32", Reach.NEVER, "a Teredo address", "RFC 4380"),
    ("2001:2::/48", Reach.NEVER, "a benchmarking address", "RFC 5180"),
    ("2001:20::/28", Reach.NEVER, "an ORCHIDv2 identifier", "RFC 7343"),
    ("2001:db8::/32", Reach.NEVER, "a documentation address", "RFC 3849"),
    ("2002::/16", Reach.NEVER, "a 6to4 address", "RFC 3056"),
    ("2620:4f:8000::/48", Reach.NEVER, "an AS112 address", "RFC 7534"),
    ("3fff::/20", Reach.NEVER, "a documentation address", "RFC 9637"),
    ("5f00::/16", Reach.NEVER, "a segment routing identifier", "RFC 9602"),
    ("fc00::/7", Reach.PRIVATE, "a unique local address", "RFC 4193"),
    ("fd00:42::42/128", Reach.NEVER, "a cloud's metadata address", "Scaleway: instance metadata"),
    ("fd00:a9fe:a9fe::1/128", Reach.NEVER, "a cloud's metadata address", "Linode: metadata service"),
    ("fd00:c1::a9fe:a9fe/128", Reach.NEVER, "a cloud's metadata address", "Oracle Cloud: instance metadata"),
    # Metadata (::254), DNS (::253), time (::123) and container credentials (::23).
    ("fd00:ec2::/32", Reach.NEVER, "a cloud's metadata address", "AWS: IPv6 on AWS, supporting services"),
    ("fd20:ce::254/128", Reach.NEVER, "a cloud's metadata address", "Google Cloud: metadata server on IPv6"),
    ("fe80::/10", Reach.NEVER, "a link-local address", "RFC 4291, section 2.5.6"),
    ("fec0::/10", Reach.NEVER, "a site-local address", "RFC 3879"),
    ("ff00::/8", Reach.NEVER, "a multicast address", "RFC 4291, section 2.7"),
)

ADDRESS_RULES: tuple[AddressRule, ...] = tuple(
    AddressRule(ip_network(network), reach, kind, source)
    for network, reach, kind, source in _REGISTRY_IPV4 + _REGISTRY_IPV6
)
"""The whole table."""


def rule_of(address: IPAddress) -> AddressRule:
    """The row that decides about an address: of those that hold it, the one with the longest prefix."""
    return max((rule for rule in ADDRESS_RULES if address in rule.network), key=lambda rule: rule.network.prefixlen)


def refusal(address: IPAddress, *, allow_private: bool) -> str | None:
    """Why an address may not be fetched from, as words that complete "it leads to …"; None: it may.

    `allow_private` opens loopback, RFC 1918 and unique local addresses only: never a metadata service.
    """
    rule = rule_of(address)
    opened = rule.reach is Reach.PUBLIC or (allow_private and rule.reach is Reach.PRIVATE)
    return None if opened else f"{rule.kind} ({rule.source})"
