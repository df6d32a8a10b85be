"""What `provider.options.*.parameters` of the unified surface say: as much as the body's top."""

import json
from typing import Any

import pytest

from pricing import NotUnderstood, PriceUnknown, quote, requested_n
from pricing.providers import is_own
from proxy.order import read_order
from tests.pricing.tables import FLASH, PRO, TABLE

VIDU = "vidu/viduq2"
DIFFER = "says one thing in the body, another in its options"


def priced(body: dict[str, Any], segments: tuple[str, ...] = ("images",)) -> int:
    return quote(read_order("unified", segments, json.dumps(body).encode()), TABLE).price_micros


def with_options(*parameters: dict[str, Any], **body: Any) -> dict[str, Any]:
    slugs = {f"slug-{at}": {"parameters": each} for at, each in enumerate(parameters)}
    return {"prompt": "x", **body, "provider": {"options": slugs}}


@pytest.mark.parametrize("member", ["images", "image", "input_references"])
@pytest.mark.parametrize("size", ["1080p", "2K", "4K"])
@pytest.mark.parametrize("count", [1, 3, 4, 7])
def test_references_cost_the_same_where_they_stand(member: str, size: str, count: int) -> None:
    order = {"model": VIDU, "resolution": size}
    top = priced({**order, member: ["a"] * count})
    assert priced(with_options({member: ["a"] * count}, **order)) == top
    assert priced(with_options({member: ["a"] * count}, {"seed": 1}, **order)) == top


@pytest.mark.parametrize("nothing", [None, "", []])
def test_a_list_that_is_empty_is_no_other_one(nothing: object) -> None:
    seven = priced({"model": VIDU, "images": ["a"] * 7})
    assert priced(with_options({"images": nothing}, model=VIDU, images=["a"] * 7)) == seven
    assert priced(with_options({"images": ["a"] * 7}, model=VIDU, images=nothing)) == seven


def test_the_same_references_in_both_places_count_once() -> None:
    three = priced({"model": VIDU, "images": ["a"] * 3})
    assert priced(with_options({"images": ["a"] * 3}, model=VIDU, images=["a"] * 3)) == three


CLASHING = [
    pytest.param({"images": ["a"] * 2}, {"images": ["a"] * 7}, id="more"),
    pytest.param({"images": ["a"] * 3}, {"images": ["b"] * 3}, id="others"),
    pytest.param({"input_references": ["a"]}, {"images": ["a"]}, id="another list"),
]


@pytest.mark.parametrize(("one", "other"), CLASHING)
def test_references_that_differ_are_not_understood(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    for body in (with_options(other, model=VIDU, **one), with_options(one, other, model=VIDU)):
        with pytest.raises(NotUnderstood, match=f"images: {DIFFER}"):
            priced(body)


@pytest.mark.parametrize(
    "nested", [None, "", FLASH, f"google/{FLASH}", "nano-banana-2", "google/nano-banana-2"]
)
def test_the_options_may_repeat_the_model(nested: object) -> None:
    assert priced(with_options({"model": nested}, model=f"google/{FLASH}")) == 40_200


@pytest.mark.parametrize("nested", [PRO, f"google/{PRO}", "nobody", 1, [], {}, True])
def test_options_that_name_another_model_are_not_understood(nested: object) -> None:
    with pytest.raises(NotUnderstood, match=f"model: {DIFFER}"):
        priced(with_options({"model": nested}, model=f"google/{FLASH}"))


@pytest.mark.parametrize(("model", "nested"), [("nobody", FLASH), ("nobody", "else"), (None, PRO)])
def test_a_model_nobody_knows_has_none_beside_it(model: object, nested: str) -> None:
    with pytest.raises(NotUnderstood, match=f"model: {DIFFER}"):
        priced(with_options({"model": nested}, model=model))
    with pytest.raises(PriceUnknown):
        priced(with_options({"model": model}, model=model))


def test_a_model_of_the_route_is_not_another_one() -> None:
    route, tool = ("image-upscaler",), "image-upscaler"
    assert priced(with_options({"model": tool}), route) == priced({}, route)
    with pytest.raises(NotUnderstood, match=f"model: {DIFFER}"):
        priced(with_options({"model": FLASH}), route)


TEN = {"n": 10}
ODD = [
    ("provider", [{"options": {"x": {"parameters": TEN}}}]),
    ("options", {"options": [{"x": {"parameters": TEN}}]}),
    ("x", {"options": {"x": [{"parameters": TEN}]}}),
    ("parameters", {"options": {"x": {"parameters": [TEN]}}}),
    ("provider", '{"options": {}}'),
    ("options", {"options": "x"}),
    ("s" * 64, {"options": {"s" * 100: 1}}),
    ("parameters", {"options": {"x": {"parameters": False}}}),
]


@pytest.mark.parametrize(("member", "provider"), ODD)
def test_what_is_no_object_on_the_way_is_not_understood(member: str, provider: object) -> None:
    with pytest.raises(NotUnderstood) as refused:
        priced({"model": "kling/kling-image-o1", "provider": provider})
    assert (refused.value.member, refused.value.why) == (member, "is not a JSON object")


# A language without objects writes [] for one that is empty.
@pytest.mark.parametrize("empty", [None, {}, []])
def test_what_is_empty_on_the_way_says_nothing(empty: object) -> None:
    ways = [empty, {"options": empty}, {"options": {"x": empty}},
            {"options": {"x": {"parameters": empty}}}]  # fmt: skip
    for provider in ways:
        assert priced({"model": "kling/kling-image-o1", "provider": provider}) == 22_400


GPT = "openai/gpt-image-2"
DOLA = "bytedance/dola-seedream-5-0-pro-260628"


def under(slug: str, **parameters: object) -> dict[str, Any]:
    return {"provider": {"options": {slug: {"parameters": parameters}}}}


@pytest.mark.parametrize(
    ("model", "parameters", "without"),
    [
        pytest.param(GPT, {"quality": "low"}, 168_576, id="quality"),
        pytest.param(GPT, {"quality": "low", "size": "1024x1024"}, 168_576, id="quality and size"),
        pytest.param(f"google/{FLASH}", {"size": "512"}, 40_200, id="size"),
        pytest.param(f"google/{FLASH}", {"resolution": "0.5K"}, 40_200, id="resolution"),
        pytest.param(DOLA, {"size": "1K"}, 81_000, id="the default is dearer"),
    ],
)
@pytest.mark.parametrize("slug", ["nobody", "minimax", "", "Google", "OPENAI", "gpt-image-2"])
def test_what_stands_under_a_foreign_slug_makes_nothing_cheaper(
    slug: str, model: str, parameters: dict[str, Any], without: int
) -> None:
    assert priced({"model": model}) == without
    assert priced({"model": model, **under(slug, **parameters)}) == without


@pytest.mark.parametrize(
    ("model", "parameters", "dearer"),
    [
        pytest.param(f"google/{FLASH}", {"size": "4K"}, 90_600, id="size"),
        pytest.param("bytedance/seedream-4-0-250828", {"n": 10}, 255_000, id="count"),
        pytest.param(VIDU, {"images": ["a"] * 4}, 40_000, id="references"),
    ],
)
def test_but_it_may_make_it_dearer(model: str, parameters: dict[str, Any], dearer: int) -> None:
    body = {"model": model, **under("nobody", **parameters)}
    found = quote(read_order("unified", ("images",), json.dumps(body).encode()), TABLE)
    assert (found.price_micros, found.assumed) == (dearer, True)


def test_as_many_are_asked_for_as_any_slug_says() -> None:
    body = {"model": f"google/{FLASH}", **under("nobody", n=4)}
    assert requested_n(read_order("unified", ("images",), json.dumps(body).encode())) == 4


@pytest.mark.parametrize(
    ("model", "slugs", "parameters", "believed"),
    [
        (GPT, ("openai",), {"quality": "low"}, 9_600),
        (f"google/{FLASH}", ("google", "google_vertex"), {"size": "512"}, 27_000),
        (DOLA, ("bytedance", "doubao"), {"size": "1K"}, 40_500),
    ],
)
def test_a_provider_is_believed_under_every_slug_of_its_own(
    model: str, slugs: tuple[str, ...], parameters: dict[str, Any], believed: int
) -> None:
    for slug in slugs:
        assert priced({"model": model, **under(slug, **parameters)}) == believed


def test_a_word_before_a_known_model_makes_no_slug_its_own() -> None:
    body = {"model": "nobody/gpt-image-2", **under("nobody", quality="low")}
    assert priced(body) == 168_576


def test_the_slug_of_a_model_that_nobody_knows_is_its_vendor() -> None:
    assert is_own("acme", "acme/new-one")
    assert not is_own("else", "acme/new-one")
    assert not is_own("", "new-one")
    assert not is_own("", None)


OWN = {
    "gemini-3-pro": "google google_vertex",
    "nano-banana-2": "google google_vertex",
    "veo3.1": "google google_vertex",
    "gpt-image-2": "openai openai_reverse",
    "sora-2": "openai openai_reverse",
    "seedream-4-0": "bytedance doubao",
    "doubao-seedream": "bytedance doubao",
    "dola-seedream": "bytedance doubao",
    "seedance-1": "bytedance doubao",
    "kling-image-o1": "kling kwaivgi",
    "qwen-image": "alibaba qwen wan",
    "wan-2.2": "alibaba qwen wan",
    "viduq2": "vidu",
    "grok-imagine": "xai",
}
SLUGS = sorted({slug for slugs in OWN.values() for slug in slugs.split()})


@pytest.mark.parametrize("model", OWN)
def test_a_provider_has_its_own_slugs_and_no_other(model: str) -> None:
    for name in (model, f"acme/{model}", f"a/b/{model}"):
        assert [slug for slug in SLUGS if is_own(slug, name)] == OWN[model].split()
