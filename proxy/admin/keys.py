"""`/admin/keys`: who may call, and how much they may spend."""

from dataclasses import dataclass
from functools import partial

from pricing import parse_usd
from proxy.admin import changes, cursors
from proxy.admin.asked import (
    Adoption,
    KeyChange,
    KeysAsked,
    NewKey,
    Nothing,
    Reason,
    Rotation,
    TopUp,
)
from proxy.admin.changes import find
from proxy.admin.context import AdminContext
from proxy.admin.endpoint import Asking, Endpoint, Reply
from proxy.admin.repeats import whole, without_secret
from proxy.admin.shown import (
    BudgetsShown,
    KeyList,
    KeyMade,
    KeyTold,
    budgets_shown,
    key_facts,
    key_shown,
    key_told,
)
from proxy.admin.unsold import unsold
from proxy.directory import ACTIVE, PAUSED, REVOKED, Key
from proxy.ledger.once import once
from proxy.ledger.reader import where_stands
from proxy.ledger.registry import Made

ONE = "/admin/keys/{key}"


@dataclass(frozen=True, slots=True)
class Keys:
    """The operations on keys."""

    context: AdminContext

    def endpoints(self) -> list[Endpoint]:
        """List them."""
        return [*self._of_all(), *self._of_one(), *self._of_its_use()]

    def _of_all(self) -> list[Endpoint]:
        return [
            Endpoint(
                "GET", "/admin/keys", "List keys by name", self.listed, KeyList, query=KeysAsked
            ),
            Endpoint(
                "POST", "/admin/keys", "Make a key; its secret is shown this once", self.create,
                KeyMade, body=NewKey, status=201, refuses=(409, 422), tagged=True, once=True,
            ),
            Endpoint(
                "POST", "/admin/keys/adopt", "Name a caller's own GPT Proto key and budget it",
                self.adopt, KeyTold, body=Adoption, refuses=(409, 412), versioned=True, tagged=True,
            ),
        ]  # fmt: skip

    def _of_one(self) -> list[Endpoint]:
        return [
            Endpoint("GET", ONE, "Show a key", self.show, KeyTold, refuses=(404,), tagged=True),
            Endpoint(
                "PATCH", ONE, "Change a key; what is left out stays", self.alter, KeyTold,
                body=KeyChange, refuses=(404, 409, 412), versioned=True, tagged=True,
            ),
            Endpoint(
                "DELETE", ONE, "Revoke a key for good; what it has in flight is still settled",
                self.revoke, KeyTold, refuses=(404, 409, 412), versioned=True, tagged=True,
            ),
        ]  # fmt: skip

    def _of_its_use(self) -> list[Endpoint]:
        return [
            Endpoint(
                "POST", f"{ONE}/rotate", "Give a key a new secret, shown this once", self.rotate,
                KeyMade, body=Rotation, refuses=(404, 409, 412, 422), versioned=True, tagged=True,
                once=True,
            ),
            Endpoint(
                "POST", f"{ONE}/pause", "Refuse a key's submits until it is resumed", self.pause,
                KeyTold, body=Reason, refuses=(404, 409, 412), versioned=True, tagged=True,
            ),
            Endpoint(
                "POST", f"{ONE}/resume", "Admit a paused key again", self.resume,
                KeyTold, body=Reason, refuses=(404, 409, 412), versioned=True, tagged=True,
            ),
            Endpoint(
                "POST", f"{ONE}/top-up", "Add to a key's limit for its running day", self.top_up,
                KeyTold, body=TopUp, refuses=(404, 409, 412, 422), versioned=True, tagged=True,
                once=True,
            ),
            Endpoint(
                "GET", f"{ONE}/budget", "Show where every budget of a key stands", self.budget,
                BudgetsShown, refuses=(404,),
            ),
        ]  # fmt: skip

    async def listed(self, asking: Asking[KeysAsked, Nothing]) -> Reply:
        """List keys by name, a page at a time; the cursor holds the last name."""
        query = asking.query
        after = "" if query.cursor is None else cursors.read(query.cursor, (str,))[0]
        keys = sorted((await self.context.directory()).keys.values(), key=lambda key: key.name)
        found = [
            key
            for key in keys
            if key.name > after
            and query.team in (None, key.team)
            and query.state in (None, key.state)
        ]
        page, more = found[: query.limit], len(found) > query.limit
        cursor = cursors.written([page[-1].name]) if more else None
        return Reply(KeyList(data=[key_shown(k) for k in page], next_cursor=cursor))

    async def create(self, asking: Asking[Nothing, NewKey]) -> Reply:
        """Make a key."""
        change = changes.create(asking.body, actor=asking.actor)
        return self._made(
            await self._do(once(asking.once, change, partial(without_secret, "made"))), 201
        )

    async def adopt(self, asking: Asking[Nothing, Adoption]) -> Reply:
        """Name a caller's own key."""
        return self._one(
            await self._do(changes.adopt(asking.body, actor=asking.actor, versions=asking.versions))
        )

    async def show(self, asking: Asking[Nothing, Nothing]) -> Reply:
        """Show a key."""
        return self._one(find(await self.context.directory(), asking.path["key"]))

    async def alter(self, asking: Asking[Nothing, KeyChange]) -> Reply:
        """Change a key, if nobody else has changed it since it was read."""
        return self._one(
            await self._do(
                changes.alter(
                    asking.path["key"], asking.body, actor=asking.actor, versions=asking.versions
                )
            )
        )

    async def revoke(self, asking: Asking[Nothing, Nothing]) -> Reply:
        """Turn a key away for good."""
        return await self._put(asking, REVOKED, "")

    async def pause(self, asking: Asking[Nothing, Reason]) -> Reply:
        """Refuse its submits; polls go on."""
        return await self._put(asking, PAUSED, asking.body.why)

    async def resume(self, asking: Asking[Nothing, Reason]) -> Reply:
        """Admit it again."""
        return await self._put(asking, ACTIVE, asking.body.why)

    async def rotate(self, asking: Asking[Nothing, Rotation]) -> Reply:
        """Give it a new secret."""
        change = changes.rotate(
            asking.path["key"],
            actor=asking.actor,
            grace_s=asking.body.grace_s,
            force=asking.body.force,
            versions=asking.versions,
        )
        return self._made(
            await self._do(once(asking.once, change, partial(without_secret, "rotated"))), 200
        )

    async def top_up(self, asking: Asking[Nothing, TopUp]) -> Reply:
        """Add to its limit for its running day."""
        change = changes.top_up(
            asking.path["key"],
            parse_usd(asking.body.usd),
            actor=asking.actor,
            versions=asking.versions,
        )
        return self._one(
            await self._do(once(asking.once, change, lambda key: whole(self._told(key))))
        )

    async def budget(self, asking: Asking[Nothing, Nothing]) -> Reply:
        """Show where its budgets stand."""
        directory = await self.context.directory()
        key = find(directory, asking.path["key"])
        standings = await self.context.ask(where_stands(directory, key))
        return Reply(budgets_shown(key, standings))

    async def _put(
        self, asking: Asking[Nothing, Nothing] | Asking[Nothing, Reason], state: str, why: str
    ) -> Reply:
        change = changes.put(
            asking.path["key"], state, actor=asking.actor, why=why, versions=asking.versions
        )
        return self._one(await self._do(change))

    async def _do(self, change: changes.Change[changes.T]) -> changes.T:
        return await self.context.change(change)

    def _told(self, key: Key) -> KeyTold:
        return key_told(key, self._doubts(key))

    def _doubts(self, key: Key) -> list[str]:
        return unsold(self.context.prices.book.versions, key.models)

    def _one(self, key: Key) -> Reply:
        return Reply(self._told(key), version=key.version)

    def _made(self, made: Made, status: int) -> Reply:
        key = made.key
        shown = KeyMade(**key_facts(key), warnings=self._doubts(key), key=made.secret)
        return Reply(shown, status, version=key.version)
