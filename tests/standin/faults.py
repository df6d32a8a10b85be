"""How an answer goes wrong on its way: each word turns one Reply into another."""

import gzip
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tests.standin.scenarios import Say
from tests.standin.wire import Reply, head_bytes

Fault = Callable[[Reply, Say], Reply]


def broken(reply: Reply, say: Say) -> Reply:
    """The reply as every word in turn leaves it."""
    for name, fault in FAULTS.items():
        if name in say:
            reply = fault(reply, say)
    return reply


def _gzip(reply: Reply, say: Say) -> Reply:
    headers = (*reply.headers, (b"Content-Encoding", b"gzip"))
    return replace(reply, headers=headers, chunks=(gzip.compress(reply.body, mtime=0),))


def _bomb(reply: Reply, say: Say) -> Reply:
    packer = zlib.compressobj(wbits=31)
    left, parts = int(say.number("bomb", 200 << 20)), []
    while left > 0:
        parts.append(packer.compress(bytes(min(left, 1 << 20))))
        left -= 1 << 20
    headers = (*reply.headers, (b"Content-Encoding", b"gzip"))
    return replace(reply, headers=headers, chunks=(*parts, packer.flush()))


def _half(reply: Reply) -> int:
    return max(len(reply.body) // 2, 1)


def _mute(reply: Reply, say: Say) -> Reply:
    return replace(reply, stop_at=-1, end="reset")


def _silence(name: str) -> Fault:
    def fault(reply: Reply, say: Say) -> Reply:
        return replace(reply, stop_at=-1, end="hang", hang_s=say.number(name, reply.hang_s))

    return fault


def _cut(reply: Reply, say: Say) -> Reply:
    return replace(reply, stop_at=_half(reply))


def _cut_chunk(reply: Reply, say: Say) -> Reply:
    return _cut(replace(reply, framing="chunked", chunks=(reply.body,), end="close"), say)


def _truncated(reply: Reply, say: Say) -> Reply:
    return replace(reply, declared=len(reply.body) + 64, end="close")


def _becoming(**change: Any) -> Fault:
    return lambda reply, _: replace(reply, **change)


def _no_last_chunk(reply: Reply, say: Say) -> Reply:
    sized = b"%x\r\n%b\r\n" % (len(reply.body), reply.body)
    headers = (*reply.headers, (b"Transfer-Encoding", b"chunked"))
    return replace(reply, headers=headers, framing="bare", chunks=(sized,), end="close")


def _chunked(reply: Reply, say: Say) -> Reply:
    size = max(7, len(reply.body) // 2000)
    chunks = [reply.body[i : i + size] for i in range(0, len(reply.body), size)]
    return replace(reply, framing="chunked", chunks=chunks, trailers=((b"X-Trailer", b"yes"),))


def _drip(reply: Reply, say: Say) -> Reply:
    bytes_ = [reply.body[i : i + 1] for i in range(len(reply.body))]
    return replace(reply, chunks=bytes_, pause_s=say.number("drip", 0.01))


def _goodbye(reply: Reply, say: Say) -> Reply:
    return replace(reply, headers=(*reply.headers, (b"Connection", b"close")), end="close")


def _two(reply: Reply, say: Say) -> Reply:
    other = replace(reply, chunks=(b'{"code":200,"message":"not yours","data":{"id":"stolen"}}',))
    return replace(reply, tail=head_bytes(other) + other.body)


def _informational(reply: Reply, say: Say) -> Reply:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" * int(say.number("1xx", 2))
    return replace(reply, preface=hints)


def _extra(reply: Reply, say: Say) -> Reply:
    return replace(reply, tail=b"!" * int(say.number("extra", 4)))


def _slow(reply: Reply, say: Say) -> Reply:
    return replace(reply, wait_s=reply.wait_s + say.number("slow", 1))


def _garbage(reply: Reply, say: Say) -> Reply:
    return replace(reply, preface=b"\x16\x03\x01 this is not HTTP\r\n\r\n", end="close")


def _big_head(reply: Reply, say: Say) -> Reply:
    field = (b"X-Big", b"x" * int(say.number("big-head", 100_000)))
    return replace(reply, headers=(*reply.headers, field))


def _two_lengths(reply: Reply, say: Say) -> Reply:
    field = (b"Content-Length", b"%d" % (len(reply.body) + 5))
    return replace(reply, headers=(*reply.headers, field), end="close")


def _both_framings(reply: Reply, say: Say) -> Reply:
    field = (b"Content-Length", b"%d" % len(reply.body))
    return replace(reply, headers=(*reply.headers, field), framing="chunked")


FAULTS: Mapping[str, Fault] = {
    "gzip": _gzip,
    "bomb": _bomb,
    "1xx": _informational,
    "big-head": _big_head,
    "two-lengths": _two_lengths,
    "both-framings": _both_framings,
    "chunked": _chunked,
    "drip": _drip,
    "eof": _becoming(framing="eof"),
    "eof-cut": lambda reply, say: _cut(replace(reply, framing="eof"), say),
    "truncated": _truncated,
    "cut-chunk": _cut_chunk,
    "no-last-chunk": _no_last_chunk,
    "stall": lambda reply, say: _cut(replace(reply, end="hang"), say),
    "two": _two,
    "extra": _extra,
    "garbage": _garbage,
    "slow": _slow,
    "close-after": _becoming(end="close"),
    "goodbye": _goodbye,
    "reset-middle": lambda reply, say: _cut(replace(reply, end="reset"), say),
    "reset": _mute,
    "reset-before": _mute,
    "hangup": _becoming(stop_at=-1, end="close"),
    "silence": _silence("silence"),
    "silence-before": _silence("silence-before"),
    "unread-reset": _mute,
    "unread-413": _becoming(status=413, end="close"),
    "unread-silence": _silence("unread-silence"),
}
