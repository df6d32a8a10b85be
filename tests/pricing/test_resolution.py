import pytest

from pricing import PriceUnknown, quote
from tests.pricing.tables import FLASH, PRO, TABLE, in_body, on_path, priced, table_of

ABSENT = [None, ""]
SHAPES = ["1:1", "16:9", "21:9", "1.91:1"]
NOTHING_SOLD = [
    "8K",
    "auto",
    "AUTO",
    "adaptive",
    "1080p",
    " 1K",
    "1K\n",
    "1 K",
    "K",
    "\u212a",
    "1\u212a",
]
NOTHING_SOLD += [
    "0x0",
    "01x1",
    "1024x",
    "1024\u00d71024",
    "9" * 40,
    "x" * 10**5,
    "1024",
    "4096px",
    "any",
]
NOTHING_SOLD += [0, 1, 512, 1024, 1.0, True, False, float("inf"), [], ["1K"], (), {}, {"w": 1}]


@pytest.mark.parametrize("value", [*ABSENT, *SHAPES], ids=repr)
def test_what_carries_no_size_is_sold_as_the_default(value: object) -> None:
    found = priced(FLASH, size=value)
    assert (found.resolution, found.unit_micros, found.assumed) == ("1K", 40_200, False)


@pytest.mark.parametrize("value", NOTHING_SOLD, ids=lambda value: repr(value)[:20])
def test_what_the_model_does_not_sell_costs_its_dearest(value: object) -> None:
    found = priced(FLASH, size=value)
    assert (found.resolution, found.unit_micros, found.assumed) == ("4K", 90_600, True)


@pytest.mark.parametrize(
    ("value", "resolution"),
    [
        *((half, "0.5K") for half in ("0.5K", "0.5k", "512", "512px", "512PX", "512pX")),
        *((label, "1K") for label in ("1K", "1k")),
        ("2k", "2K"),
        ("4K", "4K"),
        ("512x512", "0.5K"),
        ("512*512", "0.5K"),
        ("512X512", "0.5K"),
        ("600x500", "0.5K"),
        ("47x6383", "1K"),
        ("1024x1024", "1K"),
        ("1024*1024", "1K"),
        ("1376x768", "1K"),
        ("1100x1000", "1K"),
        ("7x157143", "2K"),
        ("2048x2048", "2K"),
        ("2200x2000", "2K"),
        ("488889x9", "4K"),
        ("5504x3072", "4K"),
        ("4096x4096", "4K"),
        ("4300x4000", "4K"),
    ],
)
def test_google_reads_a_size_by_label_or_area(value: object, resolution: str) -> None:
    found = priced(FLASH, size=value)
    assert (found.resolution, found.assumed) == (resolution, False)


@pytest.mark.parametrize(
    ("model", "value", "resolution", "assumed"),
    [
        (PRO, "512x512", "1K", False),
        (PRO, "512", "4K", True),
        (PRO, "4300x4001", "4K", True),
        ("gemini-3.1-flash-lite-image", "2048x2048", "1K", True),
        ("gemini-3.1-flash-lite-image", None, "1K", False),
        ("gemini-2.5-flash-image", "4K", "any", False),
        ("gemini-2.5-flash-image", "auto", "any", False),
        ("dola-seedream-5-0-pro-260628", None, "2K", False),
        ("dola-seedream-5-0-pro-260628", "1024*1024", "1K", False),
        ("dola-seedream-5-0-pro-260628", "2048x2048", "2K", False),
        ("dola-seedream-5-0-pro-260628", "4K", "2K", True),
        ("grok-imagine-image-2.0", "1024x1024", "1K", False),
        ("grok-imagine-image-2.0", None, "2K", True),
        ("viduq2", None, "1080p", False),
        ("viduq2", "4k", "4K", False),
        ("viduq2", "1920x1080", "1080p", False),
        ("viduq2", "1080*1920", "1080p", False),
        ("viduq2", "1920x1081", "2K", False),
        ("viduq2", "1921x1080", "2K", False),
        ("viduq2", "2560x1440", "2K", False),
        ("viduq2", "2048x2048", "2K", False),
        ("viduq2", "3840x2160", "4K", False),
        ("viduq2", "4097x100", "4K", True),
        ("wan-2.2-plus", "480*832", "480x832", False),
        ("wan-2.2-plus", "480X832", "480x832", False),
        ("wan-2.2-plus", "480x831", "1248x1632", True),
        ("wan-3.0", "720P", "720p", False),
        ("seedream-4-5-251128", "2227*3183", "any", False),
        ("gpt-image-1", "1024*1024", "1024x1024", True),
        ("gpt-image-1", "640x640", "any", True),
        ("gpt-image-1", "auto", "any", True),
    ],
)
def test_each_family_reads_a_size_in_its_own_way(
    model: str, value: object, resolution: str, assumed: bool
) -> None:
    found = priced(model, size=value, resolution=value)
    assert (found.resolution, found.assumed) == (resolution, assumed)


@pytest.mark.parametrize(
    ("model", "size", "resolution", "sold"),
    [
        (FLASH, "2K", "4K", "2K"),
        (FLASH, None, "4K", "4K"),
        (FLASH, "", "4K", "4K"),
        (FLASH, "16:9", "4K", "4K"),
        (FLASH, "auto", "1K", "4K"),
        ("viduq2", "4K", "1080p", "1080p"),
        ("viduq2", "4K", None, "4K"),
        ("viduq2", "4K", "", "4K"),
        ("grok-imagine-image-2.0", "2K", "1K", "1K"),
        ("wan-3.0", "1080p", "480p", "480p"),
    ],
)
def test_where_both_members_stand_the_family_decides_which_one_counts(
    model: str, size: object, resolution: str, sold: str
) -> None:
    for order in (
        on_path(model, size=size, resolution=resolution),
        in_body(f"vendor/{model}", size=size, resolution=resolution),
    ):
        assert quote(order, TABLE).resolution == sold


MIXED = """[models.mixed.prices]
any = { usd = "0.1" }
"1K" = { usd = "0.2" }
"""


@pytest.mark.parametrize(
    ("size", "resolution", "assumed"),
    [("1k", "1K", False), ("8K", "any", False), (None, "1K", True), ("auto", "1K", True)],
)
def test_a_flat_price_beside_a_label_takes_every_other_size(
    size: object, resolution: str, assumed: bool
) -> None:
    found = quote(on_path("mixed", size=size), table_of(MIXED))
    assert (found.resolution, found.assumed) == (resolution, assumed)


@pytest.mark.parametrize("size", [None, "auto", "2K"])
def test_an_incomplete_model_without_a_default_guesses_nothing(size: object) -> None:
    table = table_of('[models.part]\ncomplete = false\n[models.part.prices]\n"1K" = {usd="1"}')
    assert quote(on_path("part", size="1K"), table).price_micros == 1_000_000
    with pytest.raises(PriceUnknown):
        quote(on_path("part", size=size), table)
