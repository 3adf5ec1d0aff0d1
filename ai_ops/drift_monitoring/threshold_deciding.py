"""What a person signs about thresholds: the newest proposal, or factors of their own, tested."""

from collections.abc import Mapping
from typing import Any, Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.threshold_days import ThresholdDays, threshold_days
from ai_ops.drift_monitoring.thresholds import newest_month
from ai_ops.storage.root import Root
from ai_ops.storage.threshold_proposals import ASSET, proposal_path
from ai_ops.vocabulary.errors import BadInput, MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window

SET: Final = "set"
"""The field with factors of a person's own, as ``temp=1.4,fee=1`` or a mapping."""


def decision_of(
    root: Root,
    feature: AiFeatureSpec,
    given: Mapping[str, Any],
    days: ThresholdDays | None = None,
) -> dict[str, Any]:
    """The content of a decision on thresholds: what was proposed for a month (by default the
    newest), or with ``set`` that and the factors of one's own; tested on what is known now, or on
    the ``days`` that were read already."""
    content = {name: value for name, value in given.items() if value is not None and name != SET}
    month = str(content.get("month") or newest_month(root, feature.name) or "")
    if not month:
        raise MissingEvidence(f"{feature.name}: nothing was proposed yet: materialise {ASSET}")
    proposal, evidence = root.lake.read_json(proposal_path(root, feature.name, month))
    days = days or days_of(root, feature, month)
    before, after = days.in_force, dict(proposal["proposed"])
    if content.get("decision") == "keep":
        if given.get(SET):
            raise BadInput("--set: what is kept is not set; approve it instead")
        after = before
    elif given.get(SET):
        after |= factors_in(given[SET])
    after = {name: factor for name, factor in after.items() if factor != 1.0}
    return {
        "decision": "approve",
        "month": month,
        "proposal": evidence.digest,
        "reference": proposal["reference"]["digest"],
        "version": proposal["reference"]["version"],
        "before": before,
        "after": after,
        "back_test": days.test(after).words,
    } | content


def days_of(root: Root, feature: AiFeatureSpec, month: str) -> ThresholdDays:
    """The days that thresholds of a month are held against, with what is known by now."""
    return threshold_days(root, feature, Moment(month, Window.of_month(month), root.clock.now()))


def factors_in(said: Any) -> dict[str, float]:
    """The factors that a person named.

    >>> factors_in("temp=1.4,fee=1")
    {'temp': 1.4, 'fee': 1.0}
    """
    if isinstance(said, Mapping):
        return {str(name): float(factor) for name, factor in said.items()}
    factors = {}
    for part in str(said).split(","):
        name, _, value = part.partition("=")
        try:
            factors[name.strip()] = float(value)
        except ValueError:
            raise BadInput(f"--set: write column=factor, as temp=1.4 (found {part!r})") from None
    return factors
