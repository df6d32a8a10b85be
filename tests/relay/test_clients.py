"""Every real client, unchanged but for its base URL, through Farebox to the stand-in."""

import pytest

from tests.clients.run import CLIENTS, UNIFIED, need, run_client
from tests.relay.house import PRICE_MICROS, Farebox
from tests.standin.server import Standin


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    need(name)
    return name


def test_a_generation_comes_back_and_is_paid(
    client: str, farebox: Farebox, upstream: Standin
) -> None:
    key = farebox.key(daily_micros=1_000_000)
    seen = run_client(client, farebox.url, key, prompt="a cat", size="2K")
    assert (seen.outcome, seen.exit) == ("completed", 0), seen
    assert [url.startswith("https://oss.gptproto.com/output/") for url in seen.outputs] == [True]
    assert farebox.balance(key) == (60_600, 0)
    assert upstream.bill.lines[-1].micros == 60_600


def test_a_failed_job_shows_its_reason_and_costs_nothing(client: str, farebox: Farebox) -> None:
    key = farebox.key(daily_micros=1_000_000)
    seen = run_client(client, farebox.url, key, prompt="standin:failed=too+many+cats")
    assert (seen.outcome, seen.exit) == ("failed", 1), seen
    assert "too many cats" in seen.message
    assert farebox.balance(key) == (0, 0)


# What each client can show of a refusal; the article's script prints the status line alone.
SHOWN = {"article": "402 Client Error: Payment Required"}


def test_a_refusal_reaches_the_user(client: str, farebox: Farebox, upstream: Standin) -> None:
    key = farebox.key(f"refused-{client}", daily_micros=PRICE_MICROS - 1)
    before = len(upstream.calls)
    seen = run_client(client, farebox.url, key, prompt="a cat")
    assert seen.outcome == "refused", seen
    reason = f"Daily budget of key 'refused-{client}': 0.040199 of 0.040199 USD left"
    assert SHOWN.get(client, reason) in seen.message
    if client in UNIFIED:
        assert "code=402" in seen.message
    assert len(upstream.calls) == before
    (refused,) = [line for line in farebox.metrics().splitlines() if f'"refused-{client}"' in line
                  and line.startswith("farebox_refusals_total")]  # fmt: skip
    assert refused.endswith(" 1.0"), "it was asked once, and not again"


def test_an_own_key_works_unchanged(client: str, farebox: Farebox) -> None:
    key = f"sk-own-of-{client}"
    seen = run_client(client, farebox.url, key)
    assert seen.outcome == "completed", seen
    # Its poll URLs are untouched: a client that follows them settles with the upstream alone.
    assert sum(farebox.balance(key)) == PRICE_MICROS


@pytest.mark.parametrize("client", ["wavespeed-python", "wavespeed-npm"])
@pytest.mark.parametrize(
    ("word", "outcome", "spent"),
    [("sync", "completed", PRICE_MICROS), ("base64", "completed", PRICE_MICROS),
     ("failed", "failed", 0)],
)  # fmt: skip
def test_a_client_that_waits_in_its_submit(
    client: str, word: str, outcome: str, spent: int, *, farebox: Farebox
) -> None:
    need(client)
    key = farebox.key(daily_micros=1_000_000)
    seen = run_client(client, farebox.url, key, prompt=f"standin:{word}", SYNC="1")
    assert seen.outcome == outcome, seen
    assert farebox.balance(key) == (spent, 0)
