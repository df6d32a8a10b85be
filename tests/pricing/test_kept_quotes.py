"""A table keeps quotes of short orders; nobody can tell, but by the time that they take."""

from dataclasses import replace
from typing import Any

import pytest

from pricing import Order, quote
from pricing.quote import QUOTED_MAX
from tests.pricing.tables import TABLE, outcome_at


@pytest.mark.parametrize("n", [True, 1.0, "1", 1, None, [1], 10**30])
def test_orders_that_python_calls_equal_are_not_one_order(n: object) -> None:
    order = Order("path", ("v", "flux-kontext-pro", "text-to-image"), n=n)
    used = replace(TABLE)
    quote(order._replace(n=1), used)
    assert outcome_at(order, used) == outcome_at(order, replace(TABLE))


MEMBERS = ("model", "size", "resolution", "n", "quality", "num_images", "aspect")


@pytest.mark.parametrize("member", MEMBERS)
def test_only_short_words_and_whole_numbers_anywhere_make_an_order_ordinary(member: str) -> None:
    plain = Order("path", ("v", "m"))
    for value in (None, "", 1, "x" * 64):
        assert plain._replace(**{member: value}).is_ordinary
    for value in (True, 1.0, [1], {"a": 1}, "x" * 65):
        assert not plain._replace(**{member: value}).is_ordinary


@pytest.mark.parametrize(("chars", "options", "ordinary"), [
    (255, (), True), (256, (), False), (1, ({},), False),
])  # fmt: skip
def test_so_do_a_short_path_and_no_options(chars: int, options: Any, *, ordinary: bool) -> None:
    order = Order("path", ("v", "x" * chars), options=options)
    assert order.is_ordinary is ordinary


def test_quotes_are_kept_until_there_are_too_many() -> None:
    used, path = replace(TABLE), ("v", "flux-kontext-pro", "text-to-image")
    for number in range(4096):
        quote(Order("path", path, aspect=f"1:{number}"), used)
        assert len(used.quoted) == number + 1
    quote(Order("path", path, aspect="1:1"), used)
    assert len(used.quoted) == QUOTED_MAX == 4096
    quote(Order("path", path, aspect="2:1"), used)
    assert len(used.quoted) == 1


def test_an_order_that_is_not_ordinary_is_not_kept() -> None:
    used = replace(TABLE)
    quote(Order("path", ("v", "flux-kontext-pro", "text-to-image"), n=1, aspect="1" * 65), used)
    assert not used.quoted
