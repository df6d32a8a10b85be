"""`farebox prices import`: what is stored, in what place among the versions, and what is not."""

import pytest

from pricing import BUNDLED
from tests.cli.running import Program

BUNDLED_TEXT = (BUNDLED / "2026-09-25.toml").read_text(encoding="utf-8")


def table(program: Program, version: str, starts: str, usd: str = "", **other: str) -> str:
    """Write today's table as a version of another day; `usd` is the price of midjourney."""
    text = BUNDLED_TEXT.replace('version = "2026-09-25"', f'version = "{version}"')
    text = text.replace("2026-09-25T00:00:00Z", f"{starts}T00:00:00Z")
    place = '[models."midjourney".prices]\nany = { usd = "'
    assert place in text
    head, tail = text.split(place)
    text = head + place + (usd or tail[: tail.index('"')]) + tail[tail.index('"') :]
    for old, changed in other.items():
        text = text.replace(old, changed)
    (program.directory / f"{version}.toml").write_text(text, encoding="utf-8")
    return f"{version}.toml"


def starts(program: Program) -> dict[str, str]:
    listed = program.well("prices", "list", "--json").json
    return {row["version"]: row["effective_from"][:10] for row in listed}


def price_at(program: Program, day: str) -> str:
    shown = program.well("prices", "show", "--at", day, "--json").json
    return next(str(row["usd"]) for row in shown if row["model"] == "midjourney")


@pytest.fixture
def rise(program: Program) -> str:
    """Store a rise to 0.05 for the new year; the price before it."""
    program.well("keys", "create", "web")
    program.well("prices", "import", str(BUNDLED / "2026-09-25.toml"), "--yes")
    before = price_at(program, "2026-12-01")
    assert before != "0.050000"
    program.well("prices", "import", table(program, "rise", "2027-01-01", "0.050000"), "--yes")
    return before


def test_a_table_is_compared_with_the_version_that_it_follows(program: Program, rise: str) -> None:
    ran = program("prices", "import", table(program, "back", "2027-02-01"), "--json")
    assert (ran.code, [row["to_usd"] for row in ran.json]) == (1, [rise])
    program.well("prices", "import", "back.toml", "--yes")
    days = ("2026-12-31", "2027-01-02", "2027-02-02")
    assert [price_at(program, day) for day in days] == [rise, "0.050000", rise]


def test_what_is_in_force_then_anyway_is_not_stored(program: Program, rise: str) -> None:
    ran = program.well("prices", "import", table(program, "same", "2027-02-01", "0.050000"))
    assert "nothing differs from rise" in ran.err
    assert "same" not in starts(program)
    assert "version rise is stored already" in program.well("prices", "import", "rise.toml").err


def test_a_name_in_another_spelling_of_the_same_prices_is_stored(
    program: Program, rise: str
) -> None:
    alias = {'[models."midjourney"]\n': '[models."midjourney"]\naliases = ["mid/journey"]\n'}
    ran = program(
        "prices", "import", table(program, "named", "2027-02-01", "0.050000", **alias), "--yes"
    )
    assert (ran.code, "no price changes" in ran.err) == (0, True), ran
    assert starts(program)["named"] == "2027-02-01"


@pytest.mark.parametrize("usd", ["", "0.050000"])
def test_an_instant_that_is_taken_is_refused_even_where_nothing_differs(
    program: Program, rise: str, usd: str
) -> None:
    ran = program("prices", "import", table(program, "twin", "2027-01-01", usd), "--yes")
    assert (ran.code, "twin starts at the instant at which rise does" in ran.err) == (1, True), ran


def test_a_version_that_priced_nothing_may_move_to_another_day(program: Program, rise: str) -> None:
    ran = program("prices", "import", table(program, "rise", "2027-01-10", "0.050000"))
    assert ran.code == 1
    assert "rise is stored with another text, and priced nothing yet" in ran.err
    assert starts(program)["rise"] == "2027-01-01"
    program.well("prices", "import", "rise.toml", "--yes")
    assert starts(program)["rise"] == "2027-01-10"
    assert price_at(program, "2027-01-02") == rise


def promotion(program: Program, starts: str, until: str) -> tuple[str, ...]:
    """Say what imports midjourney at 0.01 between two instants."""
    (program.directory / "p.csv").write_text("model,usd\nmidjourney,0.01\n", encoding="utf-8")
    span = ("--effective-from", starts, "--until", until)
    return ("prices", "import", "p.csv", "--version", "promo", *span, "--yes")


def test_a_promotion_ends_at_the_price_before_it(program: Program, rise: str) -> None:
    program.well(*promotion(program, "2027-03-01", "2027-03-08"))
    days = ("2027-02-28", "2027-03-01", "2027-03-07", "2027-03-08")
    assert [price_at(program, d) for d in days] == ["0.050000", "0.010000", "0.010000", "0.050000"]


def test_a_promotion_of_hours_ends_on_its_day(program: Program, rise: str) -> None:
    asked = promotion(program, "2027-03-01", "2027-03-01T18:00:00+00:00")
    program.well(*[word for word in asked if word not in ("--version", "promo")])
    assert [price_at(program, f"2027-03-01T{hour}:00") for hour in ("17", "18")] == [
        "0.010000",
        "0.050000",
    ]


@pytest.mark.parametrize("until", ["2027-02-28", "2027-03-01"])
def test_a_promotion_that_ends_before_it_starts_is_wrong_usage(
    program: Program, rise: str, until: str
) -> None:
    ran = program(*promotion(program, "2027-03-01", until))
    assert (ran.code, "is not after the start" in ran.err) == (2, True), ran
    assert "promo" not in starts(program)


def test_a_promotion_over_another_version_is_refused_in_words(program: Program, rise: str) -> None:
    before = starts(program)
    ran = program(*promotion(program, "2026-12-20", "2027-01-15"))
    assert ran.code == 1
    assert "version rise starts on 2027-01-01T00:00:00+00:00, before the promotion ends" in ran.err
    assert starts(program) == before


def test_a_promotion_until_another_version_ends_with_it(program: Program, rise: str) -> None:
    before = set(starts(program))
    program.well(*promotion(program, "2026-12-20", "2027-01-01"))
    assert set(starts(program)) == before | {"promo"}
    days = ("2026-12-19", "2026-12-31", "2027-01-15", "2027-01-16")
    assert [price_at(program, d) for d in days] == [rise, "0.010000", "0.050000", "0.050000"]
