"""The audit of a month's log: the asset's file, and what is judged of it."""

from collections.abc import Sequence
from itertools import groupby

import msgspec

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.audit import NAMES, LogAudit, judge_audit
from ai_ops.prediction_logging.audit_reading import audit_of
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Observed, Verdict
from ai_ops.vocabulary.words import Status

ASSET = "log_audit"
COMPLETENESS = ("log_written", "log_complete")
"""The checks by which a day's log is judged complete."""

UNPROVABLE = "completeness is unprovable: nobody counted while this log of others was written"


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
        found = audit_of(root, feature, moment)
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
