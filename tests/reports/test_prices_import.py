"""An import takes what is published, keeps the rest, and shows the difference."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pricing import BUNDLED, PriceTable, diff, load_table, load_tables, usd
from proxy.reports.price_import import again, build, written
from proxy.reports.price_sources import (
    Published,
    Skipped,
    UnknownShape,
    UnreadablePrice,
    read,
    resolution,
)

BASE = load_tables(BUNDLED).version("2026-09-25")
STARTS = datetime(2026, 12, 1, tzinfo=UTC)
PUBLISHED = Path(__file__).parents[1] / "pricing" / "gptproto-media-2026-09-25.csv"


def imported(text: str) -> tuple[PriceTable, tuple[Skipped, ...]]:
    made = build(BASE, read(text), version="new", effective_from=STARTS, source="test")
    return made.table, made.skipped


def changes(table: PriceTable) -> list[tuple[str, str, str | None, str | None]]:
    return [
        (each.place.model, each.place.resolution, *(None if m is None else usd(m) for m in
         (each.before, each.after)))
        for each in diff(BASE, table)
    ]  # fmt: skip


@pytest.mark.parametrize("table", load_tables(BUNDLED).versions, ids=lambda t: t.version)
def test_a_table_written_and_read_again_is_the_same(table: PriceTable) -> None:
    read_again = load_table(written(table), name="again")
    assert {**read_again.models} == {**table.models}
    assert (read_again.version, read_again.complete) == (table.version, table.complete)


def test_the_dataset_that_the_bundled_table_was_made_from_changes_nothing() -> None:
    table, skipped = imported(PUBLISHED.read_text(encoding="utf-8"))
    assert changes(table) == []
    assert {each.why for each in skipped} == {"is priced per_second"}


def dataset(**price: Any) -> list[dict[str, Any]]:
    rate = {"label": "1K Size", "unit": "per_run", "discount_percent": 40, **price}
    return [
        {"id": "gemini-3.1-flash-image-preview", "modalities": ["image"], "media_rates": [rate]},
        {"id": "new-painter", "modalities": ["image"], "media_rates": [{**rate, "label": "PRICE"}]},
    ]


EXPECTED = [
    ("gemini-3.1-flash-image-preview", "1K", "0.040200", "0.050000"),
    ("new-painter", "any", None, "0.050000"),
]


def test_the_datasets_json_is_read() -> None:
    models = dataset(price_usd=0.05, official_price_usd=0.067)
    document = {"snapshot_date": "2026-12-01", "currency": "USD", "models": models}
    assert changes(imported(json.dumps(document))[0]) == EXPECTED


def test_the_datasets_csv_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pricing.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["id", "provider", "media_rates", "source_url"])
        for each in dataset(price_usd="0.05", official_price_usd="0.067"):
            lines.writerow([each["id"], "google", json.dumps(each["media_rates"]), "x"])
    assert changes(imported(path.read_text(encoding="utf-8"))[0]) == EXPECTED


def test_a_plain_csv_is_read() -> None:
    text = "model,resolution,usd,list_usd\ngemini-3.1-flash-image-preview,1K,0.05,0.067\n"
    assert changes(imported(text + "new-painter,,0.05,\n")[0]) == EXPECTED


def item(name: str, price: str | None, kind: int = -1) -> dict[str, Any]:
    return {
        "modelName": name, "platformInputPrice": "", "platformOutPrice": price,
        "platformLockPrice": None, "priceType": kind, "priceTypeStr": "per time",
    }  # fmt: skip


def test_the_live_feed_moves_flat_prices_and_only_questions_the_others() -> None:
    items = [
        item("gemini-2.5-flash-image/text-to-image", "0.025"),
        item("gemini-3-pro-image-preview/text-to-image", "0.0804"),
        item("gemini-3.1-flash-image-preview/text-to-image", "0.05"),
        item("gpt-image-2/text-to-image", "24", 1_000_000),
    ]
    table, skipped = imported(json.dumps({"data": {"items": items}}))
    assert changes(table) == [("gemini-2.5-flash-image", "any", "0.023400", "0.025000")]
    assert [each.model for each in skipped] == ["gpt-image-2", "gemini-3.1-flash-image-preview"]


@pytest.mark.parametrize(
    ("label", "meant"),
    [
        ("PRICE", "any"),
        ("1K Size", "1K"),
        ("2K Resolution", "2K"),
        ("1080p Resolution", "1080p"),
        ("720*1280 Size", "720x1280"),
    ],
)
def test_a_published_label_is_a_resolution(label: str, meant: str) -> None:
    assert resolution(label) == meant


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "[]", "{}", '{"models": 1}', "{"])
def test_an_unknown_shape_is_refused(text: str) -> None:
    with pytest.raises(UnknownShape):
        read(text)


@pytest.mark.parametrize("price", ["-1", "1e9", "0.0000001", "abc", "0,05", "NaN", "Infinity"])
def test_a_price_that_cannot_be_read_is_a_fault_of_the_source(price: str) -> None:
    with pytest.raises(UnreadablePrice) as plain:
        read(f'model,usd\nfine,0.05\nm,"{price}"\n')
    assert (plain.value.model, plain.value.line) == ("m", 3)
    assert plain.value.why.startswith(f"'{price}' is ")
    with pytest.raises(UnreadablePrice) as in_json:
        read(json.dumps({"models": dataset(price_usd=price)}))
    assert (in_json.value.model, in_json.value.line) == ("gemini-3.1-flash-image-preview", None)
    with pytest.raises(UnreadablePrice):
        read(json.dumps({"data": {"items": [item("gemini-2.5-flash-image/x", price)]}}))


@pytest.mark.parametrize("rest", [",", "0,", "abc,per_second", "abc,per_token"])
def test_what_has_no_price_or_another_unit_is_not_taken(rest: str) -> None:
    (found,) = read(f"model,usd,unit\nm,{rest}\n")
    assert isinstance(found, Skipped)


def test_an_exponent_in_json_is_a_number_like_any_other() -> None:
    (found, _) = read(json.dumps({"models": dataset(price_usd=1e-05)}))
    assert found == Published("gemini-3.1-flash-image-preview", "1K", 10, None)


def test_what_is_not_published_stays_as_it_was() -> None:
    table, _ = imported("model,usd\nmidjourney,0.07\n")
    assert set(table.models) == set(BASE.models)
    assert table.models["gemini-3-pro-image-preview"] == BASE.models["gemini-3-pro-image-preview"]
    assert table.models["viduq2"] == BASE.models["viduq2"]


def test_the_end_of_a_promotion_says_what_was_before() -> None:
    assert diff(BASE, again(BASE, version="end", effective_from=STARTS)) == []
