"""The cause of an alert: looked into when it is new and 1, 3 and 7 days old, else carried on.

Stored beside the drift report, with the rows that drove it; the checks attach it to what they
find. A quiet day costs nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.cause_evidence import Known, Looked, causes_of
from ai_ops.drift_monitoring.cause_look import Look, earlier
from ai_ops.drift_monitoring.history import REPORT
from ai_ops.drift_monitoring.judgement import History, judge_drift
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.drift_monitoring.sample_rows import keep_rows
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import AiOpsError, MissingEvidence
from ai_ops.vocabulary.verdicts import Evidence, Finding, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import DriftCause

CAUSE: Final = f"{REPORT}/cause"
LOOKED_AT: Final = (0, 1, 3, 7)
"""How old an alert on a column is, in days, when the log is looked into for why."""
TOLD: Final = 3
"""At most so many columns' causes stand in a verdict's reason; the findings tell all."""

Data = dict[str, Any]


def note_causes(
    root: Root, feature: AiFeatureSpec, reference: Reference, history: History
) -> Data | None:
    """Find out, and store, why the columns that alert on a day drifted; None where none does."""
    drifted = _alerting(feature, history)
    if not drifted:
        return None
    day = history.day
    before = _before(root, feature, history)
    known = {one["column"]: one for one in before["columns"]} if before else {}
    first = {name: known[name]["first"] if name in known else day for name in drifted}
    fresh = [name for name in drifted if _age(first[name], day) in LOOKED_AT]
    columns = {name: known[name] for name in drifted if name in known}
    rows = before["rows"] if before else None
    if fresh:
        look = Look(root, feature, reference, day, history.reports[day])
        others = {name: _known(one) for name, one in columns.items() if name not in fresh}
        for looked in causes_of(look, fresh, others):
            columns[looked.column] = _as_data(looked, first[looked.column], day)
        rows = _kept(look, drifted)
    told = [columns[name] for name in drifted if name in columns]
    kind = whole([one["cause"] for one in told])
    data = {"feature": feature.name, "day": day, "cause": kind, "columns": told, "rows": rows}
    root.lake.write_json(cause_path(root, feature, day), data)
    return data


def stored_cause(root: Root, feature: AiFeatureSpec, day: str) -> tuple[Data, Evidence]:
    """What was found out about the alert of a day; ``MissingEvidence`` when nobody looked."""
    data, evidence = root.lake.read_json(cause_path(root, feature, day))
    return data, evidence


def cause_path(root: Root, feature: AiFeatureSpec, day: str) -> str:
    """Where the causes of a day's alert lie."""
    return root.lake.path(feature.name, CAUSE, day, "json")


def with_causes(root: Root, feature: AiFeatureSpec, day: str, verdict: Verdict) -> Verdict:
    """A failing verdict on drift whose findings name their cause, and whose evidence the files
    that say so: the signs, and the rows that drove it."""
    if verdict.status != "fail":
        return verdict
    try:
        data, evidence = stored_cause(root, feature, day)
    except MissingEvidence:
        return verdict
    known = {one["column"]: one for one in data["columns"]}
    findings = tuple(_with_cause(finding, known) for finding in verdict.findings)
    own = [known[f.columns[0]] for f in findings if f.cause is not None]
    rows = data["rows"]
    files = [Evidence(rows["source"], rows["digest"])] if rows and rows.get("digest") else []
    reason = f"{verdict.reason}. {in_words(own)}" if own else verdict.reason
    return replace(verdict, reason=reason, findings=findings).with_evidence(evidence, *files)


def as_bad_data(verdict: Verdict) -> Verdict:
    """A verdict on the day's inputs: what is broken there is broken data."""
    findings = tuple(
        replace(one, cause="bad_data") if one.status == "fail" else one for one in verdict.findings
    )
    return replace(verdict, findings=findings)


def whole(causes: Sequence[DriftCause]) -> DriftCause:
    """The cause of an alert, by those of its columns: what broke is to be mended first.

    >>> whole(["genuine_shift", "bad_data"]), whole(["undecided", "genuine_shift"]), whole([])
    ('bad_data', 'genuine_shift', 'undecided')
    """
    ordered: tuple[DriftCause, ...] = ("bad_data", "genuine_shift")
    return next((kind for kind in ordered if kind in causes), "undecided")


def in_words(columns: Sequence[Mapping[str, Any]]) -> str:
    """The causes of columns in one sentence, broken data first.

    >>> in_words([{"column": "temp", "cause": "bad_data", "reason": "it is in Celsius"}])
    'Cause: bad data (temp: it is in Celsius)'
    >>> in_words([{"column": "temp", "cause": "undecided", "reason": "too little to tell"}])
    'Cause: undecided (temp: too little to tell)'
    """
    kind = whole([one["cause"] for one in columns])
    own = [one for one in columns if one["cause"] == kind]
    told = "; ".join(f"{one['column']}: {one['reason']}" for one in own[:TOLD])
    more = f"; and {len(own) - TOLD} more" if len(own) > TOLD else ""
    return f"Cause: {kind.replace('_', ' ')} ({told}{more})"


def _alerting(feature: AiFeatureSpec, history: History) -> list[str]:
    """The columns that a day's verdicts on drift fail of."""
    names: dict[str, None] = {}
    for role in ("input", "output"):
        verdict = judge_drift(history, feature.drift, role)  # type: ignore[arg-type]
        if verdict.status == "fail":
            names |= dict.fromkeys(f.columns[0] for f in verdict.findings if f.status == "fail")
    return list(names)


def _before(root: Root, feature: AiFeatureSpec, history: History) -> Data | None:
    """What was found out about the alert of the day before (or of the one before that: a day
    that was not beyond does not end what lasts)."""
    for back in range(1, feature.drift.n - feature.drift.k + 2):
        try:
            return stored_cause(root, feature, earlier(history.day, back))[0]
        except MissingEvidence:
            continue
    return None


def _kept(look: Look, drifted: Sequence[str]) -> Data:
    """The rows that drove it, kept in a file; why there is none, where they cannot be."""
    try:
        return keep_rows(look, drifted)
    except AiOpsError as error:
        return {"missing": str(error)}


def _as_data(looked: Looked, first: str, day: str) -> Data:
    return {
        "column": looked.column,
        "cause": looked.cause.kind,
        "reason": looked.cause.reason,
        "since": looked.since,
        "first": first,
        "looked": day,
        "signs": [sign.as_data() for sign in looked.cause.signs],
    }


def _known(told: Mapping[str, Any]) -> Known:
    gradual = any(
        sign["name"] == "onset" and sign["direction"] == "genuine_shift" for sign in told["signs"]
    )
    return Known(told["cause"], gradual)


def _with_cause(finding: Finding, known: Mapping[str, Mapping[str, Any]]) -> Finding:
    column = finding.columns[0] if finding.columns else ""
    if finding.status != "fail" or column not in known:
        return finding
    own = known[column]
    words = f"{finding.reason.rstrip()} Cause: {own['cause'].replace('_', ' ')}: {own['reason']}."
    begin = finding.begin
    if own["since"] is not None:
        seen = Window.of_day(own["since"]).start
        begin = min(begin, seen) if begin is not None else seen
    return replace(finding, cause=own["cause"], reason=words, begin=begin)


def _age(first: str, day: str) -> int:
    return (Window.of_day(day).start - Window.of_day(first).start).days
