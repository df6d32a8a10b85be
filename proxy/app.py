"""The map: what is served where, what is started and stopped, errors into answers."""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from pricing import PriceTable, load_tables
from pricing.load import BUNDLED
from proxy.admin.context import AdminContext
from proxy.admin.guard import Guard
from proxy.admin.routes import admin_routes
from proxy.assay import Assay
from proxy.bodies import salt
from proxy.clock import Steps
from proxy.counted import Counted, TurnedAway
from proxy.crossing import Crossing
from proxy.door import Door, Purse
from proxy.edge import ServerStatus, in_flight_cap
from proxy.fares import Fares
from proxy.heads import Heads
from proxy.keys import digest
from proxy.ledger import versions
from proxy.ledger.reader import Reader
from proxy.ledger.schema import migrate, open_session
from proxy.ledger.seal import Sealer
from proxy.ledger.session import LedgerFault
from proxy.ledger.store import Store
from proxy.ledger.writer import Gauges, Writer
from proxy.logs import CallLog, set_up_logging
from proxy.metrics import Metrics
from proxy.newest_prices import NewestPrices
from proxy.notify.task import Notifier
from proxy.own import OwnRoutes
from proxy.page import Desk, page_routes
from proxy.page.gate import is_signed_in
from proxy.page.session import Signer
from proxy.prices import Prices
from proxy.quoting import Quoting
from proxy.reconciler import Reconciler
from proxy.relay import Relay
from proxy.scrape import Scrape, counts_folder
from proxy.scribe import Scribe
from proxy.scribe_line import Terms
from proxy.settings import Settings, admin_token
from proxy.traffic import Traffic
from proxy.upstream import Upstream

V3 = b"/api/v3"
LOOK_S = 0.4  # how often a worker looks whether a key or a price changed
FLUSH_S = 5.0
log = logging.getLogger("farebox")


@dataclass
class Farebox:
    """One worker: everything it holds while it serves."""

    settings: Settings
    status: ServerStatus

    def __post_init__(self) -> None:
        self.token = admin_token(self.settings)
        self.metrics = Metrics(CollectorRegistry())
        self.status.on_refused.append(TurnedAway(self.metrics))
        self.relay: Relay | None = None
        self.secrets: dict[str, str] = {}  # own keys by fingerprint, in memory only
        self.other: ASGIApp = Starlette()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send v3 calls to the relay, all else to the routes of our own."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] == "http" and self.relay is not None:
            path = scope.get("raw_path") or scope["path"].encode()
            if path.startswith(V3) and path[7:8] in (b"", b"/"):
                await self.relay(scope, receive, send)
                return
        await self.other(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        async with contextlib.AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._serving())
            except Exception as error:  # noqa: BLE001 - the server prints it and stops
                log.error("cannot start: %s", error)  # noqa: TRY400 - a traceback helps nobody here
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        """Open the ledger, find what a crash left undecided, serve, and leave nothing unwritten."""
        settings = self.settings
        set_up_logging(settings.log_format)
        store = await asyncio.to_thread(self._open_store)
        writer = self._writer(store)
        reader = Reader(settings.database_url)
        self.scraping = Reader(settings.database_url)
        self.scribe = Scribe(self._terms())
        first_look_s = min(settings.poll_after_s, settings.give_up_after_s)
        give_up_us = int(settings.give_up_after_s * 1e6)
        on_submit = settings.charge_on == "submit"
        fares = Fares(writer, reader, int(first_look_s * 1e6), on_submit, give_up_us)
        prices = Prices(
            await reader.ask(versions.book),
            settings.unpriced == "relay",
            store.directory.counting,
        )
        await self._recover(fares)
        upstream = Upstream(settings.upstream_url, timeout_s=settings.upstream_timeout_s)
        relay = self._wire(fares, prices, upstream)
        if settings.hash_bodies:
            relay.salt = await writer.transact(salt)
        looking = self._beside(fares, prices, upstream)
        self.status.on_sighup.append(lambda: self._reload(fares))
        try:
            yield
        finally:
            for task in looking:
                task.cancel()
            await upstream.aclose()
            relay.traffic.tallies.flush()
            await fares.flush(within_s=FLUSH_S)
            await writer.close()
            reader.close()
            self.scraping.close()
            self.scribe.end()
            self.desk.reader.close()
            await asyncio.to_thread(store.session.close)
            self.relay_log.flush()

    def _beside(self, fares: Fares, prices: Prices, upstream: Upstream) -> list[asyncio.Task[None]]:
        """Start what goes on beside the calls, until it is cancelled."""
        newest = NewestPrices(fares.writer, fares.reader, prices)
        fares.on_moved, fares.on_overrun = newest.catch_up, newest.learn
        running = [
            self._look(fares, newest),
            self._reconciler(fares, upstream).run(),
            Notifier(self.settings, fares).run(),
            Sealer(fares.writer, self.settings.database_url).run(),
        ]
        return [asyncio.create_task(each) for each in running]

    async def _recover(self, fares: Fares) -> None:
        """Take up the fares whose calls died with their process, and say how many and how fast."""
        started = time.perf_counter()
        stale_us = int(self.settings.upstream_timeout_s * 1e6) + 60_000_000
        if found := await fares.recover(stale_us=stale_us):
            took_ms = (time.perf_counter() - started) * 1000
            log.info("%d fares left by a dead process are uncertain now: %.0f ms", found, took_ms)

    def _open_store(self) -> Store:
        settings = self.settings
        migrate(settings.database_url)
        store = Store(
            open_session(settings.database_url),
            timezone=settings.timezone,
            default_daily_micros=settings.default_daily_budget_micros,
        )
        store.open()
        store.transact(versions.add(self._tables(), actor="start"))
        return store

    def _tables(self) -> tuple[PriceTable, ...]:
        extra = [self.settings.price_tables] if self.settings.price_tables else []
        return load_tables(BUNDLED, *extra).versions

    def _writer(self, store: Store) -> Writer:
        metrics = self.metrics
        gauges = Gauges(
            metrics.commit_seconds.observe,
            metrics.batch_size.observe,
            lambda kind: metrics.ledger_errors(kind).inc(),
        )
        writer = Writer(store, asyncio.get_running_loop(), self._fatal, gauges)
        writer.start()
        return writer

    def _terms(self) -> Terms:
        """Say what a scribe has to know to write the same pages."""
        settings = self.settings
        return Terms(
            settings.database_url,
            settings.timezone,
            settings.default_daily_budget_micros,
            settings.metrics_series_max,
            counts_folder(),
        )

    def _fatal(self, why: str) -> None:
        """Stop rather than guess what a disk that fails its commits has kept."""
        log.critical("the ledger cannot be written: %s", why)
        self.status.failed = True
        os.kill(os.getpid(), signal.SIGTERM)

    def _wire(self, fares: Fares, prices: Prices, upstream: Upstream) -> Relay:
        settings = self.settings
        quoting = Quoting(prices, settings.show_shared)
        self.relay_log = CallLog(settings.log_format)
        traffic = Traffic(self.metrics, self.relay_log)
        fares.on_decided = traffic.decided
        fares.on_fault = lambda kind: self.metrics.ledger_errors(kind).inc()
        purse = Purse(settings.upstream_key, os.environ, lambda: fares.writer.directory)
        door = Door(settings.own_keys, digest(self.token), purse)
        assay = Assay(quoting, fares, purse)
        cap = in_flight_cap(settings.max_in_flight)
        crossing = Crossing(settings, upstream, traffic, fares, self.secrets)
        heads = Heads(settings, door, lambda: fares.writer.directory)
        relay = self.relay = Relay(
            settings, heads, quoting, fares, crossing, traffic, self.status, cap, assay
        )
        series_max, tallies = settings.metrics_series_max, traffic.tallies
        scrape = Scrape(self.metrics, fares.writer, self.scraping, series_max, tallies, self.scribe)
        guard = Guard(self.token, settings.trusted_proxies)
        signer = Signer(self.token)
        admin = admin_routes(
            AdminContext(settings, guard, fares, prices, assay, partial(is_signed_in, signer))
        )
        self.desk = Desk(
            settings, self.status, signer, guard, door, fares, prices,
            Reader(settings.database_url),
        )  # fmt: skip
        traffic.on_refused = self.desk.refused.note
        more = [*admin, *page_routes(self.desk)]
        # One of its own: a scrape with an old token keeps nobody waiting at the page.
        scraper = Guard(self.token, settings.trusted_proxies).check
        own = OwnRoutes(
            settings, scraper, self.status, door, fares, assay, scrape, relay.room, more
        )
        self.other = Counted(own.app(), self.metrics)
        return relay

    def _reconciler(self, fares: Fares, upstream: Upstream) -> Reconciler:
        count = self.metrics.reconciler_polls
        return Reconciler(
            self.settings,
            fares,
            upstream,
            self.secrets,
            os.environ,
            lambda result: count(result).inc(),
        )

    async def _look(self, fares: Fares, prices: NewestPrices) -> None:
        """Follow changes of keys, teams and prices that others made, and of the host's clock."""
        steps = Steps()
        while True:
            await asyncio.sleep(LOOK_S)
            if step := steps.look():
                self.metrics.clock_steps.inc()
                log.warning("the host's clock was set by %+.0f s: see ClockStepped", step / 1e6)
            with contextlib.suppress(LedgerFault):
                await fares.newest.catch_up()
                await prices.catch_up()

    def _reload(self, fares: Fares) -> None:
        """Read the price tables again, at SIGHUP; a bad one changes nothing."""

        async def reload() -> None:
            try:
                tables = await asyncio.to_thread(self._tables)
                added = await fares.writer.transact(versions.add(tables, actor="SIGHUP"))
            except (ValueError, LedgerFault) as error:
                log.error("price tables stay as they are: %s", error)  # noqa: TRY400
                return
            log.info("price versions added: %s", ", ".join(added) or "none")

        self._reloading = asyncio.get_running_loop().create_task(reload())


def create_app(settings: Settings, status: ServerStatus) -> Farebox:
    """Make the app of one worker."""
    return Farebox(settings, status)
