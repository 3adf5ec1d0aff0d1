"""The pairs' part of the drift report."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.effects import EffectHistory
from ai_ops.drift_monitoring.joint_comparison import PairReport, compare_pairs
from ai_ops.drift_monitoring.joint_profiling import daily_pairs, joint_reference
from ai_ops.drift_monitoring.joint_tallies import DayPairs
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Evidence
from ai_ops.vocabulary.windows import Window

REPORT: Final = "drift_report/pairs"


@dataclass(frozen=True)
class StoredPairs(Mapping[str, PairReport]):
    """The reports on pairs by day, each read when it is first asked for."""

    root: Root
    feature: str
    read: dict[str, tuple[PairReport, Evidence] | None] = field(default_factory=dict)

    def __getitem__(self, day: str) -> PairReport:
        """The day's report; KeyError when it was never made."""
        if day not in self.read:
            try:
                data, evidence = self.root.lake.read_json(report_path(self.root, self.feature, day))
                self.read[day] = PairReport.from_data(data), evidence
            except MissingEvidence:
                self.read[day] = None
        found = self.read[day]
        if found is None:
            raise KeyError(day)
        return found[0]

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


def report_path(root: Root, feature: str, day: str) -> str:
    """Where the report on a day's pairs lies."""
    return root.lake.path(feature, REPORT, day, "json")


def report_pairs(
    root: Root, feature: AiFeatureSpec, reference: Reference, days: Sequence[str]
) -> None:
    """Compare the pairs of the windows that end with these days, in order, and keep the reports."""
    joint = joint_reference(root, feature, reference)
    windows = {day: _window(feature, day) for day in sorted(days)}
    tallies: dict[str, DayPairs] = {}
    if joint.pairs:
        every = sorted({one for window in windows.values() for one in window})
        tallies = daily_pairs(root, feature, joint, every)
    reports = StoredPairs(root, feature.name)
    for day, window in windows.items():
        history = EffectHistory(day, feature.monitoring.start, reports)
        runs = history.runs(feature.drift, joint.key)
        report = compare_pairs(joint, [tallies.get(one) for one in window], runs, day)
        path = report_path(root, feature.name, day)
        reports.read[day] = report, root.lake.write_json(path, report.as_data())


def _window(feature: AiFeatureSpec, day: str) -> list[str]:
    days = Window.trailing(day, days=feature.drift.window_days).days()
    return [one for one in days if one >= feature.monitoring.start.isoformat()]
