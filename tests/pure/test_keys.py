import re
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import InvalidKey
from proxy.keys import (
    BASE62,
    bare_key,
    checksum_ok,
    digest,
    fingerprint,
    is_farebox,
    new_key,
    possible_keys,
)

KEY = "sk-0123456789"


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", KEY)],
        [("authorization", f"Bearer {KEY}")],
        [("AUTHORIZATION", f"bEaReR   \t{KEY}  ")],
        [("x-api-key", KEY)],
        [("X-API-Key", f" {KEY} ")],
        [("authorization", KEY), ("x-api-key", KEY)],
        [("authorization", f"Bearer {KEY}"), ("authorization", KEY)],
        [("authorization", ""), ("x-api-key", KEY)],
        [("authorization", "Bearer "), ("x-api-key", KEY), ("x-goog-api-key", "other")],
    ],
)
def test_every_spelling_names_the_same_key(headers: list[tuple[str, str]]) -> None:
    assert bare_key([(n.encode(), v.encode()) for n, v in headers]) == KEY


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("host", KEY)],
        [("authorization", "")],
        [("authorization", "Bearer")],
        [("authorization", "Bearer  ")],
        [("authorization", "Basic dXNlcg==")],
        [("authorization", f"Bearer Bearer {KEY}")],
        [("authorization", f"{KEY} x")],
        [("x-api-key", f"Bearer {KEY}")],
        [("authorization", "sk-é")],
        [("authorization", "sk-\x01")],
        [("authorization", KEY), ("x-api-key", "other")],
        [("authorization", KEY), ("authorization", "other")],
        [("x-api-key", KEY), ("x-api-key", KEY.lower() + "x")],
    ],
)
def test_no_key_and_two_keys_are_refused(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidKey) as refusal:
        bare_key([(n.encode(), v.encode()) for n, v in headers])

    assert KEY not in refusal.value.message


def test_a_new_key_is_ours_and_checks() -> None:
    secret, public, stored = new_key()

    assert re.fullmatch(rf"sk-fb-{public}-[0-9A-Za-z]{{38}}", secret)
    assert len(public) == 8
    assert stored == sha256(secret.encode()).digest() == digest(secret)
    assert is_farebox(secret)
    assert checksum_ok(secret)


def test_no_two_new_keys_are_alike() -> None:
    assert len({part for _ in range(200) for part in new_key()[:2]}) == 400


@given(st.integers(0, 52), st.sampled_from(BASE62))
def test_one_wrong_character_fails_the_checksum(at: int, char: str) -> None:
    secret = new_key().secret
    wrong = secret[:at] + char + secret[at + 1 :]

    assert checksum_ok(wrong) == (wrong == secret)


@pytest.mark.parametrize("junk", ["", "sk-fb-", "sk-fb-12345678-" + "a" * 38, "sk-0123"])
def test_junk_fails_without_a_query(junk: str) -> None:
    assert not checksum_ok(junk)


def test_a_key_with_a_tail_fails_without_a_query() -> None:
    assert not checksum_ok(new_key().secret + "a")


def test_a_fingerprint_is_16_hex_of_the_bare_key() -> None:
    assert fingerprint(KEY) == sha256(KEY.encode()).hexdigest()[:16]
    assert not is_farebox(KEY)


@pytest.mark.parametrize(
    "value",
    [KEY, f"Bearer {KEY}", f"Bearer\t{KEY}", f"Bearer Bearer {KEY}", f"{KEY},", f"{KEY}, x",
     f"x,{KEY};q=1", f'Token key="{KEY}"', f"a\x01{KEY}\xff"],
)  # fmt: skip
def test_a_key_is_seen_where_some_reader_might_find_it(value: str) -> None:
    for name in (b"authorization", b"x-api-key", b"x-goog-api-key"):
        assert KEY in possible_keys([(name, value.encode("latin-1"))])


@given(st.text("abc,;:='\"", min_size=1))
def test_a_key_is_seen_with_whatever_signs_it_holds(key: str) -> None:
    assert key in possible_keys([(b"authorization", f"Bearer\t{key}".encode())])


def test_no_key_is_seen_where_none_is_carried() -> None:
    assert possible_keys([(b"user-agent", KEY.encode()), (b"x-api-key", b" ")]) == set()
