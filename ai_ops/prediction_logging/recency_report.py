"""What a day's log is compared with to see whether it is still written: counts, and other weeks."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.compaction import LOG
from ai_ops.prediction_logging.completeness_report import read_completeness
from ai_ops.prediction_logging.day_part import EDGE_SECONDS
from ai_ops.prediction_logging.recency import WEEKS, Busy, Counted, Hours, Traffic, judge_recency
from ai_ops.prediction_logging.sources import MISSING, USER_ACTIONS
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Evidence, Verdict
from ai_ops.vocabulary.windows import Window

FEW_HOURS: Final = 3
"""An existing log with no more hours a day than these is one of days, not of hours."""


def judge_log_recent(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """The log was being written on this day, up to its end.

    Hours without a record are compared with what the witness counted (or with what users did), and
    with the same hours of the four weeks before: logging that stopped is told apart from traffic
    that did, and neither from a night that is always quiet.
    """
    log, evidence = _times(root, feature, moment.partition)
    replay = root.clock.mode == "replay"  # its requests all stand at the very begin of their hour
    logged = _by_hour(log["time"], edge=timedelta(seconds=0 if replay else EDGE_SECONDS))
    day = moment.window.start
    before: datetime | None = None
    usual: Sequence[Hours] = ()
    read = [evidence]
    counted, told = _counted(root, feature, moment)
    if len(logged) < 24:
        before = _last_of(root, feature, day - timedelta(days=1))
    if len(logged) < 24 or counted is None:
        usual, earlier = _usual(root, feature, day)
        read += earlier
    if feature.source is not None and logged:
        usual = _at_its_hour(logged, usual)
    source = feature.logging.witness or feature.user_actions
    allowed = source.missing_share if source else 0.0
    traffic = Traffic(logged, before, counted, usual, allowed)
    return judge_recency(traffic, moment.window, moment.as_of).with_evidence(*read, *told)


def _by_hour(times: pa.ChunkedArray, edge: timedelta) -> Mapping[int, Busy]:
    """The records of each hour; those within ``edge`` of its begin and end counted apart."""
    hours = pc.hour(times)
    seconds = pc.add(pc.multiply(pc.minute(times), 60), pc.second(times))
    near = edge.total_seconds()
    table = pa.table(
        {
            "hour": hours,
            "time": times,
            "early": pc.cast(pc.less(seconds, near), pa.int64()),
            "late": pc.cast(pc.greater_equal(seconds, 3600 - near), pa.int64()),
        }
    )
    told = table.group_by("hour").aggregate(
        [("time", "count"), ("time", "max"), ("early", "sum"), ("late", "sum")]
    )
    return {
        row["hour"]: Busy(row["time_count"], row["time_max"], row["early_sum"], row["late_sum"])
        for row in told.to_pylist()
    }


def _usual(
    root: Root, feature: AiFeatureSpec, day: datetime
) -> tuple[Sequence[Hours], list[Evidence]]:
    """The hours of the same day in the weeks before, as far as there is a log of them."""
    found, read = [], []
    for week in range(1, WEEKS + 1):
        try:
            log, evidence = _times(root, feature, _key(day - timedelta(weeks=week)))
        except MissingEvidence:
            continue
        hours = pc.value_counts(pc.hour(log["time"])).to_pylist()
        found.append({hour["values"]: hour["counts"] for hour in hours})
        read.append(evidence)
    return found, read


def _at_its_hour(logged: Mapping[int, Busy], usual: Sequence[Hours]) -> Sequence[Hours]:
    """What is usual, at the hour of this day's rows where times tell little more than the day.

    Times at midnight, somewhere, or those of a nightly run: an hour that moved, as it does when
    summer time begins, is no silence.
    """
    if max(map(len, (logged, *usual))) > FEW_HOURS:
        return usual
    return [{min(logged): sum(hours.values())} for hours in usual]


def _last_of(root: Root, feature: AiFeatureSpec, day: datetime) -> datetime | None:
    try:
        log, _ = _times(root, feature, _key(day))
    except MissingEvidence:
        return None
    last: datetime | None = pc.max(log["time"]).as_py()
    return last


def _counted(
    root: Root, feature: AiFeatureSpec, moment: Moment
) -> tuple[Counted | None, list[Evidence]]:
    """What was counted besides the log: by the witness, else the user actions it does not hold."""
    by_witness, read = _by_witness(root, feature, moment)
    if by_witness is not None:
        return by_witness, read
    by_users, told = _by_users(root, feature, moment)
    return by_users, [*read, *told]


def _by_witness(
    root: Root, feature: AiFeatureSpec, moment: Moment
) -> tuple[Counted | None, list[Evidence]]:
    """The hours of a witness that can be read and saw anything on that day."""
    if feature.logging.witness is None:
        return None, []
    known, evidence = read_completeness(root, feature.name, moment)
    hours = [
        (datetime.fromisoformat(f"{hour}:00:00+00:00"), count)
        for counts in known.witness.served.values()
        for hour, count in counts.items()
    ]
    at = [(hour, count) for hour, count in hours if moment.window.holds(hour)]
    total = sum(count for _, count in at)
    if known.witness.missing or not total:
        return None, [evidence]
    return Counted("the witness", "requests that were served", at, total), [evidence]


def _by_users(
    root: Root, feature: AiFeatureSpec, moment: Moment
) -> tuple[Counted | None, list[Evidence]]:
    """The user actions without a prediction, of that day or of the one before."""
    try:
        actions, evidence = root.lake.read_table(
            root.lake.path(feature.name, USER_ACTIONS, moment.partition)
        )
    except MissingEvidence:
        return None, []
    metadata: dict[bytes, bytes] = actions.schema.metadata or {}
    if metadata.get(MISSING) or not actions.num_rows:
        return None, [evidence]
    logged = [_ids(root, feature, moment.partition)]
    with suppress(MissingEvidence):  # then its predictions are none that could answer
        logged.append(_ids(root, feature, _key(moment.window.start - timedelta(days=1))))
    known = pc.is_in(actions["id"], value_set=pa.concat_arrays(logged))
    at = [(time, 1) for time in actions.filter(pc.invert(known))["time"].to_pylist()]
    what = "user actions without a prediction"
    return Counted("what users did", what, at, actions.num_rows), [evidence]


def _times(root: Root, feature: AiFeatureSpec, day: str) -> tuple[pa.Table, Evidence]:
    return root.lake.read_table(root.lake.path(feature.name, LOG, day), ["time"])


def _ids(root: Root, feature: AiFeatureSpec, day: str) -> pa.Array:
    log, _ = root.lake.read_table(root.lake.path(feature.name, LOG, day), ["id"])
    return log["id"].combine_chunks()


def _key(day: datetime) -> str:
    return next(Window.of_day(day.date()).days())
