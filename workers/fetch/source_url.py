"""The URL of a source: one strict parser, whose parts are what is checked, what is dialled and what is shown.

A parser of its own because every lenient one reads some spelling otherwise than the next does, and the
difference between the one that checks and the one that dials is the attack. What is accepted is
`http(s)://host[:port]/path?query#fragment` of RFC 3986.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote, urljoin

import idna

from workers.fetch.address_policy import IPAddress, refusal

URL_CHARS_MAX = 2_048
"""Characters of a URL."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
# RFC 3986, appendix B, with a scheme and an authority always there.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?")
# Other parsers drop control characters, read a backslash as a slash, or cannot encode half a surrogate pair.
_NEVER_IN_URL = re.compile("[\x00-\x1f\x7f-\x9f\\\\\ud800-\udfff]")
_AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::(.*))?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_DNS_NAME = re.compile(r"(?=.{1,253}\Z)(?:(?!-)[a-z0-9_-]{1,63}(?<!-)\.)*(?!-)[a-z0-9_-]{1,63}(?<!-)")
# The WHATWG URL standard's "ends in a number": such a host is an IPv4 address in some spelling, never a name.
_ENDS_IN_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
# What RFC 3986 lets stand in a path or query, escapes included; the rest is percent-encoded as UTF-8.
_KEPT_IN_TARGET = "!#$%&'()*+,/:;=?@[]~"


class SourceUrlError(ValueError):
    """A URL that is not accepted as a source; the message says what is wrong and quotes nothing of it."""


@dataclass(frozen=True, slots=True, repr=False)
class SourceUrl:
    """An accepted URL in its normal form, without fragment. `str()` and `repr()` are safe to log."""

    scheme: str
    """`http` or `https`."""
    host: str
    """Lower-case DNS name in ASCII, or the address in its normal form, without brackets."""
    address: IPAddress | None
    """The host, where it is an address and not a name."""
    port: int
    """From 1 to 65535."""
    path: str
    """At least `/`; ASCII, percent-encoded."""
    query: str | None
    """Percent-encoded, without its question mark. It may hold secrets."""

    @classmethod
    def parse(cls, text: str) -> "SourceUrl":
        """Read a URL. Raises SourceUrlError that names what is wrong."""
        if len(text) > URL_CHARS_MAX:
            raise SourceUrlError(f"the URL is longer than {URL_CHARS_MAX} characters")
        _refuse_characters(text)
        parts = _URL.fullmatch(text)
        scheme = parts[1].lower() if parts else None
        if parts is None or scheme not in _DEFAULT_PORTS:
            raise SourceUrlError("the URL must begin with http:// or https:// and a host")
        host, address, port = _authority(parts[2], _DEFAULT_PORTS[scheme])
        path, query = _encoded(parts[3]) or "/", parts[4]
        return cls(scheme, host, address, port, path, None if query is None else _encoded(query))

    def join(self, reference: str) -> "SourceUrl":
        """The URL that a Location header means from here (RFC 3986, section 5.2). Raises SourceUrlError."""
        reference = reference.strip(" \t")
        _refuse_characters(reference)
        try:
            joined = urljoin(self.text, reference)
        except ValueError:
            raise SourceUrlError("the redirect's Location is not a URL") from None
        return SourceUrl.parse(joined)

    @property
    def authority(self) -> str:
        """What the Host header says: the host, and the port if it is not the scheme's own."""
        host = f"[{self.host}]" if isinstance(self.address, IPv6Address) else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def target(self) -> str:
        """What the request line says: path and query. It may hold secrets."""
        return self.path if self.query is None else f"{self.path}?{self.query}"

    @property
    def text(self) -> str:
        """The whole URL. It may hold secrets: show `display` instead."""
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def display(self) -> str:
        """The URL as it may be shown and logged: without its query."""
        return f"{self.scheme}://{self.authority}{self.path}{'' if self.query is None else '?…'}"

    def __str__(self) -> str:
        return self.display

    def __repr__(self) -> str:
        return f"SourceUrl({self.display!r})"


def refusal_before_dns(url: SourceUrl, *, allow_private: bool) -> str | None:
    """Why a URL is refused whatever DNS says, as words that complete "it leads to …"; None: DNS decides.

    Known without DNS are addresses and the names of loopback: `localhost` and all below it (RFC 6761, 6.3).
    """
    if url.address is not None:
        return refusal(url.address, allow_private=allow_private)
    if url.host == "localhost" or url.host.endswith(".localhost"):
        return refusal(IPv4Address("127.0.0.1"), allow_private=allow_private)
    return None


def _refuse_characters(text: str) -> None:
    if text != text.strip():
        raise SourceUrlError("the URL must not begin or end with white space")
    if _NEVER_IN_URL.search(text):
        raise SourceUrlError("the URL must not contain control characters, backslashes or broken Unicode")


def _encoded(text: str) -> str:
    return quote(text, safe=_KEPT_IN_TARGET)


def _authority(authority: str, default_port: int) -> tuple[str, IPAddress | None, int]:
    """Host, its address if it is one, and port."""
    if "@" in authority:
        raise SourceUrlError("the URL must not contain a user name or a password")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise SourceUrlError("the URL's host must be a DNS name, an IPv4 address, or IPv6 in brackets")
    host, port = parts[1], parts[2]
    if port is not None and (not _PORT.fullmatch(port) or int(port) > 65_535):
        raise SourceUrlError("the URL's port must be a number from 1 to 65535")
    address = _address(host)
    name = _dns_name(host) if address is None else str(address)
    return name, address, default_port if port is None else int(port)


def _address(host: str) -> IPAddress | None:
    """The address that a host is in strict spelling; None: it can only be a name."""
    try:
        if host.startswith("["):
            if "%" in host:
                raise SourceUrlError("the URL's IPv6 address must not have a zone")
            return IPv6Address(host[1:-1])
        if _ENDS_IN_NUMBER.fullmatch(host.lower()):
            return IPv4Address(host)
    except AddressValueError:
        raise SourceUrlError("the URL's address must be four decimal numbers, or IPv6 in brackets") from None
    return None


def _dns_name(host: str) -> str:
    """The name in lower-case ASCII (IDNA 2008, with no mapping of look-alikes to other characters)."""
    if not host:
        raise SourceUrlError("the URL has no host")
    if host.endswith("."):
        raise SourceUrlError("the URL's host must not end with a dot")
    name = host.lower()
    if not name.isascii():
        try:
            name = idna.encode(name, strict=True).decode("ascii")
        except idna.IDNAError:
            raise SourceUrlError("the URL's host is not a valid international domain name") from None
    if not _DNS_NAME.fullmatch(name):
        raise SourceUrlError("the URL's host must be a DNS name of letters, digits, hyphens and dots")
    return name
