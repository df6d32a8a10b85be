"""`/admin/prices`: the versions of the price table, what each says, and what changed."""

from dataclasses import dataclass
from datetime import datetime

from pricing import NoTable, PriceTable, diff, usd
from pricing.review import Change, place_of
from proxy.admin.asked import DiffAsked, Nothing, PricesAsked
from proxy.admin.context import AdminContext
from proxy.admin.endpoint import Asking, Endpoint, Reply
from proxy.admin.search import moment_us
from proxy.admin.shown import Shown
from proxy.clock import now_us
from proxy.errors import BadRequest, NotFound
from proxy.instants import instant


class VersionShown(Shown):
    """One version of the price table."""

    version: str
    effective_from: datetime
    in_force: bool
    complete: bool
    models: int
    source: str


class VersionList(Shown):
    """Every version that the ledger holds, oldest first."""

    data: list[VersionShown]


class PriceShown(Shown):
    """One price and what it is bound to."""

    model: str
    resolution: str
    task: str
    references: str
    quality: str
    usd: str
    list_usd: str | None
    status: str
    note: str


class PriceList(Shown):
    """Every price of one version."""

    version: str
    effective_from: datetime
    data: list[PriceShown]


class PriceChange(Shown):
    """One price that differs; null where a version does not have it."""

    change: str
    model: str
    resolution: str
    task: str
    references: str
    quality: str
    from_usd: str | None
    to_usd: str | None


class PriceChanges(Shown):
    """What differs between two versions."""

    data: list[PriceChange]


@dataclass(frozen=True, slots=True)
class PriceOperations:
    """The operations on price versions, as this worker prices from them."""

    context: AdminContext

    def endpoints(self) -> list[Endpoint]:
        """List them."""
        return [
            Endpoint("GET", "/admin/prices", "List price versions", self.listed, VersionList),
            Endpoint(
                "GET", "/admin/prices/show", "Show every price in force at an instant", self.show,
                PriceList, query=PricesAsked, refuses=(404,),
            ),
            Endpoint(
                "GET", "/admin/prices/diff", "Show what differs between two versions", self.diff,
                PriceChanges, query=DiffAsked, refuses=(404,),
            ),
        ]  # fmt: skip

    async def listed(self, _asking: Asking[Nothing, Nothing]) -> Reply:
        """List versions, oldest first."""
        book = self.context.prices.book
        try:
            current = book.at(instant(now_us())).version
        except NoTable:
            current = ""
        return Reply(VersionList(data=[_version(t, current) for t in book.versions]))

    async def show(self, asking: Asking[PricesAsked, Nothing]) -> Reply:
        """Show every price in force at an instant."""
        table = self._at(asking.query.at)
        prices = [
            PriceShown(
                **_place(place_of(model, rate)),
                usd=usd(rate.usd_micros),
                list_usd=None if rate.list_micros is None else usd(rate.list_micros),
                status=rate.status,
                note=rate.note,
            )
            for model in table.models.values()
            for rate in model.rates
        ]
        return Reply(
            PriceList(version=table.version, effective_from=table.effective_from, data=prices)
        )

    async def diff(self, asking: Asking[DiffAsked, Nothing]) -> Reply:
        """Show what differs between two versions."""
        before, after = self._named(asking.query.from_), self._named(asking.query.to)
        return Reply(PriceChanges(data=[_change(each) for each in diff(before, after)]))

    def _at(self, at: str | None) -> PriceTable:
        try:
            moment = moment_us(at, self.context.settings.timezone) if at else now_us()
            return self.context.prices.book.at(instant(moment))
        except NoTable as error:
            raise NotFound("No price version is in force then.") from error
        except (ValueError, OverflowError) as error:
            raise BadRequest(f"'at': {error}.", {"member": "at"}) from error

    def _named(self, version: str) -> PriceTable:
        try:
            return self.context.prices.book.version(version)
        except NoTable as error:
            known = ", ".join(t.version for t in self.context.prices.book.versions)
            raise NotFound(f"There is no such price version; there are {known}.") from error


def _version(table: PriceTable, current: str) -> VersionShown:
    return VersionShown(
        version=table.version,
        effective_from=table.effective_from,
        in_force=table.version == current,
        complete=table.complete,
        models=len(table.models),
        source=table.source,
    )


def _place(place: object) -> dict[str, str]:
    names = ("model", "resolution", "task", "references", "quality")
    return {name: str(getattr(place, name)) for name in names}


def _change(change: Change) -> PriceChange:
    return PriceChange(
        change=change.word,
        **_place(change.place),
        from_usd=None if change.before is None else usd(change.before),
        to_usd=None if change.after is None else usd(change.after),
    )
