"""The cadence of retraining: what the registry, the labels and the ledger say of it, and whether
what the feature's file declares is near that."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from ai_ops.accuracy_evaluation.aging import FOLLOWED
from ai_ops.accuracy_evaluation.cadence import Advice, advise, spells_of
from ai_ops.accuracy_evaluation.cadence_picture import draw_cadence
from ai_ops.accuracy_evaluation.models import JudgedModels
from ai_ops.accuracy_evaluation.staleness import ASSET, measure_month, read_months
from ai_ops.accuracy_evaluation.staleness_records import AgedMonth
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.parts import Retraining
from ai_ops.storage.answered import is_about
from ai_ops.storage.in_force import gate_in_force
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops.storage.standing_records import Standing
from ai_ops.vocabulary.alerts import Alert, alerts_of, column_alerts_of, holds
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Evidence, Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

ALERTING: Final = ("accuracy", "input_drift", "output_drift", "joint_drift", "slice_drift")
"""The items whose alerts a retraining may answer."""

LEAST_DAYS: Final = 7
FAR: Final = 3
"""A declared wait is far from the advice when it is so many times as long, or as short."""


@dataclass(frozen=True)
class Cadence:
    """The advice as of a moment, and the months that it was drawn from."""

    advice: Advice
    months: list[AgedMonth]
    read: list[Evidence]


def compute_retraining_cadence(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> Mapping[str, Summary]:
    """How often this model is worth retraining: every version asked again on the month's labelled
    predictions, all from after what it learnt from (its staleness curve), the loss per month of
    age, and how quickly alerts fire after a promotion. From weekly to months, with its reason."""
    models = JudgedModels(root, feature)
    summaries = {}
    for moment in sorted(moments, key=lambda one: one.partition):
        month = measure_month(root, feature, models, moment)
        path = root.lake.path(feature.name, ASSET, moment.partition, "json")
        root.lake.write_json(path, msgspec.to_builtins(month))
        found = cadence_of(root, feature, moment)
        summaries[moment.partition] = Summary(
            numbers={**numbers_of(found.advice), "reason": found.advice.reason},
            picture=draw_cadence(feature.name, found.months, found.advice),
            files={"month": path},
            table=tuple(_rows(found.months)),
        )
    return summaries


def cadence_of(root: Root, feature: AiFeatureSpec, moment: Moment) -> Cadence:
    """What the months up to the moment's own, and the ledger as of it, advise."""
    months, read = read_months(root, feature, moment)
    standing = standing_of(root.ledger, feature.name, moment.as_of)
    moves = [(move.version, move.at) for move in standing.moves]
    alerts, judged = _alerts(root, feature, standing, moment)
    spells = spells_of(moves, alerts, judged, moment.as_of)
    gate = gate_in_force(root, feature, moment.as_of).gate
    least = max(LEAST_DAYS, feature.retraining.holdout_days)
    return Cadence(advise(months, spells, gate, least_days=least), months, read)


def judge_cadence_advised(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """The wait between retrainings that the feature's file declares is near what its own versions
    and alerts advise. Too little history to advise anything is no evidence, and says what is
    missing."""
    found = cadence_of(root, feature, moment)
    verdict = judge_cadence(found.advice, feature.retraining, moment.window)
    return verdict.with_evidence(*found.read)


def judge_cadence(advice: Advice, declared: Retraining, window: Window) -> Verdict:
    """The declared wait beside the advice."""
    observed = {**numbers_of(advice), "declared_days": declared.wait_days}
    if advice.days is None:
        return Verdict.lacking(
            advice.reason, "accuracy", window=window, sample_size=advice.rows, observed=observed
        )
    wait = f"retraining.wait_days: {declared.wait_days}"
    if not declared.automated:
        return Verdict.passing(
            f"nothing retrains by itself (retraining.automated: false); {advice.reason}",
            sample_size=advice.rows,
            observed=observed,
        )
    times = declared.wait_days / advice.days
    if 1 / FAR <= times <= FAR:
        return Verdict.passing(
            f"{wait} is near what is advised; {advice.reason}",
            sample_size=advice.rows,
            observed=observed,
        )
    word = "longer" if times > 1 else "shorter"
    reason = (
        f"{wait} is {max(times, 1 / times):.1f} times {word} than the {advice.days:.0f} days that "
        f"are advised; {advice.reason}"
    )
    finding = Finding("operations", "fail", reason, window=window, size=round(times, 2))
    return Verdict.failing(reason, finding, sample_size=advice.rows, observed=observed)


def numbers_of(advice: Advice) -> dict[str, Observed]:
    """The advice in numbers; the names of losses are those of their metrics."""
    numbers: dict[str, Observed] = {
        "advised_days": None if advice.days is None else round(advice.days, 1),
        "rhythm": advice.rhythm or "none",
        "oldest_age_months": round(advice.oldest, 2),
        "versions_in_production": len(advice.spells),
        "versions_with_alert": advice.alerts,
        "judged_days": advice.at_risk,
        "days_per_alert": None if advice.spacing is None else round(advice.spacing, 1),
        "missing": "; ".join(advice.missing),
    }
    for loss in advice.losses:
        name, lost = loss.words.replace(" ", "_").lower(), loss.per_month
        numbers[f"{name}_lost_per_month"] = round(lost.value, 5)
        numbers[f"{name}_lost_per_month_low"] = None if lost.low is None else round(lost.low, 5)
        numbers[f"{name}_lost_per_month_high"] = None if lost.high is None else round(lost.high, 5)
        numbers[f"{name}_months"] = lost.days  # of an estimate over months, each left out once
    return numbers


def _alerts(
    root: Root, feature: AiFeatureSpec, standing: Standing, moment: Moment
) -> tuple[list[Alert], set[datetime]]:
    """The alerts by the ledger, without those that a person found to be none of the model's, and
    the ends of the days that were judged."""
    none = [one for one in standing.incidents if one.conclusion in ("bad_data", "false_alarm")]
    found, judged = [], set()
    for item in ALERTING:
        history = root.ledger.verdicts(feature.name, as_of=moment.as_of, items=(item,))
        by_day = {one.partition or "": one for one in history if one.window.end <= moment.as_of}
        columns = column_alerts_of(item, by_day)
        for alert in alerts_of(item, by_day):
            runs = [one for one in columns if holds(alert, one)]
            if not all(any(is_about(run, one) for one in none) for run in runs):
                found.append(alert)
        judged |= {
            one.window.end for one in by_day.values() if one.verdict.status in ("pass", "fail")
        }
    return found, judged


def _rows(months: Sequence[AgedMonth]) -> Iterator[dict[str, Observed]]:
    """Every version on every month, the headline metrics with them."""
    for month in months:
        for one in month.answered:
            row: dict[str, Observed] = {
                "month": month.month,
                "version": one.version,
                "age in months": round(one.age, 1),
                "rows": one.rows,
            }
            for lost in FOLLOWED[month.kind]:
                if lost.metric in one.metrics:
                    row[lost.words] = round(one.metrics[lost.metric].value, 4)
            yield row
