"""Raw requests and their one outcome each: refused with a status, or reached the app as sent."""

from dataclasses import dataclass, field

HOST = b"Host: farebox.test\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@dataclass(frozen=True)
class Case:
    """What is sent, and what must come of it.

    `status` is 200 where the app must be reached, with `method`, `target`, `body` and (if
    given) exactly these headers besides Host. `None`: no answer at all.
    """

    name: str
    sent: bytes
    status: int | None
    target: bytes = b"/x"
    method: str = "POST"
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] | None = None
    ends: bool = field(default=False)
    """The caller stops sending there: nothing honest can follow."""


def line(target: bytes) -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n"


def post(headers: bytes = b"", body: bytes = b"", start: bytes = b"POST /x HTTP/1.1") -> bytes:
    return start + b"\r\n" + HOST + headers + b"\r\n" + body


def reaches(name: str, sent: bytes, **wanted: object) -> Case:
    return Case(name, sent, 200, **wanted)  # type: ignore[arg-type]


def refused(name: str, sent: bytes, status: int = 400) -> Case:
    return Case(name, sent, status)


CROSSING = (
    *(b"/", b"/a", b"/a/", b"//", b"//a//b", b"//evil.example/x", b"/a//", b"/api/v3//x"),
    *(b"/api/v3/google/gemini-3-pro-image-preview/text-to-image", b"/api/v3/a:b", b"/a:b@c"),
    *(b"/a%20b", b"/a%2Fb", b"/a%2fb", b"/a%5Cb", b"/%61", b"/a%3Ab", b"/a%3ab", b"/%25"),
    *(b"/%252e%252e/a", b"/%252f", b"/%25zz", b"/a%0d%0ab", b"/%e2%82%ac", b"/%FF", b"/a%7f"),
    *(b"/a;b=c/d", b"/a;b", b"/a=b&c", b"/a,b", b"/a!b", b"/a'b", b"/(a)", b"/a*b", b"/a+b"),
    *(b"/a.b", b"/.a", b"/a.", b"/..a", b"/a..", b"/...", b"/a..b/c", b"/.well-known/x", b"/~a"),
    *(b"/%2ea", b"/a%2e", b"/-", b"/_", b"/$a", b"/A/b/C", b"/" + b"a" * 8000, b"/[a]", b"/{a}"),
    *(b"/a|b", b"/a^b", b"/a`b", b'/a"b', b"/<a>"),
    *(b"/a?", b"/a?b=c", b"/a?b=c&b=d", b"/a?b=/../c", b"/a?../..", b"/a??b", b"/?", b"/a?b=%2e"),
    *(b"/a?b=100%", b"/a?b=%zz", b"/a?u=http://h/p", b"/a?[]{}|", b"/a?b=c;d", b"/a?%0d%0a"),
)

NOT_CROSSING = (
    *(b"*", b"a", b"api/v3/x", b"http://evil.example/api/v3/x", b"http://farebox.test/api/v3/x"),
    *(b"https://farebox.test/", b"HTTP://a/b", b"farebox.test:443", b"ftp://a/b", b"http:///a"),
    *(b"?a", b"#a", b"../a", b"./a", b"\\a", b"%2Fa", b":80/a", b"@a/b", b"data:,a"),
    *(b"/.", b"/..", b"/./a", b"/../a", b"/a/..", b"/a/.", b"/a/../b", b"/a/./b", b"/a//../b"),
    *(b"/%2e", b"/%2e%2e", b"/%2E%2e/a", b"/.%2e/a", b"/%2e./a", b"/a/%2e%2e/b", b"/a/%2e/b"),
    *(b"/..%2fa", b"/a%2f..%2fb", b"/a%2f%2e%2e", b"/..%5ca", b"/a%5c..", b"/%2e%2e%5ca"),
    *(b"/..;/a", b"/..;a=b/c", b"/.;/a", b"/%2e%2e;/a", b"/..%3b/a", b"/a/..?b", b"/../?b=c"),
    *(b"/a\\b", b"/a\\..\\b", b"/\\evil.example", b"/a?b=\\", b"/a%00", b"/%00", b"/a?b=%00"),
    *(b"/a%", b"/a%2", b"/%zz", b"/%u0041", b"/a%g0", b"/%%", b"/%2", b"/a%2%65"),
    *(b"/a#b", b"/a?b#c", b"/#", b"/a\x00b", b"/a\x01b", b"/a\x7fb", b"/a\tb", b"/\xc3\xa9"),
    *(b"/a?b=\xc3\xa9", b"/\xff", b"/a b", b"/a\x0bb"),
)

TARGETS = [
    *(reaches(f"{t[:40]!r} crosses", line(t), target=t, method="GET") for t in CROSSING),
    *(refused(f"{t[:40]!r} does not cross", line(t)) for t in NOT_CROSSING),
]

METHODS = [
    *(
        reaches(f"{name} is passed on", line(b"/x").replace(b"GET", name.encode()), method=name)
        for name in ("GET", "OPTIONS", "DELETE", "PUT", "PATCH", "PROPFIND", "TRACE")
    ),
    refused("CONNECT with an authority", b"CONNECT evil:443 HTTP/1.1\r\n" + HOST + b"\r\n"),
    refused("CONNECT with a path", b"CONNECT /x HTTP/1.1\r\n" + HOST + b"\r\n"),
    refused("OPTIONS *", b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n"),
    refused("a method in lower case", post(start=b"post /x HTTP/1.1")),
    refused("an unknown method", post(start=b"PoSTX /x HTTP/1.1")),
    refused("a method with a colon", post(start=b"PO:ST /x HTTP/1.1")),
    refused("no method", post(start=b" /x HTTP/1.1")),
    refused("an endless method", b"A" * 50_000),
]

VERSIONS = [
    reaches("HTTP/1.0", b"POST /x HTTP/1.0\r\n" + HOST + b"Content-Length: 1\r\n\r\na", body=b"a"),
    refused("HTTP/0.9", b"GET /x\r\n\r\n"),
    refused("HTTP/0.9 by number", b"GET /x HTTP/0.9\r\n" + HOST + b"\r\n"),
    refused("HTTP/1.2", b"GET /x HTTP/1.2\r\n" + HOST + b"\r\n"),
    refused("HTTP/2.0", b"GET /x HTTP/2.0\r\n" + HOST + b"\r\n"),
    refused("HTTP/3", b"GET /x HTTP/3\r\n" + HOST + b"\r\n"),
    refused("HTTP/11", b"GET /x HTTP/11\r\n" + HOST + b"\r\n"),
    refused("HTTP/1.1 in lower case", b"GET /x http/1.1\r\n" + HOST + b"\r\n"),
    refused("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    refused("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64)),
    refused("SSH", b"SSH-2.0-OpenSSH_9.6\r\n"),
    refused("words after the version", b"GET /x HTTP/1.1 x\r\n" + HOST + b"\r\n"),
    reaches("blank lines before the request", b"\r\n\r\n" + line(b"/x"), method="GET"),
]

HOSTS = [
    *(
        reaches(f"Host {host!r}", b"GET /x HTTP/1.1\r\nHost:" + host + b"\r\n\r\n", method="GET")
        for host in (
            b" a",
            b"a",
            b" a:80",
            b" a:",
            b" [::1]:4000",
            b" a\t",
            b" 127.0.0.1",
            b" a_b-c.d",
        )
    ),
    *(
        refused(f"Host {host!r}", b"GET /x HTTP/1.1\r\nHost:" + host + b"\r\n\r\n")
        for host in (
            *(b"", b" ", b" a/?x=", b" a b", b" a,b", b" a:b", b" a@b", b" a#b", b" a\\b"),
            *(b" http://a", b" [::1", b" a:123456", b" a%2fb", b" \xc3\xa9"),
        )
    ),
    refused("no Host", b"GET /x HTTP/1.1\r\nAccept: */*\r\n\r\n"),
    refused("no header at all", b"GET /x HTTP/1.1\r\n\r\n"),
    refused("no Host at HTTP/1.0", b"GET /x HTTP/1.0\r\n\r\n"),
    refused("two Hosts", post(b"Host: other.test\r\n")),
    refused("two equal Hosts", post(HOST)),
    refused("two Hosts in other case", post(b"hOsT: farebox.test\r\n")),
]

LENGTHS = [
    reaches("a length", post(b"Content-Length: 3\r\n", b"abc"), body=b"abc"),
    reaches("a length of nothing", post(b"Content-Length: 0\r\n")),
    reaches("no length, no body", post()),
    reaches("leading zeros", post(b"Content-Length: 003\r\n", b"abc"), body=b"abc"),
    reaches("blanks around", post(b"Content-Length: \t3 \r\n", b"abc"), body=b"abc"),
    reaches(
        "GET with a body",
        post(b"Content-Length: 3\r\n", b"abc", b"GET /x HTTP/1.1"),
        body=b"abc",
        method="GET",
    ),
    refused("two lengths", post(b"Content-Length: 3\r\nContent-Length: 5\r\n", b"abcde")),
    refused("two equal lengths", post(b"Content-Length: 3\r\nContent-Length: 3\r\n", b"abc")),
    refused("two zeros", post(b"Content-Length: 0\r\ncontent-length: 0\r\n")),
    *(
        refused(f"a length of {value!r}", post(b"Content-Length: " + value + b"\r\n", b"abc"))
        for value in (
            *(b"+3", b"-1", b"0x3", b"1_0", b"3, 3", b"3,3", b"3;", b"3 3", b"", b"a", b"3.0"),
            *(b"\xd9\xa3", b"99999999999999999999", b"3\x00", b"18446744073709551616", b"'3'"),
        )
    ),
    Case("a short body, then the end", post(b"Content-Length: 9\r\n", b"abc"), None, ends=True),
    Case("half a head, then the end", b"POST /x HTTP/1.1\r\nHost: a\r\n", None, ends=True),
    Case("silence, then the end", b"", None, ends=True),
]

CODINGS = [
    reaches("chunks", post(CHUNKED, b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), body=b"abcde"),
    reaches("a coding in capitals", post(b"TRANSFER-ENCODING: CHUNKED\r\n", b"0\r\n\r\n")),
    reaches("an extension", post(CHUNKED, b"3;a=b\r\nabc\r\n0\r\n\r\n"), body=b"abc"),
    reaches("sizes in hex", post(CHUNKED, b"00A\r\n0123456789\r\n0\r\n\r\n"), body=b"0123456789"),
    refused("length and chunks", post(b"Content-Length: 3\r\n" + CHUNKED, b"0\r\n\r\n")),
    refused("chunks and length", post(CHUNKED + b"Content-Length: 3\r\n", b"0\r\n\r\n")),
    refused("chunks twice", post(CHUNKED + CHUNKED, b"0\r\n\r\n")),
    refused("chunks at HTTP/1.0", post(CHUNKED, b"0\r\n\r\n", b"POST /x HTTP/1.0")),
    *(
        refused(
            f"a coding of {coding!r}",
            post(b"Transfer-Encoding:" + coding + b"\r\n", b"3\r\nabc\r\n0\r\n\r\n"),
        )
        for coding in (
            *(b" xchunked", b" chunked, identity", b" identity", b" gzip, chunked", b"\x0bchunked"),
            *(b" chunked, chunked", b" identity, chunked", b' "chunked"', b" chunked;a", b""),
            *(b" chunked\x00", b" ,chunked", b" chunked,", b" gzip"),
        )
    ),
    refused("a blank before the colon", post(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n")),
    *(
        refused(f"chunks like {chunks!r}", post(CHUNKED, chunks))
        for chunks in (
            *(b"0x3\r\nabc\r\n0\r\n\r\n", b"3\nabc\n0\n\n", b"3\r\nabcXX0\r\n\r\n", b"-1\r\n"),
            *(b"FFFFFFFFFFFFFFFF3\r\nabc\r\n", b"3 \r\nabc\r\n0\r\n\r\n", b" 3\r\nabc\r\n"),
            *(b"\r\nabc\r\n", b"g\r\n", b"3;a\nb\r\nabc\r\n0\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n"),
            *(b"0\r\nA\r\n\r\n", b"0\r\nA B: c\r\n\r\n", b"3\r\nabc0\r\n\r\n", b"+3\r\nabc\r\n"),
        )
    ),
    refused("an endless chunk extension", post(CHUNKED, b"3;" + b"a" * 400_000), 431),
]

TRAILERS = [
    reaches(
        f"a trailer {trailer!r} is dropped",
        post(CHUNKED, b"3\r\nabc\r\n0\r\n" + trailer + b"\r\n\r\n"),
        body=b"abc",
        headers=(("transfer-encoding", "chunked"),),
    )
    for trailer in (
        *(b"Authorization: evil", b"Host: evil.example", b"X-A: b\r\nX-C: d"),
        *(b"x-farebox-dry-run: 1", b"Expect: 100-continue"),
    )
] + [
    *(
        refused(f"a trailer {trailer!r}", post(CHUNKED, b"0\r\n" + trailer + b"\r\n\r\n"))
        for trailer in (b"Content-Length: 5", b"Transfer-Encoding: chunked")
    ),
    refused("endless trailers", post(CHUNKED, b"0\r\n" + b"a: b\r\n" * 120_000), 431),
    refused("one endless trailer", post(CHUNKED, b"0\r\na: " + b"b" * 400_000), 431),
]

HEADERS = [
    *(
        reaches(f"{lines!r} arrives as sent", post(lines), headers=wanted)
        for lines, wanted in (
            (b"X-A: 1\r\nX-A: 2\r\n", (("x-a", "1"), ("x-a", "2"))),
            (b"Connection: x-a\r\nX-A: b\r\n", (("connection", "x-a"), ("x-a", "b"))),
            (b"X-A:b\r\n", (("x-a", "b"),)),
            (b"X-A: \t b \t\r\n", (("x-a", "b"),)),
            (b"X-A:\r\n", (("x-a", ""),)),
            (b"X-A: \xe9\xff\r\n", (("x-a", "\xe9\xff"),)),
            (b"X_A: b\r\n", (("x_a", "b"),)),
            (b"!#$%&'*+-.^_`|~0a: b\r\n", (("!#$%&'*+-.^_`|~0a", "b"),)),
            (b"Content_Length: 3\r\n", (("content_length", "3"),)),
            (b"X-HTTP-Method-Override: GET\r\n", (("x-http-method-override", "GET"),)),
            (b"X-Original-URL: /admin\r\n", (("x-original-url", "/admin"),)),
            (b"Expect: 200-ok\r\n", (("expect", "200-ok"),)),
            (b'X-A: a:b, c;d="e"\r\n', (("x-a", 'a:b, c;d="e"'),)),
        )
    ),
    *(
        refused(f"a head with {lines!r}", post(lines))
        for lines in (
            *(b"X-A: a\rb\r\n", b"X-A: a\nb\r\n", b"X-A: a\x00b\r\n", b"X-A: \x01\r\n"),
            *(b"X-A: \x7f\r\n", b"X\x01A: b\r\n", b"X A: b\r\n", b"X-A : b\r\n", b" X-A: b\r\n"),
            *(b": b\r\n", b"X-A\r\n", b"X-A: 1\r\n 2\r\n", b"X-A: 1\r\n\t2\r\n", b"X-A:\r\n 2\r\n"),
            *(b"X(A): b\r\n", b"X\x00: b\r\n", b"\xc3\xa9: b\r\n", b"X-A: 1\n\r\n", b"@: b\r\n"),
        )
    ),
    refused("bare line feeds", b"POST /x HTTP/1.1\nHost: a\nContent-Length: 0\n\n"),
    refused("a line feed after the start", b"POST /x HTTP/1.1\nHost: a\r\n\r\n"),
    refused("a line feed at the end", b"POST /x HTTP/1.1\r\nHost: a\r\n\n"),
    refused("bare carriage returns", b"POST /x HTTP/1.1\rHost: a\r\r"),
]


def fields(count: int) -> bytes:
    return b"".join(b"X-%d: a\r\n" % number for number in range(count))


SIZES = [
    reaches("a hundred fields", post(fields(99))),
    refused("a hundred and one", post(fields(100)), 431),
    refused("five thousand fields", post(fields(5000)), 431),
    reaches("31 KiB of one value", post(b"X-A: " + b"a" * 31_000 + b"\r\n")),
    refused("33 KiB of one value", post(b"X-A: " + b"a" * 33_000 + b"\r\n"), 431),
    refused("33 KiB over many", post((b"X-A: " + b"a" * 1_000 + b"\r\n") * 33), 431),
    refused(
        "33 KiB before a body",
        post(b"A: " + b"a" * 33_000 + b"\r\nContent-Length: 1\r\n", b"a"),
        431,
    ),
    reaches(
        "a small head before a large body",
        post(b"Content-Length: 90000\r\n", b"b" * 90_000),
        body=b"b" * 100,
    ),
    refused("33 KiB of a name", post(b"a" * 33_000 + b": b\r\n"), 431),
    refused("33 KiB of a target", line(b"/" + b"a" * 33_000), 431),
    refused("33 KiB of a query", line(b"/?" + b"a" * 33_000), 431),
    refused("a megabyte of a value", post(b"X-A: " + b"a" * 1_000_000 + b"\r\n"), 431),
    refused("a value without an end", b"POST /x HTTP/1.1\r\nX-A: " + b"a" * 400_000, 431),
    refused("a target without an end", b"POST /" + b"a" * 400_000, 431),
    refused("blank lines without an end", b"\r\n" * 200_000, 431),
]

UPGRADES = [
    *(
        reaches(
            f"{offer!r} over {body!r} is not taken up",
            post(b"Connection: Upgrade\r\nUpgrade: " + offer + b"\r\n" + rest, body),
            body=b"abc" if body else b"",
        )
        for offer in (b"h2c", b"websocket", b"TLS/1.3", b"foo")
        for rest, body in (
            (b"", b""),
            (b"Content-Length: 3\r\n", b"abc"),
            (CHUNKED, b"3\r\nabc\r\n0\r\n\r\n"),
        )
    ),
    reaches("an Upgrade alone", post(b"Upgrade: h2c\r\n")),
    refused(
        "an Upgrade over conflicting framing",
        post(b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n" + CHUNKED, b"abc"),
    ),
    refused(
        "an Upgrade in absolute form",
        post(b"Connection: upgrade\r\nUpgrade: h2c\r\n", start=b"GET http://a/x HTTP/1.1"),
    ),
]

CASES = [
    *TARGETS,
    *METHODS,
    *VERSIONS,
    *HOSTS,
    *LENGTHS,
    *CODINGS,
    *TRAILERS,
    *HEADERS,
    *SIZES,
    *UPGRADES,
]
