"""What is done at once when drift becomes an incident: a sample is pulled, a retraining is paused.

What drift monitoring found is read from the verdict: its findings name the cause, its evidence the
file with the rows that drove it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.retrainings import is_automated, running
from ai_ops.storage.standing import Standing
from ai_ops.vocabulary.verdicts import Evidence, Finding, RecordedVerdict

PULLED: Final = "sample_pulled"
TOLD: Final = "cause_told"
PAUSED: Final = "retraining_paused"
SAMPLES: Final = "/drift_report/rows/"
"""Where the rows that drove an alert lie, below the feature's folder."""
_ORDER: Final = ("bad_data", "genuine_shift", "undecided")


def first_steps(
    feature: AiFeatureSpec,
    standing: Standing,
    opening: Iterable[tuple[str, str, str]],
    verdicts: Sequence[RecordedVerdict],
    as_of: datetime,
) -> list[dict[str, Any]]:
    """The first steps of incidents of drift that open (each its id, item and begin), by what the
    verdicts that opened them say."""
    return [
        step
        for incident, item, begin in opening
        for step in _steps(feature, standing, incident, verdict_of(verdicts, item, begin), as_of)
    ]


def _steps(
    feature: AiFeatureSpec,
    standing: Standing,
    incident: str,
    verdict: RecordedVerdict | None,
    as_of: datetime,
) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = [] if verdict is None else [_evidence(feature, incident, verdict)]
    going = running(standing, as_of)
    if going is not None and is_automated(going):
        words = (
            f"retraining {going.id} is paused: it stops before its next step, and nothing is "
            "retrained by itself until a person concluded what this is"
        )
        steps.append({"incident": incident, "step": PAUSED, "reason": words})
    return [step for step in steps if step]


def verdict_of(
    verdicts: Iterable[RecordedVerdict], item: str, begin: str
) -> RecordedVerdict | None:
    """The newest failing verdict of an alert that began on a day."""
    own = [
        one
        for one in verdicts
        if one.item == item and (one.partition or "") >= begin and one.verdict.status == "fail"
    ]
    return max(own, key=lambda one: one.partition or "", default=None)


def _evidence(feature: AiFeatureSpec, incident: str, recorded: RecordedVerdict) -> dict[str, Any]:
    """What the incident keeps of the verdict: cause, since when, and where the sample lies."""
    findings = [one for one in recorded.verdict.findings if one.status == "fail"]
    told: dict[str, Any] = {"incident": incident}
    if cause := _cause(findings):
        told["cause"] = cause
    if begins := [one.begin for one in findings if one.begin is not None]:
        told["since"] = min(begins).date().isoformat()
    if sample := _sample(recorded.verdict.evidence):
        day = sample.source.rpartition("/")[2].removesuffix(".parquet")
        words = (
            f"the rows that drove it, beside rows of the reference, are in {sample.source} "
            f"(sha256 {sample.digest[:12]}…); look at them: ai-ops drift rows {feature.name} {day}"
        )
        kept = {"source": sample.source, "digest": sample.digest}
        return {**told, "step": PULLED, "reason": words, "sample": kept}
    words = f"the signs say: {cause.replace('_', ' ')}" if cause else ""
    return {**told, "step": TOLD, "reason": words} if words else {}


def _cause(findings: Iterable[Finding]) -> str | None:
    causes = {one.cause for one in findings}
    return next((kind for kind in _ORDER if kind in causes), None)


def _sample(evidence: Iterable[Evidence]) -> Evidence | None:
    return next((one for one in evidence if SAMPLES in one.source), None)
