"""What the assets of the checklists compute: each list as a file, and as a table in the UI."""

from collections.abc import Sequence
from datetime import datetime

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.items import LIST_OF
from ai_ops.checklist.reading import Line, as_data, read_checklist, window_at
from ai_ops.checklist.status import status_of
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Cadence, Status


def compute_pre_launch_checklist(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Summary:
    """The six things that are in place before a launch, none of them optional, as they stand now.

    A launch is refused while one of them neither passes nor is waived: by its owner, with a
    reason, until a day, signed.
    """
    window = window_at("pre_launch", as_of)
    return _summary(root, feature, "pre_launch", None, window, as_of)


def compute_weekly_checklist(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """The four things to look at every week, each with its owner and its verdict.

    An item passes only on evidence: what was not judged this week is `no_evidence`, and names
    what is missing.
    """
    return {
        m.partition: _summary(root, feature, "weekly", m.partition, m.window, m.as_of)
        for m in moments
    }


def compute_monthly_checklist(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """The four things to look at every month, each with its owner and its verdict.

    They cost more than a look at a page: labels that were kept apart, an audit of the log. What
    nobody did is `no_evidence`, and names the asset that would bring it.
    """
    return {
        m.partition: _summary(root, feature, "monthly", m.partition, m.window, m.as_of)
        for m in moments
    }


def _summary(
    root: Root,
    feature: AiFeatureSpec,
    cadence: Cadence,
    partition: str | None,
    window: Window,
    as_of: datetime,
) -> Summary:
    lines = read_checklist(root, feature, cadence, window, as_of)
    path = root.lake.path(feature.name, LIST_OF[cadence], partition, "json")
    root.lake.write_json(path, as_data(feature, cadence, as_of, lines))
    statuses: tuple[Status, ...] = ("pass", "waived", "fail", "no_evidence")
    return Summary(
        numbers={
            **{status: _count(lines, status) for status in statuses},
            **_told_now(root, feature, as_of),
        },
        table=tuple(_row(line) for line in lines),
        files={"file": path},
    )


def _told_now(root: Root, feature: AiFeatureSpec, as_of: datetime) -> dict[str, str]:
    """What ``ai-ops status`` says, beside a list that is judged as of today; a list of long ago
    says nothing of today."""
    if as_of.date() != root.clock.now().date():
        return {}
    status = status_of(root, feature)
    return {status.question: status.answer}


def _count(lines: Sequence[Line], status: Status) -> int:
    return sum(line.verdict.status == status for line in lines)


def _row(line: Line) -> dict[str, str]:
    return {
        "item": line.item.title,
        "owner": line.owner,
        "status": line.verdict.status,
        "reason": line.verdict.reason,
        "signed_off": line.signed_off.by if line.signed_off else "–",
        "overdue": line.overdue.words if line.overdue else "–",
    }
