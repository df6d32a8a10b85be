"""The ledger's transactions: a batch of operations in, their results out, one commit."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from proxy.budget import Zone, day_at, resets_us
from proxy.directory import Directory, Key, Team
from proxy.ledger import rows
from proxy.ledger.known import Known
from proxy.ledger.operation import Operation
from proxy.ledger.refusals import BudgetSpent, KeyGone, KeyHeld, PricesMoved, Repeated
from proxy.ledger.session import LedgerFault, Session, retried
from proxy.ledger.view import View

T = TypeVar("T")
Refused = (BudgetSpent, KeyGone, KeyHeld, PricesMoved, Repeated)

_KEY_COLUMNS = (
    "id,name,own,adopted,public,digest,old_digest,old_public,old_until_us,fingerprint,team,daily_micros,"
    "monthly_micros,topup_day,topup_micros,zone,zone_until_us,zone_then,models,max_price_micros,"
    "expires_us,shadow,state,upstream_key_env,tags,version,created_us"
)


def key_of(row: Sequence[Any]) -> Key:
    """Read a key from its row."""
    (key_id, name, own, adopted, public, digest, old, old_public,
     old_until, fingerprint, team, daily, monthly,
     topup_day, topup, zone, until, then, models, max_price, expires, shadow, state, env, tags,
     version, created) = row  # fmt: skip
    return Key(
        key_id, name, bool(own), bool(adopted), public, bytes(digest), bytes(old), old_public,
        old_until,
        fingerprint, team, daily, monthly, topup_day, topup,
        Zone(zone, until, then) if zone else None, tuple(json.loads(models)), max_price, expires,
        bool(shadow), state, env, json.loads(tags), version, created,
    )  # fmt: skip


class Store:
    """Owns a session and the directory; everything that changes money goes through `commit`."""

    def __init__(
        self, session: Session, *, timezone: str = "UTC", default_daily_micros: int | None = None
    ) -> None:
        self.session, self.known = session, Known()
        zone = Zone(timezone)
        self.directory = Directory(-1, {}, {}, zone, default_daily_micros)

    def open(self) -> None:
        """Settle the installation's zone, and read the directory."""
        with self.session.transaction():
            self.session.hold_directory(alone=True)
            self._zone(self.directory.zone.name)
            self.refresh()

    def _zone(self, wanted: str) -> None:
        """Take a changed FAREBOX_TIMEZONE into force at the end of the running day."""
        found = self.meta("zone")
        zone = Zone(*json.loads(found)) if found else Zone(wanted)
        now = self.session.now_us()
        running = Zone(zone.at(now))
        pending = zone.then or zone.name
        if wanted != pending:
            day = day_at(now, running)
            zone = Zone(running.name, resets_us(day, "day", running, now), wanted)
        text = json.dumps([zone.name, zone.until_us, zone.then])
        if text != found:
            self.set_meta("zone", text)
            self.bump()

    def meta(self, name: str) -> str | None:
        """Read a fact about this ledger."""
        found = self.session.rows("SELECT value FROM meta WHERE name=?", (name,))
        return found[0][0] if found else None

    def set_meta(self, name: str, value: str) -> None:
        """Write a fact about this ledger."""
        self.session.run(
            "INSERT INTO meta(name,value) VALUES(?,?)"
            " ON CONFLICT(name) DO UPDATE SET value=excluded.value",
            (name, value),
        )

    def touch(self) -> None:
        """Write something, to see whether the ledger can be written."""
        self.set_meta("touched", str(self.session.now_us()))

    def bump(self) -> int:
        """Move the revision on, so that every node reads the directory again."""
        self.session.run(
            "INSERT INTO meta(name,value) VALUES('revision','0') ON CONFLICT DO NOTHING"
        )
        self.session.run(
            "UPDATE meta SET value=CAST(CAST(value AS bigint)+1 AS text) WHERE name='revision'"
        )
        return int(self.meta("revision") or 0)

    def refresh(self) -> Directory:
        """Read what changed in the directory since it was last read."""
        revision = int(self.meta("revision") or 0)
        old = self.directory
        if revision == old.revision:
            return old
        keys, teams = dict(old.keys), dict(old.teams)
        for row in self.session.rows(
            f"SELECT {_KEY_COLUMNS} FROM keys WHERE revision>?",  # noqa: S608
            (old.revision,),
        ):
            keys[row[0]] = key_of(row)
        for row in self.session.rows(
            "SELECT name,daily_micros,monthly_micros,state,version FROM teams WHERE revision>?",
            (old.revision,),
        ):
            teams[row[0]] = Team(*row)
        counting = self.session.rows("SELECT version,model FROM counting")
        prices = self.session.rows("SELECT version,sha256 FROM price_versions")
        self.directory = replace(
            old,
            revision=revision,
            keys=keys,
            teams=teams,
            zone=Zone(*json.loads(self.meta("zone") or '["UTC",null,null]')),
            counting=frozenset((v, m) for v, m in counting),
            prices=dict(prices),
            by_public=_by_public(keys.values()),
            by_fingerprint={k.fingerprint: k for k in keys.values() if k.own},
        )
        return self.directory

    def commit(self, operations: Sequence[Operation]) -> list[Any]:
        """Apply operations in one transaction; each result is a receipt or its refusal.

        Raises:
            LedgerFault: nothing is known to be written.
        """
        looking = self.session.dialect != "sqlite"  # elsewhere a failed statement costs more
        try:
            return retried(lambda: self._apply(operations, looking=looking))
        except LedgerFault:
            raise
        except Exception:  # noqa: BLE001 - rolled back; whose fault it was shows one by one
            return [self._alone(operation) for operation in operations]

    def _alone(self, operation: Operation) -> Any:
        try:
            return retried(lambda: self._apply([operation], looking=True))[0]
        except self.session.unwritable as error:
            return LedgerFault(str(error), transient=False, kind="conflict")
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            return error

    def _apply(self, operations: Sequence[Operation], *, looking: bool) -> list[Any]:
        known = self.known
        try:
            with self.session.transaction():
                self.session.hold_directory(alone=False)
                if self.session.moved() or not known.valid:
                    known.forget()
                    self.refresh()
                view = View(self.session.now_us(), self.directory)
                rows.load(self.session, view, operations, known, looking=looking)
                results = [_applied(operation, view) for operation in operations]
                rows.save(self.session, view)
                if view.counting - self.directory.counting:
                    self.bump()
        except BaseException:
            known.forget()
            raise
        known.keep(view)
        return results

    def transact(self, change: Callable[["Store"], T]) -> T:
        """Run a change in a transaction of its own; alone, unless it is marked as `beside`.

        So what a change has read is still so when it writes, and once it is confirmed no commit
        on any node goes by what was before.
        """
        before = self.directory

        def once() -> T:
            try:
                with self.session.transaction():
                    if not getattr(change, "beside", False):
                        self.session.hold_directory(alone=True)
                    self.refresh()
                    result = change(self)
                    self.refresh()
                    return result
            except BaseException:
                self.directory = before  # what was rolled back is nothing to begin again from
                raise

        self.known.forget()
        return retried(once)


def beside(change: Callable[[Store], T]) -> Callable[[Store], T]:
    """Mark a change that leaves keys, teams and prices alone: commits need not wait for it."""
    change.beside = True  # type: ignore[attr-defined]
    return change


def _by_public(keys: Iterable[Key]) -> dict[str, Key]:
    found = {k.old_public: k for k in keys if k.old_public}
    return found | {k.public: k for k in keys if k.public}


def _applied(operation: Operation, view: View) -> Any:
    try:
        return operation.apply(view)
    except Refused as refusal:
        return refusal.with_traceback(None)  # its frames would hold the whole batch
    except KeyError:
        return LedgerFault(f"no charge {operation.charge_id}", transient=False, kind="missing")
