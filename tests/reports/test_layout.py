"""A bill in a layout that does not fit is told so, line by line, and never read as another."""

from pathlib import Path

import pytest

from proxy.reports.layout import Layout, MappingError, Unreadable, read_mapping
from proxy.reports.statement import BadLine, Line, read

COLUMNS = "[columns]\nprediction_id='a'\ncreated_at='b'\nmodel='c'\namount='d'\n"


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        pytest.param("unix", "1793534400000", id="milliseconds, read as seconds"),
        pytest.param("unix_ms", "1793534400", id="seconds, read as milliseconds"),
        pytest.param("unix", "Infinity", id="no number at all"),
        pytest.param("unix", "9e99999", id="more than a clock holds"),
        pytest.param("iso", "9999-12-31", id="the last day"),
        pytest.param("iso", "9999-12-31T23:59:59-12:00", id="after the last day"),
        pytest.param("iso", "0001-01-01T00:00:00+14:00", id="before the first day"),
        pytest.param("%y", "1", id="the year by its last digit"),
    ],
)
def test_a_time_that_no_bill_can_be_of_is_unreadable(layout: str, text: str) -> None:
    with pytest.raises(Unreadable, match="time"):
        Layout(time_format=layout).at_us(text)


@pytest.mark.parametrize("amount", ["9e999999", "-9e999999", "1e-999999"])
def test_an_amount_beyond_any_bill_is_unreadable_in_every_unit(amount: str) -> None:
    with pytest.raises(Unreadable, match="amount"):
        read_mapping(f"{COLUMNS}[amount]\nscale='100'").micros(amount)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (f"delimiter=';;'\n{COLUMNS}", "delimiter"),
        (f"delimiter=''\n{COLUMNS}", "delimiter"),
        (f"delimiter='\"'\n{COLUMNS}", "delimiter"),
        (f"delimiter=1\n{COLUMNS}", "delimiter"),
        (f"encoding=8\n{COLUMNS}", "encoding"),
        (f"{COLUMNS}key=1", "key"),
        (f"{COLUMNS}[amount]\nnegative='true'", "negative"),
        (f"{COLUMNS}[amount]\ndecimal_comma=1", "decimal_comma"),
        (f"{COLUMNS}[amount]\ncurrency=840", "currency"),
        (f"{COLUMNS}[time]\nformat=1", "format"),
    ],
)
def test_a_member_of_the_wrong_kind_is_named_and_not_guessed_at(text: str, word: str) -> None:
    with pytest.raises(MappingError, match=word):
        read_mapping(text)


def test_a_currency_is_the_same_in_small_letters() -> None:
    assert read_mapping(f"{COLUMNS}[amount]\ncurrency='usd'").currency == "USD"


@pytest.mark.parametrize("line", ["p\0,2026-11-23,m,1", "p,2026-11-23,m\0,1"])
def test_a_line_with_what_no_database_keeps_is_unreadable_and_the_next_is_read(
    line: str, tmp_path: Path
) -> None:
    path = tmp_path / "bill.csv"
    path.write_text(f"a,b,c,d\n{line}\nq,2026-11-23,m,1\n")
    bad, good = read(path, read_mapping(COLUMNS))
    assert isinstance(bad, BadLine)
    assert (bad.number, bad.why) == (2, "holds the character NUL")
    assert isinstance(good, Line)
