"""Answers read from bytes alone: however they are cut, and wherever they are cut off."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.upstream.errors import Broken
from proxy.upstream.reader import HEAD_BYTES_MAX, Reader
from tests.upstream.faults import Line, client, drained, post, serving

NAMES = st.from_regex(rb"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True).filter(
    lambda name: name.lower() not in {b"content-length", b"transfer-encoding", b"connection"}
)
VALUES = st.from_regex(rb"[!-~]([ !-~]{0,20}[!-~])?", fullmatch=True)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=6)
INTERIM = st.sampled_from(
    [b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 E\r\nlink: a\r\n\r\n"]
)


Fields = list[tuple[bytes, bytes]]
Answered = tuple[bytes, Fields, bytes]
Cut = tuple[list[bytes], Fields, bytes]


@st.composite
def answers(draw: st.DrawFn) -> Answered:
    """The bytes of a framed answer, its fields and its body."""
    fields = draw(FIELDS)
    pieces = draw(st.lists(st.binary(min_size=1, max_size=40), max_size=5))
    body = b"".join(pieces)
    if draw(st.booleans()):
        fields.append((b"content-length", b"%d" % len(body)))
        wire = body
    else:
        fields.append((b"transfer-encoding", b"chunked"))
        trailer = draw(st.sampled_from([b"", b"x-trailer: 1\r\n"]))
        wire = (
            b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces) + b"0\r\n" + trailer + b"\r\n"
        )
    head = b"".join(b"%b: %b\r\n" % field for field in fields)
    return draw(INTERIM) + b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + wire, fields, body


@st.composite
def cut_answers(draw: st.DrawFn) -> Cut:
    """The same, in pieces."""
    wire, fields, body = draw(answers())
    cuts = sorted(draw(st.sets(st.integers(1, len(wire) - 1), max_size=8)))
    return [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)], fields, body


@given(cut_answers())
def test_however_an_answer_is_cut_it_reads_the_same(cut: Cut) -> None:
    pieces, fields, body = cut
    reader = Reader(b"POST")
    assert b"".join([reader.feed(piece) for piece in pieces]) == body
    assert reader.head is not None
    assert (reader.head.status, reader.head.headers) == (200, fields)
    assert reader.ended
    assert reader.reusable


@given(answers(), st.data())
def test_wherever_an_answer_is_cut_off_it_is_noticed(answer: Answered, data: st.DataObject) -> None:
    wire, _, body = answer
    reader = Reader(b"POST")
    got = reader.feed(wire[: data.draw(st.integers(1, len(wire) - 1))])
    assert body.startswith(got)
    assert not reader.ended
    with pytest.raises(Broken):
        reader.close()


@given(answers(), st.binary(min_size=1, max_size=40))
def test_any_byte_after_the_end_spoils_the_connection_and_not_the_answer(
    answer: Answered, more: bytes
) -> None:
    wire, _, body = answer
    reader = Reader(b"POST")
    assert reader.feed(wire + more) == body
    assert reader.ended
    assert not reader.reusable


@given(st.binary(max_size=200), st.booleans())
def test_garbage_is_refused_or_awaited_and_never_whole_without_a_head(
    noise: bytes, after_ok: bool
) -> None:
    reader = Reader(b"GET")
    try:
        reader.feed(b"HTTP/1.1 200 OK\r\n" + noise if after_ok else noise)
    except Broken:
        return
    assert reader.head is not None or not reader.ended


@given(st.integers(1, 40))
def test_a_head_is_capped_however_slowly_it_comes(step_kib: int) -> None:
    reader = Reader(b"GET")
    reader.feed(b"HTTP/1.1 200 OK\r\nx: ")
    step = b"y" * step_kib * 1024
    for _ in range(HEAD_BYTES_MAX // len(step) - 1):
        assert reader.feed(step) == b""
    with pytest.raises(Broken):
        reader.feed(step * 2)


@settings(max_examples=30, deadline=None)
@given(st.lists(cut_answers(), min_size=1, max_size=4))
def test_runs_of_answers_in_any_pieces_cross_a_real_connection_unchanged(cuts: list[Cut]) -> None:
    async def plays(line: Line) -> None:
        for pieces, _, _ in cuts:
            await line.request()
            for piece in pieces:
                await line.say(piece)
                await asyncio.sleep(0)
        await line.gone()

    async def story() -> None:
        async with serving(plays) as server, client(server) as upstream:
            for _, fields, body in cuts:
                answer = await post(upstream)
                assert answer.headers == fields
                assert await drained(answer) == body
            assert server.connections == 1

    asyncio.run(story())
