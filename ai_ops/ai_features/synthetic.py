"""A calendar that was declared for rows without times: every verdict on them says so."""

from dataclasses import replace
from typing import Final

from ai_ops.ai_features.schema import AiFeatureSpec
from ai_ops.vocabulary.verdicts import Verdict

SYNTHETIC: Final = "(synthetic calendar)"


def dated(feature: AiFeatureSpec, verdict: Verdict) -> Verdict:
    """The verdict, with the mention of a synthetic calendar where the feature has one."""
    if feature.source is None or feature.source.calendar is None:
        return verdict
    told = SYNTHETIC in verdict.reason
    reason = verdict.reason if told else f"{verdict.reason} {SYNTHETIC}"
    observed = {**verdict.observed, "calendar": "synthetic"}
    return replace(verdict, reason=reason, observed=observed)
