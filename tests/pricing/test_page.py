from pathlib import Path

from pricing.spellings import page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "prices.md"


def test_the_reference_page_is_what_the_tables_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m pricing.spellings"
