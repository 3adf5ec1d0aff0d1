"""The thresholds of drift, held against a month: what is proposed, and whether a person looked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.allowances import threshold_changes
from ai_ops.drift_monitoring.back_test import BackTest, KnownAlert
from ai_ops.drift_monitoring.proposing import Proposed, propose, proposed_factors
from ai_ops.drift_monitoring.references import load_reference
from ai_ops.drift_monitoring.threshold_days import ThresholdDays, threshold_days
from ai_ops.drift_monitoring.threshold_review import Reviewable, judge_reviewed
from ai_ops.drift_monitoring.usage import Usage, age_of, usage_changes, usage_of
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops.storage.threshold_proposals import ASSET, proposal_path
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Observed, Verdict

SHOWN: Final = 60


@dataclass(frozen=True)
class Proposal:
    """What is proposed for a month: the ``factors`` that would be in force, the words for each
    column, what the back-test of them says, and what else is a reason to look."""

    days: ThresholdDays
    proposed: tuple[Proposed, ...]
    tested: BackTest
    usage: Usage | None
    looks: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Whether anything is proposed to change."""
        return dict(self.tested.factors) != self.days.in_force


def compute_drift_thresholds(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> Mapping[str, Summary]:
    """What ought to change about the thresholds of drift, by what people found of the month's
    alerts: a factor on those of a column whose alerts were none, shown as a back-test over the
    stored reports. Nothing that would miss a confirmed incident is ever proposed.

    Nothing changes by this: a person approves it or keeps the thresholds, signed.
    """
    summaries = {}
    for moment in sorted(moments, key=lambda one: one.partition):
        try:
            made = proposal_of(root, feature, moment)
        except MissingEvidence as missing:
            summaries[moment.partition] = Summary(numbers={"proposed": f"nothing: {missing}"})
            continue
        path = proposal_path(root, feature.name, moment.partition)
        root.lake.write_json(path, as_data(feature, moment, made))
        summaries[moment.partition] = _summary(feature, moment, made, path)
    return summaries


def proposal_of(root: Root, feature: AiFeatureSpec, moment: Moment) -> Proposal:
    """What a month's alerts propose; ``MissingEvidence`` when it has no drift report."""
    days = threshold_days(root, feature, moment)
    known = (*days.confirmed_before, *days.known)
    proposed = propose(days.reports, days.rule, known, days.in_force)
    tested = days.test(proposed_factors(days.in_force, proposed))
    nothing = ("false_alarm", "harmless")
    if tested.missed or any(one.fate not in nothing for one in tested.vanished):
        # What would hide an alert that is none of nothing is not proposed, whatever it is for.
        proposed = tuple(
            Proposed(one.column, None, f"{one.reason}; it would hide another alert")
            for one in proposed
        )
        tested = days.test(days.in_force)
    usage = usage_of(root, feature, _month(days, moment))
    looks = tuple(_looks(root, feature, moment, days, usage))
    return Proposal(days, proposed, tested, usage, looks)


def judge_drift_thresholds(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """A person looked at the thresholds of drift within the month and kept or changed them, signed,
    on a proposal that was tested on the stored reports. The month of the launch is the first.

    Where nothing was proposed, or no report is there to hold thresholds against, it is no
    evidence.
    """
    data, evidence = root.lake.read_json(proposal_path(root, feature.name, moment.partition))
    if datetime.fromisoformat(data["as_of"]) > moment.as_of:
        raise MissingEvidence(
            f"the proposal of {moment.partition[:7]} was made as of {data['as_of']}, which "
            f"{moment.as_of:%Y-%m-%d %H:%M} did not know; materialise {ASSET} as of then"
        )
    changes, void = threshold_changes(root, feature)
    launched = standing_of(root.ledger, feature.name, moment.as_of).launched
    known = Reviewable(
        data,
        tuple(one for one in changes if one.at <= moment.as_of),
        tuple(one.words for one in void),
        launched.at if launched else None,
    )
    return judge_reviewed(feature, known, moment).with_evidence(evidence)


def as_data(feature: AiFeatureSpec, moment: Moment, made: Proposal) -> dict[str, Any]:
    """The proposal as JSON-ready data: what lies in the lake, and whose digest is signed."""
    days = made.days
    return {
        "feature": feature.name,
        "month": moment.partition,
        "as_of": moment.as_of.isoformat(),
        "reference": {"version": days.version, "digest": days.reference},
        "days": {
            "first": days.days[0],
            "last": days.days[-1],
            "judged": len(days.days),
            "of_another_reference": days.others,
        },
        "in_force": days.in_force,
        "lapsed": days.lapsed,
        "proposed": dict(made.tested.factors),
        "changes": made.changes,
        "columns": [asdict(one) for one in made.proposed],
        "back_test": back_test_as_data(made.tested),
        "usage": made.usage.as_data() if made.usage else None,
        "looks": list(made.looks),
    }


def back_test_as_data(tested: BackTest) -> dict[str, Any]:
    """A back-test as JSON-ready data."""
    return {
        "words": tested.words,
        "vanished": [_alert(one) for one in tested.vanished],
        "remaining": [_alert(one) for one in tested.remaining],
        "appeared": [asdict(one) for one in tested.appeared],
        "missed": list(tested.missed),
        "later": dict(tested.later),
    }


def newest_month(root: Root, feature: str) -> str | None:
    """The month that was proposed for last, or None."""
    found = root.lake.glob(f"{feature}/{ASSET}/*.json")
    return max((path.rsplit("/", 1)[-1].removesuffix(".json") for path in found), default=None)


def _alert(known: KnownAlert) -> dict[str, Any]:
    return {**asdict(known.alert), "fate": known.fate, "by": known.by, "incident": known.incident}


def _month(days: ThresholdDays, moment: Moment) -> list[str]:
    first = moment.window.start.date().isoformat()
    return [day for day in days.days if day >= first]


def _looks(
    root: Root, feature: AiFeatureSpec, moment: Moment, days: ThresholdDays, usage: Usage | None
) -> Iterator[str]:
    """What is a reason to look at the thresholds besides the alerts, in words."""
    before = _usage_before(root, feature, moment, days)
    if before is not None and usage is not None:
        yield from usage_changes(before[1], usage, before[0][:7])
    calendar = load_reference(root, feature, days.version).calendar
    if old := age_of(calendar[-1] if calendar else None, moment.window.end.date()):
        yield old
    if days.lapsed:
        factors = ", ".join(f"{name} × {factor:g}" for name, factor in sorted(days.lapsed.items()))
        yield (
            f"{factors} was signed against another reference than that of version {days.version}: "
            "its columns have their own thresholds again"
        )


def _usage_before(
    root: Root, feature: AiFeatureSpec, moment: Moment, days: ThresholdDays
) -> tuple[str, Usage] | None:
    """The use in the month that was reviewed last, or else in the first that was proposed for."""
    if days.changes:
        month = days.changes[-1].month
    else:
        found = root.lake.glob(f"{feature.name}/{ASSET}/*.json")
        month = min((path.rsplit("/", 1)[-1].removesuffix(".json") for path in found), default="")
    if not month or month >= moment.partition:
        return None
    try:
        data, _ = root.lake.read_json(proposal_path(root, feature.name, month))
    except MissingEvidence:
        return None
    return (month, Usage.from_data(data["usage"])) if data["usage"] else None


def _summary(feature: AiFeatureSpec, moment: Moment, made: Proposal, path: str) -> Summary:
    # matplotlib takes long to import, and most processes that load this file never draw.
    from ai_ops.drift_monitoring.threshold_picture import draw_thresholds

    tested = made.tested
    numbers: dict[str, Observed] = {
        "back_test": tested.words if made.changes else "nothing is proposed to change",
        "alerts": len(made.days.known),
        "vanish": len(tested.vanished),
        "remain": len(tested.remaining),
        "confirmed_missed": len(tested.missed),
        "days": len(made.days.days),
        "reasons_to_look": "; ".join(made.looks) or "none",
    }
    title = f"{feature.name}, {moment.partition[:7]}: {numbers['back_test']}"
    return Summary(
        numbers=numbers,
        picture=draw_thresholds(title, tested),
        files={"proposal": path},
        table=tuple(_rows(made))[:SHOWN],
    )


def _rows(made: Proposal) -> Iterator[dict[str, Observed]]:
    """The columns that something is said of, then every alert with what becomes of it."""
    for one in made.proposed:
        factor = made.days.in_force.get(one.column, 1.0)
        new = one.factor if one.factor is not None else factor
        yield {"column": one.column, "factor": f"{factor:g} → {new:g}", "what": one.reason}
    for word, known in (("vanishes", made.tested.vanished), ("remains", made.tested.remaining)):
        for alert in known:
            own = alert.alert
            days = f"{own.begin} … {own.last}"
            yield {"column": own.column, "alert": days, "found": alert.fate, "what": word}
