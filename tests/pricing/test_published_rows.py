"""Every row of the provider's own dataset (MIT, snapshot 2026-09-25) against the bundled table."""

import csv
from pathlib import Path
from typing import Any

import pytest

from pricing import Order, PriceUnknown, parse_usd, quote
from tests.pricing.tables import ARTICLE, TABLE, in_body, on_path

SNAPSHOT = Path(__file__).parent / "gptproto-media-2026-09-25.csv"
with SNAPSHOT.open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))
BY_RUN = [row for row in ROWS if row["unit"] == "per_run"]
BY_SECOND = {row["model"] for row in ROWS if row["unit"] == "per_second"}


def row_id(row: dict[str, str]) -> str:
    return f"{row['model']} {row['label']}"


def ask(row: dict[str, str]) -> dict[str, str | None]:
    size = None if row["label"] == "PRICE" else row["label"].split()[0]
    return {"size": size, "resolution": size}


@pytest.mark.parametrize("row", BY_RUN, ids=row_id)
def test_a_published_price_is_charged_on_both_surfaces(row: dict[str, str]) -> None:
    orders = [
        on_path(row["model"], **ask(row)),
        in_body(f"{row['provider']}/{row['model']}", **ask(row)),
    ]
    for order in orders:
        found = quote(order, TABLE)
        listed = row["official_price_usd"]
        assert found.price_micros == parse_usd(row["price_usd"])
        assert found.list_unit_micros == (parse_usd(listed) if listed else None)
        assert (found.status, found.assumed, found.version) == ("published", False, "2026-09-25")


@pytest.mark.parametrize("model", sorted(BY_SECOND))
def test_a_model_sold_by_the_second_has_no_price(model: str) -> None:
    with pytest.raises(PriceUnknown) as refused:
        quote(on_path(model, "text-to-video"), TABLE)
    assert refused.value.model == model
    assert refused.value.nearest in (None, *TABLE.models)


def test_nothing_of_the_dataset_is_left_out() -> None:
    sold = {row["model"] for row in BY_RUN}
    assert sold == {name for name in TABLE.models if not name.startswith("gpt-image-")}
    assert not sold & BY_SECOND


@pytest.mark.parametrize(
    ("model", "asked", "usd"),
    [
        ("gemini-3.1-flash-image-preview", {"size": "0.5K"}, "0.027"),
        ("gemini-3.1-flash-image", {"size": "512"}, "0.027"),
        ("gpt-image-1", {"quality": "low", "size": "1024x1024"}, "0.0077"),
        ("gpt-image-1", {"quality": "high", "size": "1536x1024"}, "0.175"),
        ("gpt-image-1", {"quality": "auto", "size": "1024x1024"}, "0.1169"),
        ("gpt-image-1", {}, "0.175"),
        ("gpt-image-1-mini", {"quality": "medium", "size": "1024x1536"}, "0.0105"),
        ("gpt-image-1.5", {"quality": "high"}, "0.157338"),
        ("gpt-image-2", {"quality": "low", "size": "1024x1024"}, "0.004704"),
        ("gpt-image-2", {"quality": "high", "size": "1536x1024"}, "0.131712"),
        ("gpt-image-2", {"quality": "HIGH", "size": "3840x2160"}, "0.168576"),
        ("gpt-image-2.5-flare", {}, "0.200184"),
    ],
)
def test_an_estimate_is_never_called_published(model: str, asked: dict[str, Any], usd: str) -> None:
    found = quote(on_path(model, **asked), TABLE)
    assert found.unit_micros == parse_usd(usd)
    assert found.status in ("derived", "estimated")


@pytest.mark.parametrize(
    ("task", "references", "resolution", "usd"),
    [
        ("text-to-image", 0, "1080p", "0.024"),
        ("image-to-image", 1, "1080p", "0.032"),
        ("image-to-image", 3, "2k", "0.048"),
        ("image-to-image", 4, "1080p", "0.040"),
        ("reference-to-image", 7, "2K", "0.080"),
        ("image-edit", 1, "4k", "0.056"),
        ("image-to-image", 5, "4K", "0.120"),
    ],
)
def test_references_move_the_price_of_vidu(
    task: str, references: int, resolution: str, usd: str
) -> None:
    found = quote(on_path("viduq2", task, references=references, resolution=resolution), TABLE)
    assert (found.unit_micros, found.assumed) == (parse_usd(usd), False)


@pytest.mark.parametrize(
    ("task", "references"),
    [("image-to-image", 0), ("image-to-image", 8), ("some-new-task", 5)],
)
def test_an_edit_whose_references_cannot_be_placed_costs_the_dearest(
    task: str, references: int
) -> None:
    found = quote(on_path("viduq2", task, references=references, resolution="2K"), TABLE)
    assert (found.unit_micros, found.assumed) == (80_000, True)


@pytest.mark.parametrize(
    ("model", "usd"),
    [
        ("gemini-3.1-flash-image-preview", "0.0402"),
        ("gemini-3-pro-image-preview", "0.0804"),
        ("gemini-2.5-flash-image", "0.0234"),
    ],
)
def test_the_articles_three_prices_come_first(model: str, usd: str) -> None:
    found = quote(on_path(model, size="1K"), ARTICLE)
    assert (found.unit_micros, found.version) == (parse_usd(usd), "2026-04-28")


@pytest.mark.parametrize("size", ["2K", "4K", "0.5K", "auto", "2048x2048", "8K", 1024])
@pytest.mark.parametrize("model", ["gemini-3.1-flash-image-preview", "nano-banana-pro"])
def test_a_table_that_is_not_complete_guesses_no_price(model: str, size: object) -> None:
    with pytest.raises(PriceUnknown):
        quote(on_path(model, size=size), ARTICLE)


@pytest.mark.parametrize(
    ("segments", "model"),
    [
        (("google", "nano-banana", "edit"), "gemini-2.5-flash-image"),
        (("google", "nano-banana-2", "text-to-image"), "gemini-3.1-flash-image-preview"),
        (("minimax", "hailuo-02", "pro"), "hailuo-02-pro"),
        (("kwaivgi", "kling-v2.1-i2v-pro"), "kling-v2.1-pro"),
    ],
)
def test_an_unpublished_name_is_priced_as_derived(segments: tuple[str, ...], model: str) -> None:
    found = quote(Order("path", segments), TABLE)
    assert (found.model, found.status) == (model, "derived")
