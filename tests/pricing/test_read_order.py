import json
import tracemalloc
from typing import Any

import pytest

from pricing import NotUnderstood, Order, quote, sold
from pricing.order import Surface
from proxy.order import read_order
from proxy.structure import PARTS_MAX
from tests.pricing.tables import TABLE

PATH = ("google", "gemini-3-pro-image-preview", "text-to-image")


def read(body: Any, surface: Surface = "path", segments: tuple[str, ...] = PATH) -> Order:
    return read_order(surface, segments, body if isinstance(body, bytes) else body.encode())


def test_the_priced_parts_are_taken_as_they_stand() -> None:
    body = {"model": "m", "size": [1], "resolution": "4K", "n": "2", "quality": None}
    order = read(json.dumps({"prompt": "a cat", **body, "num_images": 2}))
    assert (order.model, order.size, order.resolution) == ("m", [1], "4K")
    assert (order.n, order.quality, order.num_images) == ("2", None, 2)
    assert (order.surface, order.segments, order.references) == ("path", PATH, 0)
    assert read('{"quality": "low"}').quality == "low"


@pytest.mark.parametrize(
    ("body", "references"),
    [
        ({}, 0),
        ({"images": []}, 0),
        ({"images": None, "image": ""}, 0),
        ({"images": ["a", "b"]}, 2),
        ({"image": "a"}, 1),
        ({"image": ["a"]}, 1),
        ({"input_references": [{"image_url": {"url": "a"}}] * 5}, 5),
        ({"input_references": {"image_url": {"url": "a"}}}, 1),
        ({"images": ["a"], "image": "b"}, 2),
        ({"images": 3}, 1),
    ],
)
def test_references_are_counted_wherever_they_stand(body: Any, references: int) -> None:
    assert read(json.dumps(body)).references == references


@pytest.mark.parametrize(
    ("value", "sequence"),
    [(None, False), ("", False), ("disabled", False), (False, False), ("auto", True), (True, True)],
)
def test_a_sequence_is_seen(value: object, sequence: bool) -> None:
    assert read(json.dumps({"sequential_image_generation": value})).sequence is sequence


NOT_ONE_OBJECT = [
    b"",
    b" ",
    b"null",
    b"1",
    b'"size"',
    b"[]",
    b"[{}]",
    b"{",
    b"{}x",
    b"{}{}",
    b"{}\0",
    b"{'a': 1}",
    b"{a: 1}",
    b'{"a": 1,}',
    b"/* */ {}",
    b'{"a": NaN}',
    b'{"a": [Infinity]}',
    b'{"a": -Infinity}',
    b'{"a": 01}',
    b'{"a": "\n"}',
    b"\xef\xbb\xbf{}",
    b'{"a": "\xff"}',
    b'{"a": "\xed\xa0\x80"}',
    '{"a": 1}'.encode("utf-16"),
    '{"a": 1}'.encode("utf-16-le"),
    '{"a": 1}'.encode("utf-32"),
    b'{"n": 1' + b"0" * 5000 + b"}",
    b"[" * 100_000,
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    b'--x\r\nContent-Disposition: form-data; name="size"\r\n\r\n4K\r\n--x--\r\n',
    b"size=4K&n=1",
]


@pytest.mark.parametrize("body", NOT_ONE_OBJECT, ids=lambda body: repr(body[:24]))
def test_a_body_that_is_not_one_json_object_is_not_understood(body: Any) -> None:
    with pytest.raises(NotUnderstood) as refused:
        read(body)
    assert refused.value.member == "body"


def nested(depth: int, pair: bytes) -> bytes:
    return b'{"a":' + pair[:1] * (depth - 1) + pair[1:] * (depth - 1) + b"}"


def test_a_body_may_be_64_deep_and_no_deeper() -> None:
    objects = b'{"a":' * 63 + b"{}" + b"}" * 63
    assert read(nested(64, b"[]")).n is None
    assert read(objects).n is None
    for body in (nested(65, b"[]"), b'{"a":' + objects + b"}"):
        with pytest.raises(NotUnderstood, match=r"^body: is nested more than 64 deep$"):
            read(body)


def test_brackets_that_do_not_nest_are_not_depth() -> None:
    assert read(json.dumps({"a": [[]] * 500, "prompt": "[{" * 500, "n": 3})).n == 3


# Filled up so that they are large enough to be counted.
FILLED = b'"z":"' + b"z" * 70_000 + b'"'
PARTS = {
    "lists": (b"[],", 2),
    "objects": (b"{},", 2),
    "members": (b'{"a":0},', 2),
    "numbers": (b"1,", 1),
    "strings": (b'"",', 1),
    "strings that look like their end": (b'"\\\\","\\",",', 2),
    "lists in lists": (b"[" * 58 + b"]" * 58 + b",", 59),
}


def made_of(parts: int, pattern: bytes, each: int) -> bytes:
    """A body of exactly so many parts: its own, the list's, a comma, and the pattern's."""
    several, rest = divmod(parts - 3, each)
    return b'{"a":[' + pattern * several + b"1," * rest + b"0]," + FILLED + b"}"


@pytest.mark.parametrize(("pattern", "each"), PARTS.values(), ids=PARTS)
def test_a_large_body_may_be_made_of_so_many_parts_and_no_more(pattern: bytes, each: int) -> None:
    assert read(made_of(PARTS_MAX, pattern, each)).n is None
    with pytest.raises(NotUnderstood, match=r"^body: is made of more than 250000 values$"):
        read(made_of(PARTS_MAX + 1, pattern, each))


@pytest.mark.parametrize("ending", [b"", b"[", b'"'])
def test_what_is_made_of_too_much_is_refused_before_it_is_parsed(ending: bytes) -> None:
    with pytest.raises(NotUnderstood, match="is made of more than"):
        read(b'{"a":[' + b"[]," * 200_000 + ending)


def test_what_stands_in_strings_is_no_part() -> None:
    prompt = json.dumps('a cat, [a] "dog", {a\\' * 60_000)
    assert read(f'{{"prompt": {prompt}, "n": 3, "b": {prompt}}}').n == 3


WATCHED = ["model", "size", "resolution", "n", "num_images", "quality", "images", "image"]
WATCHED += ["input_references", "provider", "sequential_image_generation"]


@pytest.mark.parametrize("member", WATCHED)
def test_a_priced_member_stands_once(member: str) -> None:
    escaped = f"\\u{ord(member[0]):04x}{member[1:]}"
    for twice in (member, escaped):
        with pytest.raises(NotUnderstood) as refused:
            read(f'{{"{member}": 1, "prompt": "", "{twice}": 1}}')
        assert refused.value.member == member
    assert read(f'{{"{escaped}": 1}}') == read(f'{{"{member}": 1}}')


@pytest.mark.parametrize(
    ("spelling", "member"),
    [
        ("Size", "size"),
        ("SIZE", "size"),
        ("\u017fize", "size"),
        ("\uff53ize", "size"),
        ("si\u200bze", "size"),
        pytest.param("si" + "\u200b" * 1000 + "ze", "size", id="much that is never shown"),
        ("\u017fequential_\u24d8mage_generation", "sequential_image_generation"),
        ("siz\u00ade", "size"),
        ("size\ufe0f", "size"),
        ("N", "n"),
        ("\u24dd", "n"),
        ("Num_Images", "num_images"),
        ("\u2115", "n"),
        ("Model", "model"),
        ("Images", "images"),
    ],
)
def test_a_name_that_some_would_take_for_a_priced_member_is_not_understood(
    spelling: str, member: str
) -> None:
    for body in ({spelling: "4K"}, {member: "1K", spelling: "4K"}, {spelling: "4K", member: "1K"}):
        for ascii_only in (True, False):
            with pytest.raises(NotUnderstood) as refused:
                read(json.dumps(body, ensure_ascii=ascii_only))
            assert refused.value.member == member


@pytest.mark.parametrize("name", ["\ufdfa" * 500_000, "s" + "\ufdfa" * 500_000, "S" * 1_000_000])
def test_a_name_of_megabytes_is_not_folded_as_a_whole(name: str) -> None:
    """U+FDFA becomes eighteen characters: a name of 30 MB took 18 seconds and 1.4 GB."""
    body = json.dumps({name: 1, "size": "1K"}, ensure_ascii=False).encode()
    tracemalloc.start()
    try:
        assert read(body).size == "1K"
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "body",
    [
        '{"prompt": "a", "prompt": "b", "size": "1K"}',
        '{"seed": 1, "Seed": 2, "size": "1K"}',
        '{"size": "1K", "meta": {"size": "2K", "size": "4K"}}',
        '{"size": "1K", "größe": "4K", "サイズ": 1, "SIZES": 2, "": 0, "\\ud800": 1}',
        '\r\n\t {"size": "1K", "a": 1e400, "b": -0.0, "c": "\\ud800", "d": 1e-400} \n',
    ],
)
def test_all_else_passes(body: Any) -> None:
    assert read(body).size == "1K"


PROVIDER = {"options": {"kling": {"parameters": {"n": 4, "size": "4K", "seed": 1}}, "wan": {}}}


def test_provider_options_are_read_on_the_unified_surface_only() -> None:
    body = json.dumps({"model": "kling/kling-image-o1", "provider": PROVIDER})
    assert read(body, "unified", ("images",)).options == ({"n": 4, "size": "4K"},)
    assert read(body).options == ()


def test_a_priced_member_stands_once_in_provider_options_too() -> None:
    body = '{"provider": {"options": {"kling": {"parameters": {"n": 1, "n": 4}}}}}'
    with pytest.raises(NotUnderstood, match="n: "):
        read(body, "unified", ("images",))


def optional(parameters: str) -> str:
    return f'{{"provider": {{"options": {{"kling": {{"parameters": {parameters}}}}}}}}}'


@pytest.mark.parametrize(
    ("top", "nested", "sequence"),
    [
        ('"seed": 1', '{"sequential_image_generation": "auto"}', True),
        ('"seed": 1', '{"sequential_image_generation": true}', True),
        ('"seed": 1', '{"sequential_image_generation": "disabled"}', False),
        ('"seed": 1', '{"sequential_image_generation": null}', False),
        ('"sequential_image_generation": "disabled"', '{"sequential_image_generation": 1}', True),
        ('"sequential_image_generation": "auto"', "{}", True),
    ],
)
def test_a_sequence_is_seen_in_provider_options_too(top: str, nested: str, sequence: bool) -> None:
    body = f'{{"model": "seedream-4-5-251128", {top}, {optional(nested)[1:]}'
    order = read(body, "unified", ("images",))
    assert order.sequence is sequence
    assert read(body).sequence is (top != '"seed": 1' and "auto" in top)
    assert sold(quote(order, TABLE), 4)[0] == (1 if sequence else 4)


TWINS = [
    ('{"Options": {}}', "options"),
    ('{"options": {}, "OPTIONS": {"kling": {"parameters": {"n": 4}}}}', "options"),
    ('{"opt\\u200bions": 1}', "options"),
    ('{"\uff4fptions": {}}', "options"),
    ('{"option\u017f": {}}', "options"),
    ('{"options": {"kling": {"Parameters": {"n": 4}}}}', "parameters"),
    ('{"options": {"kling": {"parameters": {}, "parameter\u017f": null}}}', "parameters"),
    ('{"options": {"kling": {"para\\u00admeters": {"n": 4}}}}', "parameters"),
    ('{"options": {"kling": {"parameters": {"N": 4}}}}', "n"),
]


@pytest.mark.parametrize(("provider", "member"), TWINS)
def test_a_name_that_some_would_take_for_one_on_the_way_is_not_understood(
    provider: str, member: str
) -> None:
    body = f'{{"model": "kling/kling-image-o1", "provider": {provider}}}'
    with pytest.raises(NotUnderstood) as refused:
        read(body, "unified", ("images",))
    assert refused.value.member == member
    assert read(body).options == ()


PRICED, FREE = '{"kling": {"parameters": {"n": 4}}}', '{"kling": {"parameters": {"seed": 4}}}'
LONG = "s" * 100


@pytest.mark.parametrize(
    ("provider", "member"),
    [
        (f'{{"options": {PRICED}, "options": {{}}}}', "options"),
        (f'{{"options": {FREE}, "options": {PRICED}}}', "options"),
        (f'{{"options": {PRICED}, "opti\\u006fns": {PRICED}}}', "options"),
        (f'{{"options": {{}}, "options": [], "options": {PRICED}}}', "options"),
        ('{"options": {"a": {"parameters": {"n": 4}}, "a": {}}}', "a"),
        (f'{{"options": {{"{LONG}": {{}}, "{LONG}": {{"parameters": {{"n": 4}}}}}}}}', "s" * 64),
        ('{"options": {"a": {"parameters": {"size": "1K"}, "parameters": null}}}', "parameters"),
    ],
)
def test_a_name_on_the_way_to_what_is_priced_stands_once(provider: str, member: str) -> None:
    with pytest.raises(NotUnderstood) as refused:
        read(f'{{"provider": {provider}}}', "unified", ("images",))
    assert (refused.value.member, refused.value.why) == (member, "stands in the body twice")


@pytest.mark.parametrize(
    "provider",
    [
        f'{{"options": {FREE}, "options": {FREE}}}',
        '{"options": {"a": {}, "a": {"parameters": {"seed": 1, "seed": 2}}}}',
        '{"options": {"a": {"parameters": {}, "parameters": {"seed": 1}}}}',
        '{"Order": ["a"], "order": ["b"], "options": {"A": {"mode": 1, "mode": 2}, "a": null}}',
    ],
)
def test_what_is_free_may_stand_below_a_name_that_stands_twice(provider: str) -> None:
    assert read(f'{{"provider": {provider}}}', "unified", ("images",)).options == ()


def test_two_slugs_are_two_names() -> None:
    slugs = '{"a": {"parameters": {"n": 4}}, "A": {"parameters": {}}}'
    body = f'{{"model": "a/x", "provider": {{"options": {slugs}}}}}'
    assert read(body, "unified", ("images",)).options == ({"n": 4},)


def test_many_names_on_the_way_take_no_longer_than_their_number() -> None:
    many = ",".join(['"parameters":{}'] * 100_000)
    assert read(optional('{}}, "x": {' + many), "unified", ("images",)).options == ()


@pytest.mark.parametrize(
    ("body", "ratio"),
    [
        pytest.param('{"aspect_ratio": "16:9"}', "16:9", id="as asked"),
        pytest.param('{"size": "1:1"}', "1:1", id="a size that is a ratio"),
        pytest.param('{"size": "2K", "aspect_ratio": "4:5"}', "4:5", id="beside a size"),
        pytest.param('{"size": "2K"}', "", id="a size that is none"),
        pytest.param('{"aspect_ratio": "999:999"}', "999:999", id="as long as may be"),
        pytest.param('{"aspect_ratio": "1000:1"}', "", id="too long"),
        pytest.param('{"aspect_ratio": "1:1000"}', "", id="too long in its second half"),
        pytest.param('{"aspect_ratio": "16:9\\n"}', "", id="more than a ratio"),
        pytest.param('{"aspect_ratio": {"a": 1}}', "", id="no text"),
        pytest.param('{"aspect_ratio": "1:1", "aspect_ratio": "16:9"}', "16:9", id="the last"),
    ],
)
def test_the_aspect_is_kept_and_never_a_reason_to_refuse(body: str, ratio: str) -> None:
    assert read(body).ratio == ratio
