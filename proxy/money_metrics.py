"""Money in the metrics, read from the ledger at scrape: it survives restarts, and nodes agree."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from proxy.budget import EVERYTHING, INSTALLATION, KEY, Standing
from proxy.directory import REVOKED, Directory, Key
from proxy.ledger import rows
from proxy.ledger.session import Session
from proxy.ledger.view import View, days_of, standings

_UNNAMED = re.compile(r"own-[0-9a-f]{16}")
OTHER = "other"
_BUDGET = ("scope", "window", "team", "key")
_OPEN_STATES = ("reserved", "accepted", "uncertain")


@dataclass(frozen=True, eq=False)
class MoneyMetrics(Collector):
    """Reads every figure in one pass over a read-only session."""

    session: Session
    directory: Directory
    series_max: int

    def collect(self) -> Iterator[Metric]:
        """Yield every family, also those without a series."""
        yield from self._spend()
        yield from self._tallies()
        yield from self._budgets()
        yield from self._open()
        yield from self._versions()

    def _spend(self) -> Iterator[Metric]:
        labels = ("team", "key", "model", "resolution")
        spend = CounterMetricFamily("farebox_spend_usd", "Settled money, in USD.", labels=labels)
        images = CounterMetricFamily("farebox_images", "Images settled.", labels=labels)
        found = self.session.rows(
            "SELECT team,key_name,model,resolution,spend_micros,images FROM totals"
        )
        folded: dict[tuple[str, str, str, str], list[int]] = {}
        for rank, (team, key, model, resolution, micros, count) in enumerate(
            sorted(found, key=lambda row: -row[4])
        ):
            shown = key if rank < self.series_max and not _UNNAMED.fullmatch(key) else OTHER
            place = (team if shown != OTHER else "", shown, model, resolution)
            sums = folded.setdefault(place, [0, 0])
            sums[0] += micros
            sums[1] += count
        for labelled, (micros, count) in folded.items():
            spend.add_metric(labelled, micros / 1e6)
            images.add_metric(labelled, count)
        yield spend
        yield images

    def _tallies(self) -> Iterator[Metric]:
        tallies = {
            (name, label): value
            for name, label, value in self.session.rows("SELECT name,label,value FROM tallies")
        }
        corrections = CounterMetricFamily(
            "farebox_corrections_usd",
            "Corrections of settled fares, in USD.",
            labels=("direction",),
        )
        for direction in ("up", "down"):
            micros = tallies.get(("corrections", direction), 0)
            corrections.add_metric((direction,), micros / 1e6)
        yield corrections
        overruns = CounterMetricFamily(
            "farebox_overruns", "Fares that came to more than was reserved.", labels=("model",)
        )
        for (name, label), value in tallies.items():
            if name == "overruns":
                overruns.add_metric((label,), value)
        yield overruns
        difference = GaugeMetricFamily(
            "farebox_reconciliation_difference_usd",
            "What the last reconciled statement and the ledger differ by, in USD.",
        )
        if ("reconciliation", "difference") in tallies:
            difference.add_metric((), tallies["reconciliation", "difference"] / 1e6)
        yield difference

    def _budgets(self) -> Iterator[Metric]:
        limit = GaugeMetricFamily("farebox_budget_limit_usd", "Limit, in USD.", labels=_BUDGET)
        spent = GaugeMetricFamily(
            "farebox_budget_spent_usd", "Settled in the running period, in USD.", labels=_BUDGET
        )
        held = GaugeMetricFamily(
            "farebox_budget_reserved_usd", "Held and undecided, in USD.", labels=_BUDGET
        )
        left = GaugeMetricFamily(
            "farebox_budget_remaining_usd", "Left of the limit, in USD.", labels=_BUDGET
        )
        resets = GaugeMetricFamily(
            "farebox_budget_resets_timestamp_seconds", "When the period is over.", labels=_BUDGET
        )
        for place, standing in self._standings():
            limit.add_metric(place, (standing.limit_micros or 0) / 1e6)
            spent.add_metric(place, standing.settled_micros / 1e6)
            held.add_metric(place, standing.reserved_micros / 1e6)
            left.add_metric(place, (standing.remaining_micros or 0) / 1e6)
            resets.add_metric(place, standing.resets_us / 1e6)
        yield from (limit, spent, held, left, resets)

    def _standings(self) -> Iterator[tuple[tuple[str, str, str, str], Standing]]:
        """Yield every limited budget once; shared ones come with the first key they bind."""
        seen: set[tuple[str, str, str]] = set()
        view = View(self.session.now_us(), self.directory)
        nobody = Key("", "")
        teams = [Key("", "", team=name) for name in self.directory.teams if name != EVERYTHING]
        named = [k for k in self.directory.keys.values() if k.state != REVOKED]
        for key in [nobody, *teams, *(k for k in named if not k.own or k.adopted)][
            : self.series_max
        ]:
            rows.load_standing(self.session, view, key)
            for standing in standings(view, key, *days_of(view, key)):
                budget = standing.budget
                mark = (budget.scope, budget.name, budget.window)
                mine = budget.scope == KEY
                if mark in seen or standing.limit_micros is None or (mine and not key.id):
                    continue
                seen.add(mark)
                team = "" if budget.scope == INSTALLATION else key.team
                yield (budget.scope, budget.window, team, key.name if mine else ""), standing

    def _open(self) -> Iterator[Metric]:
        count = GaugeMetricFamily("farebox_charges_open", "Undecided fares.", labels=("state",))
        money = GaugeMetricFamily("farebox_open_usd", "Money they hold, in USD.", labels=("state",))
        oldest = GaugeMetricFamily(
            "farebox_oldest_open_charge_seconds", "Age of the oldest undecided fare."
        )
        found = {
            state: (number, micros, first)
            for state, number, micros, first in self.session.rows(
                "SELECT state,count(*),sum(reserved_micros),min(admitted_us) FROM charges"
                " WHERE state IN ('reserved','accepted','uncertain') GROUP BY state"
            )
        }
        for state in _OPEN_STATES:
            number, micros, _ = found.get(state, (0, 0, 0))
            count.add_metric((state,), number)
            money.add_metric((state,), float(micros) / 1e6)
        first = min((f for _, _, f in found.values()), default=None)
        age = 0.0 if first is None else (self.session.now_us() - first) / 1e6
        oldest.add_metric((), max(0.0, age))
        yield from (count, money, oldest)

    def _versions(self) -> Iterator[Metric]:
        info = GaugeMetricFamily(
            "farebox_price_table_info", "Versions of the price table.", labels=("version",)
        )
        starts = GaugeMetricFamily(
            "farebox_price_table_effective_timestamp_seconds",
            "When a version of the price table starts.",
            labels=("version",),
        )
        for version, effective_us in self.session.rows(
            "SELECT version,effective_us FROM price_versions"
        ):
            info.add_metric((version,), 1)
            starts.add_metric((version,), effective_us / 1e6)
        yield from (info, starts)
