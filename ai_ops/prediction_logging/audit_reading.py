"""A month's log, read for its audit: held against user actions and against what was written."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.audit import AuditError, LogAudit, Looked, Part
from ai_ops.prediction_logging.audit_raw import WrittenLines
from ai_ops.prediction_logging.audit_rows import (
    COMPARED,
    beside_actions,
    differing,
    misbuilt,
    structure_of,
)
from ai_ops.prediction_logging.audit_sampling import drawn, seed_of, shares
from ai_ops.prediction_logging.audit_source import SourceRows
from ai_ops.prediction_logging.day_metadata import LOG
from ai_ops.prediction_logging.schema_evolution import NO_ANSWER, VersionInputs
from ai_ops.prediction_logging.sources import USER_ACTIONS
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Evidence
from ai_ops.vocabulary.windows import Window

NO_WITNESS = (
    "no user_actions are declared: nothing that the log had no part in bears witness to it, so "
    "that only structure and fields could be looked at"
)


def audit_of(root: Root, feature: AiFeatureSpec, moment: Moment) -> LogAudit:
    """What a spot check of a month's log finds."""
    return _Audit(root, feature, moment).found()


class _Audit:
    """One month, read day by day: of two days at most the records are held."""

    def __init__(self, root: Root, feature: AiFeatureSpec, moment: Moment) -> None:
        self._root, self._feature, self._moment = root, feature, moment
        self._inputs = VersionInputs(root, feature)
        self._seed = seed_of(feature.name, moment.partition)
        self._errors: list[AuditError] = []
        self._read: list[Evidence] = []
        self._forms: Counter[str] = Counter()
        self._unknown: set[str] = set()

    def found(self) -> LogAudit:
        """All of it."""
        days = _monitored(self._feature, self._moment.window)
        logged = {day: size for day in days if (size := self._size(LOG, day)) is not None}
        acted = {day: size for day in days if (size := self._size(USER_ACTIONS, day))}
        # Where there is no table at all, its lack is told: what it should hold was not looked for.
        sought = {day: size for day, size in acted.items() if day in logged}
        actions = shares(sought)
        records = shares(logged)
        with _written(self._root, self._feature, list(logged)) as written:
            earlier = self._log(next(Window.trailing(days[0], days=2).days())) if days else None
            for day in days:
                today = self._log(day)
                if actions.get(day):
                    self._beside(day, actions[day], today, earlier)
                if today is not None:
                    self._look_at(day, today, records[day], written)
                earlier = today.select(COMPARED) if today is not None else None
        read_again = sum(self._forms.values())
        return LogAudit(
            feature=self._feature.name,
            month=self._moment.partition,
            as_of=self._moment.as_of,
            seed=self._seed,
            days=len(days),
            actions=self._looked("actions", sum(actions.values()), sum(sought.values())),
            records=self._looked("records", read_again, sum(logged.values())),
            structure=self._looked("structure", sum(logged.values()), sum(logged.values())),
            read_from=dict(self._forms),
            errors=self._errors,
            without_log=[day for day in days if day not in logged],
            without_actions=[day for day in days if day not in acted],
            no_witness="" if self._feature.user_actions else NO_WITNESS,
            unknown_versions=sorted(self._unknown),
            read=self._read,
        )

    def _looked(self, part: Part, sample: int, population: int) -> Looked:
        """What came of a part; of one record several things can be wrong."""
        wrong = {(error.day, error.id) for error in self._errors if error.part == part}
        return Looked(sample, population, min(len(wrong), sample))

    def _beside(self, day: str, n: int, today: pa.Table | None, earlier: pa.Table | None) -> None:
        acted = self._table(USER_ACTIONS, day)
        if acted is None:
            return
        places = drawn(self._seed, "actions", day, acted.num_rows, n)
        sample = acted.take(pa.array(places))
        self._errors += beside_actions(sample, today, earlier, Window.of_day(day))

    def _look_at(
        self, day: str, table: pa.Table, n: int, written: WrittenLines | SourceRows
    ) -> None:
        window = Window.of_day(day)
        versions = set(pc.unique(table["model_version"]).drop_null().to_pylist())
        columns = self._inputs.columns(versions)
        unknown = {v: why for v, why in columns.unknown.items() if v in versions}
        self._unknown |= {version for version, why in unknown.items() if why == NO_ANSWER}
        unregistered = [version for version, why in unknown.items() if why != NO_ANSWER]
        self._errors += structure_of(table, self._feature.name, window, unregistered)
        places = drawn(self._seed, "records", day, table.num_rows, n)
        rows = table.take(pa.array(places))
        again = written.again(day, rows, columns)
        self._forms.update(again.forms)
        for place, words in again.wrong.items():
            self._errors.append(_wrong(day, rows.slice(place, 1), words))
        same = rows.take(pa.array(again.places, pa.int64()))
        for place, names in zip(again.places, differing(same, again.table), strict=True):
            if names:
                words = f"{', '.join(names)} not as written"
                self._errors.append(_wrong(day, rows.slice(place, 1), words, names))

    def _log(self, day: str) -> pa.Table | None:
        """A day's log; None as well for a table that is not built as one."""
        table = self._table(LOG, day)
        if table is not None and (columns := misbuilt(table)):
            what = "the day's table lacks a column, or has it in another type"
            self._errors.append(AuditError("structure", day, None, what, columns))
            return None
        return table

    def _size(self, asset: str, day: str) -> int | None:
        table = self._table(asset, day, [])
        return table.num_rows if table is not None else None

    def _table(self, asset: str, day: str, columns: list[str] | None = None) -> pa.Table | None:
        path = self._root.lake.path(self._feature.name, asset, day)
        try:
            table, evidence = self._root.lake.read_table(path, columns)
        except MissingEvidence:
            return None
        if evidence not in self._read:
            self._read.append(evidence)
        return table


def _wrong(day: str, row: pa.Table, what: str, columns: tuple[str, ...] = ()) -> AuditError:
    [said] = row.select(COMPARED).to_pylist()
    return AuditError("records", day, said["id"], what, columns, said["call_site"], said["tenant"])


@contextmanager
def _written(
    root: Root, feature: AiFeatureSpec, days: Sequence[str]
) -> Iterator[WrittenLines | SourceRows]:
    """What the log of these days was made from."""
    if feature.source is None:
        yield WrittenLines.of(root, feature.name, days)
        return
    with closing(SourceRows(root, feature, days)) as rows:
        yield rows


def _monitored(feature: AiFeatureSpec, window: Window) -> list[str]:
    first, end = feature.monitoring.start.isoformat(), feature.monitoring.end
    days = [day for day in window.days() if day >= first]
    return [day for day in days if end is None or day < end.isoformat()]
