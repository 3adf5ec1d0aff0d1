"""Who uses a model, and how much: when that changes, thresholds are worth another look.

Thresholds were learnt on how the model was used then. Its rows a day and the shares of its call
sites and tenants are kept with every proposal, and held against those of the last one reviewed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.profile import ROWS
from ai_ops.drift_monitoring.rows import LOG, columns_of_file, connect, view_logs
from ai_ops.storage.root import Root

BY: Final = ("call_site", "tenant")
KEPT: Final = 50
"""At most so many call sites or tenants are kept by name: those with the most rows."""
MOVED: Final = 0.1
"""The share of all rows that has to come from elsewhere to be worth a word."""
GROWN: Final = 1.5
OLD_DAYS: Final = 183
"""A reference that ended so many days ago has not seen every season that it is held against."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Some days' use: rows on each day that has any, and the rows of each call site and tenant."""

    rows_a_day: float
    by: Mapping[str, Mapping[str, int]]

    def as_data(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return {"rows_a_day": self.rows_a_day, "by": self.by}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Usage":
        """What ``as_data`` wrote."""
        return cls(data["rows_a_day"], data["by"])


def usage_of(root: Root, feature: AiFeatureSpec, days: Iterable[str]) -> Usage | None:
    """The use of some days by their log; None when they have no answered row."""
    paths = {day: root.lake.path(feature.name, LOG, day) for day in days}
    columns = {day: columns_of_file(root, path) for day, path in paths.items()}
    found = {day: path for day, path in paths.items() if columns[day] is not None}
    if not found:
        return None
    known = {name for told in columns.values() for name in told or ()}
    connection = connect()
    view_logs(connection, root, found)
    counted = f'SELECT count(*), count(DISTINCT "day") FROM {ROWS}'
    rows, filled = connection.execute(counted).fetchall()[0]
    by = {str(name): _counted(connection, name) for name in BY if name in known}
    return Usage(rows / filled, by) if filled else None


def usage_changes(before: Usage, now: Usage, since: str) -> Iterator[str]:
    """How the use has changed ``since`` then, in words; nothing when it has not.

    >>> then = Usage(100, {"call_site": {"web": 80, "batch": 20}})
    >>> now = Usage(210, {"call_site": {"web": 100, "batch": 110}})
    >>> list(usage_changes(then, now, "2021-02"))
    ['210 rows a day, 100 in 2021-02', 'call_site: web 80 % → 48 % of the rows since 2021-02']
    >>> list(usage_changes(then, then, "2021-02"))
    []
    """
    times = now.rows_a_day / before.rows_a_day
    if not 1 / GROWN < times < GROWN:
        yield f"{now.rows_a_day:,.0f} rows a day, {before.rows_a_day:,.0f} in {since}"
    for name in BY:
        if name not in before.by or name not in now.by:
            continue
        then, today = _shares(before.by[name]), _shares(now.by[name])
        moved = {one: today.get(one, 0.0) - then.get(one, 0.0) for one in {*then, *today}}
        if sum(abs(share) for share in moved.values()) / 2 < MOVED:
            continue
        most = max(sorted(moved), key=lambda one: abs(moved[one]))
        shares = f"{then.get(most, 0.0):.0%} → {today.get(most, 0.0):.0%}".replace("%", " %")
        yield f"{name}: {most} {shares} of the rows since {since}"


def age_of(last_day: str | None, until: date) -> str | None:
    """That a reference is old, in words; None while it is not, or when it tells no days.

    >>> age_of("2021-01-31", date(2021, 9, 1)), age_of("2021-03-31", date(2021, 4, 1))
    ('the reference ended 213 days ago, on 2021-01-31', None)
    """
    if last_day is None:
        return None
    days = (until - date.fromisoformat(last_day)).days
    return f"the reference ended {days} days ago, on {last_day}" if days > OLD_DAYS else None


def _counted(connection: Any, name: str) -> dict[str, int]:
    query = f'SELECT "{name}", count(*) FROM {ROWS} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {KEPT}'
    return {str(value or "–"): count for value, count in connection.execute(query).fetchall()}


def _shares(rows: Mapping[str, int]) -> dict[str, float]:
    total = sum(rows.values())
    return {name: count / total for name, count in rows.items()}
