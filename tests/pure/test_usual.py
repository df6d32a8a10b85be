"""The answer that nearly every submit gets: read at a glance, it says what reading it all says."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.answers import Outcome, read_document, submit_outcome
from proxy.poll_urls import put_base, swap_poll_urls
from proxy.usual import usual_acceptance
from proxy.words import KNOWN, RUNNING

BASE = "http://127.0.0.1:4000"
NEWER = (
    b'{"data":{"id":"9a37064a-f353-474c-b98e-1de6539b2435","model":"gpt-image-2","outputs":[],'
    b'"urls":{"get":"https://gptproto.com/api/v3/predictions/9a37064a/result"},'
    b'"hasNsfwContents":[],"status":"created","createdAt":"2026-06-16 08:23:58",'
    b'"executionTime":0,"timings":{"inference":0}},"message":"success","code":200}'
)
TEMPLATE = (
    b'{"data": {"id": "abc", "model": "m", "outputs": [], "urls": {"get": "https://x/api/v3/p"},'
    b' "status": "processing", "error": null, "executionTime": 0, "timings": {"inference": 0.5},'
    b' "has_nsfw_contents": [false, true], "created_at": "2026-01-01 00:00:00"},\r\n'
    b' "message": "success", "code": 200}\n'
)
URLS = b'"urls":{"get":"https://gptproto.com/api/v3/predictions/9a37064a/result"},'
UNIFIED = (
    b'{"id":"sora-2:task_1","generation_id":"g","polling_url":"/api/v3/tasks/result/j",'
    b'"status":"pending","model":"m","created_at":-1.5e3}'
)


def _moved(body: bytes, *, before: bytes) -> bytes:
    return body.replace(URLS, b"").replace(before, URLS + before)


def glance(body: bytes, status: int = 200) -> Outcome | None:
    """Read an answer at a glance; where that tells of a poll URL, it is the one to be swapped."""
    found = usual_acceptance(status, body)
    if found is None:
        return None
    if found.base is not None:
        assert put_base(body, found.base, BASE) == swap_poll_urls(body, BASE)
    return found.outcome


@pytest.mark.parametrize("status", [200, 202])
@pytest.mark.parametrize(
    ("body", "named", "word"),
    [
        pytest.param(NEWER, "9a37064a-f353-474c-b98e-1de6539b2435", "created", id="path surface"),
        pytest.param(TEMPLATE, "abc", "processing", id="as the documents print it"),
        pytest.param(UNIFIED, "sora-2:task_1", "pending", id="unified surface"),
    ],
)
def test_a_usual_acceptance_is_read_at_a_glance(
    status: int, body: bytes, named: str, word: str
) -> None:
    found = glance(body, status)
    assert found == ("accepted", named, 0, word)
    assert found == submit_outcome(status, read_document(body))


@pytest.mark.parametrize(
    ("body", "is_seen"),
    [
        pytest.param(NEWER, True, id="path surface"),
        pytest.param(TEMPLATE, True, id="as the documents print it"),
        pytest.param(UNIFIED, False, id="it has no base"),
        pytest.param(_moved(NEWER, before=b'"id"'), True, id="before the id"),
        pytest.param(_moved(NEWER, before=b'"executionTime"'), True, id="behind the word"),
        pytest.param(NEWER.replace(b"https", b"HTTPS"), True, id="in capitals"),
        pytest.param(
            NEWER.replace(b'"model":"gpt-image-2"', b'"message":"success"'), True, id="a message"
        ),
        pytest.param(NEWER.replace(b"gpt-image-2", b"/api/v3/"), False, id="spoken of elsewhere"),
        pytest.param(NEWER.replace(b'"urls"', b'"url"'), False, id="another member"),
        pytest.param(NEWER.replace(b'"get":', b'"put":'), False, id="not to be polled"),
        pytest.param(NEWER.replace(b".com/api", b".com/v/api"), False, id="below a path"),
        pytest.param(NEWER.replace(b"/api/v3/", b"/api/v4/"), False, id="another version"),
        pytest.param(NEWER.replace(b"https", b"ftp"), False, id="another scheme"),
        pytest.param(NEWER.replace(b'"get"', b'"at":1,"get"'), False, id="beside something"),
        pytest.param(NEWER[8:-32], False, id="at the top"),
        pytest.param(
            NEWER.replace(b'"model":"gpt-image-2"', b'"urls":{"get":"https://y/api/v3/z"}'),
            False,
            id="twice",
        ),
        pytest.param(
            NEWER.replace(b'"model":"gpt-image-2"', b'"urls":{"get":"y"}'), True, id="one of two"
        ),
    ],
)
def test_the_poll_url_is_seen_where_it_is_as_usual(body: bytes, is_seen: bool) -> None:
    found = usual_acceptance(200, body)
    assert found is not None
    assert (found.base is not None) == is_seen
    assert glance(body) is not None


@pytest.mark.parametrize("word", sorted(RUNNING))
def test_every_word_of_a_running_job_is_usual(word: str) -> None:
    found = glance(json.dumps({"id": "a", "status": word}).encode())
    assert found == ("accepted", "a", 0, word)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(NEWER.replace(b"created", b"completed", 1), id="it is over"),
        pytest.param(NEWER.replace(b'"created"', b'"Created"'), id="a word in another case"),
        pytest.param(NEWER.replace(b"[]", b'["https://x/1.png"]', 1), id="it holds a picture"),
        pytest.param(NEWER.replace(b'"code":200', b'"code":5004'), id="a wait timed out"),
        pytest.param(NEWER.replace(b"success", b"Sync mode timed out"), id="it says so"),
        pytest.param(NEWER.replace(b'"code":200', b'"code":200,"code":200'), id="twice the same"),
        pytest.param(NEWER.replace(b'"model"', b'"id"'), id="two ids"),
        pytest.param(NEWER.replace(b'"model"', b'"status"'), id="two words"),
        pytest.param(NEWER.replace(b'"model"', b'"error"'), id="an error"),
        pytest.param(
            NEWER.replace(b'"model":"gpt-image-2"', b'"type":"Sync mode timed out"'),
            id="a type of error",
        ),
        pytest.param(NEWER.replace(b"gpt-image-2", b"gpt\\u002dimage-2"), id="an escape"),
        pytest.param(NEWER.replace(b"gpt-image-2", "bläu".encode()), id="not ASCII"),
        pytest.param(NEWER.replace(b"gpt-image-2", b"\xff"), id="not UTF-8"),
        pytest.param(NEWER.replace(b"gpt-image-2", b"a\tb"), id="a control character"),
        pytest.param(NEWER[:-1], id="cut off"),
        pytest.param(NEWER + b"{}", id="something behind it"),
        pytest.param(b"\xef\xbb\xbf" + NEWER, id="a mark before it"),
        pytest.param(NEWER.replace(b":0,", b":00,"), id="no number of JSON's"),
        pytest.param(NEWER.replace(b":0,", b":NaN,"), id="no value of JSON's"),
        pytest.param(NEWER.replace(b"{", b"[{").replace(b"}", b"}]"), id="in a list"),
        pytest.param(b'{"id":"","status":"created"}', id="no id"),
        pytest.param(b'{"id":"%b","status":"created"}' % (b"a" * 513), id="too long an id"),
        pytest.param(b'{"id":7,"status":"created"}', id="an id that is no string"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_is_not_usual_is_not_judged(body: bytes) -> None:
    found = glance(body)
    assert found in {None, submit_outcome(200, read_document(body))}
    assert found is None or body.count(b'"code":200') > 1  # that says the same twice


@pytest.mark.parametrize("status", [201, 204, 302, 400, 500])
def test_no_other_status_accepts(status: int) -> None:
    assert usual_acceptance(status, NEWER) is None


OURS = ["id", "status", "outputs", "unsigned_urls", "urls", "data", "code", "error", "message"]
NAMES = st.sampled_from([*OURS, "urls", "type", "model", "Status"])
WORDS = st.sampled_from([*sorted(KNOWN), "success", "soon", "", "Sync mode timed out", "a b", "é"])
LEAVES = st.one_of(
    WORDS, st.none(), st.booleans(), st.sampled_from([0, 200, 201, 5004, -1, 1.5, 10**30])
)
POLLED = st.sampled_from(["https://h", "HTTP://h:1", "h", "https://h/v"]).map(
    lambda host: {"get": f"{host}/api/v3/p"}
)
VALUES = st.one_of(
    LEAVES,
    POLLED,
    st.lists(LEAVES, max_size=2),
    st.dictionaries(NAMES, LEAVES, max_size=2),
    st.just([]),
)
MEMBERS = st.lists(st.tuples(NAMES, VALUES), max_size=5)


def written(members: list[tuple[str, object]]) -> str:
    """Write an object as it is told: members may stand twice."""
    told = [f"{json.dumps(n)}: {json.dumps(v, ensure_ascii=False)}" for n, v in members]
    return "{" + ", ".join(told) + "}"


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Write something like an acceptance, with members of ours anywhere, any number of times."""
    job = [*draw(MEMBERS), ("id", draw(st.sampled_from(["a", "a:b", " "])))]
    job += [*draw(MEMBERS), ("status", draw(WORDS)), *draw(MEMBERS)]
    if draw(st.booleans()):
        return written(job).encode()
    before, after = draw(MEMBERS), draw(MEMBERS)
    told = [f"{json.dumps(n)}:{json.dumps(v)}" for n, v in before]
    told += [f'"data":{written(job)}', *(f"{json.dumps(n)}:{json.dumps(v)}" for n, v in after)]
    return ("{" + ",".join(told) + "}").encode()


@given(answers(), st.sampled_from([200, 202]))
@example(NEWER, 200)
def test_whatever_it_says_reading_it_all_says_too(body: bytes, status: int) -> None:
    found = glance(body, status)
    assert found in {None, submit_outcome(status, read_document(body))}


@given(st.sampled_from([NEWER, TEMPLATE, UNIFIED]), st.data())
def test_a_byte_that_is_changed_leads_nobody_astray(body: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(body) - 1))
    put = data.draw(st.binary(max_size=3))
    changed = body[:at] + put + body[at + data.draw(st.integers(0, 3)) :]
    found = glance(changed)
    assert found in {None, submit_outcome(200, read_document(changed))}
