"""Whether a path could be read as two models: every reader of it must find the same one."""

import pytest

from pricing import NotUnderstood, Order, PriceTable, PriceUnknown, quote
from pricing.load import BUNDLED, load_tables
from pricing.quote import find_model
from pricing.table import names_of
from proxy.routes import route
from tests.pricing.tables import FLASH, PRO, TABLE, table_of

CHEAP = "gemini-2.5-flash-image"
# Vendor words that are seen before a model (v3 contract, section 1.1), and one nobody has seen.
VENDORS = (
    "google", "openai", "bytedance", "doubao", "kwaivgi", "kling", "alibaba", "qwen", "vidu",
    "novel", "minimax", "ideogram", "grok", "openai/reverse", "anyone",
)  # fmt: skip
TASKS = ("text-to-image", "image-edit", "edit", "image-to-edit", "text-to-imgae",
         "reference-to-image", "image-to-image", "text-to-video")  # fmt: skip


def order(path: str, size: str | None = None) -> Order:
    routed = route("POST", b"/api/v3/" + path.encode())
    return Order(routed.surface, routed.segments, size=size)


READ_AS_TWO = [
    pytest.param(f"google%2F{PRO}/{CHEAP}/text-to-image", id="behind an encoded slash"),
    pytest.param(f"google%252f{PRO}/{CHEAP}/text-to-image", id="behind one encoded twice"),
    pytest.param(f"google%5C{PRO}/{CHEAP}/text-to-image", id="behind a backslash"),
    pytest.param(f"google/{PRO}%2Ftext-to-image/{CHEAP}", id="before an encoded slash"),
    pytest.param(f"google/{PRO};x/{CHEAP}/text-to-image", id="with a parameter"),
    pytest.param(f"google/{PRO.upper()}/{CHEAP}/text-to-image", id="in capitals"),
    pytest.param(f"google/{PRO}%20/{CHEAP}/text-to-image", id="with a blank behind"),
    pytest.param(f"google/%09{PRO}/{CHEAP}/text-to-image", id="with a tab before"),
    pytest.param(f"google/{PRO}%00/{CHEAP}/text-to-image", id="with a zero behind"),
    pytest.param(f"google/{PRO}%3Fx/{CHEAP}", id="with a query"),
    pytest.param(f"google/{PRO}%23x/{CHEAP}", id="with a fragment"),
    pytest.param(f"google/{PRO}:generateContent/{CHEAP}", id="with a method"),
    pytest.param(f"{PRO}/{CHEAP}/text-to-image", id="in the vendor's place"),
    pytest.param(f"google/{CHEAP}/Nano-Banana-Pro", id="by an alias"),
    pytest.param(f"google/{CHEAP}/minimax%2FHAILUO-02%2Fpro", id="by a name with slashes"),
    pytest.param(f"google/{CHEAP}/hailuo-02//pro", id="by one across segments"),
]


@pytest.mark.parametrize("path", READ_AS_TWO)
def test_a_second_model_that_some_might_read_is_not_understood(path: str) -> None:
    with pytest.raises(NotUnderstood, match=f"path: names two models: .*{CHEAP}"):
        quote(order(path, size="4K"), TABLE)


@pytest.mark.parametrize("path", [f"google/{FLASH.upper()}/edit", f"google/{FLASH}%20/edit", FLASH])
def test_alone_such_a_reading_is_still_no_price(path: str) -> None:
    with pytest.raises(PriceUnknown):
        quote(order(path), TABLE)


@pytest.mark.parametrize("table", load_tables(BUNDLED).versions, ids=lambda table: table.version)
@pytest.mark.parametrize("vendor", VENDORS)
def test_every_name_is_found_under_every_vendor(table: PriceTable, vendor: str) -> None:
    for model in table.models.values():
        for name in names_of(model):
            for task in TASKS:
                path = f"{vendor}/{name}/{task}"
                assert find_model(order(path), table)[0] is model, path


@pytest.mark.parametrize(
    "path", [f"google/{FLASH}/{FLASH}", f"google/{FLASH}/{FLASH.upper()}", f"{FLASH}/{FLASH}"]
)
def test_the_same_model_twice_is_one(path: str) -> None:
    assert quote(order(path), TABLE).model == FLASH


def test_a_vendor_may_be_called_as_its_model() -> None:
    assert quote(order("midjourney/midjourney/text-to-image"), TABLE).model == "midjourney"


MAKER = """[models.journey.prices]
any = { usd = "1" }
[models."journey-7"]
aliases = ["journey/journey-7"]
prices = { any = { usd = "2" } }
[models."Journey-8".prices]
any = { usd = "3" }
[models."journey-8".prices]
any = { usd = "4" }
"""


def test_a_vendor_that_is_a_model_too_is_told_by_an_alias() -> None:
    table = table_of(MAKER)
    assert quote(order("journey/journey-7/edit"), table).model == "journey-7"
    with pytest.raises(NotUnderstood, match="journey and journey-8"):
        quote(order("journey/journey-8/edit"), table)


PARTED = """[models.journey.prices]
any = { usd = "1" }
[models."hail/pro".prices]
any = { usd = "2" }
[models.x.prices]
any = { usd = "3" }
[models."hail:3".prices]
any = { usd = "4" }
"""


def test_a_name_does_not_go_on_behind_the_model_that_was_found() -> None:
    table = table_of(PARTED)
    assert quote(order("hail/journey/pro"), table).model == "journey"
    assert quote(order("hail/pro/edit"), table).model == "hail/pro"


def test_a_name_that_holds_what_is_cut_at_is_read_whole_as_well() -> None:
    with pytest.raises(NotUnderstood, match="hail:3 and journey"):
        quote(order("v/journey/HAIL:3"), table_of(PARTED))


def test_what_a_table_has_priced_makes_it_no_other_table() -> None:
    table = table_of(PARTED)
    quote(order("v/journey/edit"), table)
    assert table == table_of(PARTED)


@pytest.mark.parametrize("name", ["journey-8", "Journey-8"])
def test_models_that_differ_in_case_are_two(name: str) -> None:
    assert quote(order(f"x/{name}/edit"), table_of(MAKER)).model == name
