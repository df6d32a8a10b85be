"""What the upstream does to a submit, and what becomes of it: section B of the fault catalogue."""

from dataclasses import dataclass

from tests.relay.house import PATH

RELEASED = frozenset({"released"})
UNCERTAIN = frozenset({"uncertain"})
ACCEPTED = frozenset({"accepted"})
EITHER = RELEASED | UNCERTAIN
REFUSING = (400, 401, 402, 403, 404, 413, 422, 429)


@dataclass(frozen=True, slots=True)
class Misdeed:
    """The words that the stand-in is told, the caller's status, the states that may follow.

    `slow`: each call lasts until the upstream's deadline, so there are fewer of them.
    """

    row: str
    words: str
    statuses: tuple[int, ...]
    states: frozenset[str]
    slow: bool = False
    target: str = PATH

    def __str__(self) -> str:
        return f"{self.row} {self.words or self.target.rpartition('?')[2]}"


def _unread(word: str, **wanted: object) -> Misdeed:
    return Misdeed(words="", target=f"{PATH}?standin:{word}", **wanted)  # type: ignore[arg-type]


MISDEEDS = (
    *(Misdeed("B3", f"standin:{word}", (502,), UNCERTAIN) for word in ("reset", "hangup")),
    Misdeed("B3", "standin:reset-before", (502,), UNCERTAIN),
    _unread("unread-reset", row="B3", statuses=(502,), states=UNCERTAIN),
    Misdeed("B4", "standin:silence", (504,), UNCERTAIN, slow=True),
    Misdeed("B4", "standin:silence-before", (504,), UNCERTAIN, slow=True),
    _unread("unread-silence", row="B4", statuses=(502, 504), states=UNCERTAIN, slow=True),
    Misdeed("B5", "standin:drip=0.4", (504,), UNCERTAIN, slow=True),
    Misdeed("B5", "standin:stall", (504,), UNCERTAIN, slow=True),
    *(
        Misdeed("B6", f"standin:{word}", (200,), UNCERTAIN)
        for word in ("unreadable", "nothing", "half-json", "no-id")
    ),
    *(
        Misdeed("B7", f"standin:{word}", (502,), UNCERTAIN)
        for word in ("truncated", "cut-chunk", "no-last-chunk", "reset-middle")
    ),
    Misdeed("B7", "standin:eof-cut", (200,), UNCERTAIN),
    *(Misdeed("B10", f"standin:{status}", (status,), RELEASED) for status in REFUSING),
    *(Misdeed("B10", f"standin:{status}", (status,), UNCERTAIN) for status in (408, 409, 418)),
    *(
        Misdeed("B12", f"standin:{status} standin:late standin:html", (status,), UNCERTAIN)
        for status in (500, 503)
    ),
    *(
        Misdeed("B12", f"standin:{status} standin:late", (status,), UNCERTAIN)
        for status in (502, 504)
    ),
    *(
        Misdeed("B14", f"standin:{word}", (502,), UNCERTAIN)
        for word in ("1xx=100", "big-head=300000", "two-lengths", "both-framings", "garbage")
    ),
    _unread("unread-413", row="B15", statuses=(413, 502), states=EITHER),
    *(
        Misdeed("B16", f"standin:{word}", (200,), ACCEPTED)
        for word in ("1xx", "gzip", "chunked", "eof")
    ),
    # A connection that is used again may go bad while the next request is on its way: that fare
    # is uncertain at most, and never somebody else's answer.
    *(
        Misdeed("B16", f"standin:{word}", (200, 502), ACCEPTED | UNCERTAIN)
        for word in ("two", "extra")
    ),
    Misdeed("B25", "standin:close-after", (200, 502), ACCEPTED | UNCERTAIN),
    Misdeed("B25", "standin:goodbye", (200,), ACCEPTED),
)
