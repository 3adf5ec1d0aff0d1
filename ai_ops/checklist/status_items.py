"""The items of the status page: each as its list reads it, and where not green: since when."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.next_steps import next_step
from ai_ops.checklist.reading import Line, read_checklist, window_at
from ai_ops.checklist.status_records import ItemStatus
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident
from ai_ops.vocabulary.verdicts import RecordedVerdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Cadence


def items_of(
    root: Root,
    feature: AiFeatureSpec,
    cadence: Cadence,
    as_of: datetime,
    incidents: Sequence[Incident],
) -> Iterator[ItemStatus]:
    """The items of a list as they stand at a moment; ``incidents`` are those that are open."""
    window = window_at(cadence, as_of)
    for line in read_checklist(root, feature, cadence, window, as_of):
        item, verdict = line.item, line.verdict
        since = command = None
        if not verdict.passed:
            lists = root.ledger.history(feature.name, item.id, as_of=as_of)
            since = not_green_since(lists, line, window)
            command = next_step(feature, line, window, incidents)
        yield ItemStatus(
            id=item.id,
            title=item.title,
            cadence=cadence,
            domain=item.domain,
            owner=line.owner,
            status=verdict.status,
            reason=verdict.reason,
            since=since,
            days=round((as_of - since) / timedelta(days=1), 2) if since else None,
            command=command,
        )


def not_green_since(lists: Sequence[RecordedVerdict], line: Line, window: Window) -> datetime:
    """When an item that is not green now was last seen green on a list; of one that never was, the
    begin of its first list (of one without partitions: when that was judged)."""
    seen_green = [one.as_of for one in lists if one.verdict.passed]
    if seen_green:
        return max(seen_green)
    if line.item.cadence == "pre_launch":
        return min((one.as_of for one in lists), default=window.end)
    return min((one.window.start for one in lists), default=window.start)
