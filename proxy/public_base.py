"""Where callers reach us: the base that poll URLs get."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

Header = tuple[bytes, bytes]
Networks = Sequence[IPv4Network | IPv6Network]


def public_base(scope: Mapping[str, Any], *, public_url: str | None, trusted: Networks) -> str:
    """Name our own origin and prefix as the caller sees it, without a slash at the end.

    `FAREBOX_PUBLIC_URL` wins; a proxy that is trusted by name may say it in `X-Forwarded-*`;
    else it is what the caller wrote into `Host`.
    """
    if public_url is not None:
        return public_url.rstrip("/")
    fields = {name: value for name, value in scope["headers"] if name in _WANTED}
    scheme, host, prefix = str(scope.get("scheme", "http")), fields.get(b"host", b""), b""
    client = scope.get("client")
    if trusted and client is not None and is_trusted(client[0], trusted):
        scheme = _first(fields.get(b"x-forwarded-proto")).decode("latin-1") or scheme
        host = _first(fields.get(b"x-forwarded-host")) or host
        prefix = _first(fields.get(b"x-forwarded-prefix"))
    return f"{scheme}://{host.decode('latin-1')}{_path(prefix)}"


_WANTED = frozenset({b"host", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-prefix"})


def _first(value: bytes | None) -> bytes:
    return (value or b"").split(b",")[0].strip()


def _path(prefix: bytes) -> str:
    text = prefix.decode("latin-1").strip("/")
    return f"/{text}" if text else ""


def is_trusted(host: str, trusted: Networks) -> bool:
    """Say whether an address is that of a proxy that is trusted by name.

    On a socket for both families (`FAREBOX_HOST=::`) a peer of IPv4 is called `::ffff:10.0.0.1`.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if any(address in network for network in trusted):
        return True
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped is not None and any(mapped in network for network in trusted)
