"""Money is a whole number of micro-dollars, so adding it up never rounds.

The only way in is a string with at most six decimals, the only way out a string with exactly six.
"""

import re
from functools import lru_cache
from typing import NewType

Micros = NewType("Micros", int)

USD_MAX = 1_000_000
_PLACES = 6
_UNIT = 10**_PLACES
_USD = re.compile(r"(0|[1-9][0-9]{0,6})(?:\.([0-9]{1,6}))?")


def parse_usd(text: str) -> Micros:
    """Read dollars, `"0.0402"`, as micro-dollars, 40200.

    Raises `ValueError` for a sign, an exponent, a separator, a seventh decimal or more than
    a million dollars: money that does not fit is refused, never rounded.
    """
    found = _USD.fullmatch(text)
    if found is None:
        raise ValueError("not dollars with at most six decimals")
    micros = int(found[1]) * _UNIT + int((found[2] or "").ljust(_PLACES, "0"))
    if micros > USD_MAX * _UNIT:
        raise ValueError(f"more than {USD_MAX} dollars")
    return Micros(micros)


@lru_cache(maxsize=4096)  # prices come again and again
def usd(micros: int) -> str:
    """Print micro-dollars as dollars with six decimals, `"0.040200"`."""
    whole, part = divmod(abs(micros), _UNIT)
    return f"{'-' if micros < 0 else ''}{whole}.{part:06d}"
