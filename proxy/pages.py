"""Pages of metrics, dialect by dialect: written the same way beside the calls and by the scribe."""

from collections.abc import Callable, Sequence

from proxy.exposition import SLICE, Dialect, Measured, Page, packed


class Pages:
    """Writes pages, and keeps the lines of the last one in each dialect."""

    def __init__(self) -> None:
        self._pages: dict[Dialect, Page] = {}

    def write(
        self,
        dialect: Dialect,
        families: Sequence[Measured],
        pause: Callable[[], None] = lambda: None,
    ) -> list[bytes]:
        """Write all families, in pieces, and let go of their figures; `pause` comes in between."""
        plain = dialect._replace(packed=False)
        page = self._pages.setdefault(plain, Page(plain))
        pieces = page.write(families, pause)
        _let_go(families, pause)
        return packed(pieces, pause) if dialect.packed else pieces


def _let_go(families: Sequence[Measured], pause: Callable[[], None]) -> None:
    """Forget figures some at a time: to free thousands at once holds everybody up."""
    for family in families:
        while figures := family.figures:
            for _ in range(min(SLICE, len(figures))):
                figures.popitem()
            pause()
