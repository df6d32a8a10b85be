import locale
from pathlib import Path

import pytest

from pricing import BUNDLED, Model, TableError, load_table, load_tables, read_table
from pricing.lines import line_of
from tests.pricing.tables import ARTICLE, HEAD, TABLE, table_of

MODEL = '[models."a.b"]\n'
PRICE = '[models."a.b".prices]\n'
RATES = '[[models."a.b".rates]]\n'
OK = '"1K" = { usd = "0.1" }\n'

FAULTS = [
    ("version = ", 1, "", "is not TOML"),
    ("a = 1\nb = ", 2, "", "is not TOML"),
    ("a = 1\nb = @\nc = 1", 2, "", "is not TOML"),
    pytest.param("a = " + "[" * 10**5, 1, "", "is not TOML", id="brackets without end"),
    pytest.param("a = " + "9" * 10**4, 1, "", "is not TOML", id="a number without end"),
    ('version = "t"\nprice = 1', 2, "price", "not a member"),
    ("", None, "version", "must match"),
    ('version = "a b"', 1, "version", "must match"),
    ("version = 1", 1, "version", "must be a string"),
    (f'version = "{"v" * 65}"', 1, "version", "must match"),
    ('version = "t"', None, "effective_from", "an instant"),
    ('version = "t"\neffective_from = 2026-01-01', 2, "effective_from", "an instant"),
    ('version = "t"\neffective_from = 2026-01-01T00:00:00', 2, "effective_from", "an instant"),
    (HEAD + 'currency = "EUR"', 3, "currency", "USD"),
    (HEAD + 'complete = "no"', 3, "complete", "true or false"),
    (HEAD, None, "models", "is empty: no call would have a price"),
    (HEAD + "complete = true\n[models]", 4, "models", "is empty"),
    (HEAD + "models = 1", 3, "models", "must be a table"),
    (HEAD + "[models]\nx = 1", 4, "models.x", "must be a table"),
    (HEAD + '[models."a b".prices]\n' + OK, 3, "models.a b", "no name"),
    (HEAD + MODEL, 3, "models.a.b", "has no price"),
    (HEAD + f"[models.{'m' * 129}.prices]\n" + OK, 3, f"models.{'m' * 129}", "no name"),
    (HEAD + MODEL + 'complete = "no"', 4, "models.a.b.complete", "true or false"),
    (HEAD + MODEL + "source = 1", 4, "models.a.b.source", "must be a string"),
    *(
        (HEAD + RATES + f'usd = "1"\n{word} = 1', 5, f"models.a.b.rates.0.{word}", "a string")
        for word in ("task", "quality", "source", "note")
    ),
    (
        HEAD + PRICE + f'"{"k" * 33}" = {{ usd = "1" }}',
        4,
        f"models.a.b.prices.{'k' * 33}.resolution",
        "must be a label",
    ),
    (HEAD + MODEL + "colour = 1", 4, "models.a.b.colour", "not a member"),
    (HEAD + MODEL + 'kind = "picture"', 4, "models.a.b.kind", "one of image, video, audio, tool"),
    (HEAD + MODEL + "kind = []", 4, "models.a.b.kind", "one of image"),
    (HEAD + MODEL + 'images = "two"\n' + PRICE + OK, 4, "models.a.b.images", "one of one, n, run"),
    (HEAD + MODEL + 'unpriced = "free"', 4, "models.a.b.unpriced", "one of relay"),
    (HEAD + MODEL + 'aliases = "x"\n' + PRICE + OK, 4, "models.a.b.aliases", "list of names"),
    (HEAD + MODEL + 'aliases = ["x y"]\n' + PRICE + OK, 4, "models.a.b.aliases", "no name"),
    (HEAD + MODEL + "aliases = [1]\n" + PRICE + OK, 4, "models.a.b.aliases", "no name"),
    (
        HEAD + MODEL + 'default_resolution = "2K"\n' + PRICE + OK,
        4,
        "models.a.b.default_resolution",
        "not a resolution",
    ),
    (HEAD + MODEL + "prices = 1", 4, "models.a.b.prices", "must be a table"),
    (HEAD + PRICE + '"1K" = "0.1"', 4, "models.a.b.prices.1K", "must be a table"),
    (HEAD + PRICE + '"1K" = { }', 4, "models.a.b.prices.1K.usd", "is missing"),
    (HEAD + PRICE + '"1K" = { usd = 0.1 }', 4, "models.a.b.prices.1K.usd", "string of dollars"),
    (HEAD + PRICE + '"1K" = { usd = "0.1234567" }', 4, "models.a.b.prices.1K.usd", "six decimals"),
    (HEAD + PRICE + '"1K" = { usd = "-1" }', 4, "models.a.b.prices.1K.usd", "dollars"),
    (HEAD + PRICE + '"1K" = { usd = "0" }', 4, "models.a.b.prices.1K.usd", "if and only if"),
    (
        HEAD + PRICE + '"1K" = { usd = "1", status = "free" }',
        4,
        "models.a.b.prices.1K.usd",
        "if and only if",
    ),
    (
        HEAD + PRICE + '"1K" = { usd = "1", status = "sure" }',
        4,
        "models.a.b.prices.1K.status",
        "one of published, derived, estimated, free",
    ),
    (
        HEAD + PRICE + '"1K" = { usd = "1", list_usd = 2 }',
        4,
        "models.a.b.prices.1K.list_usd",
        "string of dollars",
    ),
    (
        HEAD + PRICE + '"1K" = { usd = "1", task = "x" }',
        4,
        "models.a.b.prices.1K.task",
        "not a member",
    ),
    (HEAD + PRICE + '"" = { usd = "1" }', 4, "models.a.b.prices..resolution", "must be a label"),
    (HEAD + PRICE + OK + '"1k" = { usd = "0.2" }', 5, "models.a.b.prices.1k", "ties with"),
    (
        HEAD + PRICE + '"512" = { usd = "1" }\n"0.5K" = { usd = "1" }',
        5,
        "models.a.b.prices.0.5K",
        "ties with models.a.b.prices.512",
    ),
    (
        HEAD + PRICE + '"8*9" = { usd = "1" }\n"8X9" = { usd = "1" }',
        5,
        "models.a.b.prices.8X9",
        "ties with",
    ),
    (HEAD + MODEL + "rates = 1", 4, "models.a.b.rates", "list of tables"),
    (HEAD + MODEL + "rates = [1]", 4, "models.a.b.rates.0", "must be a table"),
    (HEAD + RATES + 'usd = "1"\nsize = "1K"', 5, "models.a.b.rates.0.size", "not a member"),
    (
        HEAD + RATES + 'usd = "1"\n' + RATES + 'task = "x"\nusd = "nil"',
        7,
        "models.a.b.rates.1.usd",
        "dollars",
    ),
    (HEAD + RATES + 'usd = "1"\nresolution = 1', 5, "models.a.b.rates.0.resolution", "a label"),
    *(
        (HEAD + RATES + f'usd = "1"\nreferences = {value}', 5, "models.a.b.rates.0.references", why)
        for value, why in [
            ("4", "range"),
            ('"few"', "range"),
            ('"4-"', "range"),
            ('"7-4"', "ends before"),
            ('"1000"', "range"),
            ('"1-1000"', "range"),
            ('"1000+"', "range"),
        ]
    ),
    (
        HEAD + RATES + 'usd = "1"\nreferences = "1-4"\n' + RATES + 'usd = "1"\nreferences = "4+"',
        6,
        "models.a.b.rates.1",
        "ties with models.a.b.rates.0",
    ),
    (
        HEAD + RATES + 'usd = "1"\ntask = "x"\n' + RATES + 'usd = "1"\nquality = "x"',
        6,
        "models.a.b.rates.1",
        "ties with",
    ),
    (
        HEAD + PRICE + OK + RATES + 'resolution = "1k"\nusd = "1"',
        5,
        "models.a.b.rates.0",
        "ties with models.a.b.prices.1K",
    ),
    (
        HEAD + PRICE + OK + "[models.c]\naliases = ['x/a.b']\n[models.c.prices]\n" + OK,
        6,
        "models.c.aliases",
        "a.b is also a name of a.b",
    ),
    (
        HEAD + "[models.c]\naliases = ['a.b']\n[models.c.prices]\n" + OK + PRICE + OK,
        7,
        "models.a.b",
        "a.b is also a name of c",
    ),
]


@pytest.mark.parametrize(("text", "line", "member", "why"), FAULTS)
def test_a_fault_names_file_line_and_member(
    text: str, line: int | None, member: str, why: str
) -> None:
    with pytest.raises(TableError) as refused:
        load_table(text, name="mine.toml")
    error = refused.value
    assert (error.file, error.line, error.member) == ("mine.toml", line, member)
    assert why in error.why
    assert str(error).startswith("mine.toml" if line is None else f"mine.toml:{line}: ")


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ('references = "1-3"', 'references = "4-7"'),
        ('references = "5+"', 'references = "4"'),
        ('task = "x"', 'task = "y"'),
        ('quality = "x"', 'quality = "y"'),
        ('quality = "x"', 'quality = "x"\ntask = "y"'),
    ],
)
def test_rates_that_no_order_fits_alike_stand_side_by_side(one: str, two: str) -> None:
    table = table_of(f'{RATES}usd = "1"\n{one}\n{RATES}usd = "2"\n{two}\n')
    assert len(table.models["a.b"].rates) == 2


def test_what_a_row_does_not_say_it_takes_from_above() -> None:
    text = HEAD + 'source = "page"\n' + PRICE + OK + '"2K" = { usd = "1", source = "mail" }\n'
    rates = load_table(text, name="t").models["a.b"].rates
    assert [(rate.source, rate.status) for rate in rates] == [
        ("page", "published"),
        ("mail", "published"),
    ]


@pytest.mark.parametrize(
    ("name", "kind", "images"),
    [
        ("flux", "image", "n"),
        ("midjourney-v8", "image", "run"),
        ("qwen-grid", "image", "run"),
        ("seedream-sequential", "image", "run"),
        ("veo", "video", "run"),
        ("speech", "audio", "run"),
        ("upscaler", "tool", "run"),
    ],
)
def test_what_one_call_buys_follows_from_the_kind_unless_said(
    name: str, kind: str, images: str
) -> None:
    prices = f"[models.{name}.prices]\n{OK}"
    model = table_of(f'[models.{name}]\nkind = "{kind}"\n{prices}').models[name]
    assert model.images == images
    said = table_of(f'[models.{name}]\nkind = "{kind}"\nimages = "one"\n{prices}').models[name]
    assert said.images == "one"


def test_a_model_that_says_no_more_is_an_image_and_all_of_it() -> None:
    told = table_of(PRICE + OK).models["a.b"]
    bare = Model("a.b", "image", "n", told.rates)
    for model in (told, bare):
        assert (model.kind, model.images, model.complete) == ("image", "n", True)
        assert not model.relays_unpriced
        assert not model.makes_sequences
        assert model.aliases == ()


def test_names_may_be_as_long_as_is_said() -> None:
    name, label = "m" * 128, "k" * 32
    head = HEAD.replace('"t"', f'"{"v" * 64}"')
    table = table_of(f'[models.{name}.prices]\n"{label}" = {{ usd = "1" }}\n', head=head)
    assert (table.version, table.models[name].resolutions) == ("v" * 64, (label,))
    ranged = table_of(f'{RATES}usd = "1"\nreferences = "0-999"\n').models["a.b"]
    assert ranged.rates[0].references == (0, 999)


@pytest.mark.parametrize(
    ("name", "said", "sequences"),
    [("seedream-9", "", True), ("seedream-9", 'images = "n"\n', False), ("flux-9", "", False)],
)
def test_a_seedream_model_makes_sequences_unless_the_table_says_what_it_sells(
    name: str, said: str, *, sequences: bool
) -> None:
    table = table_of(f"[models.{name}]\n{said}[models.{name}.prices]\n{OK}")
    assert table.models[name].makes_sequences is sequences


def test_a_model_that_passes_unpriced_needs_no_price() -> None:
    model = table_of(MODEL + 'unpriced = "relay"\n').models["a.b"]
    assert (model.complete, model.relays_unpriced, model.rates) == (True, True, ())


@pytest.mark.parametrize(("said", "default"), [("", "1K"), ("complete = false\n", None)])
def test_all_that_a_model_sells_is_its_default_if_that_is_all(
    said: str, default: str | None
) -> None:
    assert table_of(MODEL + said + PRICE + OK).models["a.b"].default_resolution == default


def test_a_version_without_models_is_one_that_says_so_or_one_that_is_stored() -> None:
    assert table_of("complete = false\n").models == {}
    assert load_table(HEAD, name="t", stored=True).models == {}


def test_a_key_written_in_any_way_is_found() -> None:
    text = '# [a]\n[a]\nb.\'c\' = 1\n"d\\"e" = 2\n= nonsense\n'
    assert line_of(text, ("a", "b", "c")) == 3
    assert line_of(text, ("a", "zz")) == 2
    assert line_of(text, ("zz",)) is None


def write(directory: Path, name: str, text: str) -> Path:
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(text, encoding="utf-8")
    return directory


def test_a_table_is_utf_8_whatever_the_machine_speaks(tmp_path: Path) -> None:
    path = write(tmp_path, "x.toml", HEAD + 'source = "où"\ncomplete = false') / "x.toml"
    spoken = locale.setlocale(locale.LC_CTYPE)
    locale.setlocale(locale.LC_CTYPE, "C")
    try:
        assert read_table(path).source == "où"
    finally:
        locale.setlocale(locale.LC_CTYPE, spoken)


NEWER = 'version = "n"\neffective_from = 2026-12-01T00:00:00Z\ncomplete = false\n'


def test_a_second_directory_adds_its_versions(tmp_path: Path) -> None:
    book = load_tables(BUNDLED, write(tmp_path / "more", "n.toml", NEWER))
    assert [table.version for table in book.versions] == ["2026-04-28", "2026-09-25", "n"]


def test_a_copy_of_a_file_is_the_same_version(tmp_path: Path) -> None:
    assert load_tables(BUNDLED, write(tmp_path, "copy.toml", TABLE.text)).versions == (
        ARTICLE,
        TABLE,
    )
    said_otherwise = write(tmp_path, "copy.toml", f"# A remark.\n{TABLE.text}")
    assert load_tables(BUNDLED, said_otherwise).versions == (ARTICLE, TABLE)


@pytest.mark.parametrize(
    ("text", "member", "line"),
    [
        (NEWER.replace('"n"', '"2026-09-25"'), "version", 1),
        (NEWER.replace("2026-12-01", "2026-09-25"), "effective_from", 2),
    ],
)
def test_two_files_for_one_version_or_instant_are_refused(
    tmp_path: Path, text: str, member: str, line: int
) -> None:
    with pytest.raises(TableError) as refused:
        load_tables(BUNDLED, write(tmp_path, "x.toml", text))
    assert (refused.value.member, refused.value.line) == (member, line)
    assert refused.value.file.endswith("x.toml")


def test_a_directory_without_a_table_and_a_file_that_is_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError) as refused:
        load_tables(tmp_path)
    assert str(refused.value) == f"{tmp_path}: holds no price table"
    assert load_tables(BUNDLED, tmp_path).versions == load_tables(BUNDLED).versions
    (tmp_path / "x.toml").write_bytes(b"\xff")
    with pytest.raises(TableError, match=r"x\.toml: cannot be read: 'utf-8'"):
        load_tables(tmp_path)
    with pytest.raises(TableError, match=r"y\.toml: cannot be read: .*No such file"):
        read_table(tmp_path / "y.toml")
