"""Stored drift reports of some days by how far each column was, and people who answer them."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from ai_ops.drift_monitoring.cells import Role
from ai_ops.drift_monitoring.comparison import ColumnDrift, as_table
from ai_ops.drift_monitoring.history import REPORT
from ai_ops.drift_monitoring.references import reference_path
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.deciding import FEATURE, SCIENTIST, decided, happened, root_in

MARCH: Final = Window.of_month("2021-03-01")
DAYS: Final = tuple(MARCH.days())
MORNING: Final = MARCH.end + timedelta(hours=9)
MOMENT: Final = Moment("2021-03-01", MARCH, MORNING)
APRIL: Final = Window.of_month("2021-04-01")
IN_MAY: Final = Moment("2021-04-01", APRIL, APRIL.end + timedelta(hours=9))
DIGEST: Final = "the-first-table"
RULE: Final = FEATURE.drift

Far = Mapping[str, Sequence[float]]
"""Column → how many thresholds far it was, day by day."""


def column(name: str, ratio: float, digest: str = DIGEST, role: Role = "input") -> ColumnDrift:
    """One column of a report."""
    return ColumnDrift(
        column=name,
        role=role,
        kind="number",
        psi=ratio / 10,
        threshold=0.1,
        basis="spread",
        ratio=ratio,
        beyond_since=None,
        season=0.05,
        n_current=7000,
        n_reference=90000,
        missing=False,
        null_share=0.0,
        null_share_reference=0.0,
        outside_share=0.0,
        unseen_share=0.0,
        unseen_categories=0,
        mean=None,
        mean_reference=None,
        days_with_rows=7,
        days_needed=7,
        latest_rows=1000,
        reference_version="1",
        reference_digest=digest,
    )


def reports_of(far: Far, days: Sequence[str] = DAYS, digest: str = DIGEST) -> dict[str, Any]:
    """The reports of these days; a column stays where its last number puts it. One output is
    always well."""
    return {
        day: (
            *(
                column(name, ratios[min(n, len(ratios) - 1)], digest)
                for name, ratios in far.items()
            ),
            column("probability", 0.4, digest, "output"),
        )
        for n, day in enumerate(days)
    }


def quiet_but(ratio: float, *days: int) -> list[float]:
    """A month well within its threshold, but for some days of it (from 1)."""
    return [ratio if n in days else 0.5 for n in range(1, len(DAYS) + 1)]


def store(root: Root, reports: Mapping[str, Any], digest: str = DIGEST) -> None:
    """Write the reports, and a reference that ended the day before the first."""
    for day, report in reports.items():
        root.lake.write_table(root.lake.path(FEATURE.name, REPORT, day), as_table(report))
    last = (date.fromisoformat(min(reports)) - timedelta(days=1)).isoformat()
    reference = {
        "version": "1",
        "digest": digest,
        "calendar": [last, last],
        "columns": [],
    }
    root.lake.write_json(reference_path(root, FEATURE, "1"), reference)


def installed(folder: Path, far: Far) -> Root:
    """A root with March's reports; its feature was launched the month before, which it still is by
    its clock."""
    root = root_in(folder, Window.of_day("2021-02-01").start)
    happened(root, "launch", version="1", previous=None, metrics={}, by="devops@example.com")
    store(root, reports_of(far))
    return root


def answered(
    root: Root,
    day: str,
    conclusion: str,
    item: str = "input_drift",
    *,
    columns: Sequence[str] = (),
    over: bool = True,
) -> str:
    """An incident of drift that opened on a day, about all of its check or ``columns`` of it, and
    was concluded, signed, the next; and resolved, unless it is not ``over``."""
    id = f"drift-{day}"
    root.begin_replay(Window.of_day(day).end + timedelta(hours=7))
    happened(
        root,
        "incident_opened",
        incident=id,
        alert="drift",
        item=item,
        begin=day,
        reason="it moved",
        version="1",
        severity="warning",
        columns=list(columns),
    )
    root.begin_replay(Window.of_day(day).end + timedelta(days=1))
    decided(
        root, "incident_concluded", SCIENTIST, incident=id, conclusion=conclusion, note="looked"
    )
    if over:
        decided(root, "incident_resolved", SCIENTIST, incident=id, note="over")
    return id
