"""The outbox in a real ledger: what is found, kept and delivered, and in which order."""

from dataclasses import dataclass, field
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from proxy.ledger import schema
from proxy.ledger.schema import migrate, sqlalchemy_url
from proxy.notify import outbox
from proxy.notify.rules import Mark, Notice
from tests.ledger.world import Clock, Ledger

AT = (50, 100)
Word = tuple[str, int, str]


@dataclass
class Worker:
    """One of those that share an outbox."""

    ledger: Ledger
    seen: outbox.Seen = field(default_factory=outbox.Seen)

    def look(self) -> None:
        store = self.ledger.store
        store.refresh()
        found = outbox.look(store.directory, AT, self.seen)(self.ledger.session)
        store.transact(outbox.put(found))

    def due(self) -> list[Notice]:
        return [each.notice for each in outbox.due(self.ledger.session)]

    def deliver(self) -> list[Word]:
        """Hand over what is due; what was handed over."""
        found = [each for each in self.due() if self.ledger.store.transact(outbox.claim(each))]
        for notice in found:
            self.ledger.store.transact(outbox.sent(notice))
        return [word(notice) for notice in found]


def word(notice: Notice) -> Word:
    return (notice.mark.window, notice.mark.threshold, notice.state)


def test_a_budget_that_runs_out_after_a_failed_job_is_the_last_word(
    ledger: Ledger, clock: Clock
) -> None:
    web, one, two = ledger.key(daily_micros=100), Worker(ledger), Worker(ledger)
    failing = ledger.reserve(web)
    one.look()
    two.look()
    assert one.deliver() == [("day", 50, "raised"), ("day", 100, "raised")]
    ledger.release(failing)
    one.look()
    clock.step(seconds=9)
    one.look()
    assert two.deliver() == [], "not yet"
    clock.step(seconds=1)
    one.look()
    two.look()
    assert two.deliver() == [("day", 50, "resolved"), ("day", 100, "resolved")]
    ledger.settle(ledger.reserve(web))
    two.look()
    one.look()
    assert one.deliver() == [("day", 50, "raised"), ("day", 100, "raised")]
    assert two.deliver() == []


def test_a_new_day_ends_what_was_raised_before_it_is_raised_again(
    ledger: Ledger, clock: Clock
) -> None:
    web, worker = ledger.key(daily_micros=100), Worker(ledger)
    ledger.settle(ledger.reserve(web))
    worker.look()
    clock.step(hours=13)
    ledger.settle(ledger.reserve(web))
    worker.look()
    for state in ("raised", "resolved", "raised"):
        assert worker.deliver() == [("day", 50, state), ("day", 100, state)]
    assert worker.deliver() == []


def test_a_later_word_waits_until_the_earlier_one_was_taken(ledger: Ledger, clock: Clock) -> None:
    ledger.settle(ledger.reserve(ledger.key(daily_micros=200)))
    worker = Worker(ledger)
    worker.look()
    (raised,) = worker.due()
    ledger.store.transact(outbox.claim(raised))
    ledger.store.transact(outbox.later(raised, 5_000_000))
    ledger.set_key(daily_micros=1000)
    worker.look()
    assert worker.due() == [], "the first is still to be told"
    clock.step(seconds=5)
    assert worker.deliver() == [("day", 50, "raised")]
    assert worker.deliver() == [("day", 50, "resolved")]


def test_what_one_worker_delivers_no_other_one_does(ledger: Ledger, clock: Clock) -> None:
    ledger.settle(ledger.reserve(ledger.key(daily_micros=200)))
    one, two = Worker(ledger), Worker(ledger)
    one.look()
    (seen_by_one,), (seen_by_two,) = one.due(), two.due()
    assert ledger.store.transact(outbox.claim(seen_by_one))
    assert not ledger.store.transact(outbox.claim(seen_by_two))
    clock.step(seconds=59)
    assert two.deliver() == []
    clock.step(seconds=1)
    assert two.deliver() == [("day", 50, "raised")], "the first one died with it"
    clock.step(seconds=60)
    assert not ledger.store.transact(outbox.claim(seen_by_one)), "it was taken"


def test_what_was_given_up_holds_nothing_up(ledger: Ledger, clock: Clock) -> None:
    ledger.settle(ledger.reserve(ledger.key(monthly_micros=200)))
    worker = Worker(ledger)
    worker.look()
    clock.step(hours=23)
    ledger.set_key(monthly_micros=1000)
    worker.look()
    clock.step(hours=1)
    assert worker.deliver() == [("month", 50, "resolved")]


def test_money_of_an_older_day_moves_the_month(ledger: Ledger, clock: Clock) -> None:
    fare = ledger.reserve(ledger.key(monthly_micros=100))
    worker = Worker(ledger)
    worker.look()
    clock.step(days=3)
    worker.look()
    ledger.release(fare)
    worker.look()
    clock.step(seconds=10)
    worker.look()
    told = [word(Notice(Mark(*row[:4]), row[4], "")) for row in _kept(ledger)]
    assert ("month", 100, "resolved") in told


def _kept(ledger: Ledger) -> list[tuple[str, str, str, int, str]]:
    return ledger.session.rows('SELECT scope,"window",period,threshold,state FROM notices')


def test_notices_of_the_version_before_are_kept(url: str) -> None:
    ledger = Ledger(url)
    ledger.session.run("DROP TABLE notices")
    ledger.close()
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    engine = create_engine(sqlalchemy_url(url))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        connection.exec_driver_sql(_BEFORE)
        connection.exec_driver_sql(
            "INSERT INTO notices VALUES('key:1','day','2026-11-23',50,'raised','{}',1,2,3,4)"
        )
        command.stamp(config, "0006")
    engine.dispose()
    migrate(url)
    ledger = Ledger(url)
    found = ledger.session.rows("SELECT threshold,round,state,limit_micros,tries FROM notices")
    assert [tuple(row) for row in found] == [(50, 1, "raised", None, 3)]
    ledger.close()


_BEFORE = """
CREATE TABLE notices(scope VARCHAR NOT NULL, "window" VARCHAR NOT NULL, period VARCHAR NOT NULL,
  threshold INTEGER NOT NULL, state VARCHAR NOT NULL, body VARCHAR NOT NULL,
  created_us BIGINT NOT NULL, sent_us BIGINT, tries INTEGER NOT NULL, next_us BIGINT NOT NULL,
  PRIMARY KEY (scope, "window", period, threshold, state))
"""
