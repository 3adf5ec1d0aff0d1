"""A month's log, audited: read, held against user actions and against what was written."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.audit import NAMES, AuditError, LogAudit, Looked, Part, judge_audit
from ai_ops.prediction_logging.audit_raw import Again, read_again, records_of, segments_of
from ai_ops.prediction_logging.audit_rows import (
    COMPARED,
    beside_actions,
    differing,
    misbuilt,
    structure_of,
)
from ai_ops.prediction_logging.audit_sampling import drawn, seed_of, shares
from ai_ops.prediction_logging.compaction import LOG
from ai_ops.prediction_logging.log_table import log_table
from ai_ops.prediction_logging.schema_evolution import NO_ANSWER, VersionInputs
from ai_ops.prediction_logging.segments import Segments
from ai_ops.prediction_logging.sources import USER_ACTIONS
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Evidence, Observed, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Status

ASSET = "log_audit"
COMPLETENESS = ("log_written", "log_complete")
"""The checks by which a day's log is judged complete."""

UNPROVABLE = "completeness is unprovable: nobody counted while this log of others was written"
NO_WITNESS = (
    "no user_actions are declared: nothing that the log had no part in bears witness to it, so "
    "that only structure and fields could be looked at"
)


def compute_log_audit(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """A spot check of the month's log, by samples that feature and month draw, the same ones every
    time: known user actions, each of which must have its prediction; records, each read again
    from what was written and compared field by field; and the structure of every record.

    The file names the ids of what is wrong, for whoever goes after it.
    """
    summaries = {}
    for moment in moments:
        found = _Audit(root, feature, moment).found()
        path = root.lake.path(feature.name, ASSET, moment.partition, "json")
        root.lake.write_json(path, msgspec.to_builtins(found))
        summaries[moment.partition] = Summary(
            _numbers(found), files={"audit": path}, table=_shown(found)
        )
    return summaries


def judge_log_audit(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """The month's log was audited and nothing is wrong with it: known user actions have their
    predictions, records say what was written, all are built as they must be, and the log was
    judged complete on every day.

    Of a sample it tells how large it was and what share of errors that leaves possible. Without
    user actions nobody knows what the log lacks, and it is no evidence.
    """
    path = root.lake.path(feature.name, ASSET, moment.partition, "json")
    data, evidence = root.lake.read_json(path)
    found = msgspec.convert(data, LogAudit)
    if found.as_of > moment.as_of:
        raise MissingEvidence(
            f"the log of {found.month} was audited as of {found.as_of:%Y-%m-%d %H:%M}, which "
            f"{moment.as_of:%Y-%m-%d %H:%M} did not know; materialise it as of then"
        )
    allowed = feature.user_actions.missing_share if feature.user_actions else 0.0
    complete = {} if feature.source else _completeness(root, feature, moment)
    unprovable = UNPROVABLE if feature.source else ""
    verdict = judge_audit(found, complete, unprovable, allowed, moment.window)
    return verdict.with_evidence(evidence)


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
        actions = shares({day: size for day, size in acted.items() if day in logged})
        records = shares(logged)
        segments = None
        if not self._feature.source:
            segments = segments_of(self._root, self._feature.name, list(logged))
        earlier = self._log(next(Window.trailing(days[0], days=2).days())) if days else None
        for day in days:
            today = self._log(day)
            if actions.get(day):
                self._beside(day, actions[day], today, earlier)
            if today is not None:
                self._look_at(day, today, records[day], segments)
            earlier = today.select(COMPARED) if today is not None else None
        read_again = sum(self._forms.values())
        return LogAudit(
            feature=self._feature.name,
            month=self._moment.partition,
            as_of=self._moment.as_of,
            seed=self._seed,
            days=len(days),
            actions=self._looked("actions", sum(actions.values()), sum(acted.values())),
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

    def _look_at(self, day: str, table: pa.Table, n: int, segments: Segments | None) -> None:
        window = Window.of_day(day)
        versions = set(pc.unique(table["model_version"]).drop_null().to_pylist())
        columns = self._inputs.columns(versions)
        unknown = {v: why for v, why in columns.unknown.items() if v in versions}
        self._unknown |= {version for version, why in unknown.items() if why == NO_ANSWER}
        unregistered = [version for version, why in unknown.items() if why != NO_ANSWER]
        self._errors += structure_of(table, self._feature.name, window, unregistered)
        places = drawn(self._seed, "records", day, table.num_rows, n)
        rows = table.take(pa.array(places))
        again = read_again(rows, segments, day)
        kept = [place for place, one in enumerate(again) if one is not None and one.record]
        typed, _ = log_table(columns, records_of(again))
        self._forms.update(one.form for one in again if one is not None)
        self._errors += _unlike(day, rows, again)
        differences = differing(rows.take(pa.array(kept, pa.int64())), typed)
        for place, names in zip(kept, differences, strict=True):
            if names:
                self._errors.append(_differs(day, rows.slice(place, 1), names))

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


def _unlike(day: str, rows: pa.Table, again: Sequence[Again | None]) -> list[AuditError]:
    """The records whose line is damaged or not where it must be."""
    ids = rows["id"].to_pylist()
    return [
        AuditError("records", day, id, one.wrong)
        for id, one in zip(ids, again, strict=True)
        if one is not None and one.wrong
    ]


def _differs(day: str, row: pa.Table, names: tuple[str, ...]) -> AuditError:
    [said] = row.select(COMPARED).to_pylist()
    what = f"{', '.join(names)} not as written"
    return AuditError("records", day, said["id"], what, names, said["call_site"], said["tenant"])


def _monitored(feature: AiFeatureSpec, window: Window) -> list[str]:
    first, end = feature.monitoring.start.isoformat(), feature.monitoring.end
    days = [day for day in window.days() if day >= first]
    return [day for day in days if end is None or day < end.isoformat()]


def _completeness(root: Root, feature: AiFeatureSpec, moment: Moment) -> dict[str, Status]:
    """The worst verdict on each day's completeness, of the days on which all checks judged it."""
    verdicts = root.ledger.verdicts(
        feature.name, window=moment.window, as_of=moment.as_of, items=COMPLETENESS
    )
    by_day: dict[str, list[Status]] = {}
    for one in verdicts:
        if one.partition is not None:
            by_day.setdefault(one.partition, []).append(one.verdict.status)
    worst: dict[str, Status] = {}
    order: tuple[Status, ...] = ("fail", "no_evidence", "waived", "pass")
    for day, statuses in by_day.items():
        if "fail" in statuses or len(statuses) == len(COMPLETENESS):
            worst[day] = min(statuses, key=order.index)
    return worst


def _numbers(found: LogAudit) -> dict[str, Observed]:
    numbers: dict[str, Observed] = {"seed": found.seed, "days": found.days}
    for part, looked in found.looked().items():
        numbers |= {part: looked.sample, f"{part}_wrong": looked.wrong}
    return numbers


def _shown(found: LogAudit) -> tuple[dict[str, Observed], ...]:
    """What was looked at, then every sort of error with its count: never an id."""
    rows: list[dict[str, Observed]] = [
        {
            "what": NAMES[part],
            "looked at": looked.sample,
            "of": looked.population,
            "wrong": looked.wrong,
            "wrong of all, at most": _percent(looked.at_most),
        }
        for part, looked in found.looked().items()
    ]
    sorts = sorted((error.part, error.what) for error in found.errors)
    for (part, what), group in groupby(sorts):
        rows.append({"what": f"{NAMES[part]}: {what}", "wrong": len(list(group))})
    return tuple(rows)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2g} %"
