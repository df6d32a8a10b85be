"""`/admin/charges`: every fare, its story, and the two decisions by hand."""

from dataclasses import dataclass

from proxy.admin import changes
from proxy.admin.asked import ChargesAsked, Charging, Decision, Nothing
from proxy.admin.changes import ByHand, entries, refusal_of
from proxy.admin.charge_shown import ChargeList, ChargeShown, ChargeStory, charge_facts, story
from proxy.admin.context import AdminContext
from proxy.admin.endpoint import Asking, Endpoint, Reply
from proxy.admin.refusals import Conflict
from proxy.admin.search import Charges as Search
from proxy.admin.search import ends_first, moment_us
from proxy.charge import Ground
from proxy.errors import BadRequest
from proxy.ledger import rows
from proxy.ledger.registry import Missing, audit
from proxy.ledger.session import LedgerFault, Session

ONE = "/admin/charges/{charge}"


@dataclass(frozen=True, slots=True)
class Charges:
    """The operations on charges."""

    context: AdminContext

    def endpoints(self) -> list[Endpoint]:
        """List them."""
        return [
            Endpoint(
                "GET", "/admin/charges", "List charges, newest first", self.listed, ChargeList,
                query=ChargesAsked, refuses=(404,),
            ),
            Endpoint(
                "GET", ONE, "Show a charge with its entries", self.show, ChargeStory,
                refuses=(404,),
            ),
            Endpoint(
                "POST", f"{ONE}/release", "Give a fare back by hand", self.release, ChargeStory,
                body=Decision, refuses=(404, 409),
            ),
            Endpoint(
                "POST", f"{ONE}/charge", "Charge a fare by hand", self.charge, ChargeStory,
                body=Charging, refuses=(404, 409),
            ),
        ]  # fmt: skip

    async def listed(self, asking: Asking[ChargesAsked, Nothing]) -> Reply:
        """List charges, a page at a time; the cursor is the last id."""
        query = asking.query
        found = await self.context.ask((await self._search(query)).question())
        page, more = found[: query.limit], len(found) > query.limit
        shown = [ChargeShown(**charge_facts(fare)) for fare in page]
        return Reply(ChargeList(data=shown, next_cursor=page[-1].id if more else None))

    async def show(self, asking: Asking[Nothing, Nothing]) -> Reply:
        """Show a charge."""
        return await self._story(asking.path["charge"])

    async def release(self, asking: Asking[Nothing, Decision]) -> Reply:
        """Give it back."""
        return await self._decide(asking.path["charge"], None, asking.body.why, asking.actor)

    async def charge(self, asking: Asking[Nothing, Charging]) -> Reply:
        """Charge it, for so many images or as reserved."""
        body = asking.body
        return await self._decide(asking.path["charge"], body.images, body.why, asking.actor)

    async def _search(self, query: ChargesAsked) -> Search:
        key_id = None
        if query.key is not None:
            key_id = changes.find(await self.context.directory(), query.key).id
        from_us, until_us = self._moment("from", query.from_), self._moment("to", query.to)
        if ends_first(from_us, until_us, query.to):
            raise BadRequest("'to' lies before 'from'.", {"member": "to"})
        return Search(
            key_id,
            query.team,
            query.state,
            from_us,
            until_us,
            query.cursor,
            query.limit,
            query.prediction,
        )

    def _moment(self, member: str, text: str | None) -> int | None:
        try:
            zone = self.context.settings.timezone
            return None if text is None else moment_us(text, zone, end=member == "to")
        except ValueError as error:
            raise BadRequest(f"'{member}': {error}.", {"member": member}) from error

    async def _decide(self, charge_id: str, images: int | None, why: str, actor: str) -> Reply:
        await self._story(charge_id)  # a charge that is not there is a 404
        operation = ByHand(charge_id, images, Ground.HAND, why, actor)
        try:
            receipt = await self.context.fares.writer.do(operation)
        except LedgerFault as fault:
            if fault.kind == "missing":
                raise Missing(f"no charge '{charge_id}'") from fault
            raise
        if not receipt.changed:
            why = refusal_of(receipt.fare.state, receipt.fare.ground)
            raise Conflict(f"This charge stays as it is: {why}.")
        self.context.fares.remember(receipt)
        word = "charge.release" if images is None else "charge.charge"
        await self.context.change(
            lambda store: audit(store, actor, word, charge_id, "", receipt.fare.state, why)
        )
        return await self._story(charge_id)

    async def _story(self, charge_id: str) -> Reply:
        def question(session: Session) -> ChargeStory | None:
            found = rows.fares(session, "WHERE id=?", (charge_id,))
            return story(found[0], entries(session, charge_id)) if found else None

        if (told := await self.context.ask(question)) is None:
            raise Missing(f"no charge '{charge_id}'")
        return Reply(told)
