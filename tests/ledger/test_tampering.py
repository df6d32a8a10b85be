"""`verify` says that nothing is wrong after any life of a charge, and sees whatever is changed."""

from hashlib import sha256
from typing import Any

import pytest

import pricing
from pricing import Order
from proxy.charge import Ground
from proxy.directory import Key
from proxy.ledger import registry, versions
from proxy.ledger.outcomes import Decide
from proxy.ledger.verify import verify
from proxy.reports.corrections import Bill
from tests.ledger.world import TABLE, Clock, Ledger, price

TAGS = '{"project":"spring"}'


@pytest.fixture
def lived(ledger: Ledger, clock: Clock) -> Ledger:
    """A ledger in which every fate of a charge has happened."""
    ledger.publish()
    key = ledger.key(team="blue")
    ledger.settle(ledger.reserve(key, tags=TAGS))  # 1
    ledger.release(ledger.reserve(key))  # 2
    held = ledger.reserve(key)  # 3
    ledger.accept(held)
    clock.step(minutes=20)
    for ground in (Ground.ASSUMED, Ground.HAND):  # 4 and 5, put right: down and up
        fare = ledger.reserve(key, price=price(100, images=2))
        ledger.settle(fare, 2 if ground is Ground.ASSUMED else 1, ground)
        ledger.settle(fare, 1 if ground is Ground.ASSUMED else 2)
    late = ledger.reserve(key)  # 6
    ledger.release(late)
    ledger.settle(late, 3)  # it had failed, it said
    unpriced = ledger.reserve(key, price=lambda _: None)  # 7
    ledger.settle(unpriced)
    billed = ledger.accept(ledger.reserve(key)).fare  # 8
    ledger.do(Bill(billed.id, 40, "ann", "the bill says so"))
    ledger.do(Bill(billed.id, 0, "ann", "and then it does not"))
    ledger.store.transact(registry.set_key("web", {"name": "app", "team": "red"}, actor="test"))
    ledger.settle(ledger.reserve(ledger.key("web")))  # 9, of another who has its name now
    ledger.settle(ledger.reserve(key))  # 10
    stranger = Key(registry.own_id("ab" * 8), "own", own=True, fingerprint="ab" * 8)
    ledger.purge(ledger.reserve(stranger, provisional=True))
    ledger.do(Decide(ledger.reserve(key).id, None, Ground.UNSENT))
    return ledger


def test_every_life_of_a_charge_agrees_with_its_entries(lived: Ledger) -> None:
    assert verify(lived.session) == []


WORDS = {"FIRST": "id='fb_000001'", "SECOND": "id='fb_000002'", "TAGGED": "tags<>'{}'"}
TAMPERED = {
    "a quarter hour 30 days later": ("UPDATE spend SET quarter=quarter+2880", "spend of"),
    "a team in the roll-up": ("UPDATE spend SET team='red' WHERE team='blue'", "spend of"),
    "a key's id in it": ("UPDATE spend SET key_id='key_x' WHERE key_name='app'", "spend of app"),
    "a key's name in it": ("UPDATE spend SET key_name='x' WHERE key_name='app'", "spend of x"),
    "a model in it": ("UPDATE spend SET model='x' WHERE key_name='app'", "spend of app"),
    "a resolution in it": ("UPDATE spend SET resolution='4K' WHERE key_name='app'", "spend of app"),
    "a task in it": ("UPDATE spend SET task='edit' WHERE key_name='app'", "spend of app"),
    "a version in it": ("UPDATE spend SET version='x' WHERE key_name='app'", "spend of app"),
    "tags in it": ("UPDATE spend SET tags='{}' WHERE TAGGED", "spend of web"),
    "calls in it": ("UPDATE spend SET calls=calls+1 WHERE TAGGED", "calls"),
    "images in it": ("UPDATE spend SET images=images+1 WHERE TAGGED", "images"),
    "money in it": ("UPDATE spend SET spend_micros=spend_micros-1 WHERE TAGGED", "spend_micros"),
    "list price in it": ("UPDATE spend SET list_micros=list_micros-1 WHERE TAGGED", "list_micros"),
    "a row of it gone": ("DELETE FROM spend WHERE TAGGED", "rows"),
    "a row of nothing in it": (
        "INSERT INTO spend VALUES(1,'k','k','','m','1K','t','v','{}',0,0,0,0)", "rows",
    ),
    "a resolution in a counter": (
        "UPDATE totals SET resolution='2K' WHERE team=''", "total of web",
    ),
    "a team in a counter": ("UPDATE totals SET team='x' WHERE team='red'", "total of app"),
    "a key in a counter": ("UPDATE totals SET key_name='x' WHERE team='red'", "total of x"),
    "a model in a counter": ("UPDATE totals SET model='x' WHERE team='red'", "total of app"),
    "money between two counters": (
        "UPDATE totals SET spend_micros=spend_micros+CASE team WHEN 'red' THEN 9 ELSE -9 END",
        "spend_micros",
    ),
    "images in a counter": ("UPDATE totals SET images=images-1 WHERE team='red'", "images"),
    "a counter gone": ("DELETE FROM totals WHERE team='red'", "rows"),
    "corrections downwards": ("UPDATE tallies SET value=value+1 WHERE label='down'", "corrections"),
    "corrections upwards": ("UPDATE tallies SET value=value+1 WHERE label='up'", "corrections"),
    "tags of a charge": ("UPDATE charges SET tags='{}' WHERE TAGGED", "spend of web"),
    "the name of its key": ("UPDATE charges SET key_name='x' WHERE TAGGED", "spend of x"),
    "its task": ("UPDATE charges SET task='edit' WHERE TAGGED", "spend of web"),
    "its version": ("UPDATE charges SET price_version='x' WHERE TAGGED", "version 'x'"),
    "its resolution": ("UPDATE charges SET resolution='4K' WHERE SECOND", "fb_000002"),
    "its model": ("UPDATE charges SET model='x' WHERE SECOND", "fb_000002"),
    "its list price": (
        "UPDATE charges SET list_unit_micros=300 WHERE SECOND", "fb_000002",
    ),
    "no list price": (
        "UPDATE charges SET list_unit_micros=NULL WHERE SECOND", "fb_000002",
    ),
    "its unit price": ("UPDATE charges SET unit_micros=99 WHERE SECOND", "fb_000002"),
    "its status": ("UPDATE charges SET price_status='free' WHERE SECOND", "fb_000002"),
    "how its images are counted": (
        "UPDATE charges SET images_mode='one' WHERE SECOND", "fb_000002",
    ),
    "how many were ordered": ("UPDATE charges SET images=2 WHERE SECOND", "price_of_images"),
    "how many were sold": ("UPDATE charges SET sold_images=2 WHERE FIRST", "sold_images"),
    "what was reserved": (
        "UPDATE charges SET reserved_micros=99 WHERE SECOND", "reserved_at_first",
    ),
    "its price taken away": (
        "UPDATE charges SET price_status='unpriced' WHERE SECOND", "fb_000002",
    ),
    "a price of what had none": (
        "UPDATE charges SET unit_micros=1 WHERE id='fb_000007'", "fb_000007",
    ),
    "its admission, by a microsecond": (
        "UPDATE charges SET admitted_us=admitted_us+1 WHERE SECOND", "admitted_us",
    ),
    "its decision, by a microsecond": (
        "UPDATE charges SET decided_us=decided_us+1 WHERE SECOND", "decided_us",
    ),
    "its state": ("UPDATE charges SET state='settled' WHERE SECOND", "decision"),
    "a day of it": ("UPDATE charges SET day='2026-11-22' WHERE FIRST", "balance"),
    "a byte of a price version": (
        "UPDATE price_versions SET body=replace(body,'0.000300','0.000301')", "sha256",
    ),
    "a digest of one": ("UPDATE price_versions SET sha256='none'", "sha256"),
    "its first instant": ("UPDATE price_versions SET effective_us=effective_us+1", "effective_us"),
    "a price version renamed": ("UPDATE price_versions SET version='x'", "readable"),
    "a price version gone": ("DELETE FROM price_versions", "version '2026-09-25'"),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "told"), TAMPERED.values(), ids=TAMPERED)
def test_whatever_is_changed_shows(lived: Ledger, statement: str, told: str) -> None:
    for word, condition in WORDS.items():
        statement = statement.replace(word, condition)
    assert lived.session.run(statement)

    found = verify(lived.session)

    assert any(told in f"{each.where}: {each.what}" for each in found), found
    assert all(each.derived != each.found for each in found)


def test_a_price_version_that_was_changed_with_its_digest_shows(lived: Ledger) -> None:
    body = lived.session.rows("SELECT body FROM price_versions")[0][0].replace("300", "301")
    digest = sha256(body.encode()).hexdigest()
    lived.session.run("UPDATE price_versions SET body=?,sha256=?", (body, digest))

    assert [each.what for each in verify(lived.session)] == ["sha256"]


def test_a_price_version_that_was_replaced_before_it_priced_anything_is_no_finding(
    ledger: Ledger,
) -> None:
    ledger.publish(TABLE.replace("0.000100", "0.000999"))
    ledger.publish()
    ledger.settle(ledger.reserve(ledger.key()))

    assert verify(ledger.session) == []


ALIASED = """
version = "2026-10-01"
effective_from = 2026-10-01T00:00:00Z
[models.nano]
aliases = ["vendor/nano-two"]
images = "one"
rates = [
  { resolution = "1K", usd = "0.000100" },
  { resolution = "1K", task = "edit", usd = "0.000150", list_usd = "0.000200", status = "estimated" },
  { resolution = "2K", references = "1-3", quality = "high", usd = "0.000300" },
]
[models.seedream-x.prices]
any = { usd = "0.000070" }
[models.gift.prices]
any = { usd = "0", status = "free" }
[models.passes]
unpriced = "relay"
"""  # noqa: E501


def order(model: str, task: str, **members: Any) -> Order:
    facts = {"size": None, "resolution": None, "n": None, "sequence": None, "references": 0}
    return Order("path", ("v", *model.split("/"), task), None, **{**facts, **members})


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(order("nano", "text-to-image", size="1K"), id="published"),
        pytest.param(order("vendor/nano-two", "text-to-image", size="1K"), id="alias"),
        pytest.param(order("vendor/nano-two", "edit", size="1K", references=1), id="estimated"),
        pytest.param(order("nano", "edit", size="1K"), id="an edit of nobody knows how many"),
        pytest.param(order("nano", "text-to-image"), id="left open"),
        pytest.param(order("seedream-x", "text-to-image", n=3), id="some"),
        pytest.param(order("seedream-x", "text-to-image", sequence="auto"), id="a run"),
        pytest.param(order("gift", "text-to-image"), id="free"),
    ],
)
@pytest.mark.parametrize("counted", [False, True])
def test_every_quote_stands_in_its_version(ledger: Ledger, asked: Order, *, counted: bool) -> None:
    ledger.publish(ALIASED)
    found = pricing.quote(asked, versions.book(ledger.session).versions[-1])
    assert found.price_micros or "gift" in asked.segments
    key = ledger.key(shadow=1, daily_micros=0)
    if counted and found.images_mode == "one":
        ledger.settle(ledger.reserve(key, price=lambda _: found), 2)  # an overrun
        found = found.counting_n(2)
    ledger.settle(ledger.reserve(key, price=lambda _: found), 2)

    assert verify(ledger.session) == []
