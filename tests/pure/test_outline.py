import json
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.answers import ID_CHARS_MAX
from proxy.outline import AMBIGUOUS, SHORTENED, UNREADABLE, Outline, read_document
from proxy.scan import STRING_MAX, Kind, Scanner

texts = st.text() | st.builds(str.__mul__, st.text(min_size=1), st.integers(1000, 1500))
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
)  # fmt: skip
cuts = st.lists(st.integers(1, 9000), min_size=1, max_size=20)


def chunks(body: bytes, sizes: list[int]) -> list[bytes]:
    cut, at = [], 0
    while at < len(body):
        size = sizes[len(cut) % len(sizes)]
        cut.append(body[at : at + size])
        at += size
    return cut


def outlined(body: bytes, sizes: list[int], limit: int = 10**9) -> object:
    outline = Outline(limit)
    for chunk in chunks(body, sizes):
        outline.feed(chunk)
    return outline.document()


def shortened(whole: object, *, escaped: bool) -> object:
    """Return a document as its outline must read: long strings and names replaced."""
    if isinstance(whole, dict):
        pairs = [[shortened(each, escaped=escaped) for each in pair] for pair in whole.items()]
        long = [value for name, value in pairs if name == SHORTENED]
        members = dict(pairs)
        if any(value != long[-1] for value in long):
            members[SHORTENED] = AMBIGUOUS
        return members
    if isinstance(whole, list):
        return [shortened(each, escaped=escaped) for each in whole]
    literal = json.dumps(whole, ensure_ascii=escaped).encode(errors="surrogatepass")
    return SHORTENED if isinstance(whole, str) and len(literal) > STRING_MAX else whole


@given(documents, cuts, st.booleans())
@example(whole={"a": "\\" * 3000 + '"', "b": '\\"' * 900}, sizes=[1], escaped=True)
@example(whole=["é" * 1023, "é" * 1024], sizes=[3, 1], escaped=False)
def test_an_outline_reads_as_the_whole_with_long_strings_shortened(
    whole: object, sizes: list[int], escaped: bool
) -> None:
    body = json.dumps(whole, ensure_ascii=escaped).encode()

    assert outlined(body, sizes) == shortened(whole, escaped=escaped)


@given(st.binary(max_size=300) | st.text('{}[]",:\\u0 a1').map(str.encode), cuts)
def test_pieces_join_to_what_came(body: bytes, sizes: list[int]) -> None:
    scanner = Scanner()

    given_out = [piece for chunk in chunks(body, sizes) for _, piece in scanner.feed(chunk)]

    assert b"".join(given_out) + scanner.held == body


@given(st.text('{}[]",:\\u0 a1').map(str.encode), cuts)
def test_an_outline_of_short_strings_is_as_strict_as_the_whole(
    body: bytes, sizes: list[int]
) -> None:
    assert outlined(body, sizes) == read_document(body)


def kinds(body: bytes, size: int) -> set[Kind]:
    scanner = Scanner()
    return {kind for chunk in chunks(body, [size]) for kind, _ in scanner.feed(chunk)}


@pytest.mark.parametrize("size", [1, 7, 2047, 2048, 4096])
def test_a_string_is_long_by_its_bytes_however_it_is_cut(size: int) -> None:
    longest = b'"' + b"a" * (STRING_MAX - 2) + b'"'

    assert kinds(longest, size) == {Kind.STRING}
    assert Kind.STRING not in kinds(longest[:-1] + b'a"', size)


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b'{"a"', b'{"a":1', b'"a', b'{"a":1}x', b"{} {}", b"nul", b'{"a":1,}', b"[NaN]",
     b"[Infinity]", b"\xef\xbb\xbf{}", b'"\xff"', b'"\x00"', b"[" * 5000, b"'a'",
     '{"a":1}'.encode("utf-16"), b'{"a":1}\x00', b"1" * 5000],
)  # fmt: skip
def test_what_is_not_one_json_value_is_unreadable(body: bytes) -> None:
    assert read_document(body) is UNREADABLE
    assert outlined(body, [2]) is UNREADABLE


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'{"id":"a","id":"b"}', {"id": AMBIGUOUS}),
        (b'{"id":"a","\\u0069d":"b"}', {"id": AMBIGUOUS}),
        (b'{"id":"a","id":"a"}', {"id": "a"}),
        (b'{"id":"a","id":"b","id":"a"}', {"id": AMBIGUOUS}),
        (b'[{"x":{"y":1,"y":2,"z":3}}]', [{"x": {"y": AMBIGUOUS, "z": 3}}]),
    ],
)
def test_a_member_that_stands_twice_has_no_value(body: bytes, document: object) -> None:
    assert read_document(body) == document


def test_an_outline_over_its_limit_is_unreadable() -> None:
    assert outlined(b"[" + b"1," * 600 + b"1]", [100], limit=1000) is UNREADABLE
    assert outlined(b"[" + b"1," * 400 + b"1]", [100], limit=1000) == [1] * 401


def test_an_outline_holds_no_more_than_its_limit() -> None:
    outline, chunk = Outline(), b"A" * 65_536
    outline.feed(b'{"outputs":["')
    tracemalloc.start()
    for _ in range(1000):
        outline.feed(chunk)
    for _ in range(1000):
        outline.feed(b'",' + b'"1",' * 100 + b'"')
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 1_000_000


@pytest.mark.parametrize("pieces", [[b"[1,2,3,4]"], [b"[1,2", b",3,4]"]])
def test_what_is_longer_than_the_limit_is_never_read(pieces: list[bytes]) -> None:
    for limit, document in ((9, [1, 2, 3, 4]), (8, UNREADABLE)):
        outline = Outline(limit)
        for chunk in pieces:
            outline.feed(chunk)
        assert outline.document() == document
        if document is UNREADABLE:
            outline.feed(b"{}")
            assert outline.document() is UNREADABLE


def test_a_long_string_without_an_end_is_no_document() -> None:
    outline = Outline()
    outline.feed(b'"' + b"a" * 5000)
    assert outline.document() is UNREADABLE
    outline.feed(b'"')
    assert outline.document() == SHORTENED


def test_a_long_string_is_no_id() -> None:
    assert len(SHORTENED) > ID_CHARS_MAX


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 62, 63, 64, 65, 66, 129])
@pytest.mark.parametrize("behind", ["", '"', 'x"', '"x'])
def test_any_number_of_backslashes_is_read_wherever_it_is_cut(count: int, behind: str) -> None:
    document = ["x" + "\\" * count + behind, 1]
    body = json.dumps(document).encode()
    for cut in range(len(body)):
        outline = Outline()
        outline.feed(body[:cut])
        outline.feed(body[cut:])
        assert outline.document() == document
    assert outlined(body, [1]) == document


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
def test_the_pieces_join_to_the_same_bytes(size: int) -> None:
    body = json.dumps({"a": "b" * STRING_MAX, "c": ["d\\" * STRING_MAX, "e"]}).encode()
    scanner = Scanner()
    pieces = [piece for chunk in chunks(body, [size]) for piece in scanner.feed(chunk)]
    assert b"".join(piece for _, piece in pieces) == body
    assert [kind for kind, _ in pieces].count(Kind.LONG) == 2
