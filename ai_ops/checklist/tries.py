"""What came of each retraining: told from its events and from what the gate said of its version."""

from dataclasses import dataclass
from typing import Literal

from ai_ops.checklist.evidence import ChecklistEvidence, digest_of
from ai_ops.storage.retraining_failures import failure_in_words
from ai_ops.storage.retrainings import STALLED_AFTER, last_heard
from ai_ops.storage.standing import Retraining
from ai_ops.vocabulary.verdicts import Evidence, RecordedVerdict
from ai_ops.vocabulary.words import GATE_CHECKS

Outcome = Literal["accepted", "refused", "unjudged", "failed", "stalled", "running"]


@dataclass(frozen=True, slots=True)
class Try:
    """One retraining: the version that it made, what came of it, and that in words."""

    retraining: Retraining
    outcome: Outcome
    words: str
    version: str | None = None
    evidence: tuple[Evidence, ...] = ()


def tries_of(evidence: ChecklistEvidence) -> list[Try]:
    """Every retraining known, oldest first."""
    return [_tried(evidence, one) for one in evidence.standing.retrainings]


def _tried(evidence: ChecklistEvidence, one: Retraining) -> Try:
    if "failed" in one.stages:
        return Try(one, "failed", f"retraining {one.id} failed at {failure_in_words(one)}")
    if broken := one.stages.get("promotion_failed"):
        version = str(broken.get("version"))
        if version != evidence.standing.live:
            broke = failure_in_words(one, "promotion_failed")
            words = f"the promotion of version {version} broke at {broke}"
            return Try(one, "failed", words, version)
    if evaluated := one.stages.get("evaluated"):
        return _evaluated(evidence, one, str(evaluated.get("version")))
    heard = last_heard(one)
    if evidence.as_of - heard >= STALLED_AFTER:
        words = f"nothing was heard of retraining {one.id} since {heard:%Y-%m-%d %H:%M}"
        return Try(one, "stalled", words)
    return Try(one, "running", f"retraining {one.id} runs since {one.at:%Y-%m-%d %H:%M}")


def _evaluated(evidence: ChecklistEvidence, one: Retraining, version: str) -> Try:
    found = _gate_on(evidence, version)
    cited = tuple(
        Evidence(f"ledger:{check}/version {version}", digest_of(verdict))
        for check, verdict in found.items()
    )
    made = f"retraining {one.id} made version {version}"
    refusing = [check for check, said in found.items() if said.verdict.status == "fail"]
    silent = [
        check
        for check in GATE_CHECKS
        if check not in found or found[check].verdict.status == "no_evidence"
    ]
    if refusing:
        words = f"{made}, which {_and(refusing)} refused"
        return Try(one, "refused", words, version, cited)
    if silent:
        words = f"{made}, which {_and(silent)} could not judge"
        return Try(one, "unjudged", words, version, cited)
    return Try(one, "accepted", f"{made}, which passed the gate", version, cited)


def _gate_on(evidence: ChecklistEvidence, version: str) -> dict[str, RecordedVerdict]:
    """The latest verdict of each check of the gate on a version."""
    found = {}
    for recorded in evidence.candidates:
        if str(recorded.verdict.observed.get("version")) == version:
            found[recorded.item] = recorded
    return found


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
