"""The bytes of a request, and what never becomes one."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.upstream import NotSent, Upstream
from proxy.upstream.origin import Origin
from proxy.upstream.request import write_fields, write_head
from tests.upstream.faults import OK, Line, client, serving

HEADS = [
    pytest.param(
        b"POST", [], 3, b"POST /a HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\n", id="a body"
    ),
    pytest.param(
        b"POST", [], 0, b"POST /a HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n",
        id="an empty POST",
    ),
    pytest.param(b"GET", [], 0, b"GET /a HTTP/1.1\r\nhost: h\r\n\r\n", id="a GET"),
    pytest.param(b"HEAD", [], 0, b"HEAD /a HTTP/1.1\r\nhost: h\r\n\r\n", id="a HEAD"),
    pytest.param(b"OPTIONS", [], 0, b"OPTIONS /a HTTP/1.1\r\nhost: h\r\n\r\n", id="an OPTIONS"),
    pytest.param(
        b"GET", [(b"Host", b"x"), (b"A", b"1")], 0, b"GET /a HTTP/1.1\r\nHost: x\r\nA: 1\r\n\r\n",
        id="their own Host",
    ),
    pytest.param(
        b"POST", [(b"Content-Length", b"9"), (b"Transfer-Encoding", b"chunked")], 1,
        b"POST /a HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\n\r\n", id="framing is ours",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("method", "headers", "body_bytes", "expected"), HEADS)
def test_a_head_is_framed_by_us(
    method: bytes, headers: list[tuple[bytes, bytes]], body_bytes: int, expected: bytes
) -> None:
    fields = write_fields(headers, host=b"h")
    assert write_head(method, b"/a", fields, body_bytes=body_bytes) == expected


BAD = [
    pytest.param(b"GET", b"/a", [(b"a", b"b\r\nc: d")], id="CRLF in a value"),
    pytest.param(b"GET", b"/a", [(b"a", b"b\nc")], id="LF in a value"),
    pytest.param(b"GET", b"/a", [(b"a", b"b\rc")], id="CR in a value"),
    pytest.param(b"GET", b"/a", [(b"a", b"b\x00")], id="NUL in a value"),
    pytest.param(b"GET", b"/a", [(b"a\r\nb", b"c")], id="CRLF in a name"),
    pytest.param(b"GET", b"/a", [(b"a: b", b"c")], id="a colon in a name"),
    pytest.param(b"GET", b"/a", [(b"", b"c")], id="no name"),
    pytest.param(b"GET", b"/a", [(b"host ", b"c")], id="a space in a name"),
    pytest.param(b"GET", b"/a HTTP/1.1\r\nx: y", [], id="CRLF in the target"),
    pytest.param(b"GET", b"/a b", [], id="a space in the target"),
    pytest.param(b"GET", b"http://evil.example/", [], id="another origin as the target"),
    pytest.param(b"GET", b"", [], id="no target"),
    pytest.param(b"GET /x", b"/a", [], id="a space in the method"),
    pytest.param(b"", b"/a", [], id="no method"),
]


@pytest.mark.parametrize(("method", "target", "headers"), BAD)
async def test_what_would_not_survive_the_wire_is_never_sent(
    method: bytes, target: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    async def serves(line: Line) -> None:
        await line.serve(OK)

    async with serving(serves) as server, client(server) as upstream:
        with pytest.raises(NotSent):
            await upstream.send(method, target, headers, b"", pool="k", submit=True)
        await asyncio.sleep(0)
        assert (server.connections, upstream.pool.connections) == (0, 0)


@given(st.lists(st.tuples(st.binary(max_size=12), st.binary(max_size=12)), max_size=4))
def test_no_header_adds_a_line(headers: list[tuple[bytes, bytes]]) -> None:
    try:
        head = write_head(b"GET", b"/", write_fields(headers, host=b"h"), body_bytes=0)
    except NotSent:
        return
    kept = [
        name for name, _ in headers
        if name.lower() not in {b"content-length", b"transfer-encoding"}
    ]  # fmt: skip
    hosts = 0 if any(name.lower() == b"host" for name in kept) else 1
    assert head.count(b"\r\n") == head.count(b"\n") == head.count(b"\r") == len(kept) + hosts + 2


@pytest.mark.parametrize(
    ("text", "host", "port", "authority"),
    [
        ("https://api.example", "api.example", 443, b"api.example"),
        ("http://api.example/", "api.example", 80, b"api.example"),
        ("https://api.example:8443", "api.example", 8443, b"api.example:8443"),
        ("http://[::1]:80", "::1", 80, b"[::1]"),
    ],
)
def test_an_origin_is_scheme_host_and_port(
    text: str, host: str, port: int, authority: bytes
) -> None:
    origin = Origin.parse(text)
    assert (origin.host, origin.port, origin.authority) == (host, port, authority)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "api.example",
        "ftp://a",
        "http://",
        "http://a/b",
        "http://a?b",
        "http://u:p@a",
        "http://ä",
    ],
)
def test_anything_else_is_no_origin(text: str) -> None:
    with pytest.raises(ValueError, match=r"origin|ASCII"):
        Upstream(text, timeout_s=1)
