"""The one URL parser: what it accepts, what it refuses and why, and that it shows no secrets."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.util import parse_url

from workers.fetch.source_url import URL_CHARS_MAX, SourceUrl, SourceUrlError, refusal_before_dns

ACCEPTED = [
    ("http://example.com", "http://example.com/"),
    ("https://example.com/a.pdf", "https://example.com/a.pdf"),
    ("HTTPS://EXAMPLE.com/A.PDF", "https://example.com/A.PDF"),
    ("http://example.com:80/", "http://example.com/"),
    ("https://example.com:443/", "https://example.com/"),
    ("http://example.com:443/", "http://example.com:443/"),
    ("https://example.com:8443/x", "https://example.com:8443/x"),
    ("https://example.com?x=1", "https://example.com/?x=1"),
    ("https://example.com/a?", "https://example.com/a?"),
    ("https://example.com/a?b?c=/d", "https://example.com/a?b?c=/d"),
    ("https://example.com/a#page=3", "https://example.com/a"),
    ("https://example.com#@evil.test/", "https://example.com/"),
    ("https://example.com/@home", "https://example.com/@home"),
    ("https://example.com/a/../b/./c", "https://example.com/a/../b/./c"),
    ("https://example.com//double", "https://example.com//double"),
    ("https://example.com/a%2Fb%20c", "https://example.com/a%2Fb%20c"),
    ("https://example.com/a?sig=a%2Bb%3D&x=[1]", "https://example.com/a?sig=a%2Bb%3D&x=[1]"),
    ("https://example.com/a file.pdf", "https://example.com/a%20file.pdf"),
    ("https://example.com/größe.pdf", "https://example.com/gr%C3%B6%C3%9Fe.pdf"),
    ("https://example.com/文書?名=値", "https://example.com/%E6%96%87%E6%9B%B8?%E5%90%8D=%E5%80%A4"),
    ("https://bücher.example/", "https://xn--bcher-kva.example/"),
    ("https://BÜCHER.example/", "https://xn--bcher-kva.example/"),
    ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
    ("http://my_bucket.s3.example.com/", "http://my_bucket.s3.example.com/"),
    ("http://localhost:8000/", "http://localhost:8000/"),
    ("http://a.1x/", "http://a.1x/"),
    ("http://1.2.3.4.example/", "http://1.2.3.4.example/"),
    ("http://127.0.0.1/", "http://127.0.0.1/"),
    ("http://[::1]:8000/", "http://[::1]:8000/"),
    ("http://[2001:DB8:0:0::1]/", "http://[2001:db8::1]/"),
]

BAD_START = "must begin with http:// or https:// and a host"
BAD_CHARACTER = "control characters, backslashes or broken Unicode"
BAD_ADDRESS = "four decimal numbers, or IPv6 in brackets"
BAD_NAME = "letters, digits, hyphens and dots"
BAD_HOST = "a DNS name, an IPv4 address, or IPv6 in brackets"
BAD_PORT = "a number from 1 to 65535"
CREDENTIALS = "a user name or a password"
NO_HOST = "has no host"
WHITE_SPACE = "begin or end with white space"

REFUSED = [
    ("", BAD_START),
    ("example.com/a.pdf", BAD_START),
    ("//example.com/a.pdf", BAD_START),
    ("http:example.com", BAD_START),
    ("http:/example.com", BAD_START),
    ("http//example.com", BAD_START),
    ("ftp://example.com/a.pdf", BAD_START),
    ("file:///etc/passwd", BAD_START),
    ("FILE://localhost/etc/passwd", BAD_START),
    ("gopher://127.0.0.1:6379/_FLUSHALL", BAD_START),
    ("data:application/pdf;base64,AAAA", BAD_START),
    ("javascript://example.com/%0aalert(1)", BAD_START),
    ("unix:///var/run/docker.sock", BAD_START),
    ("httpx://example.com/", BAD_START),
    ("http+unix://example.com/", BAD_START),
    ("url:http://example.com/", BAD_START),
    ("http://", NO_HOST),
    ("http:///x", NO_HOST),
    ("http://?x", NO_HOST),
    ("http://#x", NO_HOST),
    ("http://:80/", NO_HOST),
    (" http://example.com/", WHITE_SPACE),
    ("http://example.com/ ", WHITE_SPACE),
    ("http://example.com/\n", WHITE_SPACE),
    ("\u2003http://example.com/", WHITE_SPACE),
    ("http://exa\tmple.com/", BAD_CHARACTER),
    ("ht\ntp://example.com/", BAD_CHARACTER),
    ("http://example.com/\r\nHost: evil.test", BAD_CHARACTER),
    ("http://example.com\x00.evil.test/", BAD_CHARACTER),
    ("http://example.com/\x00", BAD_CHARACTER),
    ("http://example.com/\x7f", BAD_CHARACTER),
    ("http://example.com/\x85x", BAD_CHARACTER),
    ("http://example.com/\ud800", BAD_CHARACTER),
    ("http:\\\\example.com\\", BAD_CHARACTER),
    ("http://example.com\\@evil.test/", BAD_CHARACTER),
    ("http://evil.test\\.example.com/", BAD_CHARACTER),
    ("http://a@127.0.0.1/", CREDENTIALS),
    ("http://user:password@example.com/", CREDENTIALS),
    ("http://@example.com/", CREDENTIALS),
    ("http://example.com@evil.test/", CREDENTIALS),
    ("http://127.0.0.1%2f@a/", CREDENTIALS),
    ("http://example.com:80@evil.test:80/", CREDENTIALS),
    ("http://example.com:/", BAD_PORT),
    ("http://example.com:0/", BAD_PORT),
    ("http://example.com:00080/", BAD_PORT),
    ("http://example.com:65536/", BAD_PORT),
    ("http://example.com:123456/", BAD_PORT),
    ("http://example.com:-1/", BAD_PORT),
    ("http://example.com:+80/", BAD_PORT),
    ("http://example.com:8 0/", BAD_PORT),
    ("http://example.com:٨٠/", BAD_PORT),
    ("http://example.com:80:80/", BAD_PORT),
    ("http://127.0.0.1:80:evil.test/", BAD_PORT),
    ("http://2130706433/", BAD_ADDRESS),
    ("http://0x7f000001/", BAD_ADDRESS),
    ("http://0x7f.1/", BAD_ADDRESS),
    ("http://0X7F.0X1/", BAD_ADDRESS),
    ("http://0177.0.0.1/", BAD_ADDRESS),
    ("http://127.0.0.01/", BAD_ADDRESS),
    ("http://127.1/", BAD_ADDRESS),
    ("http://127.0.1/", BAD_ADDRESS),
    ("http://0/", BAD_ADDRESS),
    ("http://127.0.0.1.1/", BAD_ADDRESS),
    ("http://256.0.0.1/", BAD_ADDRESS),
    ("http://example.1/", BAD_ADDRESS),
    ("http://example.0x/", BAD_ADDRESS),
    ("http://[127.0.0.1]/", BAD_ADDRESS),
    ("http://[::1::]/", BAD_ADDRESS),
    ("http://[]/", BAD_ADDRESS),
    ("http://[v1.fe80]/", BAD_ADDRESS),
    ("http://[example.com]/", BAD_ADDRESS),
    ("http://[::1%25lo]/", "must not have a zone"),
    ("http://[fe80::1%eth0]/", "must not have a zone"),
    ("http://::1/", BAD_PORT),
    ("http://[::1/", BAD_HOST),
    ("http://::1]/", BAD_PORT),
    ("http://[::1]evil.test/", BAD_HOST),
    ("http://x[::1]/", BAD_HOST),
    ("http://127.0.0.1./", "end with a dot"),
    ("http://example.com./", "end with a dot"),
    ("http://./", "end with a dot"),
    ("http://.example.com/", BAD_NAME),
    ("http://exa..mple.com/", BAD_NAME),
    ("http://-example.com/", BAD_NAME),
    ("http://example-.com/", BAD_NAME),
    ("http://exa mple.com/", BAD_NAME),
    ("http://example%2ecom/", BAD_NAME),
    ("http://%31%32%37.0.0.%31x/", BAD_NAME),
    ("http://localhost%00.example.com/", BAD_NAME),
    ("http://exa$mple.com/", BAD_NAME),
    ("http://*.example.com/", BAD_NAME),
    (f"http://{'a' * 64}.com/", BAD_NAME),
    (f"http://{'a.' * 127}com/", BAD_NAME),
    ("http://127。0。0。1/", "valid international domain name"),
    ("http://\uff11\uff12\uff17.0.0.1x/", "valid international domain name"),
    ("http://\uff11\uff12\uff17.0.0.1/", BAD_ADDRESS),
    ("http://ⓔⓧⓐⓜⓟⓛⓔ.com/", "valid international domain name"),
    ("http://exa\u200bmple.com/", "valid international domain name"),
    ("http://example\u202e.com/", "valid international domain name"),
    ("http://example.com\uff0fpath/", "valid international domain name"),
    (f"http://{'ü' * 80}.com/", "valid international domain name"),
    ("http://example.com/" + "a" * URL_CHARS_MAX, "longer than 2048 characters"),
]


@pytest.mark.parametrize(("text", "normal_form"), ACCEPTED)
def test_a_url_is_read_into_its_normal_form(text: str, normal_form: str) -> None:
    """Scheme, host and port become normal; path and query stay as they are, but for what must be encoded."""
    assert SourceUrl.parse(text).text == normal_form


@pytest.mark.parametrize(("text", "why"), REFUSED, ids=lambda value: ascii(value)[:60])
def test_a_url_that_is_not_strict_is_refused(text: str, why: str) -> None:
    """Whatever two parsers may read differently is refused, and the message names what is wrong."""
    with pytest.raises(SourceUrlError, match=why):
        SourceUrl.parse(text)


def test_the_longest_url_is_accepted() -> None:
    """2,048 characters are allowed."""
    text = "https://example.com/".ljust(URL_CHARS_MAX, "a")
    assert SourceUrl.parse(text).text == text


@given(st.text(max_size=60) | st.text("htps:/.@[]0123456789abx%\\?# \n", max_size=40).map("http://".__add__))
def test_any_text_is_accepted_or_refused(text: str) -> None:
    """No input breaks the parser, and the normal form of what is accepted is parsed to the same."""
    try:
        url = SourceUrl.parse(text)
    except SourceUrlError:
        return
    assert url.text.isascii()
    assert SourceUrl.parse(url.text) == url


@given(
    st.sampled_from(["http", "https"]),
    st.text("abcdefghijklmnopqrstuvwxyz0123456789-._[]:%@", min_size=1, max_size=20),
    st.text("/ab%?#@:\\", max_size=10).map("/".__add__),
)
def test_another_parser_sees_the_same_host(scheme: str, authority: str, rest: str) -> None:
    """What is accepted here reads the same in urllib3, so that no library beneath dials elsewhere."""
    try:
        url = SourceUrl.parse(f"{scheme}://{authority}{rest}")
    except SourceUrlError:
        return
    theirs = parse_url(url.text)
    assert (theirs.host or "").strip("[]") == url.host
    assert theirs.port in {None, url.port}
    assert theirs.auth is None


def test_an_address_as_host_is_known_as_an_address() -> None:
    """A host that is an address is never asked of DNS."""
    assert SourceUrl.parse("http://10.0.0.1/").address == IPv4Address("10.0.0.1")
    assert SourceUrl.parse("http://[FD00::1]/").address == IPv6Address("fd00::1")
    assert SourceUrl.parse("http://example.com/").address is None


def test_the_host_header_has_the_port_unless_it_is_the_schemes_own() -> None:
    """RFC 9110, section 7.2: the Host header is the URL's authority."""
    assert SourceUrl.parse("http://example.com:80/").authority == "example.com"
    assert SourceUrl.parse("https://example.com:80/").authority == "example.com:80"
    assert SourceUrl.parse("http://[::1]:81/").authority == "[::1]:81"


def test_what_is_shown_holds_no_secret() -> None:
    """A query may hold a signature and a fragment a token; neither is in anything that a log would print."""
    url = SourceUrl.parse("https://example.com:8443/a.pdf?X-Signature=SECRET#token=SECRET")
    assert url.display == "https://example.com:8443/a.pdf?…"
    assert "SECRET" not in f"{url} {url!r} {[url]}"
    assert url.target == "/a.pdf?X-Signature=SECRET"


def test_a_refusal_quotes_nothing_of_the_url() -> None:
    """The message goes to clients and logs, and the URL may hold credentials."""
    with pytest.raises(SourceUrlError) as refused:
        SourceUrl.parse("https://user:SECRET@example.com/?SECRET")
    assert "SECRET" not in str(refused.value)


JOINED = [
    ("/b.pdf", "https://example.com/b.pdf"),
    ("b.pdf", "https://example.com/dir/b.pdf"),
    ("../b.pdf", "https://example.com/b.pdf"),
    ("?page=2", "https://example.com/dir/a.pdf?page=2"),
    ("//other.example/b.pdf", "https://other.example/b.pdf"),
    ("http://other.example/b.pdf", "http://other.example/b.pdf"),
    (" /b.pdf\t", "https://example.com/b.pdf"),
    ("/a b.pdf", "https://example.com/a%20b.pdf"),
    ("/größe.pdf#x", "https://example.com/gr%C3%B6%C3%9Fe.pdf"),
]


@pytest.mark.parametrize(("location", "target"), JOINED)
def test_a_location_is_relative_to_the_url(location: str, target: str) -> None:
    """RFC 3986, section 5.2; the query of the URL that redirects is not handed on."""
    assert SourceUrl.parse("https://example.com/dir/a.pdf?secret").join(location).text == target


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "//user:pw@example.com/",
        "/\\evil.test/",
        "http://[::1",
        "http://127.1/",
        "/a\nb",
    ],
)
def test_a_location_is_as_strict_as_a_url(location: str) -> None:
    """A redirect leads through the same parser as the URL that was submitted."""
    with pytest.raises(SourceUrlError):
        SourceUrl.parse("https://example.com/").join(location)


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://10.0.0.1:8080/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://localhost/",
        "http://LOCALHOST:8265/",
        "http://redis.localhost:6379/",
    ],
)
def test_what_is_known_without_dns_is_refused_at_submit(text: str) -> None:
    """An address, and the names of loopback, are refused before there is a job."""
    assert refusal_before_dns(SourceUrl.parse(text), allow_private=False)


@pytest.mark.parametrize("text", ["http://8.8.8.8/", "http://example.com/", "http://localhost.example.com/"])
def test_what_dns_must_decide_is_accepted_at_submit(text: str) -> None:
    """A name may lead anywhere: that is checked when it is fetched."""
    assert refusal_before_dns(SourceUrl.parse(text), allow_private=False) is None


def test_development_opens_loopback_at_submit_but_no_metadata() -> None:
    """The setting means the same at submit as when fetching."""
    assert refusal_before_dns(SourceUrl.parse("http://localhost/"), allow_private=True) is None
    assert refusal_before_dns(SourceUrl.parse("http://169.254.169.254/"), allow_private=True)


@pytest.mark.parametrize("text", ["HTTP://127.0.0.1/", "hTTp://127.0.0.1/", "HTTP://LocalHost/"])
def test_cve_2026_40280_the_case_of_a_scheme_hides_nothing(text: str) -> None:
    """Gotenberg's case-sensitive list let `HTTP://` through (GHSA-5q7p-7jgv-ww56, as CVE-2026-27018)."""
    assert refusal_before_dns(SourceUrl.parse(text), allow_private=False)


def test_cve_2026_42596_a_mapped_address_is_refused_at_submit() -> None:
    """Gotenberg's list did not know `[::ffff:127.0.0.1]` (GHSA-4vmc-gm8v-m35h)."""
    assert refusal_before_dns(SourceUrl.parse("http://[::ffff:127.0.0.1]:3000/"), allow_private=False)
