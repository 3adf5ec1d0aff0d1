"""The rollback drill as an asset, its check, and the signature of whoever ran it."""

from datetime import datetime
from typing import Any

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.drill_root import missing_of
from ai_ops.inference_management.rollback_drill import Hands, drilled, pair_for
from ai_ops.inference_management.rollback_judgement import judge
from ai_ops.inference_management.rollback_record import ASSET, Drilled, lines
from ai_ops.storage.decisions import record, sign_decision, verified_again
from ai_ops.storage.ledger import Event
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.errors import DecisionRefused, RegistryUnavailable
from ai_ops.vocabulary.moments import Summary
from ai_ops.vocabulary.verdicts import Evidence, Observed, Verdict

ROLLBACK = "rollback"
"""What the signed event of a drill says it was a drill of."""


def compute_rollback_drill(
    root: Root, feature: AiFeatureSpec, hands: Hands | None = None
) -> Summary:
    """The rollback, drilled outside production and under twice the declared peak: a candidate is
    promoted, seen to answer, rolled back, and the previous version seen to answer, by the clock
    and by the outputs; every request is accounted for.

    It says nothing until a person signs it who answers for inference management:
    ai-ops drill rollback FEATURE --sign --by PERSON.
    """
    found = drilled(root, feature, hands)
    data = found.as_data()
    path = record_path(root, feature, found.id)
    root.lake.write_json(path, data)
    root.lake.write_json(record_path(root, feature, None), data)
    counted, clocks = found.counted, found.clocks
    numbers: dict[str, Observed] = {
        "drill": found.id,
        "candidate": found.candidate,
        "previous": found.previous,
        "first_old_seconds": clocks.first_old,
        "last_new_seconds": clocks.last_new,
        "sent": counted.sent if counted else 0,
        "lost": counted.lost if counted else None,
        "mislabelled": counted.mislabelled if counted else None,
        "to_sign": f"ai-ops drill rollback {feature.name} --sign --by PERSON",
    }
    table = tuple({"what": line} for line in lines(found))
    return Summary(numbers, files={"file": path}, table=table)


def judge_rollback_drill(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Verdict:
    """A named person ran the rollback end to end within 90 days, outside production and under twice
    the peak: the candidate was seen to answer, the previous version again within minutes, by its
    outputs; no request was lost or mislabelled; and the version to go back to is still there."""
    found, evidence = latest(root, feature)
    signed = signer_of(root, feature, found, evidence)
    try:
        gone = missing_of(root, feature, pair_for(root, feature))
    except RegistryUnavailable as error:
        return Verdict.lacking(str(error), "version").with_evidence(evidence)
    return judge(found, as_of, signed, gone).with_evidence(evidence)


def record_path(root: Root, feature: AiFeatureSpec, id: str | None) -> str:
    """Where the record of a drill lies; without an id that of the latest."""
    return root.lake.path(feature.name, ASSET, id, "json")


def latest(root: Root, feature: AiFeatureSpec) -> tuple[Drilled, Evidence]:
    """The drill that was run last; ``MissingEvidence`` when none was."""
    data, evidence = root.lake.read_json(record_path(root, feature, None))
    return Drilled.of(data), evidence


def content_of(found: Drilled, evidence: Evidence) -> dict[str, Any]:
    """What a person signs of a drill: which it was, and the digest of what it saw."""
    return {"drill": ROLLBACK, "id": found.id, "digest": evidence.digest}


def sign(root: Root, feature: AiFeatureSpec, by: str) -> Event:
    """Sign the latest drill with the key of ``by`` and record it: one event of the ledger."""
    content = content_of(*latest(root, feature))
    return record(root, feature, sign_decision(root, feature, "drill", by, content))


def signer_of(root: Root, feature: AiFeatureSpec, found: Drilled, evidence: Evidence) -> str | None:
    """Who signed what a drill saw, and may; None when nobody did."""
    standing = standing_of(root.ledger, feature.name)
    content = content_of(found, evidence)
    for event in root.ledger.events(feature.name, kinds=["drill"]):
        if any(event.payload.get(name) != value for name, value in content.items()):
            continue
        try:
            return verified_again(root, feature, event, standing).by
        except DecisionRefused:
            continue
    return None
