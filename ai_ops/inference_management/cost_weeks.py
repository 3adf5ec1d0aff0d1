"""The weeks of a cost trend, summed from the daily rollups."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final

import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.cost_rollup import read_rollup
from ai_ops.inference_management.cost_states import Cell
from ai_ops.inference_management.cost_trend import (
    CostTrend,
    find_spikes,
    rise,
    weighted_median,
)
from ai_ops.inference_management.week_cost import Rates, Source, WeekCost
from ai_ops.storage.lake import Lake
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Evidence
from ai_ops.vocabulary.windows import Window

_SUMMED: Final = (
    "rows",
    "answered",
    "busy_us",
    "cached",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "tokens_nano",
)
REASONS: Final = 3
"""How many reasons are told why the cost of a week is unknown."""
_PRICED: Final = ("input", "cache_read", "cache_write", "output")
_NANO_OF_MILLION: Final = 1000
"""Billionths for one token that a price for a million of them comes to."""


class Weeks:
    """The weeks of a feature's cost, each read once: a trend looks back on several."""

    def __init__(self, lake: Lake, feature: AiFeatureSpec) -> None:
        self._lake, self._feature = lake, feature
        self._read: dict[date, _Week] = {}

    def trend(self, monday: str) -> tuple[CostTrend, list[Evidence]]:
        """The trend of the week of a Monday, and the rollups it was read from."""
        first_day = self._feature.monitoring.start
        first_monday = first_day - timedelta(days=first_day.weekday())
        this = date.fromisoformat(monday)
        reach = self._feature.costs.compounding_weeks
        mondays = [this - timedelta(weeks=back) for back in range(reach, -1, -1)]
        read = [self._week(each) for each in mondays if each >= first_monday]
        trend = _compare(monday, read, this == first_monday, reach)
        return trend, [one for week in read for one in week.read]

    def _week(self, monday: date) -> "_Week":
        if monday not in self._read:
            self._read[monday] = _read_week(self._lake, self._feature, monday)
        return self._read[monday]


@dataclass(frozen=True)
class _Week:
    """What the rollups of a week say of its cost; nothing where a day is missing or unpriced."""

    cost: WeekCost | None
    read: list[Evidence]
    missing: list[str]
    unknown: str | None = None


def _compare(monday: str, read: Sequence[_Week], first: bool, reach: int) -> CostTrend:
    weeks = [week.cost for week in read if week.cost is not None]
    missing = [day for week in read for day in week.missing]
    unknown = [week.unknown for week in read if week.unknown is not None]
    if weeks:  # amounts of two currencies are not compared
        currency = weeks[-1].currency
        missing = missing + [f"{w.monday} in {currency}" for w in weeks if w.currency != currency]
    told = tuple(replace(week, sources=()) for week in weeks)  # the rollups have them
    trend = CostTrend(monday, told, tuple(missing), tuple(unknown), first)
    if missing or unknown or len(weeks) < 2:
        return trend
    now, before = weeks[-1], weeks[-2]
    if not (now.answered and before.answered and before.per_1000_nano):
        return trend
    oldest = weeks[0] if len(weeks) > reach and weeks[0].answered else None
    if oldest is not None and not oldest.per_1000_nano:
        oldest = None
    return replace(
        trend,
        rise=rise(before, now, 1),
        compounded=rise(oldest, now, reach) if oldest else None,
        spikes=find_spikes(before, now),
    )


def _read_week(lake: Lake, feature: AiFeatureSpec, monday: date) -> _Week:
    days = [day for day in Window.of_week(monday).days() if _monitored(feature, day)]
    tables, read, missing = _read_days(lake, feature, days)
    if missing or not tables:
        return _Week(None, read, missing)
    rows = [row | {"day": day} for day, table in tables for row in table.to_pylist()]
    unknown = [row["unpriced"] for row in rows if row["total_nano"] is None]
    if unknown:
        why = "; ".join(sorted({reason for reason in unknown if reason})[:REASONS])
        return _Week(None, read, missing, f"the week of {monday.isoformat()}{why and f' ({why})'}")
    return _Week(_week(monday.isoformat(), len(days), rows), read, missing)


def _read_days(
    lake: Lake, feature: AiFeatureSpec, days: Sequence[str]
) -> tuple[list[tuple[str, pa.Table]], list[Evidence], list[str]]:
    tables, read, missing = [], [], []
    for day in days:
        try:
            table, evidence = read_rollup(lake, feature.name, day)
        except MissingEvidence:
            missing.append(day)
            continue
        read.append(evidence)
        # A day without work still has machines to pay: one row at least.
        if table.num_rows and (any(table["rows"].to_pylist()) or _logged(lake, feature, day)):
            tables.append((day, table))
        else:
            missing.append(day)
    return tables, read, missing


def _logged(lake: Lake, feature: AiFeatureSpec, day: str) -> bool:
    """Whether a day has a log: without one, that nothing was asked is not known of it."""
    folder, _, name = lake.path(feature.name, "prediction_log", day).rpartition("/")
    return name in lake.listing(folder)


def _week(monday: str, days: int, rows: Sequence[Mapping[str, Any]]) -> WeekCost:
    by_source: dict[Cell, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["rows"]:
            cell = (row["call_site"], row["tenant"], row["mode"], _model(row))
            by_source[cell].append(row)
    sources = tuple(_source(cell, own) for cell, own in sorted(by_source.items(), key=repr))
    return WeekCost(
        monday,
        days,
        answered=sum(row["answered"] for row in rows),
        rent_nano=sum(row["busy_nano"] + row["idle_nano"] for row in rows),
        busy_nano=sum(row["busy_nano"] for row in rows),
        storage_nano=sum(row["storage_nano"] for row in rows),
        currency=rows[0]["currency"],
        sources=sources,
        tokens_nano=sum(row["tokens_nano"] for row in rows),
        rows=sum(one.rows for one in sources),
        untimed=sum(one.rows for one in sources if one.typical_us is None),
        machines=_machines(rows),
        storage_price=_storage_price(rows),
    )


def _source(cell: Cell, rows: Sequence[Mapping[str, Any]]) -> Source:
    timed = [(row["typical_us"], row["rows"]) for row in rows if row["typical_us"] is not None]
    call_site, tenant, mode, model = cell
    sums = {name: sum(row[name] for row in rows) for name in _SUMMED}
    attempts, retries = (sum(row[name] for row in rows) for name in ("attempts", "retries"))
    # A row is called cached and says tokens: what it says was paid, so a call it was.
    if sums["cached"] == attempts and sums["input_tokens"] + sums["output_tokens"]:
        sums["cached"] = 0
    return Source(
        call_site=call_site,
        tenant=tenant,
        mode=mode,
        model=model,
        typical_us=weighted_median(timed) if timed else None,
        repeats=retries - (attempts - sums["rows"]),
        calls=attempts - sums["cached"],
        rates=_rates(rows),
        **sums,
    )


def _model(row: Mapping[str, Any]) -> str | None:
    """The model that answered: under the provider's name, and where it has none the version."""
    version = None if row["model_version"] is None else f"version {row['model_version']}"
    if row["model"] is None or version is None:
        return row["model"] or version
    return f"{row['model']}, {version}"


def _rates(rows: Sequence[Mapping[str, Any]]) -> Rates | None:
    """What the rollups say that tokens cost, on the mean of the prices that they name."""
    told = [one for row in rows for one in _prices(row["prices"]).get("tokens", ())]
    if not told:
        return None
    per_token = [
        [float(one["per_million"][kind] or 0) * _NANO_OF_MILLION for kind in _PRICED]
        + [float(one.get("per_call", 0)) * 10**9]
        for one in told
    ]
    if all(one == per_token[0] for one in per_token):
        fresh, read, wrote, output, call = per_token[0]
    else:
        fresh, read, wrote, output, call = (
            sum(kind) / len(told) for kind in zip(*per_token, strict=True)
        )
    return fresh, read, wrote, output, call


def _machines(rows: Sequence[Mapping[str, Any]]) -> float | None:
    """How many machines were rented, on the mean of the days; None where one does not say."""
    by_day = {row["day"]: _prices(row["prices"]).get("compute") for row in rows}
    counts = []
    for rented in by_day.values():
        if rented is None:
            return None
        counts.append(sum(int(one.get("count", 1)) for one in rented))
    return sum(counts) / len(counts)


def _storage_price(rows: Sequence[Mapping[str, Any]]) -> float | None:
    """What storing cost; None where it is not told, or is not one price."""
    told = {_prices(row["prices"]).get("storage_price_per_gb_month") for row in rows}
    price = told.pop() if len(told) == 1 else None
    return None if price is None else float(price)


@lru_cache(maxsize=1024)
def _prices(text: str | None) -> Mapping[str, Any]:
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {}


def _monitored(feature: AiFeatureSpec, day: str) -> bool:
    end = feature.monitoring.end
    return day >= feature.monitoring.start.isoformat() and (end is None or day < end.isoformat())
