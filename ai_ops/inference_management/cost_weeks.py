"""The weeks of a cost trend, summed from the daily rollups."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.cost_trend import (
    CostTrend,
    Key,
    Source,
    WeekCost,
    find_driver,
    find_spikes,
    rise,
    weighted_median,
)
from ai_ops.storage.lake import Lake
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Evidence
from ai_ops.vocabulary.windows import Window


def measure_trend(
    lake: Lake, feature: AiFeatureSpec, monday: str
) -> tuple[CostTrend, list[Evidence]]:
    """The trend of the week of a Monday, and the rollups it was read from."""
    first_day = feature.monitoring.start
    first_monday = first_day - timedelta(days=first_day.weekday())
    this = date.fromisoformat(monday)
    reach = feature.costs.compounding_weeks
    mondays = [this - timedelta(weeks=back) for back in range(reach, -1, -1)]
    weeks: list[WeekCost] = []
    missing: list[str] = []
    unknown: list[str] = []
    read: list[Evidence] = []
    for each in (one for one in mondays if one >= first_monday):
        days = [day for day in Window.of_week(each).days() if _monitored(feature, day)]
        tables, evidence, absent = _read_days(lake, feature, days)
        read += evidence
        missing += absent
        if absent or not tables:
            continue
        rows = [row for table in tables for row in table.to_pylist()]
        if any(row["total_nano"] is None for row in rows):
            unknown.append(f"the week of {each.isoformat()}")
        else:
            weeks.append(_week(each.isoformat(), len(days), rows))
    return _compare(monday, weeks, missing, unknown, this == first_monday, reach), read


def _compare(
    monday: str,
    weeks: list[WeekCost],
    missing: list[str],
    unknown: list[str],
    first: bool,
    reach: int,
) -> CostTrend:
    if weeks:  # amounts of two currencies are not compared
        currency = weeks[-1].currency
        missing = missing + [f"{w.monday} in {currency}" for w in weeks if w.currency != currency]
    trend = CostTrend(monday, tuple(weeks), tuple(missing), tuple(unknown), first)
    if missing or unknown or len(weeks) < 2:
        return trend
    now, before = weeks[-1], weeks[-2]
    if not (now.answered and before.answered and before.total_nano):
        return trend
    oldest = weeks[0] if len(weeks) > reach and weeks[0].answered and weeks[0].total_nano else None
    return CostTrend(
        monday,
        tuple(weeks),
        (),
        (),
        first,
        rise=rise(before, now, 1),
        compounded=rise(oldest, now, reach) if oldest else None,
        driver=find_driver(before, now),
        spikes=find_spikes(before, now),
    )


def _read_days(
    lake: Lake, feature: AiFeatureSpec, days: Sequence[str]
) -> tuple[list[pa.Table], list[Evidence], list[str]]:
    tables, read, missing = [], [], []
    for day in days:
        try:
            table, evidence = lake.read_table(lake.path(feature.name, "cost_rollup", day))
        except MissingEvidence:
            missing.append(day)
            continue
        read.append(evidence)
        if table.num_rows:  # a day without work still has machines to pay: one row at least
            tables.append(table)
        else:
            missing.append(day)
    return tables, read, missing


def _week(monday: str, days: int, rows: Sequence[Mapping[str, Any]]) -> WeekCost:
    by_source: dict[Key, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["rows"]:
            by_source[row["call_site"], row["tenant"], row["mode"]].append(row)
    sources = tuple(_source(key, own) for key, own in sorted(by_source.items(), key=repr))
    return WeekCost(
        monday,
        days,
        answered=sum(row["answered"] for row in rows),
        rent_nano=sum(row["busy_nano"] + row["idle_nano"] for row in rows),
        busy_nano=sum(row["busy_nano"] for row in rows),
        storage_nano=sum(row["storage_nano"] for row in rows),
        currency=rows[0]["currency"],
        sources=sources,
    )


def _source(key: Key, rows: Sequence[Mapping[str, Any]]) -> Source:
    timed = [(row["typical_us"], row["rows"]) for row in rows if row["typical_us"] is not None]
    return Source(
        *key,
        rows=sum(row["rows"] for row in rows),
        busy_us=sum(row["busy_us"] for row in rows),
        busy_nano=sum(row["busy_nano"] for row in rows),
        typical_us=weighted_median(timed) if timed else None,
    )


def _monitored(feature: AiFeatureSpec, day: str) -> bool:
    end = feature.monitoring.end
    return day >= feature.monitoring.start.isoformat() and (end is None or day < end.isoformat())
