import json
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.poll_urls import PollUrlSwap, swap_poll_urls

BASE = "http://127.0.0.1:4000/team"
OURS = f"{BASE}/api/v3/predictions/a/result"
THEIRS = "https://gptproto.com/api/v3/predictions/a/result"
SLASHED = THEIRS.replace("/", "\\/")


@pytest.mark.parametrize(
    ("body", "swapped"),
    [
        ('{"data":{"urls":{"get":"%s"}}}', True),
        ('{"data":{"urls":[{"get":"%s"}]}}', True),
        ('{"data":[{"urls":{"get":"%s"}}]}', True),
        ('{"data":[{"id":"a"},{"urls":[{"x":1},{"get":"%s"}]}]}', True),
        ('{"polling_url":"%s"}', True),
        (' { "data" : { "outputs" : [ ] , "urls" : { "cancel":"x", "get" : "%s" } } } ', True),
        ('{"data":{"urls":{"\\u0067et":"%s"}}}', True),
        ('{"data":{"id":"a","urls":{"get":"%s"},"urls":{"get":"x"}}}', True),
        ('{"data":{"status":"created","a":{"b":[1,{"c":2}]},"urls":{"get":"%s"}}}', True),
        ('{"urls":{"get":"%s"}}', False),
        ('{"data":{"polling_url":"%s"}}', False),
        ('{"data":{"urls":{"post":"%s"}}}', False),
        ('{"data":{"urls":{"get":["%s"]}}}', False),
        ('{"data":{"urls":{"get":{"get":"%s"}}}}', False),
        ('{"data":{"urls":["%s"]}}', False),
        ('{"data":{"outputs":["%s"],"error":"see %s"}}', False),
        ('{"data":{"x":{"urls":{"get":"%s"}}}}', False),
        ('[{"polling_url":"%s"}]', False),
        ('{"polling_url":{"a":"%s"}}', False),
        ('["polling_url","%s"]', False),
        ('{"data":{"urls":{"get":"x","' + "n" * 3000 + '":"%s"}}}', False),
        ('{"a":"\\"polling_url\\":\\"","b":"%s"}', False),
        ('{"data":{"urls":{"get":"' + "x" * 3000 + '"}},"c":"%s"}', False),
        ("[" * 80 + '"x"' + "]" * 80 + '{"polling_url":"%s"}', False),
        ("]}" + '"%s"', False),
    ],
)
def test_only_a_poll_url_in_its_place_becomes_ours(body: str, swapped: bool) -> None:
    sent = body.replace("%s", THEIRS).encode()

    got = swap_poll_urls(sent, BASE)

    assert got == (body.replace("%s", OURS).encode() if swapped else sent)
    assert swapped or got is sent


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (THEIRS, OURS),
        (THEIRS + "?a=b%2F#c", OURS + "?a=b%2F#c"),
        ("HTTP://h/api/v3/x", f"{BASE}/api/v3/x"),
        ("https://u:p@h:8443/api/v3/x", f"{BASE}/api/v3/x"),
        ("https://[::1]:1/api/v3/x", f"{BASE}/api/v3/x"),
        ("https://h/api/v3/é", f"{BASE}/api/v3/é"),
        (SLASHED, f"{BASE}\\/api\\/v3\\/predictions\\/a\\/result"),
        ("https:\\u002f\\u002Fh\\u002fapi/v3/x", f"{BASE}\\u002fapi/v3/x"),
        ("\\u0068ttps://h/api/v3/x\\n", f"{BASE}/api/v3/x\\n"),
        ("/api/v3/x", None),
        ("//h/api/v3/x", None),
        ("https://h/api/v3", None),
        ("https://h/api/v30/x", None),
        ("https://h/prefix/api/v3/x", None),
        ("https://h?/api/v3/x", None),
        ("https://h#/api/v3/x", None),
        ("https:///api/v3/x", None),
        ("https://h\\\\/api/v3/x", None),
        ("https://h\\n/api/v3/x", None),
        ("https://hé/api/v3/x", None),
        ("ftp://h/api/v3/x", None),
        (" https://h/api/v3/x", None),
        ("https://h/api/v3/\\x", None),
        ("", None),
    ],
)
def test_only_an_absolute_v3_url_has_a_base_to_exchange(url: str, expected: str | None) -> None:
    body = '{"data":{"urls":{"get":"%s"}},"x":"\\/"}'

    got = swap_poll_urls((body % url).encode(), BASE + "/")

    assert got.decode() == body % (url if expected is None else expected)


def test_a_base_is_written_as_json() -> None:
    swapped = swap_poll_urls(b'{"polling_url":"https://h/api/v3/x"}', 'http://h/"é')

    assert json.loads(swapped)["polling_url"] == 'http://h/"é/api/v3/x'


def test_a_relative_poll_url_stays() -> None:
    body = b'{"id":"a","polling_url":"/api/v3/tasks/result/a"}'

    assert swap_poll_urls(body, BASE) is body


def test_bytes_that_are_no_json_stay() -> None:
    for body in (b"\x1f\x8b://\\", b'{"polling_url":"https://h/api/v3/x', b'"\xff://"', b""):
        assert swap_poll_urls(body, BASE) is body


urls = st.sampled_from([THEIRS, "https://h:1/api/v3/x", "/api/v3/x", "x", "é\u2028\ud83d\ude00"])
places = st.sampled_from(["data", "urls", "get", "polling_url", "x"])
documents = st.recursive(
    st.none() | st.integers() | urls,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(places, inner, max_size=4),
)


def exchanged(whole: object, *place: str | None) -> object:
    """Exchange the bases in a parsed document: the plain reading of the rule."""
    if isinstance(whole, dict):
        return {name: exchanged(value, *place, name) for name, value in whole.items()}
    if isinstance(whole, list):
        return [exchanged(each, *place, None) for each in whole]
    flat = [name for name in place if name is not None]
    here = place == ("polling_url",) or (flat == ["data", "urls", "get"] and place[-1] == "get")
    if not here or not isinstance(whole, str) or not whole.startswith("https://"):
        return whole
    if place[0] is None or (None, None) in pairwise(place):
        return whole
    return BASE + urlsplit(whole).path


@given(documents, st.booleans(), st.integers(1, 50))
def test_a_stream_swaps_what_the_rule_says_and_nothing_else(
    whole: object, escaped: bool, size: int
) -> None:
    body = json.dumps(whole, ensure_ascii=escaped).encode(errors="surrogatepass")
    swap = PollUrlSwap(BASE)

    streamed = b"".join(swap.feed(body[at : at + size]) for at in range(0, len(body), size))
    streamed += swap.rest()

    assert streamed == json.dumps(exchanged(whole), ensure_ascii=escaped).encode(
        errors="surrogatepass"
    )
    assert streamed == swap_poll_urls(body, BASE)


blanks = st.sampled_from(["", " ", "\n\t"])
plain = st.sampled_from(
    ['"x"', "-1.5e3", "null", "[]", "[ ]", '["a" , "b"]', "{ }", '{"a":1}', '["a",', "]", '"']
)
names = st.sampled_from(["id", "data", "urls", "get", ""])
members = st.lists(st.tuples(names, plain), max_size=3)
bases = st.sampled_from(["https://h", "HTTP://h:1", "https://", "https://h/x", "https://é", "h"])


@given(members, members, bases, blanks, st.sampled_from(['"}}}', '"},"id":1}}', '","x', "", '"']))
def test_the_usual_answer_is_swapped_as_a_stream_is(
    top: list[tuple[str, str]], inner: list[tuple[str, str]], base: str, blank: str, end: str
) -> None:
    def written(listed: list[tuple[str, str]]) -> str:
        return "".join(f'{blank}"{name}"{blank}:{blank}{value}{blank},' for name, value in listed)

    body = (
        f'{blank}{{{written(top)}{blank}"data":{{{written(inner)}{blank}"urls"{blank}:{{'
        f'{blank}"get"{blank}:{blank}"{base}/api/v3/predictions/a{end}'
    ).encode()
    swap = PollUrlSwap(BASE)

    assert swap_poll_urls(body, BASE) == swap.feed(body) + swap.rest()


@given(st.binary(max_size=200) | st.text('{}[]",:\\/u02fhtps').map(str.encode), st.integers(1, 9))
def test_any_bytes_pass_a_stream(body: bytes, size: int) -> None:
    swap = PollUrlSwap(BASE)

    streamed = b"".join(swap.feed(body[at : at + size]) for at in range(0, len(body), size))

    assert streamed + swap.rest() == body
