"""Finding predictions: in the logs, in what is not compacted yet, and saying what was not seen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Final

import duckdb

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.day_files import DayFiles, day_files, listed, logged_days
from ai_ops.prediction_logging.doubts import Doubt, Quarantine, quarantined
from ai_ops.prediction_logging.finding import Query
from ai_ops.prediction_logging.found_rows import (
    FoundPrediction,
    days_to_read,
    engine_on,
    found_in_logs,
)
from ai_ops.prediction_logging.open_lines import OpenDays, found_in_segments, open_days
from ai_ops.storage.root import Root
from ai_ops.vocabulary.windows import Window

COMPLETE: Final = "log_complete"
_MOST_OF_A_REQUEST: Final = 100_000
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True)
class Search:
    """What was found, the newest first, and where it was looked for.

    ``more`` says that there are further ones beyond the limit. ``open_days`` are days looked for
    in the segments, as they were at ``as_of``. ``doubts`` are the places that could hold what was
    asked for and could not be searched: only without any is "not found" an answer.
    """

    feature: str
    predictions: tuple[FoundPrediction, ...]
    more: bool
    days: tuple[str, ...]
    searched: int
    open_days: tuple[str, ...]
    as_of: datetime
    quarantined: tuple[Quarantine, ...]
    doubts: tuple[Doubt, ...]

    @property
    def is_certain(self) -> bool:
        """Whether what was not found is surely not in the log."""
        return not self.doubts

    def as_data(self) -> dict[str, Any]:
        """The search as JSON-ready data: the shape of ``ai-ops predictions find --json``."""
        return {
            "feature": self.feature,
            "predictions": [one.as_data() for one in self.predictions],
            "more": self.more,
            "first_day": self.days[0] if self.days else None,
            "last_day": self.days[-1] if self.days else None,
            "days_asked": len(self.days),
            "days_searched": self.searched,
            "days_in_segments": list(self.open_days),
            "as_of": self.as_of.isoformat(),
            "quarantined": [one.as_data() for one in self.quarantined],
            "missing": [one.as_data() for one in self.doubts],
            "certain": self.is_certain,
        }


@dataclass(frozen=True)
class Finder:
    """Finds predictions of one feature; its engine is opened once and lasts until it is closed."""

    root: Root
    feature: AiFeatureSpec

    def __enter__(self) -> "Finder":
        return self

    def __exit__(self, *_: object) -> None:
        if "engine" in self.__dict__:
            self.engine.close()

    def search(self, query: Query, most: int = 20) -> Search:
        """Find at most ``most`` predictions, up to the clock's now.

        A query without a begin or end asks every day on which the feature was monitored, and every
        other one that has a log.
        """
        root, feature, now = self.root, self.feature, self.root.clock.now()
        listing = listed(root.lake, feature.name)
        days = asked_days(feature, query, now)
        # What was logged before the monitoring began (a reference) is found as well.
        days = sorted({*days, *(day for day in logged_days(listing) if _concerns(query, day))})
        files = day_files(root.lake, feature.name, days, listing)
        found = self._in_logs(files, query, most + 1)
        opened = OpenDays(None, (), now)
        if feature.source is None:
            opened = open_days(root, feature.name, files, days, now)
            if found and "id" in query.members:
                # Its table stands: what was written to that day since may be another's.
                opened = opened.of_days([day for day in opened.days if day not in files.logs])
        growing, damaged = found_in_segments(opened, feature.name, query)
        found = _once([*found, *growing])
        kept, doubts = quarantined(files, query)
        doubts += [
            Doubt(day, f"{n} lines or segments cannot be read") for day, n in damaged.items()
        ]
        doubts += _without_log(feature, files, days, opened)
        if not found:
            doubts += _incomplete(root, feature, files, days)
        return Search(
            feature=feature.name,
            predictions=tuple(found[:most]),
            more=len(found) > most,
            days=tuple(days),
            searched=len({*files.logs, *opened.days}),
            open_days=opened.days,
            as_of=now,
            quarantined=tuple(kept),
            doubts=tuple(sorted(doubts, key=lambda one: one.day or "")),
        )

    def batch_of(self, one: FoundPrediction) -> list[FoundPrediction]:
        """The predictions of the same request on that day, in the order in which they stand."""
        request = one.record["request_id"]
        if request is None or one.in_segment:
            return []
        files = day_files(self.root.lake, self.feature.name, [one.day])
        asked = Query({"request_id": (request,)})
        found = self._in_logs(files, asked, _MOST_OF_A_REQUEST)
        return sorted(found, key=lambda other: other.record["seq"] or 0)

    @cached_property
    def engine(self) -> duckdb.DuckDBPyConnection:
        """What reads the files of the lake."""
        return engine_on(self.root.lake)

    def _in_logs(self, files: DayFiles, query: Query, most: int) -> list[FoundPrediction]:
        days = days_to_read(files, query)
        return found_in_logs(self.engine, files, query, days, most) if days else []


def asked_days(feature: AiFeatureSpec, query: Query, now: datetime) -> list[str]:
    """The days that a query concerns, of those on which the feature was monitored so far."""
    first, last = feature.monitoring.start, now.date()
    if feature.monitoring.end is not None:
        last = min(last, feature.monitoring.end - timedelta(days=1))
    if query.begin is not None:
        first = max(first, query.begin.date())
    if query.end is not None:
        last = min(last, (query.end - _INSTANT).date())
    return [] if last < first else list(_between(first, last))


def _concerns(query: Query, day: str) -> bool:
    window = Window.of_day(day)
    begins = query.begin is None or query.begin < window.end
    return begins and (query.end is None or window.start < query.end)


def _between(first: date, last: date) -> Iterator[str]:
    yield from Window(Window.of_day(first).start, Window.of_day(last).end).days()


def _once(found: Sequence[FoundPrediction]) -> list[FoundPrediction]:
    """Each prediction once: a line of a segment may stand in its day's table already."""
    seen: set[tuple[Any, ...]] = set()
    kept = []
    for one in sorted(found, key=lambda one: one.time, reverse=True):
        key = (one.id, one.time, one.record["incarnation"], one.record["seq"])
        if key not in seen:
            seen.add(key)
            kept.append(one)
    return kept


def _without_log(
    feature: AiFeatureSpec, files: DayFiles, days: Sequence[str], opened: OpenDays
) -> Iterator[Doubt]:
    """The days that no table stands for, and whose segments are not there either."""
    here = opened.as_of.date().isoformat()
    for day in days:
        if day in files.logs or day in opened.days:
            continue
        if day == here and opened.segments is not None:
            continue  # the day is not over: nobody wrote of it so far
        mend = "nothing was imported" if feature.source else "materialise prediction_log"
        yield Doubt(day, f"no log; {mend}")


def _incomplete(
    root: Root, feature: AiFeatureSpec, files: DayFiles, days: Sequence[str]
) -> Iterator[Doubt]:
    """The days of which it is known that predictions are missing in the log."""
    if not days or feature.source is not None:
        return
    window = Window(Window.of_day(days[0]).start, Window.of_day(days[-1]).end)
    for one in root.ledger.verdicts(feature.name, window=window, items=[COMPLETE]):
        day = one.partition or one.window.start.date().isoformat()
        if one.verdict.status == "fail" and day in files.logs:
            yield Doubt(day, f"the log is not complete: {one.verdict.reason}")
