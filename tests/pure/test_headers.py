import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import BadRequest
from proxy.headers import Asked, Spelling, forwarded, read_farebox_headers, returned

Pairs = list[tuple[str, str]]
OURS = "sk-fb-12345678-secret"
KEY = "sk-upstream"


def raw(headers: Pairs) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers]


@pytest.mark.parametrize(
    ("sent", "spelling", "expected"),
    [
        (("Authorization", OURS), "mirror", ("Authorization", KEY)),
        (("authorization", f"Bearer {OURS}"), "mirror", ("authorization", f"Bearer {KEY}")),
        (("authorization", f"bEARER  {OURS}"), "mirror", ("authorization", f"bEARER  {KEY}")),
        (("x-api-key", OURS), "mirror", ("authorization", KEY)),
        (("authorization", f"Bearer {OURS}"), "raw", ("authorization", KEY)),
        (("authorization", OURS), "raw", ("authorization", KEY)),
        (("authorization", OURS), "bearer", ("authorization", f"Bearer {KEY}")),
        (("authorization", f"BEARER {OURS}"), "bearer", ("authorization", f"Bearer {KEY}")),
        (("x-api-key", OURS), "raw", ("authorization", KEY)),
        (("x-api-key", OURS), "bearer", ("authorization", KEY)),
    ],
)
def test_the_upstream_key_takes_the_place_of_ours(
    sent: tuple[str, str], spelling: Spelling, expected: tuple[str, str]
) -> None:
    crossed = forwarded(
        raw([("accept", "*/*"), sent, ("x-a", "b")]),
        drop_key=True,
        upstream_key=KEY,
        spelling=spelling,
        identity=False,
    )

    assert crossed == raw([("accept", "*/*"), expected, ("x-a", "b")])


@pytest.mark.parametrize(
    "headers",
    [
        [("authorization", OURS), ("x-api-key", OURS), ("x-goog-api-key", "g")],
        [("x-goog-api-key", "g"), ("x-api-key", OURS), ("Authorization", OURS)],
        [("connection", "Authorization"), ("authorization", OURS)],
        [("authorization", ""), ("x-api-key", OURS)],
        [("X-Goog-Api-Key", OURS)],
    ],
)
def test_one_credential_of_ours_crosses_and_no_other(headers: Pairs) -> None:
    crossed = forwarded(raw(headers), drop_key=True, upstream_key=KEY, identity=False)

    assert [(name.lower(), value) for name, value in crossed] == raw([("authorization", KEY)])


def test_without_an_upstream_key_no_key_crosses() -> None:
    headers = raw([("authorization", OURS), ("x-api-key", OURS), ("x-goog-api-key", OURS)])

    assert forwarded(headers, drop_key=True, identity=False) == []


def test_a_callers_own_key_crosses_as_sent() -> None:
    headers = raw(
        [("AUTHORIZATION", "bearer   sk-own"), ("X-Api-Key", "sk-own"), ("x-goog-api-key", "g")]
    )

    assert forwarded(headers, drop_key=False, identity=False) == headers


@pytest.mark.parametrize(
    "name",
    ["Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
     "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Host", "Content-Length", "Expect",
     "Idempotency-Key", "X-Farebox-Tag-Project", "x-farebox-anything"],
)  # fmt: skip
def test_what_is_ours_or_one_hops_stops_here(name: str) -> None:
    assert forwarded(raw([(name, "x"), ("a", "b")]), drop_key=False, identity=False) == raw(
        [("a", "b")]
    )


def test_headers_named_by_connection_stop_here_both_ways() -> None:
    headers = raw([("Connection", "close, X-Hop ,x-other"), ("x-hop", "1"), ("X-Other", "2")])
    kept = raw([("x-kept", "3")])

    assert forwarded(headers + kept, drop_key=False, identity=False) == kept
    assert returned(headers + kept) == kept


def test_end_to_end_headers_cross_in_order_case_and_number() -> None:
    headers = raw(
        [("User-Agent", "x"), ("ACCEPT", "a"), ("accept", "b"), ("X-Forwarded-For", "1.2.3.4"),
         ("content-type", "application/json"), ("Cookie", "a=b;  c=d"), ("origin", "null")]
    )  # fmt: skip

    assert forwarded(headers, drop_key=True, identity=False) == headers


@pytest.mark.parametrize("sent", [[], [("Accept-Encoding", "gzip"), ("accept-encoding", "br")]])
def test_an_answer_that_must_be_read_is_asked_for_plain(sent: Pairs) -> None:
    assert forwarded(raw(sent), drop_key=False) == raw([("accept-encoding", "identity")])
    assert forwarded(raw(sent), drop_key=False, identity=False) == raw(sent)


@pytest.mark.parametrize(
    ("sent", "crossed"),
    [
        ("farebox_session=s", None),
        (" farebox_session = s ; ", None),
        ("a=b; farebox_session=s", "a=b"),
        ("farebox_session=s; a=b", "a=b"),
        ("a=b;farebox_session=s;  c=d", "a=b;  c=d"),
        ("a=farebox_session", "a=farebox_session"),
        ("farebox_session", "farebox_session"),
        ("a=b; farebox_session; farebox_session=s", "a=b; farebox_session"),
        ("xfarebox_session=s; farebox_session2=t", "xfarebox_session=s; farebox_session2=t"),
    ],
)
def test_the_pages_cookie_never_crosses(sent: str, crossed: str | None) -> None:
    got = forwarded(raw([("Cookie", sent)]), drop_key=False, identity=False)

    assert got == ([] if crossed is None else raw([("Cookie", crossed)]))


def test_an_answers_headers_come_back_but_for_hops_and_ours() -> None:
    kept = [("Date", "x"), ("Set-Cookie", "a=b"), ("set-cookie", "c=farebox_session"),
            ("set-cookie", "farebox_session"),
            ("Content-Length", "3"), ("ETag", "e"), ("Content-MD5", "m")]  # fmt: skip
    stopped = [("Transfer-Encoding", "chunked"), ("keep-alive", "x"), ("X-Farebox-Cost-Usd", "0"),
               ("Set-Cookie", "farebox_session=evil; Path=/")]  # fmt: skip

    assert returned(raw(kept + stopped)) == raw(kept)


def test_a_body_that_was_rewritten_has_another_length_and_digest() -> None:
    headers = raw([("Content-Length", "3"), ("Digest", "d"), ("content-md5", "m"), ("ETag", "e")])

    assert returned([*headers, (b"Date", b"x")], rewritten=True) == raw([("Date", "x")])


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ([], Asked()),
        ([("x-other", "1")], Asked()),
        ([("X-Farebox-Tag-Project", " web ")], Asked({"project": "web"})),
        ([("x-farebox-tag-user", "é")], Asked({"User": "é"})),
        ([("x-farebox-tag-user", "a" * 128)], Asked({"User": "a" * 128})),
        ([("X-Farebox-Dry-Run", "1")], Asked(dry_run=True)),
        ([("x-farebox-dry-run", "")], Asked(dry_run=True)),
        ([("x-farebox-dry-run", "no")], Asked(dry_run=True)),
        ([("x-farebox-dry-run", "0")], Asked()),
        ([("x-farebox-dry-run", " FALSE ")], Asked()),
        ([("Idempotency-Key", "k-1")], Asked(idempotency_key="k-1")),
    ],
)
def test_what_a_caller_asks_of_us_is_read(headers: Pairs, asked: Asked) -> None:
    assert read_farebox_headers(raw(headers), ("project", "User")) == asked


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ([("x-farebox-charge-id", "1")], "x-farebox-charge-id"),
        ([("x-farebox-", "1")], "x-farebox-"),
        ([("X-Farebox-Tag-Team", "1")], "x-farebox-tag-team"),
        ([("x-farebox-tag-project", "a"), ("X-Farebox-Tag-Project", "a")], "twice"),
        ([("x-farebox-tag-project", "")], "x-farebox-tag-project"),
        ([("x-farebox-tag-project", "a" * 129)], "x-farebox-tag-project"),
        ([("x-farebox-tag-project", "a\tb")], "x-farebox-tag-project"),
        ([("x-farebox-dry-run", "1"), ("x-farebox-dry-run", "0")], "twice"),
        ([("idempotency-key", "")], "idempotency-key"),
        ([("idempotency-key", "a" * 256)], "idempotency-key"),
        ([("idempotency-key", "a"), ("Idempotency-Key", "a")], "twice"),
    ],
)
def test_what_we_do_not_know_is_refused_by_name(headers: Pairs, named: str) -> None:
    with pytest.raises(BadRequest, match=named):
        read_farebox_headers(raw(headers), ("project",))


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ((), "FAREBOX_TAGS declares none."),
        (("user", "project"), "FAREBOX_TAGS declares project, user."),
        ("abcdefghijkl", "FAREBOX_TAGS declares a, b, c, d, e, f, g, h, i, j and 2 more."),
    ],
)
def test_a_tag_that_is_not_declared_is_told_which_are(declared: tuple[str, ...], told: str) -> None:
    with pytest.raises(BadRequest, match="x-farebox-tag-nope") as refused:
        read_farebox_headers([(b"x-farebox-tag-nope", b"1")], declared)
    assert str(refused.value).endswith(told)
    with pytest.raises(BadRequest) as refused:
        read_farebox_headers([(b"x-farebox-nope", b"1")], declared)
    assert "FAREBOX_TAGS" not in str(refused.value)


def test_a_tag_that_is_no_text_is_refused() -> None:
    with pytest.raises(BadRequest):
        read_farebox_headers([(b"x-farebox-tag-project", b"\xff")], ("project",))


tokens = st.text("abcdefgxX-", min_size=1, max_size=12).map(str.encode)
fields = st.lists(st.tuples(tokens, st.binary(max_size=20)), max_size=12)
secrets = st.sampled_from([b"authorization", b"x-api-key", b"X-Goog-Api-Key", b"AUTHORIZATION"])


@given(fields, st.lists(secrets, min_size=1, max_size=4), st.booleans())
def test_a_farebox_key_never_crosses_though_nobody_said_to_drop_it(
    headers: list[tuple[bytes, bytes]], names: list[bytes], bearer: bool
) -> None:
    value = (b"Bearer " if bearer else b"") + OURS.encode()

    crossed = forwarded([*headers, *((name, value) for name in names)], drop_key=False)

    assert OURS.encode() not in b"".join(value for _, value in crossed)


@given(fields, st.lists(secrets, min_size=1, max_size=4), st.booleans())
def test_a_farebox_key_never_crosses(
    headers: list[tuple[bytes, bytes]], names: list[bytes], bearer: bool
) -> None:
    value = (b"Bearer " if bearer else b"") + OURS.encode()
    sent = [*headers, *((name, value) for name in names)]

    crossed = forwarded(sent, drop_key=True, upstream_key=KEY)

    assert OURS.encode() not in b"".join(value for _, value in crossed)
    assert sum(KEY.encode() in value for _, value in crossed) == 1
