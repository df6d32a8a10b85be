"""Where a page of a list ended, as text that only this list can read: nobody builds on its form."""

import base64
import json
from collections.abc import Sequence
from typing import Any, Final

from proxy.errors import BadRequest

NUMBER_MAX: Final = 1 << 62  # what either database takes


def written(values: Sequence[Any]) -> str:
    """Write down what the last row is found by."""
    return base64.urlsafe_b64encode(json.dumps(list(values)).encode()).decode()


def read(cursor: str, kinds: Sequence[type]) -> tuple[Any, ...]:
    """Read what the last row is found by, of these types.

    Raises:
        BadRequest: it is no cursor of this list.
    """
    try:
        found = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (ValueError, RecursionError) as error:
        raise unknown() from error
    if not isinstance(found, list) or [type(value) for value in found] != list(kinds):
        raise unknown()
    if not all(map(_fits, found)):
        raise unknown()
    return tuple(found)


def unknown() -> BadRequest:
    """Say that a cursor was not given out by this list."""
    why = "'cursor': send the next_cursor of the last answer to the same question."
    return BadRequest(why, {"member": "cursor"})


def _fits(value: int | str) -> bool:
    if isinstance(value, int):
        return abs(value) < NUMBER_MAX
    return "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)
