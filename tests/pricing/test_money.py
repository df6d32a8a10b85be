import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing import parse_usd, usd


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("0", 0),
        ("0.0402", 40_200),
        ("0.024375", 24_375),
        ("5", 5_000_000),
        ("25.000000", 25_000_000),
        ("1000000", 10**12),
    ],
)
def test_dollars_are_read_as_whole_micro_dollars(text: str, micros: int) -> None:
    assert parse_usd(text) == micros


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "-1",
        "+1",
        "1e3",
        "1,5",
        "1_0",
        ".5",
        "5.",
        "01",
        "0.0000001",
        "0.1234567",
        "NaN",
        "Infinity",
        "$1",
        "٣",
        "1000000.000001",
        "1000001",
        "99999999",
        "1\n",
    ],
)
def test_money_that_does_not_fit_is_refused_and_never_rounded(text: str) -> None:
    with pytest.raises(ValueError, match="dollars"):
        parse_usd(text)


@pytest.mark.parametrize(
    ("micros", "text"),
    [(40_200, "0.040200"), (0, "0.000000"), (-1, "-0.000001"), (-1_500_000, "-1.500000")],
)
def test_money_is_printed_with_six_decimals(micros: int, text: str) -> None:
    assert usd(micros) == text


@given(st.integers(0, 10**12))
def test_money_comes_back_as_it_went_out(micros: int) -> None:
    assert parse_usd(usd(micros)) == micros
