"""The weekly item on retraining: what is seen of the version in production is answered."""

import math
from collections.abc import Sequence
from datetime import date
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.applying import judged_of
from ai_ops.checklist.answers import LATE_BY, SEEN_BY, Answer, answer, evaluated_at, open_alerts
from ai_ops.checklist.combining import never_judged
from ai_ops.checklist.declared import trained_elsewhere
from ai_ops.checklist.drift_live import DRIFT_CHECKS
from ai_ops.checklist.environment import unlocked
from ai_ops.checklist.evidence import ChecklistEvidence
from ai_ops.checklist.neglect import neglected
from ai_ops.checklist.tries import Try, tries_of
from ai_ops.storage.standing import Standing
from ai_ops.vocabulary.alerts import Alert
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict

ASSET_OF: Final = {
    "input_drift": "drift_report",
    "output_drift": "drift_report",
    "joint_drift": "drift_report",
    "slice_drift": "drift_report",
    "accuracy": "evaluation_run",
}


def retraining_verified(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> Verdict:
    """Where retraining is automated: each accuracy gap, and each drift that a person found to be
    a genuine shift, was answered by a retraining that came to its gate, no run failed, and no
    model stays as it was for want of a decision."""
    seen = open_alerts(evidence)
    if not feature.trained_here:
        what = "they retrain it, or do not, and nothing here verifies that"
        return trained_elsewhere(feature, what, evidence.window, seen)
    if not feature.retraining.automated:
        return _not_automated(evidence, seen)
    tries = tries_of(evidence)
    answers = [answer(feature, evidence, tries, alert) for alert in seen]
    answers += _last_run(evidence.standing, tries)
    answers += [*_left_alone(feature, evidence), *_undecided(feature, evidence, tries)]
    answers += [*_stale(evidence.standing), *unlocked(feature, evidence.standing, tries)]
    answers += [Answer("no_evidence", words) for words in _unjudged(feature, evidence)]
    accuracy = [v.verdict.status for v in evidence.in_window("accuracy").values()]
    judged = sum(status in ("pass", "fail") for status in accuracy)
    left = neglected(feature, evidence)
    return _verdict(evidence, answers, tries, judged, left)


def _verdict(
    evidence: ChecklistEvidence,
    answers: Sequence[Answer],
    tries: Sequence[Try],
    judged: int,
    left: Sequence[Finding],
) -> Verdict:
    findings = [
        *left,
        *[_finding(evidence, one) for one in answers if one.status != "pass"],
    ]
    answers = [*answers, *[Answer("fail", one.reason) for one in left]]
    failing, missing, fine = (
        list(dict.fromkeys(one.words for one in answers if one.status == status))
        for status in ("fail", "no_evidence", "pass")
    )
    if not judged:
        missing.append("accuracy could be judged on no day of the window")
    observed: dict[str, Observed] = {
        "alerts": sum(one.alert is not None for one in answers),
        "days_judged": judged,
        "retrainings": len(tries),
        "last_retraining": tries[-1].retraining.id if tries else None,
        "last_outcome": tries[-1].outcome if tries else None,
    }
    cited = tries[-1].evidence if tries else ()
    if failing:
        verdict = Verdict.failing(
            "; ".join(failing), *findings, sample_size=judged, observed=observed
        )
    elif missing:
        more = f", and {len(missing) - 1} more" if len(missing) > 1 else ""
        verdict = Verdict.lacking(
            missing[0] + more, "operations", *findings, sample_size=judged, observed=observed
        )
    else:
        quiet = f"accuracy was judged on {plural(judged, 'day')}, no gap and no drift is open"
        fine = fine or [quiet, *([tries[-1].words] if tries else [])]
        verdict = Verdict.passing("; ".join(fine), sample_size=judged, observed=observed)
    return verdict.with_evidence(*cited)


def _last_run(standing: Standing, tries: Sequence[Try]) -> list[Answer]:
    """The last retraining, where it ended without a result that nobody has mended."""
    if not tries or tries[-1].outcome not in ("failed", "stalled", "unjudged"):
        return []
    last = tries[-1]
    mended = any(
        one.alert == "pipeline_failure"
        and one.item == "retraining"  # a silent writer's incident mends no retraining
        and one.state == "resolved"
        and one.opened_at >= last.retraining.at
        for one in standing.incidents
    )
    if mended:
        return []
    return [Answer("no_evidence" if last.outcome == "unjudged" else "fail", last.words)]


def _stale(standing: Standing) -> list[Answer]:
    """The incidents that more than one retraining came to nothing on: the model is stale."""
    return [
        Answer("fail", f"incident {incident.id} is {incident.severity}: {taken.words}")
        for incident in standing.open_incidents
        for taken in incident.taken
        if taken.step == "severity_raised"
    ]


def _left_alone(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> list[Answer]:
    """The incidents on the model that nobody concluded in time, whether their days are over or
    not: while one is open nothing can be promoted."""
    limit = feature.drift.review_within_days
    return [
        Answer("fail", f"incident {one.id} is concluded by nobody for {age:.0f} days: {one.reason}")
        for one in evidence.standing.incidents
        if one.alert in SEEN_BY.values() and one.state == "open"
        if (age := evidence.days_since(one.opened_at)) > limit
    ]


def _undecided(
    feature: AiFeatureSpec, evidence: ChecklistEvidence, tries: Sequence[Try]
) -> list[Answer]:
    """The version that the gate passed and nobody approved or rejected in time."""
    if not tries or tries[-1].outcome != "accepted":
        return []
    last, standing = tries[-1], evidence.standing
    age = evidence.days_since(evaluated_at(last))
    late = age > feature.retraining.wait_days + LATE_BY.days
    if not late or last.version in standing.approvals or last.version == standing.live:
        return []
    return [Answer("fail", f"{last.words} and waits for an approval for {age:.0f} days")]


def _unjudged(feature: AiFeatureSpec, evidence: ChecklistEvidence) -> list[str]:
    """The days on which nobody looked, and those since which accuracy could have been judged and
    was not: an alert that nobody can see does not stay away.

    A day whose labels came late is covered by the next one's judgement, of a whole trailing week.
    """
    days = evidence.monitored_days(feature)
    lacks = [
        never_judged(check, ASSET_OF[check], f" on {day}")
        for check in judged_of(tuple(SEEN_BY), feature)
        for day in days
        if day not in evidence.in_window(check)
    ]
    lacks += [one for check in judged_of(DRIFT_CHECKS, feature) for one in _blind(evidence, check)]
    for day, recorded in sorted(evidence.in_window("accuracy").items(), reverse=True):
        if recorded.verdict.status != "no_evidence":
            break
        if not _too_young(feature, evidence.standing, day):
            lacks.append(f"accuracy on {day}: {recorded.verdict.reason}")
    return lacks


def _blind(evidence: ChecklistEvidence, check: str) -> list[str]:
    """That a check found on no day of the window anything to judge by: it sees no drift at all."""
    known = evidence.in_window(check)
    if not known or any(one.verdict.status != "no_evidence" for one in known.values()):
        return []
    last = max(known)
    return [f"{check} on {last}: {known[last].verdict.reason}"]


def _too_young(feature: AiFeatureSpec, standing: Standing, day: str) -> bool:
    """Whether the version of a day had too few days with labels to be judged by."""
    needed = feature.gate.minimum_days + math.ceil(feature.ground_truth.mature_after_hours / 24)
    begins = [feature.monitoring.start, *[move.at.date() for move in standing.moves]]
    return any(0 <= (date.fromisoformat(day) - begin).days < needed for begin in begins)


def _finding(evidence: ChecklistEvidence, answer: Answer) -> Finding:
    alert = answer.alert
    if alert is None:
        return Finding("operations", answer.status, answer.words, window=evidence.window)
    return Finding(
        "operations",
        answer.status,
        answer.words,
        columns=alert.columns,
        begin=alert.raised_at,
        size=evidence.days_since(alert.raised_at),
    )


def _not_automated(evidence: ChecklistEvidence, seen: Sequence[Alert]) -> Verdict:
    reason = "retraining is not automated yet: nothing verifies that the model follows its world"
    missing = Finding("operations", "no_evidence", reason, window=evidence.window)
    stale = "has failed since {} and the model was not updated"
    answers = [
        Answer("no_evidence", f"{alert.item} {stale.format(alert.begin)}", alert) for alert in seen
    ]
    if seen:
        oldest = min(answers, key=lambda answer: answer.alert.begin if answer.alert else "")
        reason += f"; {oldest.words}"
    findings = [_finding(evidence, answer) for answer in answers]
    return Verdict.lacking(
        reason, "operations", missing, *findings, observed={"alerts_unanswered": len(seen)}
    )
