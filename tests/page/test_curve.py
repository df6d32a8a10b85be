"""The day's curve: sums at the end of each quarter hour, and today's no later than now."""

from proxy.page.curve import Day

MIDNIGHT_S = 1_795_996_800
QUARTER_S = 900


def chart(*, seconds: int, today: tuple[int, ...], before: tuple[int, ...]) -> dict[str, list[int]]:
    now_us = (MIDNIGHT_S + seconds) * 1_000_000
    return Day("UTC", MIDNIGHT_S * 1_000_000, now_us, today, before).chart(None)


def test_today_ends_now() -> None:
    made = chart(seconds=2 * QUARTER_S + 300, today=(10**6, 0, 2 * 10**6), before=(10**6,) * 4)
    assert [at - MIDNIGHT_S for at in made["x"]] == [0, 900, 1800, 2100, 2700, 3600]
    assert made["today"] == [0.0, 1.0, 1.0, 3.0, None, None]
    assert made["before"] == [0.0, 1.0, 2.0, 2.0, 3.0, 4.0], "yesterday knows no now"


def test_times_rise_on_the_first_second_of_a_quarter() -> None:
    made = chart(seconds=QUARTER_S, today=(0, 10**6), before=(0, 0, 0))
    assert made["x"] == sorted(set(made["x"]))


def test_today_may_be_longer_than_yesterday() -> None:
    made = chart(seconds=4 * QUARTER_S + 1, today=(0,) * 5, before=(10**6,) * 2)
    assert len(made["x"]) == len(made["today"]) == len(made["before"]) == 7
    assert made["before"] == [0.0, 1.0, 2.0, None, None, None, None]
