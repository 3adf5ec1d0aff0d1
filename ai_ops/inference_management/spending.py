"""What some days cost, summed from the daily rollups, and the predictions of the weeks before."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pyarrow.compute as pc

from ai_ops.inference_management.cost_rollup import read_rollup
from ai_ops.inference_management.token_rates import BATCH
from ai_ops.inference_management.traffic_growth import WEEKS
from ai_ops.storage.lake import Lake
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Evidence
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Mode

Asker = tuple[str | None, str | None]
"""Call site and tenant."""


@dataclass
class Spending:
    """What was paid on some days, in billionths of the currency, and for what.

    ``tokens`` are counted, and priced, by who asked (call site and tenant); ``by_model`` is what
    was paid for them that way. ``models`` are those that a call site paid for, ``rates`` what a
    million tokens of a model's input cost, at least asked one by one and at most in batches;
    ``contracted`` models have a price under `costs.tokens`. ``unknown`` says why the cost of some
    of it is not known; ``missing`` are days without a rollup.
    """

    rows: int = 0
    answered: int = 0
    busy_us: int = 0
    busy_nano: int = 0
    idle_nano: int = 0
    storage_nano: int = 0
    tokens_nano: int = 0
    currency: str = ""
    tokens: dict[Asker, int] = field(default_factory=lambda: defaultdict(int))
    tokens_cost: dict[Asker, int] = field(default_factory=lambda: defaultdict(int))
    models: dict[str | None, set[str]] = field(default_factory=lambda: defaultdict(set))
    rates: dict[str, dict[Mode, float]] = field(default_factory=lambda: defaultdict(dict))
    contracted: set[str] = field(default_factory=set)
    by_model: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    unknown: set[str] = field(default_factory=set)
    missing: list[str] = field(default_factory=list)
    read: list[Evidence] = field(default_factory=list)

    @property
    def total_nano(self) -> int:
        """All that was paid, as far as it is known."""
        return self.busy_nano + self.idle_nano + self.storage_nano + self.tokens_nano

    def worth(self, us: float) -> int:
        """What so much of the machines' time costs at the rent of the time that they worked."""
        return round(us * self.busy_nano / self.busy_us) if self.busy_us else 0

    def price_of(self, asker: Asker, tokens: int) -> int:
        """What so many tokens of one asker cost, at the price of all that it used."""
        used = self.tokens[asker]
        return round(tokens * self.tokens_cost[asker] / used) if used else 0


def read_spending(lake: Lake, feature: str, days: Sequence[str]) -> Spending:
    """What these days cost; days without a rollup are ``missing``."""
    spent = Spending()
    for day in days:
        try:
            table, evidence = read_rollup(lake, feature, day)
        except MissingEvidence:
            spent.missing.append(day)
            continue
        spent.read.append(evidence)
        for row in table.to_pylist():
            spent.rows += row["rows"]
            spent.answered += row["answered"]
            spent.busy_us += row["busy_us"]
            spent.currency = row["currency"]
            if row["total_nano"] is None:
                spent.unknown.add(row["unpriced"] or "a part of it has no price")
                continue
            for name in ("busy_nano", "idle_nano", "storage_nano", "tokens_nano"):
                setattr(spent, name, getattr(spent, name) + row[name])
            asker = row["call_site"], row["tenant"]
            tokens = (row["input_tokens"] or 0) + (row["output_tokens"] or 0)
            spent.tokens[asker] += tokens
            spent.tokens_cost[asker] += row["tokens_nano"]
            if row["model"] is not None:
                spent.by_model[row["model"]] += row["tokens_nano"]
            if row["tokens_nano"]:
                _add_rates(spent, row["call_site"], json.loads(row["prices"] or "{}"))
    return spent


def weeks_before(lake: Lake, feature: str, end: date, start: date) -> list[tuple[str, int]]:
    """The predictions of the whole Monday weeks that are over by ``end``, at most ``WEEKS`` of
    them since ``start``, of those that have a rollup for every day."""
    last = end - timedelta(days=end.weekday())
    mondays = [last - timedelta(weeks=back) for back in range(WEEKS, 0, -1)]
    weeks: list[tuple[str, int]] = []
    for monday in (one for one in mondays if one >= start):
        rows = _rows_of_week(lake, feature, monday)
        if rows is None:
            weeks.clear()  # a gap: what lies before it is another series
        else:
            weeks.append((monday.isoformat(), rows))
    return weeks


def _rows_of_week(lake: Lake, feature: str, monday: date) -> int | None:
    """The week's predictions; None unless each of its days has a rollup."""
    rows = 0
    for day in Window.of_week(monday).days():
        try:
            table, _ = lake.read_table(lake.path(feature, "cost_rollup", day), ["rows"])
        except MissingEvidence:
            return None
        rows += pc.sum(table["rows"]).as_py() or 0
    return rows


def _add_rates(spent: Spending, call_site: str | None, prices: Mapping[str, Any]) -> None:
    for one in prices.get("tokens", ()):
        model, rate = one["model"], float(one["per_million"]["input"] or 0)
        spent.models[call_site].add(model)
        rates = spent.rates[model]
        if one.get("processing") == BATCH:
            rates["batch"] = max(rate, rates.get("batch", rate))
        else:
            rates["sync"] = min(rate, rates.get("sync", rate))
        if one["source"].startswith("costs.tokens"):
            spent.contracted.add(model)
