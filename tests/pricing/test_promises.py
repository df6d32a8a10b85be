"""What holds for every order, whatever is sent."""

import json
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pricing import NoPrice, NotUnderstood, Order, PriceTable, affordable, quote, sold
from proxy.order import WATCHED, read_order
from tests.pricing.tables import ARTICLE, TABLE, outcome_at

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(["1K", "2k", "4K", "512", "auto", "16:9", "1024x1024", "1*1", "high", "3"]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
NAMES = st.sampled_from(sorted(TABLE.names))
TASKS = st.sampled_from(["text-to-image", "image-edit", "image-to-image", "odd", "text-to-video"])
BODIES = st.dictionaries(st.sampled_from([*sorted(WATCHED), "prompt", "seed"]), VALUES, max_size=6)
OPTIONS = st.dictionaries(st.sampled_from(["n", "quality", "size", "seed"]), VALUES, max_size=2)
PROVIDERS = st.none() | OPTIONS.map(lambda each: {"options": {"x": {"parameters": each}}})
TABLES = st.sampled_from([TABLE, ARTICLE])
UNITS = {
    (table.version, name): {rate.usd_micros for rate in model.rates}
    for table in (TABLE, ARTICLE)
    for name, model in table.models.items()
}


@st.composite
def orders(draw: st.DrawFn) -> Order:
    body = draw(BODIES)
    if draw(st.booleans()):
        body.pop("model", None)
        return read_order("path", ("v", draw(NAMES), draw(TASKS)), json.dumps(body).encode())
    body |= {"model": f"v/{draw(NAMES)}", "provider": draw(PROVIDERS)}
    return read_order("unified", ("images",), json.dumps(body).encode())


@given(orders(), TABLES)
@settings(max_examples=400)
def test_a_price_is_one_of_the_tables_and_never_nothing(order: Order, table: PriceTable) -> None:
    try:
        found = quote(order, table)
    except NoPrice:
        return
    assert found.unit_micros in UNITS[table.version, found.model]
    assert found.unit_micros > 0
    assert 1 <= found.images <= 10
    assert found.price_micros == found.unit_micros * found.images
    assert type(found.price_micros) is int


@given(orders(), st.integers(-1, 2_000_000))
@settings(max_examples=60)
def test_what_is_said_to_fit_does_fit(order: Order, remaining: int) -> None:
    try:
        found = quote(order, TABLE)
    except NoPrice:
        found = None
    names = affordable(order, found, TABLE, remaining_micros=remaining, allowed=lambda *_: True)
    assert len(names) <= 5
    for name in names:
        model, _, resolution = name.partition("@")
        rates = TABLE.models[model].rates
        assert min(r.usd_micros for r in rates if resolution in ("", r.resolution)) <= remaining


def outcome(body: Any, names: list[str]) -> object:
    text = json.dumps({name: body[name] for name in names})
    try:
        return quote(read_order("path", ("v", "viduq2", "image-edit"), text.encode()), TABLE)
    except NoPrice as refusal:
        return type(refusal)


@given(BODIES, st.randoms(use_true_random=False))
def test_the_order_of_members_moves_no_price(body: Any, random: Random) -> None:
    names = list(body)
    random.shuffle(names)
    assert outcome(body, names) == outcome(body, list(body))


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
@example(b'{"size":"1K","size":"4K"}')
@settings(max_examples=300)
def test_any_bytes_are_an_order_or_not_understood(body: bytes) -> None:
    with suppress(NotUnderstood):
        assert isinstance(read_order("path", ("v", "m"), body), Order)


@given(st.lists(st.text(max_size=20), max_size=6).map(tuple), st.none() | VALUES)
@settings(max_examples=200)
def test_any_path_and_model_have_a_price_or_none(segments: tuple[str, ...], model: object) -> None:
    for order in (
        Order("path", segments, model=model),
        Order("unified", segments or ("images",), model=model),
    ):
        with suppress(NoPrice):
            assert quote(order, TABLE).price_micros > 0


@given(st.integers(1, 10), st.integers(0, 50))
def test_a_sale_is_the_sum_of_its_outputs(n: int, outputs: int) -> None:
    found = quote(Order("path", ("v", "flux-kontext-pro", "text-to-image"), n=n), TABLE)
    images, micros = sold(found, outputs)
    assert (images, micros) == (outputs or n, 32_000 * (outputs or n))


@given(st.lists(orders(), min_size=1, max_size=4))
def test_an_order_costs_what_it_would_cost_if_nobody_had_ordered_before(asked: list[Order]) -> None:
    used = replace(TABLE)
    for order in [*asked, *asked]:
        assert outcome_at(order, used) == outcome_at(order, replace(TABLE))
