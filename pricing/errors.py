"""Why something has no price.

NoPrice
├── NotUnderstood   the price could be read in two ways
├── PriceUnknown    the table in force has no price for it
└── Unpriced        the table says that it passes without one
NoTable             no version is in force, or none has that name
TableError          a table that cannot be loaded
"""

ABSENT = "is not in the table"
_SHOWN_MAX = 128


def _shown(text: str) -> str:
    """Make a caller's text fit for a message: short, and free of lone surrogates."""
    return text[:_SHOWN_MAX].encode("utf-8", "replace").decode("utf-8")


class NoPrice(Exception):
    """An order that cannot be priced."""


class NotUnderstood(NoPrice):
    """The price of this order could be read in two ways; `member` says where."""

    def __init__(self, member: str, why: str) -> None:
        super().__init__(f"{member}: {why}")
        self.member = member
        self.why = why


class PriceUnknown(NoPrice):
    """The table has no price for this model, or for what was asked of it.

    `nearest` is the known model whose name is most like it, itself where it is known, None where
    no name was given. `why` goes on after the name, and is the whole of it where there is none.
    """

    def __init__(self, model: str, nearest: str | None, why: str = ABSENT) -> None:
        self.model = _shown(model)
        self.nearest = nearest
        self.why = why
        near = f"; the nearest known model is {nearest}" if nearest not in (None, model) else ""
        super().__init__(f"{self.model} {why}{near}" if model else why)


class Unpriced(NoPrice):
    """The table lets this model's calls pass without a price (`unpriced = "relay"`)."""

    def __init__(self, model: str) -> None:
        super().__init__(f"{model} passes unpriced")


class NoTable(LookupError):
    """No price table has this name, or none is in force at this instant."""


class TableError(ValueError):
    """A price table that cannot be loaded: `file`, `line` (None if unknown), `member` and `why`."""

    def __init__(self, file: str, line: int | None, member: str, why: str) -> None:
        place = file if line is None else f"{file}:{line}"
        super().__init__(f"{place}: {member}: {why}" if member else f"{place}: {why}")
        self.file = file
        self.line = line
        self.member = member
        self.why = why
