"""What a confirmed accuracy drop is answered with first: the live version on fresh labels.

An incident opens on what was logged and joined day by day. Before anybody acts on it, the newest
labelled predictions are read anew and the live version is asked again about each: whether the gap
is there then too is recorded with the incident.
"""

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from ai_ops.accuracy_evaluation.labelled_rows import newest_labelled
from ai_ops.accuracy_evaluation.version_judgement import VersionEvaluation, judge_version
from ai_ops.accuracy_evaluation.versions import evaluate_version
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.decisions import appended_all
from ai_ops.storage.in_force import gate_in_force
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident, Standing, standing_of
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.moments import Summary
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window

DAYS: Final = 7
STEP: Final = "evaluated_again"
MACHINE: Final = "ai_ops"

_TOLD: Final = {
    "fail": "the gap is confirmed",
    "pass": "the gap is not confirmed",
    "no_evidence": "whether the gap is there cannot be said",
}


def incident_to_sample(root: Root, feature: AiFeatureSpec) -> Incident | None:
    """The open accuracy incident for which no fresh sample was evaluated yet; None without one."""
    done = _sampled(root, feature)
    waiting = (
        one
        for one in standing_of(root.ledger, feature.name).open_incidents
        if "accuracy_drop" in one.alerts and one.state == "open" and one.id not in done
    )
    return next(waiting, None)


def fresh_window(feature: AiFeatureSpec, now: datetime) -> Window:
    """The days of the fresh sample: the week that ends with the newest day whose labels are due."""
    yesterday = (now - timedelta(days=1)).date().isoformat()
    return Window.trailing(newest_labelled(yesterday, feature.ground_truth), days=DAYS)


def sample_for_incident(
    root: Root, feature: AiFeatureSpec, incident: str, *, run_id: str | None = None
) -> Summary:
    """Evaluate the live version on a fresh labelled sample, and record with the incident whether
    the gap is confirmed.

    Raises ``BadInput`` for an incident that there is none of, ``MissingEvidence`` without labels.
    """
    known = standing_of(root.ledger, feature.name)
    if known.incident(incident) is None:
        there = ", ".join(one.id for one in known.incidents) or "none"
        raise BadInput(f"incident: no such incident: {incident}; there are: {there}")
    now, version = root.clock.now(), root.registry.require_champion(feature.name)
    data, summary = evaluate_version(root, feature, version, fresh_window(feature, now), now)
    evaluation = msgspec.convert(data, VersionEvaluation)
    gate = gate_in_force(root, feature, now).gate
    verdict = judge_version(evaluation, gate, feature.ground_truth, now)
    event = NewEvent("incident_step", feature.name, _said(incident, evaluation, verdict))

    def decide(standing: Standing) -> list[NewEvent]:
        return [] if incident in _sampled(root, feature) else [event]

    appended_all(root, feature, decide, run_id=run_id)
    numbers = {**summary.numbers, "incident": incident, "gap": _TOLD[verdict.status]}
    return Summary(numbers, summary.picture, files=summary.files, table=summary.table)


def _said(incident: str, evaluation: VersionEvaluation, verdict: Verdict) -> dict[str, Any]:
    rows = evaluation.measured
    return {
        "incident": incident,
        "step": STEP,
        "by": MACHINE,
        "confirmed": {"fail": True, "pass": False}.get(verdict.status),
        "reason": (
            f"version {evaluation.version} was asked again about {rows.rows} labelled predictions "
            f"from {rows.first_day} to {rows.last_day}: {_TOLD[verdict.status]}: {verdict.reason}"
        ),
        "version": evaluation.version,
        "rows": rows.rows,
        "dataset_digest": evaluation.dataset_digest,
        "mlflow_run": evaluation.mlflow_run,
    }


def _sampled(root: Root, feature: AiFeatureSpec) -> frozenset[str]:
    """The incidents for which a fresh sample was evaluated since each was last opened."""
    known = standing_of(root.ledger, feature.name).incidents
    return frozenset(
        one.id
        for one in known
        for taken in one.taken
        if taken.step == STEP and taken.at >= max((one.opened_at, *one.reopened))
    )
