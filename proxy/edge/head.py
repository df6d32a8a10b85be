"""Whether a request head can be read in one way only.

Pure. llhttp has already refused most conflicting framing; what it lets through (no Host,
two Hosts, HTTP/0.9 and 2.0, transfer codings) is refused here, and the rest once more.
"""

import re
from collections.abc import Sequence

from proxy.edge import target as targets
from proxy.edge.refusals import bad_request

Headers = Sequence[tuple[bytes, bytes]]

HOST = re.compile(rb"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")


def check_head(version: str, target: bytes, headers: Headers) -> None:
    """Raise `BadRequest` unless version, Host, framing and target leave no room for doubt.

    Header names come in lower case.
    """
    if version not in ("1.1", "1.0"):
        raise bad_request(f"HTTP/{version} is not spoken here")
    names = [name for name, _ in headers]
    _check_host(names, headers)
    _check_framing(version, names, headers)
    objection = targets.objection(target)
    if objection:
        raise bad_request(objection)


def _check_host(names: list[bytes], headers: Headers) -> None:
    if names.count(b"host") != 1:
        raise bad_request("there must be exactly one Host header")
    if not HOST.fullmatch(headers[names.index(b"host")][1]):
        raise bad_request("the Host header is not a host")


def _check_framing(version: str, names: list[bytes], headers: Headers) -> None:
    if names.count(b"content-length") > 1:
        raise bad_request("there is more than one Content-Length")
    if b"transfer-encoding" not in names:
        return
    codings = [value for name, value in headers if name == b"transfer-encoding"]
    if b"content-length" in names or version == "1.0":
        raise bad_request("Transfer-Encoding contradicts the rest of the request")
    if len(codings) != 1 or codings[0].strip().lower() != b"chunked":
        raise bad_request("the only transfer coding is chunked, once")


def expects_continue(version: str, headers: Headers) -> bool:
    """Whether the caller waits for a word before it sends the body."""
    return version != "1.0" and any(
        name == b"expect" and value.lower() == b"100-continue" for name, value in headers
    )


def without_upgrade(method: bytes, target: bytes, version: str, headers: Headers) -> bytes:
    """The same head as bytes, less its Upgrade: the offer is declined by not hearing it.

    llhttp takes what follows an Upgrade for another protocol and drops the body; Java's
    client offers h2c on every first call.
    """
    lines = [b"%b %b HTTP/%b\r\n" % (method, target, version.encode())]
    lines += [b"%b: %b\r\n" % pair for pair in headers if pair[0] != b"upgrade"]
    return b"".join([*lines, b"\r\n"])
