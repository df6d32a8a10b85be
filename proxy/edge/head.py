"""Whether a request head can be read in one way only.

Pure. llhttp has already refused most conflicting framing; what it lets through (no Host,
two Hosts, HTTP/0.9 and 2.0, transfer codings) is refused here, and the rest once more.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from proxy.edge.refusals import bad_request
from proxy.edge.target import objection

Headers = Sequence[tuple[bytes, bytes]]

HOST = re.compile(rb"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
FRAMING = frozenset((b"content-length", b"transfer-encoding"))


def check_head(version: str, target: bytes, headers: Headers) -> bool:
    """Raise `BadRequest` unless version, Host, framing and target leave no room for doubt.

    Header names come in lower case. Returns whether the caller waits for a word (100) before
    it sends the body.
    """
    if version not in ("1.1", "1.0"):
        raise bad_request(f"HTTP/{version} is not spoken here")
    names = [name for name, _ in headers]
    if names.count(b"host") != 1:
        raise bad_request("there must be exactly one Host header")
    if not _is_host(headers[names.index(b"host")][1]):
        raise bad_request("the Host header is not a host")
    if not FRAMING.isdisjoint(names):
        _check_framing(version, names, headers)
    why = objection(target)
    if why is not None:
        raise bad_request(why)
    return b"expect" in names and version != "1.0" and _expects_continue(headers)


@lru_cache(maxsize=256)
def _is_host(value: bytes) -> bool:
    return HOST.fullmatch(value) is not None


def _check_framing(version: str, names: list[bytes], headers: Headers) -> None:
    if names.count(b"content-length") > 1:
        raise bad_request("there is more than one Content-Length")
    if b"transfer-encoding" not in names:
        return
    codings = [value for name, value in headers if name == b"transfer-encoding"]
    if b"content-length" in names or version == "1.0":
        raise bad_request("Transfer-Encoding contradicts the rest of the request")
    if len(codings) != 1 or codings[0].lower() != b"chunked":
        raise bad_request("the only transfer coding is chunked, once")


def _expects_continue(headers: Headers) -> bool:
    return any(n == b"expect" and v.lower() == b"100-continue" for n, v in headers)


def without_upgrade(method: bytes, target: bytes, version: str, headers: Headers) -> bytes:
    """Return the same head as bytes, less its Upgrade: the offer is declined by not hearing it.

    llhttp takes what follows an Upgrade for another protocol and drops the body; Java's
    client offers h2c on every first call.
    """
    lines = [b"%b %b HTTP/%b\r\n" % (method, target, version.encode())]
    lines += [b"%b: %b\r\n" % pair for pair in headers if pair[0] != b"upgrade"]
    return b"".join([*lines, b"\r\n"])
