"""The stored drift reports as the history that a judgement looks back on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.comparison import from_table
from ai_ops.drift_monitoring.judgement import History, Report
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Evidence

REPORT = "drift_report"


@dataclass(frozen=True)
class StoredReports(Mapping[str, Report]):
    """The reports of a feature by day, each read when it is first asked for.

    A judgement mostly needs a few days; only a long run of drift makes it look further back.
    """

    root: Root
    feature: str
    read: dict[str, tuple[Report, Evidence] | None] = field(default_factory=dict)

    def __getitem__(self, day: str) -> Report:
        """The day's report; KeyError when it was never made."""
        if day not in self.read:
            self.read[day] = self._read(day)
        found = self.read[day]
        if found is None:
            raise KeyError(day)
        return found[0]

    def put(self, day: str, report: Report, evidence: Evidence) -> None:
        """Hold a report that was just written, so that it is not read again."""
        self.read[day] = (report, evidence)

    def __iter__(self) -> Iterator[str]:
        """The days that were read and have a report."""
        return (day for day, found in self.read.items() if found is not None)

    def __len__(self) -> int:
        """How many days were read and have a report."""
        return sum(1 for _ in self)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What was read so far, in the order of the days."""
        return tuple(found[1] for _, found in sorted(self.read.items()) if found is not None)

    def _read(self, day: str) -> tuple[Report, Evidence] | None:
        try:
            path = self.root.lake.path(self.feature, REPORT, day)
            table, evidence = self.root.lake.read_table(path)
        except MissingEvidence:
            return None
        return from_table(table), evidence


def history_of(root: Root, feature: AiFeatureSpec, day: str) -> tuple[History, StoredReports]:
    """The reports up to a day, and the book that says which of them were read."""
    reports = StoredReports(root, feature.name)
    return History(day, feature.monitoring.start, reports), reports
