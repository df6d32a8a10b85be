"""Where the upstream is (pure)."""

from dataclasses import dataclass
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port; nothing below."""

    host: str
    port: int
    tls: bool
    authority: bytes
    """What the Host header says."""

    @classmethod
    def parse(cls, text: str) -> "Origin":
        """Read `https://host[:port]`; raises ValueError for anything more or less."""
        parts = urlsplit(text)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"not an http or https origin: {text!r}")
        if parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError(f"more than an origin: {text!r}")
        default = _PORTS[parts.scheme]
        port = parts.port or default
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        authority = host if port == default else f"{host}:{port}"
        return cls(parts.hostname, port, parts.scheme == "https", _ascii(authority))


def _ascii(authority: str) -> bytes:
    try:
        return authority.encode("ascii")
    except UnicodeEncodeError as error:
        raise ValueError(f"write the host in its ASCII form: {authority!r}") from error
