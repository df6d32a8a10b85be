"""The bar of a budget changes its colour where the alerts and the Grafana boards do."""

import pytest

from dashboards.panels import FULLNESS as BOARDS
from proxy.budget import DAY, KEY, Budget, Standing
from proxy.page.render import FULLNESS, fullness, share


def test_the_boards_have_the_same_steps() -> None:
    assert sorted(at for at, _ in BOARDS if at) == sorted(at / 100 for _, at in FULLNESS)


@pytest.mark.parametrize(
    ("limit", "settled", "reserved", "name"),
    [
        (100, 79, 0, ""), (100, 70, 10, "near"), (100, 98, 0, "near"), (100, 90, 9, "full"),
        (100, 300, 0, "full"), (0, 0, 0, "full"),
    ],
)  # fmt: skip
def test_a_budget_is_near_its_limit_from_where_the_alerts_say_so(
    limit: int, settled: int, reserved: int, name: str
) -> None:
    budget = Budget(KEY, "web", DAY, limit)
    assert fullness(Standing(budget, "2026-11-30", "UTC", settled, reserved, 0)) == name


@pytest.mark.parametrize(
    ("part", "whole", "width"),
    [
        (50, 200, "25.00"), (300, 200, "100.00"), (-1, 200, "0.00"),
        (1, 0, "100"), (0, 0, "0"), (1, None, "0"),
    ],
)  # fmt: skip
def test_a_bar_is_as_full_as_its_budget(part: int, whole: int | None, width: str) -> None:
    assert share(part, whole) == width
