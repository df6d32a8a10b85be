"""`farebox prices import`: what is stored, in what place among the versions, and what is not."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from pricing import BUNDLED, Order, load_tables, quote
from proxy.ledger import versions
from tests.cli.running import Program
from tests.ledger.world import Ledger

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


def ledger_of(program: Program) -> Ledger:
    return Ledger(f"sqlite:///{program.directory / 'farebox.db'}")


@pytest.fixture
def rise(program: Program) -> str:
    """Store a rise to 0.05 for the new year; the price before it."""
    program.well("keys", "create", "web")
    ledger = ledger_of(program)
    ledger.store.transact(versions.add(load_tables(BUNDLED).versions, actor="test"))
    ledger.close()
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


@pytest.fixture
def three_calls(program: Program, rise: str) -> Iterator[Ledger]:
    """Charge midjourney twice and something else once, and hold it once more."""
    ledger = ledger_of(program)
    (key,) = ledger.store.directory.keys.values()
    in_force = versions.book(ledger.session).version("2026-09-25")
    models = ("midjourney", "midjourney", "hailuo-02-fast", "midjourney")
    fares = []
    for model in models:
        found = quote(Order("path", ("vendor", model, "text-to-image")), in_force)
        fares.append(ledger.reserve(key, price=lambda _, found=found: found))
    for fare in fares[:3]:
        ledger.settle(ledger.accept(fare).fare)
    yield ledger
    ledger.close()


YESTERDAY = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"


def test_a_version_that_starts_in_the_past_says_what_it_does_not_change(
    program: Program, three_calls: Ledger
) -> None:
    charges = "SELECT * FROM charges ORDER BY id"
    before = three_calls.session.rows(charges)
    (program.directory / "p.csv").write_text("model,usd\nmidjourney,0.05\n", encoding="utf-8")
    asked = ("prices", "import", "p.csv", "--version", "late", "--effective-from", YESTERDAY)
    said = program.well(*asked, "--yes").err
    assert (
        f"2 settled charges since {YESTERDAY}T00:00:00+00:00 would have cost 0.021680 USD" in said
    )
    assert "less by late\nthey keep the price that they were admitted at" in said
    assert f"farebox whatif --table late --from {YESTERDAY} shows them" in said
    assert three_calls.session.rows(charges) == before
    shown = program.well("whatif", "--table", "late", "--from", YESTERDAY, "--json").json
    assert shown["total"]["saved_usd"] == "0.021680"


def test_a_late_version_that_does_not_know_a_model_says_that_too(
    program: Program, three_calls: Ledger
) -> None:
    text = f"""version = "late"
effective_from = {YESTERDAY}T00:00:00Z
[models.midjourney]
images = "run"
prices = {{ any = {{ usd = "0.07" }} }}
"""
    (program.directory / "late.toml").write_text(text, encoding="utf-8")
    said = program.well("prices", "import", "late.toml", "--yes").err
    assert "2 settled charges" in said
    assert "0.018320 USD more by late\nfor 1 more it has no price\n" in said


@pytest.mark.parametrize("starts", ["2026-09-26", "2027-03-01"])
def test_a_version_without_calls_since_says_nothing_of_them(
    program: Program, rise: str, starts: str
) -> None:
    said = program.well("prices", "import", table(program, "x", starts, "0.01"), "--yes").err
    assert said.endswith("stored version x\n"), said


def test_a_price_that_cannot_be_read_stores_nothing(program: Program, rise: str) -> None:
    text = "model,usd\nmidjourney,0.05\nhailuo-02-fast,0;07\n"
    (program.directory / "p.csv").write_text(text, encoding="utf-8")
    before = starts(program)
    ran = program("prices", "import", "p.csv", "--yes")
    assert (ran.code, starts(program)) == (1, before)
    assert "p.csv:3: hailuo-02-fast: '0;07' is no price; nothing was stored" in ran.err


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def publisher(program: Program) -> Iterator[str]:
    """Publish the directory; the address with a password and a signature in it."""
    handler = partial(Quiet, directory=str(program.directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://user:pass-word@127.0.0.1:{server.server_port}/%s?sig=signed-it"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("model,resolution,price_usd\ngemini-2.5-flash-image,any,0.02\n", 0),
        ("model,resolution,price_usd\ngemini-2.5-flash-image,any,cheap\n", 1),
        ("neither,nor\n", 2),
        (None, 1),
    ],
)
def test_what_opens_a_source_is_told_and_kept_nowhere(
    program: Program, publisher: str, text: str | None, code: int
) -> None:
    if text is not None:
        (program.directory / "p.csv").write_text(text)
    ran = program("prices", "import", publisher % "p.csv", "--version", "bought", "--yes")
    assert ran.code == code
    listed = program("prices", "list", "--json").out
    assert ("/p.csv" in listed) == (code == 0)
    for word in ("pass-word", "signed-it"):
        assert word not in ran.out + ran.err + listed
