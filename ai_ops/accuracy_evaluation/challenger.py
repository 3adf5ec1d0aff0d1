"""The challenger beside the champion: the same requests, first their answers, then the labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.accuracy_evaluation.challenger_labels import on_labels
from ai_ops.accuracy_evaluation.challenger_picture import draw_challenger
from ai_ops.accuracy_evaluation.challenger_records import ChallengerReport, ShadowDay
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.environments import beside
from ai_ops.storage.lake import Lake
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing, standing_of
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Evidence, Observed
from ai_ops.vocabulary.windows import Window

REPORT: Final = "challenger_report"
DAYS: Final = 28
"""How many days a report looks back."""

_END: Final = datetime.max.replace(tzinfo=UTC)
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Shadowing:
    """A version that was the challenger from ``begin`` until ``end``."""

    version: str
    begin: datetime
    end: datetime = _END


def compute_challenger_report(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """The challenger beside the champion on the requests of the day and of those before: how often
    it decides otherwise, by how much its scores differ, and once labels are there which of the two
    is better on the same rows."""
    apart, summaries = beside(root, "challenger").lake, {}
    for moment in sorted(moments, key=lambda one: one.partition):
        report = _report(root, apart, feature, moment)
        path = root.lake.path(feature.name, REPORT, moment.partition, "json")
        root.lake.write_json(path, msgspec.to_builtins(report))
        picture = draw_challenger(report) if report.version else None
        summaries[moment.partition] = Summary(_numbers(report), picture, files={"report": path})
    return summaries


def read_report(root: Root, feature: AiFeatureSpec, day: str) -> tuple[ChallengerReport, Evidence]:
    """A day's report and its evidence; ``MissingEvidence`` when it was not made."""
    data, read = root.lake.read_json(root.lake.path(feature.name, REPORT, day, "json"))
    return msgspec.convert(data, ChallengerReport), read


def shadowing_in(standing: Standing, window: Window) -> Shadowing | None:
    """The version that was the challenger last in a window, or None when none was.

    >>> shadowing_in(Standing(), Window.of_day("2021-03-04")) is None
    True
    """
    found: Shadowing | None = None
    placed = [one for one in standing.placements if one.environment == "challenger"]
    for place, one in enumerate(placed):
        end = placed[place + 1].at if place + 1 < len(placed) else _END
        if one.version is not None and one.at < window.end and end > window.start:
            # Set anew while it was the challenger, it goes on.
            same = found is not None and found.version == one.version and found.end == one.at
            begin = found.begin if same and found is not None else one.at
            found = Shadowing(one.version, begin, end)
    return found


def _report(root: Root, apart: Lake, feature: AiFeatureSpec, moment: Moment) -> ChallengerReport:
    standing = standing_of(root.ledger, feature.name, moment.as_of)
    champion = standing.live_at(moment.window.end - _INSTANT)
    shadowing = shadowing_in(standing, moment.window)
    if shadowing is None:
        return ChallengerReport(feature.name, moment.partition, champion)
    trailing = Window.trailing(moment.window.start.date(), days=DAYS)
    days = []
    for day in trailing.days():
        if Window.of_day(day).end > shadowing.begin:
            days.append(_day(root.lake, apart, feature, shadowing, day))
    since = Window(max(shadowing.begin, trailing.start), moment.window.end)
    compared = on_labels(root, apart, feature, shadowing.version, champion, since, moment)
    return ChallengerReport(
        feature=feature.name,
        day=moment.partition,
        champion=champion,
        version=shadowing.version,
        since=shadowing.begin.isoformat(),
        days=days,
        on_labels=None if isinstance(compared, str) else compared,
        no_labels=compared if isinstance(compared, str) else "",
    )


def _day(
    lake: Lake, apart: Lake, feature: AiFeatureSpec, shadowing: Shadowing, day: str
) -> ShadowDay:
    """One day's answers of both, row by row; a log that is not there is one without rows."""
    outputs = [f"output_{name}" for name in (feature.judged.score, feature.judged.decision) if name]
    own = _rows(lake, feature, day, outputs)
    between = pc.and_(
        pc.greater_equal(own["time"], pa.scalar(shadowing.begin, own["time"].type)),
        pc.less(own["time"], pa.scalar(shadowing.end, own["time"].type)),
    )
    asked = own.filter(
        pc.and_(
            pc.and_(between, pc.equal(own["status"], "ok")),
            pc.not_equal(own["model_version"], shadowing.version),
        )
    )
    told = _rows(apart, feature, day, outputs)
    told = told.filter(pc.equal(told["model_version"], shadowing.version))
    places = pc.index_in(asked["id"], told["id"])
    known = asked.filter(pc.is_valid(places))
    other = told.take(places.drop_null())
    ok = pc.equal(other["status"], "ok")
    known, other = known.filter(ok), other.filter(ok)
    failed = len(ok) - known.num_rows
    if not known.num_rows:
        return ShadowDay(day, asked.num_rows, 0, failed)
    score, *decision = outputs
    apart_by = pc.subtract(other[score], known[score])
    differing = pc.not_equal(other[decision[0]], known[decision[0]]) if decision else None
    return ShadowDay(
        day,
        asked.num_rows,
        known.num_rows,
        failed,
        other_decisions=None if differing is None else pc.mean(differing).as_py(),
        mean_difference=pc.mean(apart_by).as_py(),
        largest_difference=pc.max(pc.abs(apart_by)).as_py(),
    )


def _rows(lake: Lake, feature: AiFeatureSpec, day: str, outputs: Sequence[str]) -> pa.Table:
    columns = ["id", "time", "model_version", "status", *outputs]
    try:
        return lake.read_table(lake.path(feature.name, "prediction_log", day), columns)[0]
    except MissingEvidence:
        kinds = [pa.string(), pa.timestamp("us", "UTC"), pa.string(), pa.string()]
        kinds += [pa.float64(), pa.bool_()][: len(outputs)]
        return pa.schema(list(zip(columns, kinds, strict=True))).empty_table()


def _numbers(report: ChallengerReport) -> dict[str, Observed]:
    numbers: dict[str, Observed] = {"challenger": report.version, "champion": report.champion}
    today = next((one for one in report.days if one.day == report.day), None)
    if today is not None:
        numbers |= {
            "asked": today.asked,
            "answered": today.answered,
            "failed": today.failed,
            "missing": today.missing,
            "other_decisions": _rounded(today.other_decisions),
            "mean_difference": _rounded(today.mean_difference),
            "largest_difference": _rounded(today.largest_difference),
        }
    if report.on_labels is not None:
        numbers["labelled_rows"] = report.on_labels.rows
        for name, apart in report.on_labels.difference.items():
            numbers[f"{name}_difference"] = _rounded(apart.value)
    return numbers


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
