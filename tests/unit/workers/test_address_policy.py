"""The address policy: what no client may reach through the gateway, and the edges of each network."""

from collections import Counter
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.fetch.address_policy import ADDRESS_RULES, IPAddress, Reach, refusal, rule_of
from workers.settings import WorkerSettings

DENIED = [
    "0.0.0.0",
    "0.0.0.1",
    "0.255.255.255",
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.0",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.0",
    "127.0.0.1",
    "127.255.255.255",
    "168.63.129.16",
    "169.254.0.0",
    "169.254.169.253",
    "169.254.169.254",
    "169.254.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.0.0.0",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.0.192",
    "192.0.0.255",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.88.99.2",
    "192.168.0.0",
    "192.168.255.255",
    "192.175.48.1",
    "198.18.0.0",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.0",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.0",
    "240.0.0.1",
    "255.255.255.254",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "::7f00:1",
    "::a9fe:a9fe",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:100.64.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "64:ff9b:1:ffff:ffff:ffff:a9fe:a9fe",
    "100::1",
    "100:0:0:1::1",
    "200::1",
    "1fff:ffff::1",
    "2001::1",
    "2001:0:a9fe:a9fe::1",
    "2001:1::1",
    "2001:2::1",
    "2001:3::1",
    "2001:4:112::1",
    "2001:10::1",
    "2001:20::1",
    "2001:30::1",
    "2001:1ff:ffff::1",
    "2001:db8::1",
    "2002:a9fe:a9fe::",
    "2002:7f00:1::1",
    "2620:4f:8000::1",
    "3fff::1",
    "3fff:fff:ffff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00::1",
    "fd00:42::42",
    "fd00:a9fe:a9fe::1",
    "fd00:c1::a9fe:a9fe",
    "fd00:ec2::23",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fdff:ffff::1",
    "fe80::",
    "fe80::1",
    "fe80::a9fe:a9fe",
    "fe80::1%lo",
    "febf:ffff::1",
    "fec0::1",
    "feff:ffff::1",
    "ff02::1",
    "ff0e::1",
]

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "93.184.216.34",
    "100.63.255.254",
    "100.63.255.255",
    "100.128.0.0",
    "100.128.0.1",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "168.63.129.17",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "191.255.255.255",
    "192.0.1.0",
    "192.0.3.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2000::1",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2001:db7:ffff::1",
    "2001:db9::1",
    "2003::1",
    "2606:4700:4700::1111",
    "2620:4f:7fff::1",
    "2620:4f:8001::1",
    "3ffe:ffff::1",
    "3fff:1000::1",
]

OPENED_FOR_DEVELOPMENT = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "::1/128",
    "fc00::/7",
]

METADATA = [
    "169.254.169.254",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "fd00:42::42",
    "fd00:a9fe:a9fe::1",
    "fd00:c1::a9fe:a9fe",
    "fd00:ec2::254",
    "fd20:ce::254",
]

# What four well-known guards refuse, taken together: gotenberg, smokescreen, ssrf_filter and drawbridge.
REFUSED_ELSEWHERE = [
    *["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"],
    *["192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"],
    *["203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32", "168.63.129.16/32"],
    *["::/128", "::1/128", "::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"],
    *["100::/64", "2001::/32", "2001:10::/28", "2001:20::/28", "2001:db8::/32", "2002::/16", "3fff::/20"],
    *["5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"],
]

IPV4 = st.integers(0, 2**32 - 1).map(IPv4Address)
IPV6 = st.integers(0, 2**128 - 1).map(IPv6Address)
ADDRESSES = IPV4 | IPV6


def inside(network_text: str, offset: int) -> IPAddress:
    """The address at an offset in a network, wrapped to its size."""
    network = ip_network(network_text)
    return network[offset % network.num_addresses]


@pytest.mark.parametrize("text", DENIED)
def test_an_address_that_is_not_public_is_refused(text: str) -> None:
    """Nothing but public unicast is fetched from, in whatever form an address hides in another."""
    assert refusal(ip_address(text), allow_private=False)


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_fetched_from(text: str) -> None:
    """The neighbours of each refused network are not refused with it."""
    assert refusal(ip_address(text), allow_private=False) is None


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_fetched_from_in_development_too(text: str) -> None:
    """Allowing private networks takes nothing away."""
    assert refusal(ip_address(text), allow_private=True) is None


@pytest.mark.parametrize("network", OPENED_FOR_DEVELOPMENT)
@pytest.mark.parametrize("offset", [0, -1])
def test_development_opens_loopback_and_private_networks(network: str, offset: int) -> None:
    """The setting opens loopback, RFC 1918 and unique local addresses, from the first to the last."""
    address = inside(network, offset)
    assert refusal(address, allow_private=True) is None
    assert refusal(address, allow_private=False)


@pytest.mark.parametrize("text", METADATA)
def test_development_never_opens_a_metadata_service(text: str) -> None:
    """A cloud's metadata hands out credentials: no setting opens it, not even inside a private network."""
    assert refusal(ip_address(text), allow_private=True)


@given(st.sampled_from(REFUSED_ELSEWHERE), st.integers(0, 2**128))
def test_what_other_guards_refuse_is_refused_here(network: str, offset: int) -> None:
    """The refused set includes those of gotenberg, smokescreen, ssrf_filter and drawbridge."""
    assert refusal(inside(network, offset), allow_private=False)


@given(ADDRESSES)
def test_what_python_calls_special_is_refused(address: IPAddress) -> None:
    """Python's idea of a global address is too wide; what even it does not call one is never fetched from."""
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert refusal(address, allow_private=False)


@given(IPV4, st.sampled_from(["::", "::ffff:0:0", "::ffff:0:0:0", "64:ff9b::", "64:ff9b:1::"]), st.booleans())
def test_no_ipv4_address_is_reached_in_an_ipv6_disguise(embedded: IPv4Address, prefix: str, private: bool) -> None:
    """Compatible, mapped, translated and NAT64 forms are refused whatever they embed, in development too."""
    disguised = IPv6Address(int(IPv6Address(prefix)) | int(embedded))
    if disguised != IPv6Address("::1"):  # by its form it is IPv4-compatible, but it is loopback
        assert refusal(disguised, allow_private=private)


@given(IPV4, st.integers(0, 2**80 - 1))
def test_no_6to4_address_is_fetched_from(embedded: IPv4Address, rest: int) -> None:
    """6to4 carries an IPv4 address in bits 16 to 48."""
    assert refusal(IPv6Address((0x2002 << 112) | (int(embedded) << 80) | rest), allow_private=True)


@given(ADDRESSES | st.builds(inside, st.sampled_from(OPENED_FOR_DEVELOPMENT), st.integers(0, 2**128)))
def test_development_opens_nothing_else(address: IPAddress) -> None:
    """The two policies differ in six networks, and in nothing outside them."""
    if not any(address in ip_network(network) for network in OPENED_FOR_DEVELOPMENT):
        assert refusal(address, allow_private=True) == refusal(address, allow_private=False)


@given(ADDRESSES)
def test_exactly_one_row_decides(address: IPAddress) -> None:
    """Of the rows that hold an address, one has the longest prefix: the table's order means nothing."""
    longest = rule_of(address).network.prefixlen
    lengths = Counter(rule.network.prefixlen for rule in ADDRESS_RULES if address in rule.network)
    assert lengths[longest] == 1


def test_only_the_unicast_ranges_are_public() -> None:
    """IPv4 and 2000::/3 are public where no row says otherwise; no other row opens anything."""
    public = {str(rule.network) for rule in ADDRESS_RULES if rule.reach is Reach.PUBLIC}
    assert public == {"0.0.0.0/0", "2000::/3"}


def test_every_row_names_its_source() -> None:
    """A row without a source could not be checked by its reader."""
    assert all(rule.source and rule.kind for rule in ADDRESS_RULES)


def test_a_refusal_says_the_kind_and_not_the_address() -> None:
    """Whoever submits a name must not learn which inner address it has."""
    assert refusal(ip_address("10.1.2.3"), allow_private=False) == "a private address (RFC 1918)"


def test_cve_2026_39383_nothing_configured_means_nothing_private() -> None:
    """Gotenberg's empty lists allowed everything; here the setting that nobody made refuses."""
    assert WorkerSettings().allow_private_networks is False


@pytest.mark.parametrize("text", ["::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"])
def test_cve_2026_42596_ipv4_mapped_loopback_is_refused(text: str) -> None:
    """Gotenberg's list did not know IPv4-mapped IPv6 (GHSA-4vmc-gm8v-m35h)."""
    assert refusal(ip_address(text), allow_private=True)


@pytest.mark.parametrize("text", ["2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "fec0::1"])
def test_cve_2026_45741_transition_and_site_local_addresses_are_refused(text: str) -> None:
    """Gotenberg took 6to4, NAT64 and site-local addresses for public (GHSA-86m8-88fq-xfxp)."""
    assert refusal(ip_address(text), allow_private=True)
