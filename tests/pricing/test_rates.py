"""Which rate fits a case, rule by rule; `test_quote.py` has the same from the outside."""

from typing import Any

import pytest

from pricing import Micros, Rate
from pricing.rates import OTHER, TASKS, Case, RateCard, ties

EDIT, DRAW = "image-to-image", "text-to-image"


def rate(usd_micros: int = 1, **bound: Any) -> Rate:
    return Rate(Micros(usd_micros), **bound)


def test_a_rate_that_says_no_more_fits_everything() -> None:
    bare = rate()
    assert bare == Rate(Micros(1), None, "published", "any", None, None, None, "", "")
    assert bare.bindings == 0
    assert bare.fits(Case("2K", "edit", 3, "low"))
    assert bare.fits(Case(None, None, None, None))


@pytest.mark.parametrize(
    ("bound", "bindings", "fits", "misses"),
    [
        ({"resolution": "2K"}, 1, Case("2K", "x", 0, "x"), Case("1K", "x", 0, "x")),
        ({"task": "x"}, 1, Case("2K", "x", 0, "y"), Case("2K", "y", 0, "x")),
        ({"quality": "x"}, 1, Case("2K", "y", 0, "x"), Case("2K", "x", 0, "y")),
        ({"references": (2, 4)}, 1, Case("2K", "x", 2, "x"), Case("2K", "x", 1, "x")),
        ({"references": (2, 4)}, 1, Case("2K", "x", 4, "x"), Case("2K", "x", 5, "x")),
        ({"references": (2, None)}, 1, Case("2K", "x", 99, "x"), Case("2K", "x", 1, "x")),
        ({"references": (0, 0)}, 1, Case("2K", "x", None, "x"), Case("2K", "x", 1, "x")),
        ({"task": "x", "quality": "y"}, 2, Case("2K", "x", 0, "y"), Case("2K", "x", 0, "x")),
        (
            {"resolution": "2K", "task": "x", "quality": "y", "references": (1, 1)},
            4,
            Case("2K", "x", 1, "y"),
            Case("any", "x", 1, "y"),
        ),
    ],
)
def test_a_rate_fits_what_it_is_bound_to(
    bound: dict[str, Any], bindings: int, fits: Case, misses: Case
) -> None:
    bound_rate = rate(**bound)
    assert bound_rate.bindings == bindings
    assert bound_rate.fits(fits)
    assert not bound_rate.fits(misses)


@pytest.mark.parametrize(
    ("one", "two", "meet"),
    [
        ({}, {}, True),
        ({"resolution": "1K"}, {"resolution": "1k"}, True),
        ({"resolution": "1K"}, {"resolution": "2K"}, False),
        ({"resolution": "1K"}, {"resolution": "any"}, True),
        ({"task": "x"}, {"task": "x"}, True),
        ({"task": "x"}, {"task": "y"}, False),
        ({"task": "x"}, {}, True),
        ({"quality": "x"}, {"quality": "y"}, False),
        ({"quality": "x"}, {}, True),
        ({"references": (1, 3)}, {}, True),
        ({"references": (1, 3)}, {"references": (3, 5)}, True),
        ({"references": (1, 3)}, {"references": (4, 5)}, False),
        ({"references": (1, 3)}, {"references": (3, None)}, True),
        ({"references": (1, 3)}, {"references": (4, None)}, False),
        ({"references": (1, None)}, {"references": (9, None)}, True),
    ],
)
def test_two_rates_meet_where_one_order_could_fit_both(
    one: dict[str, Any], two: dict[str, Any], *, meet: bool
) -> None:
    assert rate(**one).overlaps(rate(**two)) is meet
    assert rate(**two).overlaps(rate(**one)) is meet


def test_a_tie_needs_one_order_and_one_rank() -> None:
    rates = [rate(task="x"), rate(quality="y"), rate(), rate(task="z"), rate(task="x", quality="y")]
    assert list(ties(rates)) == [(0, 1), (1, 3)]


@pytest.mark.parametrize(
    ("word", "means"),
    [
        ("edit", EDIT),
        ("image-edit", EDIT),
        ("image-to-edit", EDIT),
        ("image-to-image", EDIT),
        ("reference-to-image", EDIT),
        ("text-to-image", DRAW),
        ("text-to-imgae", DRAW),
    ],
)
def test_the_upstreams_words_for_a_task_mean_one_of_two(word: str, means: str) -> None:
    assert TASKS[word] == means
    assert len(TASKS) == 7
    assert RateCard([rate(task=EDIT), rate(task=DRAW)]).task(word) == means
    sold = "edit" if word == EDIT else word
    assert RateCard([rate(task=sold)]).task(means) == sold
    assert RateCard([rate(task=DRAW if means == EDIT else EDIT)]).task(word) == OTHER


@pytest.mark.parametrize(
    ("tasks", "word", "read"),
    [
        ((), "film", OTHER),
        ((), "edit", OTHER),
        (("film",), "film", "film"),
        (("edit", "image-edit"), "edit", "edit"),
        (("edit", "image-edit"), "image-to-edit", None),
        (("edit",), "film", None),
        (("film",), "edit", OTHER),
    ],
)
def test_a_task_nobody_knows_is_left_open(
    tasks: tuple[str, ...], word: str, read: str | None
) -> None:
    assert RateCard([rate(task=task) for task in tasks] or [rate()]).task(word) == read


@pytest.mark.parametrize(
    ("count", "task", "read"),
    [
        (0, DRAW, 0),
        (0, "film", 0),
        (0, "edit", None),
        (0, EDIT, None),
        (1, "edit", 0),
        (3, "edit", 0),
        (4, "edit", 4),
        (7, DRAW, 4),
        (8, DRAW, 8),
        (99, DRAW, 9),
    ],
)
def test_references_are_folded_to_the_least_count_priced_alike(
    count: int, task: str, read: int | None
) -> None:
    card = RateCard([rate(), rate(references=(4, 7)), rate(references=(9, None))])
    assert card.references(count, task) == read


@pytest.mark.parametrize(
    ("qualities", "value", "read"),
    [
        ((), None, OTHER),
        ((), "low", OTHER),
        ((), "auto", OTHER),
        (("low",), None, None),
        (("low",), "", None),
        (("low",), "auto", None),
        (("low",), "AUTO", None),
        (("low",), "low", "low"),
        (("low",), "LOW", "low"),
        (("low",), "high", OTHER),
        (("low",), 5, OTHER),
        (("x",), "x", "x"),
        (("k",), "\N{KELVIN SIGN}", OTHER),
    ],
)
def test_a_quality_is_read_as_one_that_is_sold(
    qualities: tuple[str, ...], value: object, read: str | None
) -> None:
    card = RateCard([rate(quality=quality) for quality in qualities] or [rate()])
    assert card.quality(value) == read


@pytest.mark.parametrize(
    ("bound", "plain"),
    [
        ({}, True),
        ({"resolution": "2K"}, True),
        ({"task": "x"}, False),
        ({"quality": "x"}, False),
        ({"references": (1, None)}, False),
        ({"references": (0, 3)}, False),
    ],
)
def test_a_card_is_plain_where_only_sizes_have_prices(
    bound: dict[str, Any], *, plain: bool
) -> None:
    assert RateCard([rate(), rate(**bound)]).plain is plain


@pytest.mark.parametrize(
    ("case", "micros", "is_open"),
    [
        (Case("1K", OTHER, 0, OTHER), 1, False),
        (Case("1K", "x", 0, OTHER), 5, False),
        (Case("1K", None, 0, OTHER), 5, True),
        (Case("2K", OTHER, 0, OTHER), 3, False),
        (Case("2K", "x", 0, OTHER), 7, False),
        (Case(None, OTHER, 0, OTHER), 3, True),
        (Case(None, None, None, None), 7, True),
        (Case("4K", OTHER, 0, OTHER), None, None),
        (Case("4K", "x", 0, OTHER), 5, False),
    ],
)
def test_the_rate_bound_to_most_wins_and_what_is_open_is_the_dearest(
    case: Case, micros: int | None, is_open: bool | None
) -> None:
    card = RateCard(
        [
            rate(1, resolution="1K"),
            rate(3, resolution="2K"),
            rate(5, task="x"),
            rate(5, resolution="1K", task="x"),
            rate(7, resolution="2K", task="x"),
        ]
    )
    for _ in range(2):
        found = card.find(case)
        assert (found and found.rate.usd_micros) == micros
        assert (found and found.is_open) == is_open


def test_what_no_rate_names_is_no_name_of_a_rate() -> None:
    card = RateCard([rate(1), rate(9, task="x"), rate(9, quality="x")])
    found = card.find(Case("any", OTHER, 0, OTHER))
    assert found is not None
    assert found.rate.usd_micros == 1
