"""What goes on to the caller, without a server: secrets starred out, strangers queued."""

import asyncio
import base64
import hashlib
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from proxy.answers import TRUNCATED, UNREADABLE
from proxy.call import Call
from proxy.edge.exchange import CUT
from proxy.errors import Overloaded
from proxy.passing import DECODED_MAX, Manner, Scrub, Watch, pass_stream, starred
from proxy.strangers import AT_ONCE_MAX, Strangers
from tests.upstream.faults import Line, client, post, serving

SECRET = b"abacabad"
TEXTS = st.lists(st.sampled_from([SECRET, b"abacab", b"a", b"b", b"x"]), max_size=12).map(b"".join)


@given(body=TEXTS, cuts=st.lists(st.integers(0, 60), max_size=12))
def test_a_secret_is_starred_out_however_the_stream_is_cut(body: bytes, cuts: list[int]) -> None:
    scrub = Scrub(SECRET)
    ends = sorted({min(cut, len(body)) for cut in cuts} | {len(body)})
    chunks = [body[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    passed = b"".join(map(scrub.feed, chunks)) + scrub.rest()
    assert len(passed) == len(body)
    assert SECRET not in passed
    assert passed == starred(body, SECRET)


PICTURE = base64.b64encode(hashlib.shake_128(b"a").digest(2 * DECODED_MAX)).decode()


def watched(plain: bytes, *, level: int, chunk: int, spoil: int = 0) -> object:
    watch, packed = Watch(b"deflate"), zlib.compress(plain, level)
    packed = packed[: len(packed) - spoil]
    for at in range(0, len(packed), chunk):
        watch.feed(packed[at : at + chunk])
    return watch.document()


@pytest.mark.parametrize("chunk", [1000, 65_536, 1 << 30])
def test_a_packed_answer_is_read_however_large(chunk: int) -> None:
    said = {"id": "a", "status": "completed", "outputs": [PICTURE, PICTURE]}
    found = watched(json.dumps(said).encode(), level=1, chunk=chunk)
    assert isinstance(found, dict)
    assert (found["id"], found["status"], len(found["outputs"])) == ("a", "completed", 2)


@pytest.mark.parametrize("chunk", [1000, 65_536, 1 << 30])
def test_but_no_bomb_and_no_half_of_one(chunk: int) -> None:
    bomb = b'{"status":"completed","a":"%b"}' % (b"0" * (2 * DECODED_MAX))
    assert watched(bomb, level=9, chunk=chunk) is UNREADABLE
    assert watched(PICTURE.encode(), level=1, chunk=chunk, spoil=1) is UNREADABLE


async def test_only_so_many_strangers_are_heard_at_once() -> None:
    strangers, free = Strangers(), asyncio.Event()

    async def call(number: int) -> None:
        async with strangers.turn(f"stranger-{number}"):
            await free.wait()

    calls = [asyncio.create_task(call(number)) for number in range(AT_ONCE_MAX)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await call(AT_ONCE_MAX)
    again = asyncio.create_task(call(0))  # one of those: it waits for its turn
    free.set()
    await asyncio.gather(*calls, again)
    assert (strangers.locks, strangers.waiting) == ({}, {})


LARGE = b'{"id":"a","status":"completed","outputs":["%b"]}' % (b"A" * 200_000)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("base", [None, "http://farebox"])
async def test_a_large_answer_ends_when_what_it_said_is_noted(
    base: str | None, whole: bool
) -> None:
    async def says(line: Line) -> None:
        await line.request()
        promised = len(LARGE) if whole else len(LARGE) + 1
        await line.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % promised)
        await line.say(LARGE)

    sent: list[bytes] = []
    over: list[Message] = []
    noted: list[object] = []

    async def send(message: Message) -> None:
        sent.append(message.get("body", b""))
        if message["type"] == "http.response.body" and not message["more_body"]:
            over.append(message)

    async def learn(document: object) -> None:
        noted.append(document)
        assert not over
        if whole and base is None:  # its caller counts
            assert len(b"".join(sent)) == len(LARGE) - 1

    scope = {"type": "http", "method": "GET", "path": "/api/v3/predictions/a", "headers": []}
    async with serving(says) as server, client(server, timeout_s=30) as upstream:
        call = Call.of(scope, asyncio.Event().wait, send)  # type: ignore[arg-type]
        await pass_stream(call, await post(upstream), Manner(base), [], learn)
    assert b"".join(sent) == LARGE
    assert len(over) == whole
    assert [each is TRUNCATED for each in noted] == [not whole]


async def test_a_caller_who_stalls_at_the_very_end_is_gone_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("proxy.passing.STALLED_S", 0.1)
    told: list[str] = []

    async def says(line: Line) -> None:
        await line.request()
        await line.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(LARGE), LARGE))

    async def send(message: Message) -> None:
        told.append(message["type"])
        if not message.get("more_body", True):
            await asyncio.Event().wait()

    scope = {"type": "http", "method": "GET", "path": "/api/v3/predictions/a", "headers": []}
    async with serving(says) as server, client(server, timeout_s=30) as upstream:
        call = Call.of(scope, asyncio.Event().wait, send)  # type: ignore[arg-type]
        async with asyncio.timeout(10):
            await pass_stream(call, await post(upstream), Manner(None), [])
    assert told[-1] == CUT
