"""What an incident of drift shows to whoever concludes it: the cause, its evidence, the sample."""

from typing import Any, Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.causing import stored_cause
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident
from ai_ops.vocabulary.errors import MissingEvidence

AGAINST: Final = {"genuine_shift": "bad_data", "bad_data": "genuine_shift"}
"""What a person concludes, and what the signs say when they say the opposite."""


def evidence_of(root: Root, feature: AiFeatureSpec, incident: Incident) -> dict[str, Any]:
    """The signs of each column, and how to look at the rows that drove it; empty where an incident
    has neither."""
    if incident.sample is None and incident.cause is None:
        return {}
    day = _day(incident)
    shown: dict[str, Any] = {"evidence": []}
    try:
        data, _ = stored_cause(root, feature, day)
        shown["evidence"] = data["columns"]
    except MissingEvidence as missing:
        shown["evidence_missing"] = str(missing)
    if incident.sample is not None:
        shown["look"] = f"ai-ops drift rows {feature.name} {day}"
    return shown


def evidence_lines(shown: dict[str, Any]) -> list[str]:
    """The evidence for a person: a line for each column, and one for each sign of it.

    >>> sign = {"name": "units", "direction": "bad_data", "strength": 0.95, "words": "Celsius"}
    >>> told = {"column": "temp", "cause": "bad_data", "reason": "Celsius", "signs": [sign]}
    >>> evidence_lines({"evidence": [told]})
    ['temp: bad data', '  bad data 0.95: Celsius (units)']
    """
    lines = []
    for column in shown.get("evidence", ()):
        lines.append(f"{column['column']}: {column['cause'].replace('_', ' ')}")
        for sign in column["signs"]:
            side = sign["direction"].replace("_", " ")
            told = f"{side} {sign['strength']:g}" if sign["strength"] else side
            lines.append(f"  {told}: {sign['words']} ({sign['name']})")
    return lines


def contradiction(incident: Incident) -> str | None:
    """That a conclusion is the opposite of what the signs say, in words; None when it is not."""
    if incident.conclusion is None or incident.cause is None:
        return None
    if AGAINST.get(incident.conclusion) != incident.cause:
        return None
    return (
        f"the signs say otherwise: {incident.cause.replace('_', ' ')}; what was concluded stands: "
        f"{incident.conclusion.replace('_', ' ')}"
    )


def _day(incident: Incident) -> str:
    if incident.sample is None:
        return incident.begin
    return incident.sample.rpartition("/")[2].removesuffix(".parquet")
