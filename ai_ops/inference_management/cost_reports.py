"""What a prediction costs week by week: the trend of a week, and its verdict."""

from collections.abc import Sequence
from dataclasses import asdict

import msgspec

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.cost_judgement import judge_trend
from ai_ops.inference_management.cost_picture import draw_trend
from ai_ops.inference_management.cost_trend import CostTrend, Rise
from ai_ops.inference_management.cost_weeks import Weeks
from ai_ops.inference_management.costs import NANO
from ai_ops.inference_management.spike_evidence import write_spike_evidence
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Evidence, Observed, Verdict


def compute_cost_trend(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """Cost per 1,000 predictions of the week beside the weeks before: what traffic explains of a
    rise, what it does not, and which call site, tenant or mode drives that."""
    summaries = {}
    weeks = Weeks(root.lake, feature)
    for moment in moments:
        trend, read = weeks.trend(moment.partition)
        data = msgspec.to_builtins(trend) | {"read": [asdict(evidence) for evidence in read]}
        path = root.lake.path(feature.name, "cost_trend", moment.partition, "json")
        root.lake.write_json(path, data)
        if judge_trend(trend, feature.costs).status == "fail":
            write_spike_evidence(root, feature, moment)
        picture = draw_trend(feature.name, trend) if moment is moments[-1] else None
        numbers = _numbers(trend, feature.costs.currency)
        summaries[moment.partition] = Summary(numbers, picture, table=factor_rows(trend.rise))
    return summaries


def factor_rows(rise: Rise | None) -> tuple[dict[str, Observed], ...]:
    """What each factor has of the change since the week before, in the currency: what is paid for
    the week and for 1,000 answers, and the machines' time for 1,000 answers at their rent."""
    return tuple(
        {
            "factor": share.factor,
            "paid": share.paid_nano / NANO,
            "paid_per_1000": share.paid_per_1000_nano / NANO,
            "machine_time_per_1000": share.work_per_1000_nano / NANO,
        }
        for share in (rise.shares if rise else ())
    )


def _numbers(trend: CostTrend, currency: str) -> dict[str, Observed]:
    now, rise = trend.weeks[-1] if trend.weeks else None, trend.rise
    causes = {"bill": rise and rise.bill_cause, "work": rise and rise.work_cause}
    return {
        "answered": now.answered if now else 0,
        "currency": currency,
        "per_1000": round(now.per_1000, 6) if now and now.answered else None,
        **{
            f"rise_{part}": round(getattr(rise, part), 4) if rise else None
            for part in ("total", "traffic", "bill", "work")
        },
        **{f"{part}_cause": cause.factor if cause else None for part, cause in causes.items()},
    }


def judge_cost_trend(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """The cost per 1,000 predictions did not rise by more than traffic explains, neither on the
    week before nor little by little over several weeks."""
    trend, evidence = _stored(root, feature, moment)
    return judge_trend(trend, feature.costs).with_evidence(evidence)


def stored_trend(root: Root, feature: AiFeatureSpec, moment: Moment) -> CostTrend:
    """The trend as it was stored; ``MissingEvidence`` where it was never made."""
    return _stored(root, feature, moment)[0]


def _stored(root: Root, feature: AiFeatureSpec, moment: Moment) -> tuple[CostTrend, Evidence]:
    path = root.lake.path(feature.name, "cost_trend", moment.partition, "json")
    data, evidence = root.lake.read_json(path)
    return msgspec.convert({k: v for k, v in data.items() if k != "read"}, CostTrend), evidence
