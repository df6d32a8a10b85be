"""How each kind of setting is read from text.

Every reader takes the text as written and returns the value, or raises `ValueError` with
what was expected. No reader looks at the clock, the environment or a file of ours.
"""

import re
from collections.abc import Callable
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pricing import parse_usd
from proxy.keys import is_farebox

Network = IPv4Network | IPv6Network

UNIT_S: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
UNIT_BYTES: Final = {
    "": 1,
    "B": 1,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KIB": 1024,
    "MIB": 1024**2,
    "GIB": 1024**3,
}
SPAN_MAX_S: Final = 10 * 365 * 86400
PORT_MAX: Final = 65535
"""Ports end there; 0 asks the system for a free one."""


def span_s(text: str) -> float:
    """Read `60s`, `10m`, `24h`, `90d`, `500ms`, `1.5h`, or bare seconds, into seconds."""
    match = re.fullmatch(r"(\d{1,10}(?:\.\d{1,6})?)(ms|s|m|h|d)?", text, re.ASCII)
    seconds = float(match[1]) * UNIT_S[match[2] or "s"] if match else 0
    if not 0 < seconds <= SPAN_MAX_S:
        raise ValueError("expected a time span such as 60s, 10m, 24h or 90d")
    return seconds


def size(text: str) -> int:
    """Read `32MiB`, `500kB` or a bare number of bytes, into bytes."""
    match = re.fullmatch(r"(\d{1,15}) ?([KMG]i?B|B)?", text, re.ASCII | re.IGNORECASE)
    count = int(match[1]) * UNIT_BYTES[(match[2] or "").upper()] if match else 0
    if count <= 0:
        raise ValueError("expected a size such as 512KiB, 32MiB or 1GiB")
    return count


def budget_micros(text: str) -> int | None:
    """Read dollars into micro-USD, `unlimited` into None."""
    if text.lower() == "unlimited":
        return None
    try:
        return parse_usd(text)
    except ValueError as error:
        raise ValueError(f"expected USD such as 25 or 4.50, or unlimited: {error}") from error


def zone(text: str) -> str:
    """Read the name of an IANA time zone that this machine knows."""
    try:
        ZoneInfo(text)
    except (ValueError, OSError, LookupError) as error:
        near = get_close_matches(text, available_timezones(), n=1, cutoff=0)
        hint = f"; the nearest is {near[0]}" if near else ""
        raise ValueError(f"no such time zone{hint}") from error
    return text


def whole(lowest: int, highest: int) -> Callable[[str], int]:
    """Return a reader of whole numbers between the two, both included."""

    def read(text: str) -> int:
        number = int(text) if re.fullmatch(r"\d{1,12}", text, re.ASCII) else -1
        if not lowest <= number <= highest:
            raise ValueError(f"expected a whole number from {lowest} to {highest}")
        return number

    return read


def choice(*words: str) -> Callable[[str], str]:
    """Return a reader of one of the words, in any case."""

    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"expected one of {', '.join(words)}")
        return text.lower()

    return read


def switch(text: str) -> bool:
    """Read `1` or `0`, also spelled true, yes, on and false, no, off."""
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "off"}:
        return False
    raise ValueError("expected 1 or 0")


def words(text: str) -> tuple[str, ...]:
    """Read a list with commas; `none` is the empty list. Twins are dropped."""
    if text.lower() == "none":
        return ()
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def tag_names(text: str) -> tuple[str, ...]:
    """Read names of tags, the ends of header names: lower-case letters, digits, - and _."""
    names = words(text.lower())
    if not all(re.fullmatch(r"[a-z0-9_-]{1,64}", name) for name in names):
        raise ValueError("expected names of letters, digits, - and _, such as project,user")
    return names


def percents(text: str) -> tuple[int, ...]:
    """Read thresholds in per cent, in rising order."""
    try:
        return tuple(sorted({whole(1, 1000)(part) for part in words(text)}))
    except ValueError as error:
        raise ValueError("expected per cent such as 50,80,100") from error


def networks(text: str) -> tuple[Network, ...]:
    """Read addresses and CIDR ranges, `10.0.0.0/8,::1`; host bits are forgiven."""
    try:
        return tuple(ip_network(part, strict=False) for part in words(text))
    except ValueError as error:
        raise ValueError("expected addresses or ranges such as 10.0.0.0/8,192.0.2.7") from error


def _web_url(text: str, example: str) -> SplitResult:
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:  # whose words repeat what may be a password
        raise ValueError(f"expected an address such as {example}") from None
    plain = text.isascii() and not re.search(r"[\s\\]", text)
    if url.scheme not in {"http", "https"} or not url.hostname or not plain or port == 0:
        raise ValueError(f"expected an address such as {example}")
    if url.username is not None or url.fragment:
        raise ValueError("expected an address without user name, password or fragment")
    return url


def starred(text: str) -> str:
    """Return a text as a message may show it, without user name and password of an address."""
    return re.sub(r"^(.*?//)?.*@", r"\1***@", text, flags=re.DOTALL)


def origin(text: str) -> str:
    """Read scheme, host and port; a single slash at the end is forgiven."""
    url = _web_url(text, "https://gptproto.com")
    if url.path not in {"", "/"} or url.query:
        raise ValueError("expected an origin such as https://gptproto.com, without a path")
    return f"{url.scheme}://{url.netloc.lower()}"


def base_url(text: str) -> str:
    """Read an address that may hold a path, without its last slash."""
    url = _web_url(text, "https://farebox.example.com/images")
    if url.query:
        raise ValueError("expected an address without a query")
    return f"{url.scheme}://{url.netloc.lower()}{url.path.rstrip('/')}"


def web_url(text: str) -> str:
    """Read any address that can be posted to."""
    _web_url(text, "https://hooks.example.com/farebox")
    return text


def secret(text: str) -> str:
    """Read a secret that fits into a header; a copied `Bearer ` before it is forgiven."""
    bare = re.sub(r"(?i)^bearer\s+", "", text)
    if not re.fullmatch(r"[\x21-\x7e]+", bare):
        raise ValueError("expected printable ASCII without spaces")
    return bare


def upstream_key(text: str) -> str:
    """Read a secret that the upstream gave out; one of ours would be refused there."""
    bare = secret(text)
    if is_farebox(bare):
        raise ValueError("is a Farebox key (sk-fb-…); it must be one that GPT Proto gave out")
    return bare


def database_url(text: str) -> str:
    """Read `sqlite:///file` or `postgresql://…`."""
    scheme, mark, rest = text.partition("://")
    if not mark or scheme not in {"sqlite", "postgresql"}:
        raise ValueError("expected sqlite:///./farebox.db or postgresql://user@host/name")
    if scheme == "sqlite" and (not rest.startswith("/") or rest in {"/", "/:memory:"}):
        raise ValueError("expected a file, sqlite:///./farebox.db: money is not kept in memory")
    return text


def sqlite_path(url: str) -> Path | None:
    """Return the file of a `sqlite:///` URL, None of any other."""
    head = "sqlite:///"
    return Path(url.removeprefix(head)) if url.startswith(head) else None


def host(text: str) -> str:
    """Read an address or name to listen on."""
    if not re.fullmatch(r"[0-9A-Za-z.:_-]+", text.strip("[]")):
        raise ValueError("expected an address such as 127.0.0.1, 0.0.0.0 or ::1")
    return text.strip("[]")
