"""A backfill's work: which partitions there are to judge, and their runs, in order.

The ledger tells what was judged, and a file in the lake what each day was judged from: a backfill
that was interrupted, or is asked for again, runs what is missing and what would be judged from
something else by now.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from typing import Any, Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.jobs import versions_job_name
from ai_ops.checklist.sensors import cadences_of
from ai_ops.cli.lead_in import read_before
from ai_ops.component import CHECKS
from ai_ops.orchestration.cadences import Books, Cadence, is_settled
from ai_ops.orchestration.partitions import judged_at, partitions_of, window_of
from ai_ops.orchestration.running import Runner, RunResult, failures_of
from ai_ops.prediction_logging.source_index import look_at_source
from ai_ops.storage.marks import marks_of
from ai_ops.storage.root import Root
from ai_ops.storage.tables import table_files
from ai_ops.vocabulary.errors import BadInput, MissingEvidence
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Rhythm

CHUNK: Final = 70
"""The most days of one run: what Dagster costs of a run is shared by them, and a run that was
interrupted is done again."""

INTERRUPTED: Final = "DagsterExecutionInterruptedError"
JUDGED_FROM: Final = "backfill"
"""The file that tells what each day was judged from."""

Step = Callable[[str, int, float], None]
"""Told of progress: the job, the partitions of the run, the share of it that is done."""


@dataclass
class Done:
    """What a backfill has run, by rhythm and job, and what failed on the way."""

    judged: dict[str, int] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass
class Backfill:
    """The partitions of some days of a feature, judged as their schedules would have."""

    root: Root
    feature: AiFeatureSpec
    first: date
    last: date
    done: Done = field(default_factory=Done)

    def __post_init__(self) -> None:
        check_days(self.root, self.feature, self.first, self.last)
        self.days = [key for key in self._keys("daily") if self._holds(key)]
        self._fingerprints = fingerprints(self.root, self.feature, self.days)

    @property
    def cadences(self) -> tuple[Cadence, ...]:
        """The feature's jobs with partitions, first what others read."""
        return cadences_of(self.feature, CHECKS)

    def pending(self, cadence: Cadence) -> list[str]:
        """The partitions of a cadence that are still to be judged, by the ledger as it is."""
        books = marks_of(self.root.ledger, self.feature.name)
        if cadence.rhythm == "daily":
            judged_from = self._judged_from()
            return [day for day in self.days if not self._stands(cadence, day, books, judged_from)]
        whole, partly = self._whole(cadence.rhythm, books)
        self.done.left_out += [key for key in partly if key not in self.done.left_out]
        return [key for key in whole if not is_settled(cadence, key, books)]

    def run(self, runner: Runner, step: Step) -> None:
        """Run what is pending; a run that fails is told, and the others go on."""
        for cadence in self.cadences:
            pending = self.pending(cadence)
            every = self.days if cadence.rhythm == "daily" else self._known_keys(cadence.rhythm)
            self.done.known[cadence.job] = len(every) - len(pending)
            self.done.judged[cadence.job] = 0
            if pending and cadence.rhythm == "daily":
                self._versions(runner, step)
            for keys in runs_of(pending, every):
                self._range(runner, cadence, keys, step)

    def total(self) -> int:
        """How many partitions there are to judge, as far as it can be known beforehand."""
        days = len(self.pending(self.cadences[0]))
        return days or sum(len(self.pending(cadence)) for cadence in self.cadences[1:])

    def _versions(self, runner: Runner, step: Step) -> None:
        # First of all what is normal: without it a day could not be judged.
        step(versions_job_name(self.feature), 0, 0.0)
        self._told(runner.run(versions_job_name(self.feature), raises=False))
        read_before(self.root, self.feature, self.first)

    def _range(self, runner: Runner, cadence: Cadence, keys: Sequence[str], step: Step) -> None:
        def on_share(share: float) -> None:
            step(cadence.job, len(keys), share)

        on_share(0.0)
        result = runner.run_range(cadence.job, keys[0], keys[-1], raises=False, on_share=on_share)
        if self._told(result):
            self.done.judged[cadence.job] += len(keys)
            if cadence.rhythm == "daily":
                self._keep({day: self._fingerprints[day] for day in keys})
        on_share(1.0)

    def _told(self, result: RunResult) -> bool:
        for name, error, words in failures_of(result):
            if error == INTERRUPTED:  # Dagster makes a failed step of Ctrl-C
                raise KeyboardInterrupt
            self.done.failures.append(f"{name}: {error}: {words}")
        return result.success

    def _stands(
        self, cadence: Cadence, day: str, books: Books, judged_from: Mapping[str, str]
    ) -> bool:
        """Whether a day was judged whole, and from nothing else than what lies there now."""
        if not is_settled(cadence, day, books):
            return False
        return judged_from.get(day, self._fingerprints[day]) == self._fingerprints[day]

    def _whole(self, rhythm: Rhythm, books: Books) -> tuple[list[str], list[str]]:
        """The weeks or months that end in these days and of which every monitored day is among
        them or was judged before; and those of which some were not."""
        daily = self.cadences[0]
        whole: list[str] = []
        partly: list[str] = []
        for key in self._known_keys(rhythm):
            days = [one for one in window_of(key, rhythm).days() if self._monitored(one)]
            judged = [one for one in days if one in self.days or is_settled(daily, one, books)]
            (whole if len(judged) == len(days) else partly).append(key)
        return whole, partly

    def _known_keys(self, rhythm: Rhythm) -> list[str]:
        """The weeks or months whose last monitored day is one of these and that can be judged."""
        now = self.root.clock.now()
        found = []
        for key in self._keys(rhythm):
            window = window_of(key, rhythm)
            days = [day for day in window.days() if self._monitored(day)]
            if days and days[-1] in self.days and judged_at(window, rhythm) <= now:
                found.append(key)
        return found

    def _keys(self, rhythm: Rhythm) -> list[str]:
        now = self.root.clock.now()
        return list(partitions_of(self.feature, rhythm).get_partition_keys(current_time=now))

    def _holds(self, day: str) -> bool:
        return self.first.isoformat() <= day <= self.last.isoformat()

    def _monitored(self, day: str) -> bool:
        first, end = self.feature.monitoring.start, self.feature.monitoring.end
        return first.isoformat() <= day and (end is None or day < end.isoformat())

    def _judged_from(self) -> dict[str, str]:
        try:
            found, _ = self.root.lake.read_json(self._file)
        except MissingEvidence:
            return {}
        return dict(found["days"])

    def _keep(self, days: Mapping[str, str]) -> None:
        self.root.lake.write_json(self._file, {"days": {**self._judged_from(), **days}})

    @property
    def _file(self) -> str:
        return self.root.lake.path(self.feature.name, JUDGED_FROM, None, "json")


def runs_of(keys: Sequence[str], among: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The keys as runs of neighbours among all, each at most ``CHUNK`` long.

    >>> list(runs_of(["a", "b", "d"], ["a", "b", "c", "d"]))
    [('a', 'b'), ('d',)]
    """
    place = {key: number for number, key in enumerate(among)}
    together: list[str] = []
    for key in keys:
        if together and (place[key] != place[together[-1]] + 1 or len(together) == CHUNK):
            yield tuple(together)
            together = []
        together.append(key)
    if together:
        yield tuple(together)


def check_days(root: Root, feature: AiFeatureSpec, first: date, last: date) -> None:
    """Refuse days outside the feature's monitoring, and days that cannot be judged yet."""
    start, end = feature.monitoring.start, feature.monitoring.end
    if first < start:
        raise BadInput(
            f"--from: {feature.name} is monitored from {start} on (found {first}); begin there, "
            "or mend monitoring.start"
        )
    if end is not None and last >= end:
        raise BadInput(
            f"--to: {feature.name} is monitored until {end - timedelta(days=1)} (found {last})"
        )
    at, now = judged_at(Window.of_day(last), "daily"), root.clock.now()
    if at > now:
        raise BadInput(
            f"--to: {last} is judged at {at:%Y-%m-%d %H:%M} UTC, and the clock of this root says "
            f"{now:%Y-%m-%d %H:%M}; end a day earlier"
        )


def fingerprints(root: Root, feature: AiFeatureSpec, days: Sequence[str]) -> dict[str, str]:
    """What each day would be judged from, as a digest: its rows, the labels, the YAML.

    ``MissingEvidence`` when there is nothing to backfill from. A log of one's own is told by the
    YAML alone: of lines that come late its own sensor knows.
    """
    if feature.source is None and not _has_log(root, feature):
        raise MissingEvidence(
            f"{feature.name}: there is nothing to backfill: no segment was written here and the "
            "YAML declares no `source`; name the files of the log that you have"
        )
    told = [feature.model_dump(mode="json"), _labels(root, feature)]
    shared = sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    if feature.source is None:
        return dict.fromkeys(days, shared)
    index, calendar = look_at_source(root, feature, days).index, feature.source.calendar
    digests = {day: f"{shared}{index.digest(day, calendar)}" for day in days}
    return {day: sha256(digest.encode()).hexdigest()[:32] for day, digest in digests.items()}


def _labels(root: Root, feature: AiFeatureSpec) -> list[list[Any]]:
    """The files of labels as they are now; what their absence means the checks say."""
    truth = feature.ground_truth
    if truth is None or not truth.labels:
        return []
    try:
        files = table_files(root, truth.labels, "ground_truth.labels")
    except MissingEvidence:
        return []
    return [[file.name, file.size, file.state] for file in files]


def _has_log(root: Root, feature: AiFeatureSpec) -> bool:
    if any((root.segments / feature.name).rglob("*.jsonl")):
        return True
    lake = root.lake
    return any(
        lake.listing(f"{lake.url}/{feature.name}/{asset}")
        for asset in ("landing", "prediction_log")
    )
