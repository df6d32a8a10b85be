"""Which model a strange name is answered with: one like it, of the kind asked for first."""

import pytest

from pricing import PriceTable
from tests.pricing.tables import table_of

MODEL = '[models.{}]\nkind = "{}"\nprices = {{ any = {{ usd = "1" }} }}\n'
MODELS = {"sora-2": "video", "sora-pic": "image", "Banana-Pro": "image", "kling": "video"}


@pytest.fixture(scope="module")
def table() -> PriceTable:
    return table_of("".join(MODEL.format(*model) for model in MODELS.items()))


@pytest.mark.parametrize(
    ("name", "kind", "nearest"),
    [
        pytest.param("sora-2x", "video", "sora-2", id="the nearest of all"),
        pytest.param("sora-2x", "image", "sora-pic", id="the nearest of its kind, if like it"),
        pytest.param("sora-2", "audio", "sora-2", id="of any, where there is none of its kind"),
        pytest.param("klingg", "image", "kling", id="of another, where none of its is like it"),
        pytest.param("BANANA-pro", "image", "Banana-Pro", id="in any case"),
        pytest.param("", "image", None, id="no name"),
    ],
)
def test_a_strange_name_is_answered_with(
    table: PriceTable, name: str, kind: str, nearest: str | None
) -> None:
    assert table.nearest(name, kind) == nearest


@pytest.mark.parametrize("kind", ["image", "video"])
@pytest.mark.parametrize("name", ["zzzz", "q"])
def test_what_is_like_nothing_is_answered_with_one_of_its_kind(
    table: PriceTable, name: str, kind: str
) -> None:
    assert MODELS[table.nearest(name, kind) or ""] == kind


def test_what_is_like_nothing_is_answered_with_any_where_no_kind_is_known(
    table: PriceTable,
) -> None:
    assert table.nearest("zzzz") in MODELS


def test_no_more_of_a_name_is_read_than_a_name_has(table: PriceTable) -> None:
    assert table.nearest("kling" + "x" * 59 + "sora-2" * 1000) == table.nearest("kling" + "x" * 59)
