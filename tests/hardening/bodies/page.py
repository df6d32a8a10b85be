"""The corpus as a whole, and the page that shows it."""

from itertools import groupby

from tests.hardening.bodies import orders, syntax
from tests.hardening.bodies.document import BODY_MAX, Document

FAMILIES = (
    orders.sizes,
    orders.counts,
    orders.models,
    syntax.twice,
    syntax.near,
    syntax.passing,
    syntax.unreadable,
    syntax.large,
)
HEAD = f"""\
# What Farebox makes of a body

Generated from the corpus that the suite sends through a running Farebox, one row a body
(`python -m tests.hardening.bodies docs/operations/json-bodies.md` writes this page again).
A sum means: relayed byte for byte, with that many dollars reserved before. A name means: refused
with that `type`, nothing reserved, nothing sent. `FAREBOX_MAX_BODY` was {BODY_MAX} bytes.
"""


def documents() -> list[Document]:
    """Every body, each once."""
    found = [made for family in FAMILIES for made in family()]
    assert len({(each.path, each.body) for each in found}) == len(found)
    return found


def page() -> str:
    """The page, by family."""
    parts = [HEAD]
    for family, members in groupby(documents(), lambda each: each.family):
        title = f"{family[0].upper()}{family[1:]}"
        rows = [
            f"| {_code(each.shown)} | {each.path.removeprefix('/api/v3/')} | {each.outcome} |"
            for each in members
        ]
        parts.append(
            "\n".join([f"\n## {title}\n", "| body | route | outcome |", "|---|---|---|", *rows, ""])
        )
    return "".join(parts)


def _code(text: str) -> str:
    shown = text.replace("|", "\\|")
    return f"`` {shown} ``" if "`" in shown else f"`{shown or ' '}`"
