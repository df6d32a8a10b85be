from pathlib import Path

import pytest

from pricing import diff, lint
from pricing.review import Place, place_of
from tests.pricing.tables import HEAD, TABLE, table_of

SOURCED = HEAD + 'source = "a test"\n'
MODEL = '[models."a.b"]\n'
PRICE = '[models."a.b".prices]\n'
RATES = '[[models."a.b".rates]]\n'
OK = '"1K" = { usd = "0.1" }\n'


def written(directory: Path, text: str) -> Path:
    (directory / "x.toml").write_text(text, encoding="utf-8")
    return directory / "x.toml"


def test_a_difference_says_what_came_went_and_changed() -> None:
    old = table_of(PRICE + OK + '"2K" = { usd = "0.2" }\n' + '"4K" = { usd = "0.4" }\n')
    new = table_of(PRICE + OK + '"4K" = { usd = "0.3" }\n' + '"8K" = { usd = "0.8" }\n')
    assert [
        (change.word, change.place.resolution, change.before, change.after)
        for change in diff(old, new)
    ] == [
        ("removed", "2K", 200_000, None),
        ("changed", "4K", 400_000, 300_000),
        ("added", "8K", None, 800_000),
    ]
    assert diff(TABLE, TABLE) == []


def test_lint_names_the_first_error(tmp_path: Path) -> None:
    (finding,) = lint(written(tmp_path, HEAD + MODEL))
    assert (finding.level, finding.line, finding.member) == ("error", 3, "models.a.b")


def test_lint_warns_of_what_looks_wrong(tmp_path: Path) -> None:
    prices = '"1K" = { usd = "0.2", list_usd = "0.1" }\n"2K" = { usd = "0.1" }\n'
    found = lint(written(tmp_path, SOURCED + PRICE + prices))
    assert {finding.level for finding in found} == {"warning"}
    assert [finding.line for finding in found] == [4, 5, 6]


SIZES = {"0.5K": "0.1", "1K": "0.2", "2K": "0.3", "4K": "0.4"}


def ladder(**changed: str) -> str:
    usd = SIZES | {label.lstrip("_").replace("half", "0.5K"): at for label, at in changed.items()}
    rows = "".join(f'"{label}" = {{ usd = "{at}" }}\n' for label, at in usd.items())
    return f'{MODEL}default_resolution = "1K"\n{PRICE}{rows}'


@pytest.mark.parametrize(
    ("models", "warnings"),
    [
        pytest.param(ladder(), [], id="nothing is wrong"),
        pytest.param(ladder(_1K="0.1", _2K="0.1", _4K="0.1"), [], id="all the same"),
        pytest.param(ladder(half="0.21"), ["1K: costs less than 0.5K"], id="the lowest rung"),
        pytest.param(ladder(_4K="0.29"), ["4K: costs less than 2K"], id="the highest rung"),
        pytest.param(
            RATES + 'usd = "1"\nresolution = "1K"\ntask = "x"\n'
            + RATES + 'usd = "0.5"\nresolution = "2K"\ntask = "x"\n',
            [": sells several resolutions and names no default: no size is the dearest"],
            id="what is bound to more is no rung",
        ),
        pytest.param(MODEL + "complete = false\n" + PRICE + OK, [], id="one is no choice"),
        pytest.param(PRICE + OK + 'any = { usd = "1" }\n', [], id="nor is any other"),
        pytest.param(PRICE + '"1K" = { usd = "1", list_usd = "2" }', [], id="below the list price"),
        pytest.param(PRICE + '"1K" = { usd = "1", list_usd = "1" }', [], id="at the list price"),
        pytest.param(
            PRICE + '"1K" = { usd = "1", list_usd = "0.9" }',
            ["1K: 1.000000 is more than the list price 0.900000"],
            id="above the list price",
        ),
    ],
)  # fmt: skip
def test_a_person_looks_at_what_looks_wrong(
    tmp_path: Path, models: str, warnings: list[str]
) -> None:
    found = lint(written(tmp_path, SOURCED + models))
    assert [
        f"{each.member.removeprefix('models.a.b').removeprefix('.prices.')}: {each.why}"
        for each in found
    ] == warnings


def test_a_person_looks_at_prices_of_which_nobody_says_where_they_are_from(tmp_path: Path) -> None:
    (finding,) = lint(written(tmp_path, HEAD + PRICE + OK))
    assert (finding.level, finding.line, finding.member) == ("warning", None, "source")
    assert lint(written(tmp_path, HEAD + MODEL + 'source = "a page"\n' + PRICE + OK)) == []
    other = MODEL.replace("b", "c") + PRICE.replace("a.b", "a.c") + OK
    half = HEAD + MODEL + 'source = "a page"\n' + PRICE + OK + other
    assert [each.member for each in lint(written(tmp_path, half))] == ["source"]


@pytest.mark.parametrize(
    ("bond", "why"),
    [
        ('quality = "ultra"', ""),
        ('quality = "Ultra-HD"', ""),
        ('quality = "ultra!"', "quality 'ultra!' is a word that no order is priced by"),
        ('quality = "h\u00f6chste"', "quality 'h\\xf6chste' is a word that no order is priced by"),
        ('quality = "auto"', "quality 'auto' is a word that no order is priced by"),
        ('task = "image-to-edit"', ""),
        ('task = "Image to Image"', "task 'Image to Image' is a word that no route ends in"),
        ('task = "edit/fast"', "task 'edit/fast' is a word that no route ends in"),
    ],
)
def test_a_person_looks_at_a_rate_that_no_order_fits(tmp_path: Path, bond: str, why: str) -> None:
    found = lint(written(tmp_path, SOURCED + RATES + f'usd = "1"\n{bond}\n'))
    assert [(each.level, each.line, each.member, each.why) for each in found] == (
        [("warning", 4, "models.a.b.rates", why)] if why else []
    )


@pytest.mark.parametrize(
    ("bonds", "place"),
    [
        ("", Place("a.b", "any", "", "", "")),
        ('task = "x"\nquality = "Low"', Place("a.b", "any", "x", "", "low")),
        ('references = "4-7"', Place("a.b", "any", "", "4-7", "")),
        ('references = "4+"\nresolution = "1K"', Place("a.b", "1K", "", "4+", "")),
    ],
)
def test_a_place_spells_out_what_a_rate_is_bound_to(bonds: str, place: Place) -> None:
    model = table_of(f'{RATES}usd = "1"\n{bonds}\n').models["a.b"]
    assert place_of(model, model.rates[0]) == place
