"""No overshoot: at any concurrency exactly what fits is let through, and the rest is told why."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from proxy.ledger import registry
from tests.relay.house import (
    FLASH,
    PATH,
    PRICE,
    PRICE_MICROS,
    UNIFIED,
    UPSTREAM_KEY,
    Farebox,
    micros,
    running,
    state_of,
)
from tests.standin.server import Standin

AT_ONCE = 200
PRO = "/api/v3/google/gemini-3-pro-image-preview/text-to-image"


async def storm(farebox: Farebox, keys: Sequence[str], bodies: Sequence[dict[str, Any]]) -> Counter:
    """One submit a body, all at once, the keys taking turns; the statuses that came back."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits) as client:
        answers = await asyncio.gather(
            *(
                client.post(
                    f"{farebox.url}{PATH}",
                    json={"prompt": "a cat", **body},
                    headers={"Authorization": keys[i % len(keys)]},
                )
                for i, body in enumerate(bodies)
            )
        )
    return Counter(answer.status_code for answer in answers)


@pytest.mark.parametrize("workers", ["1", "4"])
def test_a_budget_for_k_images_lets_exactly_k_through(
    workers: str, upstream: Standin, tmp_path: Path
) -> None:
    fits = 37
    farebox = Farebox(tmp_path, upstream.url, workers=workers)
    key = farebox.key("web", daily_micros=fits * PRICE_MICROS)
    before = len(upstream.submits)
    try:
        farebox.start()
        seen = asyncio.run(storm(farebox, [key], [{}] * AT_ONCE))
        assert seen == {200: fits, 402: AT_ONCE - fits}
        assert len(upstream.submits) - before == fits
        assert farebox.balance(key) == (0, fits * PRICE_MICROS)
        held = farebox.rows("SELECT sum(reserved_micros) FROM entries")
        assert held == [(fits * PRICE_MICROS,)]
    finally:
        farebox.close()


def test_key_team_and_installation_bind_at_once(upstream: Standin, tmp_path: Path) -> None:
    farebox = Farebox(tmp_path, upstream.url)
    one = farebox.key("one", team="art", daily_micros=20 * PRICE_MICROS)
    two = farebox.key("two", team="art", daily_micros=20 * PRICE_MICROS)
    other = farebox.key("other", daily_micros=20 * PRICE_MICROS)
    farebox.change(registry.set_team("art", {"daily_micros": 25 * PRICE_MICROS}, actor="test"))
    farebox.change(registry.set_team("*", {"daily_micros": 35 * PRICE_MICROS}, actor="test"))
    try:
        farebox.start()
        asyncio.run(storm(farebox, [one, two], [{}] * 100))
        held = [farebox.balance(key)[1] // PRICE_MICROS for key in (one, two)]
        assert sum(held) == 25
        assert max(held) <= 20
        assert asyncio.run(storm(farebox, [other], [{}] * 30)) == {200: 10, 402: 20}
    finally:
        farebox.close()


def test_mixed_prices_never_overshoot_and_a_small_one_fits_the_rest(farebox: Farebox) -> None:
    limit = 10 * 90_600 + 27_000
    key = farebox.key(daily_micros=limit)
    seen = asyncio.run(storm(farebox, [key], [{"size": "4K"}] * 30))
    assert seen[200] == 10
    assert farebox.submit(key, size="4K").status_code == 402
    small = farebox.submit(key, size="0.5K")
    assert small.status_code == 200
    assert small.headers["x-farebox-budget-remaining-usd"] == "0.000000"
    assert farebox.balance(key) == (0, limit)


@pytest.mark.parametrize(("path", "status"), [(PATH, 402), (UNIFIED, 400)])
def test_a_refusal_says_which_budget_and_what_still_fits(
    path: str, status: int, farebox: Farebox, upstream: Standin
) -> None:
    key = farebox.key("spent-" + str(status), daily_micros=60_600)
    before = len(upstream.calls)
    answer = farebox.submit(key, path=path, size="4K")
    assert answer.status_code == status
    assert len(upstream.calls) == before
    document = answer.json()
    error = document["error"]
    assert (error["type"], error["code"], document["code"]) == ("budget_exceeded", 402, 402)
    assert error["message"] == document["message"] == document["data"]["error"]
    assert (document["data"]["status"], document["data"]["outputs"]) == ("failed", [])
    assert "retry-after" not in answer.headers
    details = error["details"]
    resets = details.pop("resets_at")
    assert details.pop("affordable")[:3] == [f"{FLASH}@2K", f"{FLASH}@1K", f"{FLASH}@0.5K"]
    assert details == {
        "scope": "key",
        "name": f"spent-{status}",
        "window": "day",
        "limit_usd": "0.060600",
        "spent_usd": "0.000000",
        "reserved_usd": "0.000000",
        "price_usd": "0.090600",
        "remaining_usd": "0.060600",
    }
    assert answer.headers["x-farebox-refused"] == "budget_exceeded"
    assert answer.headers["x-farebox-budget-limit-usd"] == "0.060600"
    assert answer.headers["x-farebox-budget-remaining-usd"] == "0.060600"
    assert answer.headers["x-farebox-budget-resets-at"] == resets
    assert "x-farebox-charge-id" not in answer.headers


def test_a_shared_budget_tells_only_what_remains(farebox: Farebox) -> None:
    farebox.change(registry.set_team("tight", {"daily_micros": 50_000}, actor="test"))
    key = farebox.key(team="tight", daily_micros=25_000_000)
    details = farebox.submit(key, path=PRO).json()["error"]["details"]
    assert (details["scope"], details["remaining_usd"]) == ("team", "0.050000")
    assert not {"limit_usd", "spent_usd", "reserved_usd"} & details.keys()
    shown = farebox.budget(key).json()["budgets"]
    team = next(one for one in shown if one["scope"] == "team")
    assert team["remaining_usd"] == "0.050000"
    assert not {"limit_usd", "spent_usd", "reserved_usd"} & team.keys()


@pytest.mark.parametrize("status", ["400", "403", "422", "429"])
@pytest.mark.parametrize("path", [PATH, UNIFIED])
def test_the_status_of_a_spent_budget_is_a_setting(
    status: str, path: str, start: Callable[..., Farebox]
) -> None:
    farebox = start(refusal_status=status)
    key = next(iter(farebox.secrets.values()), None) or farebox.key(daily_micros=0)
    answer = farebox.submit(key, path=path)
    assert (answer.status_code, answer.json()["code"]) == (int(status), 402)
    assert answer.headers["x-should-retry"] == "false"  # OpenAI's client repeats a 429 otherwise
    assert farebox.submit(key, path="/api/v3/google/nothing-known").status_code == 400


def test_a_priced_answer_carries_every_header(farebox: Farebox) -> None:
    key = farebox.key(daily_micros=1_000_000)
    answer = farebox.submit(key)
    ours = {n: v for n, v in answer.headers.items() if n.startswith("x-farebox-")}
    assert ours.pop("x-farebox-charge-id").startswith("fb_")
    assert "T00:00:00+00:00" in ours.pop("x-farebox-budget-resets-at")
    assert ours == {
        "x-farebox-cost-usd": "0.040200",
        "x-farebox-charge-state": "accepted",
        "x-farebox-price-version": "2026-09-25",
        "x-farebox-budget-limit-usd": "1.000000",
        "x-farebox-budget-remaining-usd": "0.959800",
    }


def test_a_shadow_key_is_let_through_and_counted(farebox: Farebox) -> None:
    key = farebox.key("shadowed", daily_micros=PRICE_MICROS, shadow=True)
    assert [farebox.submit(key).status_code for _ in range(3)] == [200, 200, 200]
    said = farebox.budget(key).json()
    assert (said["mode"], said["reserved_usd"], said["remaining_usd"]) == (
        "shadow", "0.120600", "0.000000",
    )  # fmt: skip
    counted = 'farebox_refusals_total{key="shadowed",reason="shadow",team=""} 2.0'
    farebox.until(lambda: counted in farebox.metrics())


def test_a_shadow_key_is_still_bound_by_its_team(farebox: Farebox) -> None:
    farebox.change(registry.set_team("bound", {"daily_micros": PRICE_MICROS}, actor="test"))
    key = farebox.key(team="bound", daily_micros=0, shadow=True)
    assert [farebox.submit(key).status_code for _ in range(2)] == [200, 402]


def test_budget_shows_where_the_key_stands(farebox: Farebox) -> None:
    key = farebox.key("shown", daily_micros=1_000_000, monthly_micros=5_000_000)
    farebox.submit(key)
    said = farebox.budget(key).json()
    day, resets = said["day"], said["resets_at"]
    assert {n: said[n] for n in said if n not in {"budgets", "day", "resets_at"}} == {
        "key": "shown",
        "team": None,
        "timezone": "UTC",
        "limit_usd": "1.000000",
        "spent_usd": "0.000000",
        "reserved_usd": "0.040200",
        "remaining_usd": "0.959800",
        "mode": "enforce",
    }
    assert [(b["scope"], b["name"], b["window"]) for b in said["budgets"]] == [
        ("key", "shown", "day"),
        ("key", "shown", "month"),
    ]
    assert said["budgets"][0]["resets_at"] == resets
    assert said["budgets"][1]["day"] == day[:7]


def test_an_unlimited_key_has_no_limit_to_show(farebox: Farebox, rich: str) -> None:
    said = farebox.budget(rich).json()
    assert (said["limit_usd"], said["remaining_usd"], said["budgets"]) == (None, None, [])
    assert "x-farebox-budget-limit-usd" not in farebox.submit(rich).headers


QUOTED = [
    pytest.param({"size": "2K"}, "0.060600", "2K", 1, id="a resolution"),
    pytest.param({"size": "1024x1024"}, "0.040200", "1K", 1, id="pixels"),
    pytest.param({}, "0.040200", "1K", 1, id="the default"),
]


@pytest.mark.parametrize(("body", "price", "resolution", "images"), QUOTED)
def test_quote_and_dry_run_say_the_same_and_do_nothing(
    body: dict[str, Any],
    price: str,
    resolution: str,
    images: int,
    *,
    farebox: Farebox,
    upstream: Standin,
) -> None:
    key = farebox.key(daily_micros=1_000_000)
    before = len(upstream.calls), farebox.rows("SELECT count(*) FROM entries")
    quoted = farebox.client.post(
        f"{farebox.url}/quote", json={"path": PATH, "body": body}, headers={"x-api-key": key}
    )
    dry = farebox.submit(key, headers={"x-farebox-dry-run": "yes"}, **body)
    assert (
        quoted.json()
        == dry.json()
        == {
            "price_usd": price,
            "images": images,
            "model": FLASH,
            "resolution": resolution,
            "price_version": "2026-09-25",
            "price_status": "published",
            "admitted": True,
            "refusal": None,
        }
    )
    assert dry.headers["x-farebox-cost-usd"] == price
    assert dry.headers["x-farebox-budget-remaining-usd"] == "1.000000"
    assert (len(upstream.calls), farebox.rows("SELECT count(*) FROM entries")) == before


def test_a_dry_run_that_would_be_refused_says_so_with_200(farebox: Farebox) -> None:
    key = farebox.key(daily_micros=0)
    dry = farebox.submit(key, headers={"x-farebox-dry-run": "1"})
    assert (dry.status_code, dry.json()["admitted"]) == (200, False)
    assert dry.json()["refusal"]["type"] == "budget_exceeded"
    unknown = farebox.submit(key, path="/api/v3/a/b/c", headers={"x-farebox-dry-run": "1"})
    assert unknown.json()["refusal"]["type"] == "price_unknown"


@pytest.mark.parametrize(
    ("facts", "paused"),
    [
        ({"models": ("gemini-2.5-flash-image",)}, False),
        ({"max_price_micros": 1}, False),
        ({}, True),
    ],
    ids=["another model", "too dear", "paused"],
)
def test_a_dry_run_tells_the_price_and_the_budget_also_of_what_is_refused(
    facts: dict[str, Any], paused: bool, *, farebox: Farebox
) -> None:
    key = farebox.key(daily_micros=1_000_000, **facts)
    if paused:
        name = farebox.budget(key).json()["key"]
        farebox.change(registry.pause(name, actor="test"))
        farebox.until(lambda: farebox.submit(key).status_code == 403)
    refused = farebox.submit(key)
    dry = farebox.submit(key, headers={"x-farebox-dry-run": "1"})
    assert (dry.json()["admitted"], dry.json()["price_usd"]) == (False, PRICE)
    assert dry.json()["refusal"] == refused.json()["error"]
    assert dry.headers["x-farebox-cost-usd"] == PRICE
    for name in ("limit-usd", "remaining-usd", "resets-at"):
        header = f"x-farebox-budget-{name}"
        assert dry.headers[header] == refused.headers[header]


@pytest.mark.parametrize("value", ["0", "false", "False"])
def test_a_dry_run_can_be_said_not_to_be_one(value: str, farebox: Farebox, rich: str) -> None:
    assert state_of(farebox.submit(rich, headers={"x-farebox-dry-run": value})) == "accepted"


def test_what_has_no_price_is_refused_and_never_sent(farebox: Farebox, upstream: Standin) -> None:
    key, before = farebox.key(), len(upstream.calls)
    answer = farebox.submit(
        key, path="/api/v3/google/gemini-3.1-flash-image-previeww/text-to-image"
    )
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "price_unknown")
    assert f"it is not in the table. Nearest known model: '{FLASH}'." in answer.json()["message"]
    assert len(upstream.calls) == before


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/api/v3/vidu/viduq2/text-to-video", None),
        ("/api/v3/vidu/viduq2/start-end-frame", None),
        ("/api/v3/alibaba/wan-2.5/text-to-video", None),
        ("/api/v3/xai/grok-imagine-image/text-to-vide%6F", None),
        ("/api/v3/videos", "google/gemini-3.1-flash-image"),
    ],
)
def test_video_of_a_model_sold_as_images_is_refused_and_never_sent(
    path: str, model: str | None, farebox: Farebox, upstream: Standin, rich: str
) -> None:
    before = len(upstream.calls)
    answer = farebox.submit(rich, path=path, **({"model": model} if model else {}))
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "price_unknown")
    assert "it is sold as images; its price for video is not known." in answer.json()["message"]
    assert len(upstream.calls) == before


@pytest.mark.parametrize("charge_on", ["completion", "submit"])
def test_what_has_no_price_can_be_let_through_counted(
    charge_on: str, start: Callable[..., Farebox]
) -> None:
    farebox = start(unpriced="relay", charge_on=charge_on)
    key = farebox.key(daily_micros=0)
    answer = farebox.submit(key, path="/api/v3/google/some-new-model/text-to-image")
    assert (answer.status_code, state_of(answer)) == (200, "accepted")
    assert "x-farebox-cost-usd" not in answer.headers
    prediction = answer.json()["data"]["id"]
    assert {farebox.poll(key, prediction).status_code for _ in range(3)} == {200}
    assert farebox.poll(farebox.key(), prediction).status_code == 404
    assert farebox.balance(key) == (0, 0)
    farebox.until(lambda: 'farebox_unpriced_total{reason="relayed"} 1.0' in farebox.metrics())


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"max_price_micros": 50_000}, "at most 0.050000 USD a call; what this one costs is not"),
        ({"models": [FLASH]}, "only the models on its list"),
    ],
)
@pytest.mark.parametrize(
    ("path", "body", "status"),
    [("/api/v3/google/some-new-model/edit", {}, 403), (UNIFIED, {"model": "some-new-model"}, 400)],
)
def test_what_has_no_price_is_not_for_a_key_that_is_bound_to_one(
    path: str, body: dict[str, str], status: int, facts: dict[str, Any], words: str,
    start: Callable[..., Farebox], upstream: Standin,
) -> None:  # fmt: skip
    farebox = start(unpriced="relay")
    key, before = farebox.key(**facts), len(upstream.calls)
    refused = farebox.submit(key, path=path, **body)
    assert (refused.status_code, refused.json()["error"]["type"]) == (status, "model_not_allowed")
    assert words in refused.json()["message"]
    assert len(upstream.calls) == before


def test_a_key_may_buy_only_what_its_list_and_its_ceiling_allow(farebox: Farebox) -> None:
    key = farebox.key(models=[f"{FLASH}@1K"], max_price_micros=50_000)
    assert farebox.submit(key, size="1K").status_code == 200
    for path, status in ((PATH, 403), (UNIFIED, 400)):
        refused = farebox.submit(key, path=path, size="2K")
        assert refused.status_code == status
        assert refused.json()["error"]["type"] == "model_not_allowed"


def test_without_an_upstream_key_a_farebox_key_is_told_so(
    upstream: Standin, tmp_path: Path
) -> None:
    with running(tmp_path, upstream.url, upstream_key="") as farebox:
        key, before = farebox.key(), farebox.rows("SELECT count(*) FROM charges")
        answer = farebox.submit(key)
        assert (answer.status_code, answer.json()["error"]["type"]) == (503, "upstream_key_missing")
        assert int(answer.headers["retry-after"]) > 0
        uploaded = farebox.submit(key, path="/api/v3/media/uploads", filename="a.png")
        assert uploaded.json()["error"]["type"] == "upstream_key_missing"
        assert farebox.rows("SELECT count(*) FROM charges") == before


def test_the_shared_key_pays(farebox: Farebox, upstream: Standin, rich: str) -> None:
    farebox.submit(rich)
    assert upstream.last(PATH).header(b"authorization") == UPSTREAM_KEY.encode()
    assert micros("0.040200") == PRICE_MICROS
