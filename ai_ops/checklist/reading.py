"""A checklist as it stands at a moment: one reading for the asset, its checks and the CLI."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.evidence import ChecklistEvidence, gather
from ai_ops.checklist.items import Item
from ai_ops.checklist.weekly import WEEKLY
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Cadence, Status

ITEMS: Mapping[Cadence, tuple[Item, ...]] = {"weekly": WEEKLY}


@dataclass(frozen=True, slots=True)
class Line:
    """One item as it was judged, with who answers for it and how old its evidence is."""

    item: Item
    owner: str
    verdict: Verdict
    age_days: float | None


def read_line(feature: AiFeatureSpec, item: Item, evidence: ChecklistEvidence) -> Line:
    """Judge one item."""
    if evidence.monitored_days(feature):
        verdict = item.judge(feature, evidence).with_evidence(*evidence.read_from(item.reads))
    else:
        first, end = feature.monitoring.start, feature.monitoring.end
        reason = f"{feature.name} is monitored from {first} to {end or 'now'}, not in this window"
        verdict = Verdict.lacking(reason, "operations", window=evidence.window)
    owner = feature.owner_of(item.domain).accountable
    return Line(item, owner, verdict, evidence.age_days(item.reads))


def read_checklist(
    root: Root, feature: AiFeatureSpec, cadence: Cadence, window: Window, as_of: datetime
) -> list[Line]:
    """Judge every item of a cadence from the ledger as it stood at ``as_of``."""
    if cadence not in ITEMS:
        known = ", ".join(ITEMS)
        raise BadInput(f"--cadence: there is no {cadence} checklist yet; there is: {known}")
    evidence = gather(root, feature, window, as_of)
    return [read_line(feature, item, evidence) for item in ITEMS[cadence]]


def last_whole_week(as_of: datetime) -> Window:
    """The Monday week that ended last before a moment.

    >>> from ai_ops.vocabulary.clock import utc
    >>> last_whole_week(utc("2021-03-10T09:00:00Z")).start.date().isoformat()
    '2021-03-01'
    """
    today = as_of.date()
    return Window.of_week(today - timedelta(days=today.weekday() + 7))


def compute_weekly_checklist(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """The four things to look at every week, each with its owner and its verdict.

    An item passes only on evidence: what was not judged this week is `no_evidence`, and names
    what is missing.
    """
    summaries = {}
    for moment in moments:
        lines = read_checklist(root, feature, "weekly", moment.window, moment.as_of)
        path = root.lake.path(feature.name, "weekly_checklist", moment.partition, "json")
        root.lake.write_json(path, as_data(feature, "weekly", moment.as_of, lines))
        summaries[moment.partition] = Summary(
            numbers={status: _count(lines, status) for status in ("pass", "fail", "no_evidence")},
            table=tuple(_row(line) for line in lines),
            files={"file": path},
        )
    return summaries


def as_data(
    feature: AiFeatureSpec, cadence: Cadence, as_of: datetime, lines: Sequence[Line]
) -> dict[str, Any]:
    """The checklist as JSON-ready data: the shape of ``ai-ops checklist --json``."""
    return {
        "feature": feature.name,
        "cadence": cadence,
        "as_of": as_of.isoformat(),
        "items": [
            {
                "id": line.item.id,
                "title": line.item.title,
                "domain": line.item.domain,
                "owner": line.owner,
                "status": line.verdict.status,
                "reason": line.verdict.reason,
                "observed": dict(line.verdict.observed),
                "evidence": [
                    {"source": e.source, "digest": e.digest} for e in line.verdict.evidence
                ],
                "age_days": line.age_days,
            }
            for line in lines
        ],
    }


def _count(lines: Sequence[Line], status: Status) -> int:
    return sum(line.verdict.status == status for line in lines)


def _row(line: Line) -> dict[str, str]:
    return {
        "item": line.item.title,
        "owner": line.owner,
        "status": line.verdict.status,
        "reason": line.verdict.reason,
    }
