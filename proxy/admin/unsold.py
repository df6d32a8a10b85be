"""An allow-list that names what no price table sells: taken as asked, and doubted aloud."""

from collections.abc import Iterable

from pricing import PriceTable
from proxy.admin.changes import nearest


def unsold(tables: Iterable[PriceTable], models: Iterable[str]) -> list[str]:
    """Say of each entry that no price version knows it, and which one is nearest."""
    asked = list(models)
    known: set[str] = set()
    for table in tables if asked else ():
        for model in table.models.values():
            known |= {model.id.casefold()}
            known |= {f"{model.id}@{label}".casefold() for label in model.resolutions}
    return [
        f"no price table knows '{entry}'{nearest(entry, known)}"
        for entry in asked
        if entry.casefold() not in known
    ]
