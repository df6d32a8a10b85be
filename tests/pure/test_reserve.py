"""What taking a fare writes down, whom it refuses, and what it does not touch."""

from dataclasses import replace

import pytest

from proxy.directory import Key, Team
from proxy.ledger.fare import (
    BEGINNING,
    COLUMNS,
    FIRST,
    KEPT_US,
    Fare,
    Kept,
    first_of,
    row_of,
)
from proxy.ledger.refusals import BudgetSpent, KeyGone, KeyHeld, PricesMoved, Repeated
from tests.pure.booking import (
    DAY,
    MONTH,
    NOW_US,
    WEB,
    balances,
    empty,
    everywhere,
    order,
    sold_as,
)


def test_a_reservation_notes_all_of_its_order() -> None:
    view = empty()
    asked = order(
        sold_as(assumed=True),
        tags='{"a":"b"}',
        body_hash="ab",
        called="unused",
        task="unused",
        provisional=True,
        due_in_us=60,
        refs=3,
        aspect="16:9",
    )
    done = asked.apply(view)
    assert done.fare == Fare(
        id="fb_1",
        key_id="k1",
        key_name="web",
        team="blue",
        account="shared",
        surface="path",
        model="banana",
        called="google/banana",
        resolution="1K",
        task="edit",
        images=2,
        unit_micros=100,
        list_unit_micros=150,
        price_version="2026-09-25",
        price_status="published",
        price_assumed=1,
        images_mode="n",
        reserved_micros=200,
        key_day=DAY,
        day=DAY,
        admitted_us=NOW_US,
        due_us=NOW_US + 60,
        owner="n1",
        tags='{"a":"b"}',
        body_hash="ab",
        provisional=1,
        shadow=0,
        refs=3,
        aspect="16:9",
    )
    assert (done.changed, done.shadowed) == (True, False)
    assert view.fares == view.created == {"fb_1": done.fare}
    assert view.entries == [("fb_1", 1, "reserve", 200, 0, 0, NOW_US, "", "", "")]
    assert balances(view) == everywhere(0, 200)
    assert view.touched == set(view.balances)
    assert not any((view.changed, view.spend, view.totals, view.keeping))


def test_a_fare_begins_with_nothing_decided() -> None:
    fare = order().apply(empty()).fare
    assert (fare.state, fare.seq, fare.settled_micros, fare.sold_images) == ("reserved", 1, 0, 0)
    assert (fare.ground, fare.reason, fare.prediction_id) == ("", "", None)
    assert (fare.accepted_us, fare.decided_us, fare.looks) == (None, None, 0)
    assert (fare.lease_owner, fare.lease_us, fare.refs, fare.aspect) == ("", 0, 0, "")
    assert (fare.tags, fare.body_hash, fare.provisional) == ("{}", "", 0)
    assert (fare.price_assumed, fare.due_us) == (0, NOW_US)


def test_what_is_said_at_first_and_what_is_the_same_in_all_make_up_a_charge() -> None:
    fare = order().apply(empty()).fare
    said, same = dict(zip(FIRST, first_of(fare), strict=True)), dict(BEGINNING)
    assert said.keys().isdisjoint(same)
    assert said | same == dict(zip(COLUMNS, row_of(fare), strict=True))


def test_an_unpriced_call_is_counted_and_costs_nothing() -> None:
    view = empty()
    fare = order(None, called="google/veo", task="film").apply(view).fare
    assert (fare.model, fare.called, fare.resolution, fare.task) == (
        "other", "google/veo", "other", "film",
    )  # fmt: skip
    assert (fare.images, fare.unit_micros, fare.list_unit_micros) == (0, 0, None)
    assert (fare.price_version, fare.price_status, fare.price_assumed) == ("", "unpriced", 0)
    assert (fare.images_mode, fare.reserved_micros) == ("run", 0)
    assert balances(view) == everywhere(0, 0)
    bare = order(None).apply(empty()).fare
    assert (bare.called, bare.task) == ("", "")


def test_an_unpriced_call_is_let_in_where_nothing_is_left() -> None:
    key = replace(WEB, daily_micros=0)
    done = order(None, key=key).apply(empty(key))
    assert (done.shadowed, done.fare.reserved_micros) == (False, 0)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("plain", "plain"),
        ("a\0b\n\ud800", "a\ufffdb\ufffd\ufffd"),
        ("x" * 300, "x" * 200),
    ],
)
def test_what_a_caller_calls_it_is_kept_short_and_printable(given: str, kept: str) -> None:
    fare = order(sold_as(called=given, task=given)).apply(empty()).fare
    assert (fare.called, fare.task) == (kept, kept[:64])
    fare = order(None, called=given, task=given).apply(empty()).fare
    assert (fare.called, fare.task) == (kept, kept[:64])


def test_it_is_the_key_of_this_moment_that_pays() -> None:
    now = replace(WEB, name="renamed", team="")
    view = empty(now)
    fare = order(key=WEB).apply(view).fare
    assert (fare.key_name, fare.team) == ("renamed", "")
    assert balances(view) == {
        (scope, at): (0, 200) for scope in ("key:k1", "installation") for at in (DAY, MONTH)
    }
    stranger = replace(WEB, id="k9")
    assert order(key=stranger).payer(view) is stranger


@pytest.mark.parametrize(
    ("key", "teams", "refusal"),
    [
        (replace(WEB, state="revoked"), (), KeyGone),
        (replace(WEB, state="paused"), (), KeyHeld),
        (WEB, (Team("blue", state="paused"),), KeyHeld),
        (WEB, (Team("*", state="paused"),), KeyHeld),
        (replace(WEB, daily_micros=199), (), BudgetSpent),
        (replace(WEB, monthly_micros=199), (), BudgetSpent),
        (WEB, (Team("blue", monthly_micros=199),), BudgetSpent),
        (replace(WEB, shadow=True), (Team("*", daily_micros=199),), BudgetSpent),
    ],
)
def test_what_is_refused_leaves_no_trace(
    key: Key, teams: tuple[Team, ...], refusal: type[Exception]
) -> None:
    view = empty(key, teams=teams)
    with pytest.raises(refusal):
        order(key=key).apply(view)
    assert not any((view.entries, view.fares, view.created, view.touched))


@pytest.mark.parametrize(("limit", "shadowed"), [(199, True), (200, False), (None, False)])
def test_a_shadow_key_is_let_in_and_told_so(limit: int | None, *, shadowed: bool) -> None:
    key = replace(WEB, shadow=True, monthly_micros=limit)
    done = order(key=key).apply(empty(key))
    assert (done.shadowed, done.fare.shadow) == (shadowed, 1)
    open_key = replace(WEB, monthly_micros=limit)
    if not shadowed:
        assert not order(key=open_key).apply(empty(open_key)).shadowed


def test_a_refusal_carries_what_its_answer_says() -> None:
    key = replace(WEB, daily_micros=199)
    with pytest.raises(BudgetSpent, match=r"^budget spent$") as spent:
        order(key=key).apply(empty(key))
    assert spent.value.price_micros == 200
    assert spent.value.refused is spent.value.standings[0]
    assert len(spent.value.standings) == 6
    with pytest.raises(KeyHeld, match=r"^team$") as stopped:
        order().apply(empty(teams=(Team("blue", state="paused"),)))
    assert stopped.value.scope == "team"


ONCE = Kept(caller="k1", idempotency_key="i", request_hash="h", charge_id="")


@pytest.mark.parametrize(("age_us", "repeated"), [(KEPT_US - 1, True), (KEPT_US, False)])
def test_a_first_answer_is_kept_for_a_day(age_us: int, *, repeated: bool) -> None:
    view = empty()
    first = replace(ONCE, charge_id="fb_0", created_us=NOW_US - age_us)
    view.kept["k1", "i"] = first
    if repeated:
        with pytest.raises(Repeated, match=r"^repeated$") as refused:
            order(once=ONCE).apply(view)
        assert refused.value.kept is first
        return
    order(once=ONCE).apply(view)
    (begun,) = view.keeping
    assert begun == replace(ONCE, charge_id="fb_1", created_us=NOW_US)
    assert view.kept["k1", "i"] is begun


def test_a_first_call_under_a_key_begins_what_is_kept() -> None:
    view = empty()
    order(once=ONCE).apply(view)
    assert view.kept == {("k1", "i"): replace(ONCE, charge_id="fb_1", created_us=NOW_US)}
    assert view.keeping == list(view.kept.values())


def test_a_key_is_remembered_for_a_day() -> None:
    assert KEPT_US == 24 * 60 * 60 * 1_000_000


def test_nothing_is_kept_under_no_key() -> None:
    view = empty()
    order().apply(view)
    assert view.kept == {}
    assert (ONCE.status, ONCE.headers, ONCE.body, ONCE.created_us) == (0, "[]", None, 0)


def test_a_reservation_asks_for_its_days_and_its_idempotency_key() -> None:
    asked = order(once=ONCE)
    assert asked.idempotency() == ("k1", "i")
    assert order().idempotency() is None
    assert list(asked.scopes()) == ["key:k1", "installation"]
    assert (asked.loads, asked.prediction()) == (False, None)


@pytest.mark.parametrize(
    ("mode", "model", "taken"),
    [("one", "seen", False), ("one", "other", True), ("n", "seen", True), ("run", "seen", True)],
)
def test_a_model_seen_to_sell_more_is_not_reserved_as_one(
    mode: str, model: str, *, taken: bool
) -> None:
    quoted = sold_as(images_mode=mode)
    view = empty(counting=frozenset({(quoted.version, quoted.model if model == "seen" else "-")}))
    if taken:
        assert order(quoted).apply(view).fare.reserved_micros == 200
        return
    with pytest.raises(PricesMoved):
        order(quoted).apply(view)
    assert (view.created, view.entries) == ({}, [])


@pytest.mark.parametrize(
    ("stored", "taken"),
    [
        pytest.param({"2026-09-25": "a"}, True, id="as it was quoted"),
        pytest.param({"2026-09-25": "b", "y1": "a"}, False, id="replaced since"),
        pytest.param({"y1": "b"}, True, id="no other prices under its name"),
    ],
)
def test_a_version_with_other_prices_by_now_sells_nothing(
    stored: dict[str, str], *, taken: bool
) -> None:
    view, asked = empty(prices=stored), order(sold_as(sha256="a"))
    if taken:
        assert asked.apply(view).fare.reserved_micros == 200
        return
    with pytest.raises(PricesMoved):
        asked.apply(view)
    assert (view.created, view.entries) == ({}, [])
