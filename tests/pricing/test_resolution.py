import pytest

from pricing import PriceUnknown, quote
from pricing.resolution import Open, Reading, Scale, family
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


RUNGS = {"0.5K": 300_000, "1K": 1_100_000, "2K": 4_400_000, "4K": 17_200_000}


@pytest.mark.parametrize(
    ("model", "resolution_first", "highest"),
    [
        ("gemini-9-image", False, "4k"),
        ("nano-banana-9", False, "4k"),
        ("dola-seedream-9", False, "4k"),
        ("grok-imagine-9", True, "4k"),
        ("viduq9", True, "4k"),
        ("kling-image-9", True, None),
        ("wan-9", True, None),
        ("flux-9", False, None),
        ("not-gemini-", False, None),
    ],
)
def test_a_model_reads_sizes_as_its_vendor_does(
    model: str, highest: str | None, *, resolution_first: bool
) -> None:
    kin = family(model)
    assert kin.resolution_first is resolution_first
    assert (kin.limits[-1][0] if kin.limits else None) == highest


def test_by_area_a_size_stands_on_the_first_rung_that_holds_it() -> None:
    limits = family("gemini-").limits
    assert {label: area for label, area, *_ in limits} == {
        label.lower(): area for label, area in RUNGS.items()
    }
    scale = Scale("gemini-", RUNGS, None)
    for label, area in RUNGS.items():
        assert scale.read(f"{area // 100}x100") == label
    assert [scale.read(f"{area // 100 + 1}x100") for area in RUNGS.values()] == [
        "1K", "2K", "4K", Open.DEAREST,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("size", "label"),
    [
        ("1920x1080", "1080p"),
        ("1080x1920", "1080p"),
        ("1921x1080", "2K"),
        ("1920x1081", "2K"),
        ("2560x2048", "2K"),
        ("2561x2048", "4K"),
        ("2560x2049", "4K"),
        ("4096x4096", "4K"),
        ("4097x1", Open.DEAREST),
        ("1000000x1", Open.DEAREST),
        ("1x1000000", Open.DEAREST),
    ],
)
def test_by_edges_a_frame_fits_both_ways(size: str, label: Reading) -> None:
    assert Scale("viduq2", ("1080p", "2K", "4K"), None).read(size) == label


@pytest.mark.parametrize(
    ("value", "reading"),
    [
        (None, Open.NO_SIZE),
        ("", Open.NO_SIZE),
        ("16:9", Open.NO_SIZE),
        ("1" * 30 + ":1", Open.NO_SIZE),
        ("1" * 31 + ":1", Open.DEAREST),
        ("auto", Open.DEAREST),
        ("adaptive", Open.DEAREST),
        ("Adaptive", Open.DEAREST),
        (1024, Open.DEAREST),
        (["1K"], Open.DEAREST),
        ("8K", Open.DEAREST),
        ("1\N{KELVIN SIGN}", Open.DEAREST),
        ("8192x8192", Open.DEAREST),
        ("1000000x1", Open.DEAREST),
        ("1x1000000", Open.DEAREST),
        ("1k", "1K"),
        ("1K", "1K"),
        ("512", "0.5K"),
        ("512PX", "0.5K"),
        ("0.5k", "0.5K"),
    ],
)
def test_a_value_has_one_of_three_meanings(value: object, reading: Reading) -> None:
    assert Scale("gemini-", ("0.5K", "1K"), None).read(value) == reading
    beside = Scale("gemini-", ("0.5K", "1K", "any"), None).read(value)
    is_unsold = reading is Open.DEAREST and isinstance(value, str)
    is_unsold = is_unsold and str(value).lower() not in {"auto", "adaptive"}
    assert beside == ("any" if is_unsold else reading)
