"""`/admin/quote`, `/admin/verify`, `/admin/audit`: prices asked, figures proved, changes told."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from proxy.admin import cursors
from proxy.admin.asked import AuditAsked, Nothing, QuoteAsked
from proxy.admin.audit_shown import audited
from proxy.admin.changes import find
from proxy.admin.context import AdminContext
from proxy.admin.endpoint import Asking, Endpoint, Reply
from proxy.admin.search import Conditions
from proxy.admin.shown import Shown
from proxy.directory import UNLIMITED, Key
from proxy.door import Caller
from proxy.errors import BadRequest
from proxy.instants import instant
from proxy.ledger.session import Session
from proxy.ledger.verify import verify
from proxy.routes import Route, route

_NOBODY: Final = Key("", "", daily_micros=UNLIMITED)


class QuoteShown(Shown):
    """What a submit would cost, and whether it would be admitted."""

    price_usd: str | None
    images: int | None
    model: str | None
    resolution: str | None
    price_version: str | None
    price_status: str | None
    admitted: bool
    refusal: dict[str, Any] | None


class DifferenceShown(Shown):
    """One place where two figures disagree; money in micro-USD."""

    where: str
    what: str
    derived: int
    found: int


class Verified(Shown):
    """Whether every balance agrees with the entries; `differences` is empty if so."""

    ok: bool
    differences: list[DifferenceShown]


class AuditShown(Shown):
    """One change: who, what, and what it was before and after, as the API shows such a thing."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    why: str | None


class AuditList(Shown):
    """Changes, newest first."""

    data: list[AuditShown]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Books:
    """The operations on the books as a whole."""

    context: AdminContext

    def endpoints(self) -> list[Endpoint]:
        """List them."""
        return [
            Endpoint(
                "POST", "/admin/quote", "Price a submit, for a key or for none; spends nothing",
                self.quote, QuoteShown, body=QuoteAsked, refuses=(404,),
            ),
            Endpoint(
                "GET", "/admin/verify", "Derive every balance again and compare", self.verify,
                Verified,
            ),
            Endpoint(
                "GET", "/admin/audit", "List changes, newest first", self.audit, AuditList,
                query=AuditAsked,
            ),
        ]  # fmt: skip

    async def quote(self, asking: Asking[Nothing, QuoteAsked]) -> Reply:
        """Price a submit."""
        asked = asking.body
        routed = route("POST", asked.path.encode("utf-8", "replace"))
        if routed.route is not Route.SUBMIT:
            raise BadRequest("'path' is not a priced submit.", {"member": "path"})
        directory = await self.context.directory()
        key = _NOBODY if asked.key is None else find(directory, asked.key)
        content, _ = await self.context.assay(Caller(key), routed, json.dumps(asked.body).encode())
        return Reply(QuoteShown.model_validate(content))

    async def verify(self, _asking: Asking[Nothing, Nothing]) -> Reply:
        """Prove that the figures agree."""
        found = [d for d in await self.context.study(verify) if d.derived != d.found]
        shown = [
            DifferenceShown(where=d.where, what=d.what, derived=d.derived, found=d.found)
            for d in found
        ]
        return Reply(Verified(ok=not shown, differences=shown))

    async def audit(self, asking: Asking[AuditAsked, Nothing]) -> Reply:
        """List changes, a page at a time; the cursor is the last id."""
        query = asking.query
        found = Conditions()
        found.add("id<?", _number(query.cursor))
        found.add("subject=?", query.subject)
        found.add("action=?", query.action)

        def question(session: Session) -> list[Any]:
            return session.rows(
                "SELECT id,at_us,actor,action,subject,before,after,why FROM audit"  # noqa: S608
                f" WHERE {found.where} ORDER BY id DESC LIMIT {int(query.limit) + 1}",
                tuple(found.args),
            )

        rows = await self.context.ask(question)
        page, more = rows[: query.limit], len(rows) > query.limit
        cursor = str(page[-1][0]) if more else None
        return Reply(AuditList(data=[_audit(row) for row in page], next_cursor=cursor))


def _number(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not cursor.isdecimal() or len(cursor) > 9:  # noqa: PLR2004
        raise cursors.unknown()
    return int(cursor)


def _audit(row: Any) -> AuditShown:
    number, at_us, actor, action, subject, before, after, why = row
    return AuditShown(
        id=number,
        at=instant(at_us),
        actor=actor,
        action=action,
        subject=subject,
        before=audited(action, before, at_us),
        after=audited(action, after, at_us),
        why=why or None,
    )
