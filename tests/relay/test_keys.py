"""Whose call is it, whose prediction, and what a key that nobody knows leaves behind: nothing."""

import concurrent.futures
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from proxy.keys import fingerprint
from proxy.ledger import registry
from tests.relay.house import (
    ADMIN_TOKEN,
    PATH,
    PRICE_MICROS,
    UNIFIED,
    UPSTREAM_KEY,
    Farebox,
    charge_of,
    prediction_of,
    running,
    state_of,
)
from tests.standin.server import Standin
from tests.standin.wire import Reply

SPELLINGS = [
    pytest.param(lambda key: {"Authorization": key}, id="raw"),
    pytest.param(lambda key: {"Authorization": f"Bearer {key}"}, id="bearer"),
    pytest.param(lambda key: {"Authorization": f"bEARER   {key}"}, id="any case, any blanks"),
    pytest.param(lambda key: {"x-api-key": key}, id="x-api-key"),
    pytest.param(lambda key: {"x-api-key": key, "Authorization": key}, id="twice the same"),
]
KNOWN = {"sk-known-1", "sk-known-2", "sk-known-3", UPSTREAM_KEY}


@pytest.fixture(scope="module")
def strict() -> Iterator[Standin]:
    """An upstream that knows its keys."""
    with Standin(keys=KNOWN) as standin:
        yield standin


@pytest.fixture(scope="module")
def guarded(strict: Standin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farebox]:
    home: Path = tmp_path_factory.mktemp("guarded")
    with running(home, strict.url) as started:
        yield started


def call(farebox: Farebox, headers: dict[str, str], method: str = "POST") -> httpx.Response:
    content = b'{"prompt":"a cat"}' if method == "POST" else b""
    return farebox.client.request(method, f"{farebox.url}{PATH}", headers=headers, content=content)


@pytest.mark.parametrize("spelled", SPELLINGS)
def test_every_spelling_is_the_same_key(
    spelled: Callable[[str], dict[str, str]], farebox: Farebox, upstream: Standin
) -> None:
    key = farebox.key()
    assert call(farebox, spelled(key)).status_code == 200
    assert farebox.balance(key) == (0, PRICE_MICROS)
    sent = {name.lower(): value for name, value in upstream.last(PATH).headers}
    assert key.encode() not in b"".join(sent.values())
    assert sent[b"authorization"].endswith(UPSTREAM_KEY.encode())
    assert b"x-api-key" not in sent


@pytest.mark.parametrize("spelled", SPELLINGS)
def test_an_own_key_goes_as_it_was_sent(
    spelled: Callable[[str], dict[str, str]], farebox: Farebox, upstream: Standin
) -> None:
    wanted = {name.lower(): value for name, value in spelled("sk-own-as-sent").items()}
    call(farebox, spelled("sk-own-as-sent"))
    sent = {name.decode().lower(): value.decode() for name, value in upstream.last(PATH).headers}
    assert {n: v for n, v in sent.items() if n in {"authorization", "x-api-key"}} == wanted


def test_the_spelling_of_authorization_is_mirrored(farebox: Farebox, upstream: Standin) -> None:
    key = farebox.key()
    for scheme in ("", "Bearer ", "bearer  "):
        call(farebox, {"Authorization": scheme + key})
        assert upstream.last(PATH).header(b"authorization") == (scheme + UPSTREAM_KEY).encode()


TURNED_AWAY = [
    pytest.param({}, id="no key"),
    pytest.param({"Authorization": ""}, id="an empty key"),
    pytest.param({"Authorization": "sk-a", "x-api-key": "sk-b"}, id="two keys"),
    pytest.param({"Authorization": "sk-fb-00000000-" + "0" * 38}, id="a bad checksum"),
    pytest.param({"Authorization": "sk-fb-junk"}, id="junk"),
    pytest.param({"Authorization": ADMIN_TOKEN}, id="the admin token"),
    pytest.param({"Authorization": f"Bearer {ADMIN_TOKEN}"}, id="the admin token as bearer"),
    pytest.param({"x-api-key": ADMIN_TOKEN}, id="the admin token as x-api-key"),
    pytest.param({"Authorization": UPSTREAM_KEY}, id="the upstream key"),
    pytest.param(
        {"Authorization": "sk-own-9", "x-goog-api-key": UPSTREAM_KEY}, id="beside another"
    ),
    pytest.param({"Authorization": "sk-own-9", "x-goog-api-key": ADMIN_TOKEN}, id="token beside"),
    pytest.param(
        {"Authorization": "sk-own-9", "x-goog-api-key": f"Bearer\t{ADMIN_TOKEN},"}, id="in a list"
    ),
]


@pytest.mark.parametrize("headers", TURNED_AWAY)
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_who_has_no_business_here_is_told_401_and_nothing_is_sent(
    headers: dict[str, str], method: str, farebox: Farebox, upstream: Standin
) -> None:
    before = len(upstream.calls)
    answer = call(farebox, headers, method)
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "invalid_key")
    assert len(upstream.calls) == before
    for secret in (ADMIN_TOKEN, UPSTREAM_KEY):
        assert secret not in answer.text


SPELLED = ["{}", "Bearer {}", "Bearer\t{}", "bearer \t {}", "{},", "Bearer {}; q=1", 'key="{}"']


@pytest.mark.parametrize("secret", [ADMIN_TOKEN, UPSTREAM_KEY])
@pytest.mark.parametrize("name", ["Authorization", "x-api-key", "x-goog-api-key"])
@pytest.mark.parametrize("spelled", SPELLED)
def test_options_takes_no_secret_of_ours_along(
    spelled: str, secret: str, name: str, farebox: Farebox, upstream: Standin
) -> None:
    call(farebox, {name: spelled.format(secret)}, "OPTIONS")
    assert upstream.calls[-1].method == "OPTIONS"
    assert secret.encode() not in b"".join(v for _, v in upstream.calls[-1].headers)


@pytest.mark.parametrize("name", ["Authorization", "x-api-key", "x-goog-api-key"])
def test_the_admin_token_goes_out_beside_no_key(
    name: str, farebox: Farebox, upstream: Standin
) -> None:
    own = f"sk-own-beside-{name}"
    facts = {"name": f"beside-{name}", "actor": "test", "daily_micros": None}
    farebox.change(registry.adopt(fingerprint(own), **facts))
    farebox.until(lambda: farebox.budget(own).json()["key"] == f"beside-{name}")
    carrier = "x-api-key" if name == "Authorization" else "Authorization"
    for key in (own, farebox.key()):
        before = len(upstream.calls)
        answer = call(farebox, {carrier: key, name: f"Bearer {ADMIN_TOKEN}"})
        assert (answer.status_code, len(upstream.calls)) == (401, before)
        assert ADMIN_TOKEN not in answer.text


def test_an_adopted_key_may_stand_beside_one_that_pays(farebox: Farebox, upstream: Standin) -> None:
    own = "sk-own-with-goog"
    farebox.change(registry.adopt(fingerprint(own), name="with-goog", actor="test"))
    farebox.until(lambda: farebox.budget(own).json()["key"] == "with-goog")
    call(farebox, {"Authorization": own, "x-goog-api-key": UPSTREAM_KEY})
    assert upstream.calls[-1].header(b"x-goog-api-key") == UPSTREAM_KEY.encode()


def test_options_needs_no_key(farebox: Farebox, upstream: Standin) -> None:
    answer = call(farebox, {"Origin": "https://a.example"}, "OPTIONS")
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, POST, OPTIONS")
    assert upstream.calls[-1].header(b"authorization") is None


def test_a_stray_session_or_google_key_never_crosses_with_a_farebox_key(
    farebox: Farebox, upstream: Standin, rich: str
) -> None:
    cookie = "a=1; farebox_session=secret; b=2"
    farebox.submit(rich, headers={"Cookie": cookie, "x-goog-api-key": "AIza-else"})
    sent = upstream.last(PATH)
    assert sent.header(b"x-goog-api-key") is None
    assert b"secret" not in (sent.header(b"cookie") or b"")
    assert b"a=1" in (sent.header(b"cookie") or b"")


def counts(farebox: Farebox) -> dict[str, int]:
    tables = farebox.rows("SELECT name FROM sqlite_master WHERE type='table'")
    found = {name: farebox.rows(f"SELECT count(*) FROM {name}")[0][0] for (name,) in tables}  # noqa: S608
    del found["meta"]  # a probe for readiness may touch it
    return found


def test_made_up_keys_leave_no_trace(guarded: Farebox) -> None:
    guarded.submit("sk-known-1")
    before = counts(guarded)
    chance = random.Random(7)  # noqa: S311
    for number in range(200):
        key = f"sk-{chance.getrandbits(128):x}"
        path = UNIFIED if number % 2 else PATH
        once = {"Idempotency-Key": f"once-{number}"} if number % 3 else {}
        refused = guarded.submit(key, path=path, headers=once)
        assert refused.status_code == 401
        assert "signature" in refused.text.lower()  # the upstream's own words
        assert refused.headers.get("x-farebox-charge-state", "released") == "released"
        assert guarded.poll(key, f"p-{number}", unified=bool(number % 2)).status_code == 401
    assert counts(guarded) == before
    assert guarded.balance("sk-never-seen") == (0, 0)


def test_a_key_never_let_in_leaves_no_trace_of_what_was_not_sent(
    guarded: Farebox, strict: Standin
) -> None:
    guarded.submit("sk-known-1")  # the installation's own days are opened
    before = counts(guarded)
    strict.down()
    try:
        answer = guarded.submit("sk-known-2")
    finally:
        strict.up()
    assert answer.status_code == 502
    assert counts(guarded) == before
    left = guarded.budget("sk-known-2").json()["remaining_usd"]
    assert answer.headers["x-farebox-budget-remaining-usd"] == left == "25.000000"
    refused = guarded.submit("sk-nobody-knows")
    assert (refused.status_code, refused.headers["x-farebox-budget-remaining-usd"]) == (401, left)


@pytest.mark.parametrize("again", range(5))
def test_a_key_is_good_for_a_call_as_soon_as_it_is_made(again: int, farebox: Farebox) -> None:
    for turn, ask in enumerate((farebox.submit, farebox.budget, farebox.submit)):
        made = farebox.change(registry.create_key(f"young-{again}-{turn}", actor="test"))
        assert ask(made.secret).status_code == 200


def test_a_key_that_the_upstream_lets_in_is_kept_without_its_secret(guarded: Farebox) -> None:
    answer = guarded.submit("sk-known-3")
    assert state_of(answer) == "accepted"
    mark = fingerprint("sk-known-3")
    assert guarded.rows("SELECT count(*) FROM keys WHERE fingerprint=?", mark) == [(1,)]
    assert guarded.balance("sk-known-3") == (0, PRICE_MICROS)
    assert b"sk-known-3" not in guarded.database.read_bytes()


def test_an_unseen_key_has_one_call_in_flight(farebox: Farebox, upstream: Standin) -> None:
    key, before = "sk-own-first-seen", len(upstream.submits)
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        running_ = [pool.submit(farebox.submit, key, "standin:slow=1") for _ in range(5)]
        upstream.wait(before + 1, PATH)
        first = upstream.calls[-1].at
        answers = [one.result() for one in running_]
    assert {answer.status_code for answer in answers} == {200}
    came = sorted(c.at for c in upstream.submits if c.header(b"authorization") == key.encode())
    assert came[1] - first >= 0.9  # the second left only once the first was answered
    assert came[-1] - came[1] < 0.9  # and then the key was known: nobody waited for the second


def test_a_call_that_the_upstream_took_is_kept_though_it_says_401(
    farebox: Farebox, upstream: Standin
) -> None:
    job = b'{"data":{"id":"taken-all-the-same","status":"created"}}'
    upstream.reply(Reply(401, ((b"Content-Type", b"application/json"),), (job,)))
    answer = farebox.submit("sk-own-odd-answer")
    assert (answer.status_code, state_of(answer)) == (401, "uncertain")
    assert farebox.charge(charge_of(answer))["prediction_id"] == "taken-all-the-same"


def test_polls_show_only_what_this_key_bought(farebox: Farebox) -> None:
    mine, other = farebox.key(), farebox.key()
    prediction = prediction_of(farebox.submit(mine))
    assert farebox.poll(mine, prediction).status_code == 200
    not_yours, unknown = farebox.poll(other, prediction), farebox.poll(other, "no-such-id")
    assert not_yours.status_code == unknown.status_code == 404
    assert not_yours.content == unknown.content
    assert not_yours.json()["error"]["type"] == "prediction_not_found"
    drop = {"date"}
    assert [h for h in not_yours.headers.raw if h[0] not in drop] == [
        h for h in unknown.headers.raw if h[0] not in drop
    ]


def test_with_an_own_key_the_upstream_decides_who_sees_what(
    farebox: Farebox, upstream: Standin
) -> None:
    key = "sk-own-elsewhere"
    direct = httpx.post(
        f"{upstream.url}{PATH}", json={"prompt": "x"}, headers={"Authorization": key},
        trust_env=False,
    )  # fmt: skip
    bought_elsewhere = farebox.poll(key, prediction_of(direct))
    assert bought_elsewhere.status_code == 200
    assert "x-farebox-charge-id" not in bought_elsewhere.headers
    assert farebox.poll(key, "nowhere").status_code == 404
    assert "x-farebox-refused" not in farebox.poll(key, "nowhere").headers


def test_a_prediction_is_found_under_every_spelling_of_its_id(
    farebox: Farebox, upstream: Standin, rich: str
) -> None:
    prediction = prediction_of(farebox.submit(rich, "standin:id-kind=colon"))
    for spelled in (prediction, prediction.replace(":", "%3A"), prediction.replace(":", "%3a")):
        answer = farebox.poll(rich, spelled)
        assert answer.status_code == 200, spelled
        assert answer.headers["x-farebox-charge-id"]
        assert upstream.calls[-1].target.decode() == f"/api/v3/predictions/{spelled}/result"


OTHER = [("GET", "/api/v3/models"), ("DELETE", "/api/v3/predictions/x"), ("PUT", "/api/v3/a/b")]


@pytest.mark.parametrize(("method", "path"), OTHER)
def test_what_is_not_listed_is_an_own_key_s_business(
    method: str, path: str, farebox: Farebox, upstream: Standin, rich: str
) -> None:
    url, before = f"{farebox.url}{path}", len(upstream.calls)
    shared = farebox.client.request(method, url, headers={"Authorization": rich})
    assert (shared.status_code, len(upstream.calls)) == (404, before)
    own = farebox.client.request(method, url, headers={"Authorization": "sk-own-business"})
    assert (own.status_code, len(upstream.calls)) == (200, before + 1)
    assert "x-farebox-charge-id" not in own.headers


def test_an_upload_is_free(farebox: Farebox, upstream: Standin) -> None:
    key = farebox.key(daily_micros=0)
    answer = farebox.submit(key, path="/api/v3/media/uploads", filename="a.png")
    assert answer.status_code == 200
    assert answer.json()["data"]["upload"]["method"] == "PUT"
    assert "x-farebox-charge-id" not in answer.headers
    assert upstream.calls[-1].header(b"authorization") == UPSTREAM_KEY.encode()


@pytest.mark.parametrize("mode", ["refuse", "adopted"])
def test_where_own_keys_are_kept_out_the_admin_token_is_told_from_none(
    mode: str, start: Callable[..., Farebox]
) -> None:
    farebox = start(own_keys=mode)
    said = {farebox.budget(each).text for each in ("a-guess", f"{ADMIN_TOKEN}x", ADMIN_TOKEN)}
    assert len(said) == 1


@pytest.mark.parametrize("mode", ["refuse", "adopted"])
def test_own_keys_can_be_kept_out(mode: str, start: Callable[..., Farebox]) -> None:
    farebox = start(own_keys=mode)
    assert farebox.submit("sk-own-a").status_code == 401
    facts = {"name": "theirs", "actor": "test", "daily_micros": 10 * PRICE_MICROS}
    farebox.change(registry.adopt(fingerprint("sk-own-b"), **facts))
    wanted = 200 if mode == "adopted" else 401
    farebox.until(
        lambda: farebox.submit("sk-own-b", "standin:400").status_code != 401 or wanted == 401
    )
    assert farebox.submit("sk-own-b").status_code == wanted


def test_adoption_names_a_key_and_keeps_what_it_spent_today(farebox: Farebox) -> None:
    key = "sk-own-adopted"
    farebox.submit(key)
    facts = {"name": "adopted-one", "actor": "test", "daily_micros": 2 * PRICE_MICROS}
    farebox.change(registry.adopt(fingerprint(key), **facts))
    farebox.until(lambda: farebox.budget(key).json()["key"] == "adopted-one")
    assert farebox.balance(key) == (0, PRICE_MICROS)
    assert [farebox.submit(key).status_code for _ in range(2)] == [200, 402]


CHANGES = [
    pytest.param(registry.revoke, 401, 401, "invalid_key", id="revoked"),
    pytest.param(registry.pause, 403, 200, "key_paused", id="paused"),
]


@pytest.mark.parametrize(("change", "submit", "poll", "kind"), CHANGES)
def test_a_stopped_key_stops_within_a_second(
    change: Callable[..., object], submit: int, poll: int, kind: str, farebox: Farebox
) -> None:
    key = farebox.key(name := f"stopped-{kind}")
    prediction = prediction_of(farebox.submit(key))
    farebox.change(change(name, actor="test"))
    farebox.until(lambda: farebox.submit(key, "standin:400").status_code == submit, within_s=1.0)
    assert farebox.submit(key).json()["error"]["type"] == kind
    assert farebox.poll(key, prediction).status_code == poll


def test_a_rotated_key_keeps_its_spend_and_its_predictions(farebox: Farebox) -> None:
    key = farebox.key("turning", daily_micros=5 * PRICE_MICROS)
    prediction = prediction_of(farebox.submit(key))
    new = farebox.change(registry.rotate("turning", actor="test")).secret
    farebox.until(lambda: farebox.budget(new).status_code == 200)
    assert farebox.budget(key).status_code == 401
    assert farebox.balance(new) == (0, PRICE_MICROS)
    assert farebox.poll(new, prediction).status_code == 200


def test_an_echoed_upstream_key_is_starred_out_to_the_byte(
    farebox: Farebox, upstream: Standin, rich: str
) -> None:
    answer = farebox.submit(rich, "standin:echo-key")
    assert answer.status_code == 400
    assert UPSTREAM_KEY not in answer.text
    assert "*" * len(UPSTREAM_KEY) in answer.json()["error"]["message"]
    assert int(answer.headers["content-length"]) == len(answer.content)
    own = farebox.submit("sk-own-echo", "standin:echo-key")
    assert "sk-own-echo" in own.text


@pytest.mark.parametrize("cut_at", [1, 5, len(UPSTREAM_KEY) - 1])
def test_an_echoed_key_is_starred_out_of_a_stream_too(
    cut_at: int, farebox: Farebox, upstream: Standin, rich: str
) -> None:
    secret = UPSTREAM_KEY.encode()
    body = json.dumps({"error": "x" * 70_000}).encode()
    chunks = (body, secret[:cut_at], secret[cut_at:], b"!", secret[:-1])
    upstream.reply(Reply(400, chunks=chunks, framing="chunked", pause_s=0.02))
    answer = farebox.submit(rich)
    starred = b"*" * len(secret)
    assert answer.content == body + starred + b"!" + secret[:-1]


def test_the_charge_of_an_own_key_names_its_account(farebox: Farebox) -> None:
    charge = farebox.charge(charge_of(farebox.submit("sk-own-account")))
    assert charge["account"] == fingerprint("sk-own-account")
    assert charge["key_name"].startswith("own-")


def test_a_paid_answer_passes_though_its_key_cannot_be_kept(farebox: Farebox) -> None:
    secret = "sk-own-whose-row-is-somebody-else-s"
    farebox.key(f"own-{fingerprint(secret)}", daily_micros=-1)  # no door gives that name away
    answer = farebox.submit(secret)
    assert (answer.status_code, state_of(answer)) == (200, "accepted")
    assert farebox.charge(charge_of(answer))["prediction_id"] == prediction_of(answer)
    assert "an own key could not be kept" in farebox.log.read_text()
