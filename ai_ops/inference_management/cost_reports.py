"""What a prediction costs week by week: the trend of a week, and its verdict."""

from collections.abc import Sequence
from dataclasses import asdict

import msgspec

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.cost_judgement import judge_trend
from ai_ops.inference_management.cost_picture import draw_trend
from ai_ops.inference_management.cost_trend import CostTrend
from ai_ops.inference_management.cost_weeks import Weeks
from ai_ops.inference_management.spike_evidence import write_spike_evidence
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Evidence, Verdict


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
        now = trend.weeks[-1] if trend.weeks else None
        priced = now is not None and now.answered > 0
        summaries[moment.partition] = Summary(
            {
                "answered": now.answered if now else 0,
                "currency": feature.costs.currency,
                "per_1000": round(now.per_1000, 6) if now and priced else None,
                "rise_total": round(trend.rise.total, 4) if trend.rise else None,
                "rise_bill": round(trend.rise.bill, 4) if trend.rise else None,
                "rise_work": round(trend.rise.work, 4) if trend.rise else None,
            },
            picture,
        )
    return summaries


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
