"""The call itself is untouched: what is asked and answered through Farebox is what is direct.

The only differences are those of the interface, section 4.
"""

import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.relay.house import PATH, UNIFIED, Farebox
from tests.relay.wire import Asked, Got, exchange, without
from tests.standin.server import Standin
from tests.standin.wire import Call, Reply

KEY = b"sk-own-faithful"
AUTHORIZATION = (b"Authorization", KEY)
# Dropped on the way there: hop-by-hop, framing (re-made), Host (set), Accept-Encoding (narrowed).
NOT_ASKED = (
    *(b"host", b"content-length", b"transfer-encoding", b"accept-encoding", b"connection"),
    *(b"keep-alive", b"te", b"proxy-connection", b"x-hop"),
)
NOT_ANSWERED = (b"connection", b"keep-alive", b"transfer-encoding", b"content-length")

# -- what is thrown at it

_PLAIN = st.sampled_from("abcXYZ019-._~!$&'()*+,;=:@")
_ESCAPED = st.sampled_from(
    ["%3A", "%3a", "%2F", "%2f", "%20", "%25", "%C3%A9", "%ff", "%7E", "%5B", "%3F", "%23", "%0D"]
)
_SEGMENT = st.lists(st.one_of(_PLAIN, _ESCAPED), min_size=1, max_size=8).map("".join).filter(
    lambda text: text.strip(".") != "" and ".." not in text and "%2F." not in text
    and ".%2F" not in text and "%2f." not in text and ".%2f" not in text and ".;" not in text
)  # fmt: skip
_PATHS = st.tuples(
    st.lists(_SEGMENT, min_size=1, max_size=4).map("/".join), st.sampled_from(["", "/"])
).map("".join)
_QUERY = st.lists(st.one_of(_PLAIN, _ESCAPED, st.sampled_from("?/[]{}|")), max_size=12).map(
    lambda parts: "?" + "".join(parts) if parts else ""
)
_NAMES = st.sampled_from(
    [
        *(b"Accept", b"User-Agent", b"X-Thing", b"x-thing", b"X-Request-ID", b"Content-Type"),
        *(b"Traceparent", b"Cookie", b"If-None-Match", b"Range", b"Origin", b"Referer", b"Via"),
    ]
)
_VALUES = st.binary(max_size=30).map(
    lambda raw: bytes(b for b in raw if b == 9 or 32 <= b < 127 or b >= 128).strip(b" \t")
)
_HEADERS = st.lists(st.tuples(_NAMES, _VALUES), max_size=8).map(tuple)
_BODIES = st.one_of(st.none(), st.binary(max_size=3000), st.just(b"\xff" * 90_000))
_CUTS = st.lists(st.integers(1, 3000), max_size=5).map(tuple)


@st.composite
def calls(draw: st.DrawFn) -> Asked:
    """Any call that an own key may make and that is not priced."""
    method = draw(st.sampled_from(["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"]))
    target = f"/api/v3/echo/{draw(_PATHS)}{draw(_QUERY)}".encode()
    body = None if method in {"GET", "HEAD"} else draw(_BODIES)
    return Asked(method, target, (AUTHORIZATION, *draw(_HEADERS)), body, draw(_CUTS))


@st.composite
def submits(draw: st.DrawFn) -> Asked:
    """A submit that is priced, with members and blanks that do not move its price."""
    names, texts = st.text(max_size=6), st.text(max_size=9)
    extra = draw(st.dictionaries(names, texts, max_size=3))
    document = {f"z{name}": value for name, value in extra.items()}
    path, indent = "/api/v3/google/gemini-2.5-flash-image/text-to-image", draw(st.integers(0, 3))
    if draw(st.booleans()):
        path, document = UNIFIED, document | {"model": "google/gemini-2.5-flash-image"}
    body = json.dumps(document, indent=indent, ensure_ascii=bool(indent)).encode()
    target = f"{path}{draw(_QUERY)}".encode()
    return Asked("POST", target, (AUTHORIZATION, *draw(_HEADERS)), body, draw(_CUTS))


_STATUSES = st.sampled_from(
    [200, 201, 202, 204, 206, 301, 302, 304, 400, 404, 418, 451, 500, 599, 600, 999]
)
_ANSWER_HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *(b"Content-Type", b"X-Thing", b"x-thing", b"Date", b"Server", b"Set-Cookie"),
                *(b"ETag", b"Cache-Control", b"Location", b"Retry-After", b"WWW-Authenticate"),
            ]
        ),
        _VALUES.filter(bool),
    ),
    max_size=6,
).map(tuple)


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    """Any answer that an upstream may give."""
    status, headers = draw(_STATUSES), draw(_ANSWER_HEADERS)
    if status in {204, 304}:
        return Reply(status, headers)
    chunks = draw(st.lists(st.binary(min_size=1, max_size=400), max_size=5))
    if draw(st.booleans()):
        chunks = [*chunks, b"\0\xffbig" * 20_000]
    if draw(st.booleans()):
        headers, chunks = (*headers, (b"Content-Encoding", b"gzip")), [gzip.compress(b"a" * 999)]
    framing = draw(st.sampled_from(["length", "chunked", "eof"]))
    return Reply(status, headers, tuple(chunks), framing)


# -- the comparisons


def same_asked(through: Call, direct: Call) -> None:
    assert (through.method, through.target) == (direct.method, direct.target)
    assert through.body == direct.body
    assert without(through.headers, *NOT_ASKED) == without(direct.headers, *NOT_ASKED)


def same_answered(through: Got, direct: Got) -> None:
    assert through.status == direct.status
    assert (through.whole, through.body) == (direct.whole, direct.body)
    ours = [n for n, _ in through.headers if n.lower().startswith(b"x-farebox-")]
    kept = without(through.headers, *NOT_ANSWERED, *(n.lower() for n in ours))
    assert kept == without(direct.headers, *NOT_ANSWERED)


def both(farebox: Farebox, upstream: Standin, asked: Asked, reply: Reply) -> None:
    """Make the call through Farebox and directly, and compare all that was seen."""
    before = len(upstream.calls)
    upstream.reply(reply, reply)
    through = exchange(farebox.url, asked)
    direct = exchange(upstream.url, asked)
    seen = upstream.calls[before:]
    assert len(seen) == 2, through.body
    same_asked(seen[0], seen[1])
    same_answered(through, direct)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(asked=calls(), reply=replies())
def test_a_call_and_its_answer_cross_untouched(
    asked: Asked, reply: Reply, farebox: Farebox, upstream: Standin
) -> None:
    both(farebox, upstream, asked, reply)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(asked=submits(), reply=replies())
def test_a_priced_submit_and_its_answer_cross_untouched(
    asked: Asked, reply: Reply, farebox: Farebox, upstream: Standin
) -> None:
    both(farebox, upstream, asked, reply)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "target",
    [
        b"/api/v3/predictions/sora-2:task_1/result",
        b"/api/v3/predictions/sora-2%3Atask_1/result/",
        b"/api/v3/predictions/a%2Fb?x=1&x=2",
        b"/api/v3/tasks/result/a%20b",
        b"/api/v3/videos/v-1",
        b"/api/v3/contents/generations/tasks/cgt-1",
    ],
)
def test_a_poll_and_its_answer_cross_untouched(
    method: str, target: bytes, farebox: Farebox, upstream: Standin
) -> None:
    reply = Reply(200, chunks=(b'{"data":{"id":"a","status":"processing"}}',))
    both(farebox, upstream, Asked(method, target, (AUTHORIZATION,)), reply)


def test_a_get_or_head_may_carry_a_body(farebox: Farebox, upstream: Standin) -> None:
    for method in ("GET", "HEAD"):
        asked = Asked(method, b"/api/v3/videos/v-1", (AUTHORIZATION,), b"odd but legal")
        both(farebox, upstream, asked, Reply(200, chunks=(b"{}",)))


def test_hop_by_hop_headers_stop_and_so_do_those_that_connection_names(
    farebox: Farebox, upstream: Standin
) -> None:
    asked = Asked(
        "DELETE",
        b"/api/v3/echo/x",
        (
            AUTHORIZATION,
            *((b"Connection", b"X-Hop, keep-alive"), (b"X-Hop", b"1"), (b"Keep-Alive", b"5")),
            *((b"TE", b"trailers"), (b"Proxy-Connection", b"close"), (b"X-Kept", b"1")),
        ),
    )
    reply = Reply(200, ((b"Connection", b"X-Back"), (b"X-Back", b"1"), (b"X-Stays", b"1")))
    upstream.reply(reply)
    got = exchange(farebox.url, asked)
    sent = {name.lower() for name, _ in upstream.calls[-1].headers}
    assert b"x-kept" in sent
    assert not sent & {b"x-hop", b"keep-alive", b"te", b"proxy-connection"}
    assert (got.header(b"x-stays"), got.header(b"x-back")) == (b"1", None)


def test_the_upstream_cannot_speak_in_our_name(farebox: Farebox, upstream: Standin) -> None:
    upstream.reply(Reply(400, ((b"X-Farebox-Charge-State", b"settled"), (b"X-Ok", b"1"))))
    body = b'{"prompt":"a"}'
    got = exchange(farebox.url, Asked("POST", PATH.encode(), (AUTHORIZATION,), body))
    assert [v for n, v in got.headers if n.lower() == b"x-farebox-charge-state"] == [b"released"]
    assert got.header(b"x-ok") == b"1"


def test_farebox_adds_neither_date_nor_server(farebox: Farebox, upstream: Standin) -> None:
    upstream.reply(Reply(200, ()))
    got = exchange(farebox.url, Asked("DELETE", b"/api/v3/echo/x", (AUTHORIZATION,)))
    assert got.header(b"date") is None
    assert got.header(b"server") is None


def test_expect_continue_is_answered_and_stops_here(farebox: Farebox, upstream: Standin) -> None:
    asked = Asked("PUT", b"/api/v3/echo/x", (AUTHORIZATION, (b"Expect", b"100-continue")), b"a")
    upstream.reply(Reply(200, chunks=(b"ok",)))
    exchange(farebox.url, asked)
    assert upstream.calls[-1].header(b"expect") is None
    assert upstream.calls[-1].body == b"a"
