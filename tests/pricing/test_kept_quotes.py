"""A table keeps quotes of short orders; nobody can tell, but by the time that they take."""

from dataclasses import replace

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


def test_what_was_ordered_is_kept_only_so_long_and_only_if_it_is_short() -> None:
    used, path = replace(TABLE), ("v", "flux-kontext-pro", "text-to-image")
    for number in range(QUOTED_MAX + 1):
        quote(Order("path", path, n=1, aspect=f"1:{number}"), used)
    assert len(used.quoted) == 1
    quote(Order("path", path, n=1, aspect="1" * 65), used)
    quote(Order("path", (*path, "x" * 257), n=1), used)
    assert len(used.quoted) == 1
