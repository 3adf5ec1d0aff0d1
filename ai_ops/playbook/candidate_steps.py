"""How a model is made anew for an incident: retrained, judged by the gate, approved, released.

The triggers of the retraining pipeline start what is due; these steps see in the ledger what came
of it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from ai_ops.playbook.steps import Outcome, Scene, since_of
from ai_ops.storage.retraining_failures import failure_in_words
from ai_ops.storage.standing import Retraining

NO_FAULT: Final = ("bad_data", "false_alarm")
"""Conclusions after which nothing is learnt from what was seen."""


def retrain(scene: Scene) -> Outcome | None:
    """Sees to it that a retraining begins, by its trigger (`retraining` sensor), once nothing
    forbids it; waits for it, and names it."""
    feature = scene.feature
    if not feature.trained_here:
        return Outcome("somebody else trains this model: nothing is retrained here", "not_needed")
    found = begun(scene)
    if found is None:
        return None
    return Outcome(f"retraining {found.id} began on {found.at:%Y-%m-%d %H:%M}: {found.cause}")


def judge_candidate(scene: Scene) -> Outcome | None:
    """Waits for the candidate's judgement by the gate that was frozen at launch, and tells it."""
    if not scene.feature.trained_here:
        return Outcome("there is no candidate to judge", "not_needed")
    found = judged(scene)
    if found is None:
        return None
    said = found.stages["evaluated"]
    word = "passed" if said["accepted"] else "refused"
    gate = scene.standing.gate
    hashed = f" {gate.hash[:12]}…, frozen by {gate.by}," if gate is not None else ""
    return Outcome(f"the gate{hashed} {word} version {said['version']}: {said['reason']}")


def release(scene: Scene) -> Outcome | None:
    """Waits until a version that was judged and approved went live; the promotion reads gate,
    approval, holds and incidents again at that moment."""
    if not scene.feature.trained_here:
        return Outcome("there is no version to release", "not_needed")
    since = candidate_since(scene)
    for move in scene.standing.moves:
        if since is not None and move.kind == "promotion" and move.at >= since:
            return Outcome(f"version {move.version} went live on {move.at:%Y-%m-%d %H:%M}")
    return None


def decided(scene: Scene) -> Outcome | None:
    """What was decided about the candidate."""
    version = candidate(scene)
    approval = scene.standing.approvals.get(version) if version is not None else None
    if approval is None:
        return None
    word = "approved" if approval.approved else "rejected"
    words = f"{approval.by} {word} version {version}: {approval.reason}"
    return Outcome(words, said={"answer": word, "answered_by": approval.by})


def asked_for(scene: Scene) -> Outcome | None:
    """That somebody, or a trigger, began the retraining that was asked for."""
    found = begun(scene)
    if found is None:
        return None
    by = found.requested_by or "a person"
    return Outcome(f"retraining {found.id} was begun", said={"answer": "begun", "answered_by": by})


def version_to_decide(scene: Scene) -> Mapping[str, str]:
    """The candidate that the question is about, and what the gate said of it."""
    found = judged(scene)
    said = found.stages["evaluated"] if found is not None else {}
    word = "passed" if said.get("accepted") else "refused"
    return {"version": str(said.get("version", "VERSION")), "word": word}


def is_shift(scene: Scene) -> bool:
    """Whether a person found that the world changed."""
    return scene.incident.conclusion == "genuine_shift"


def may_be_worse(scene: Scene) -> bool:
    """Whether nobody found that the labels were wrong, or that it was nothing."""
    return scene.incident.conclusion not in NO_FAULT


def is_by_hand(scene: Scene) -> bool:
    """Whether retrainings of the feature are started by people only, and this asks for one."""
    by_hand = scene.feature.trained_here and not scene.feature.retraining.automated
    return by_hand and (is_shift(scene) if scene.alert == "drift" else may_be_worse(scene))


def has_candidate(scene: Scene) -> bool:
    """Whether the gate judged a candidate since."""
    return candidate(scene) is not None


def candidate(scene: Scene) -> str | None:
    """The version that was made for the incident, and judged; None without one."""
    found = judged(scene)
    return str(found.stages["evaluated"]["version"]) if found is not None else None


def candidate_since(scene: Scene) -> datetime | None:
    """Since when a retraining counts as the answer: a drift is concluded first, for it might be
    bad data; a drop of accuracy is answered at once."""
    if scene.alert == "drift":
        return scene.incident.concluded_at if is_shift(scene) else None
    return since_of(scene.incident)


def begun(scene: Scene) -> Retraining | None:
    """The first retraining that began since."""
    since = candidate_since(scene)
    found = (one for one in scene.standing.retrainings if since is not None and one.at >= since)
    return next(found, None)


def judged(scene: Scene) -> Retraining | None:
    """The newest retraining since whose candidate was judged."""
    since = candidate_since(scene)
    for one in reversed(scene.standing.retrainings):
        if since is not None and one.at >= since and "evaluated" in one.stages:
            return one
    return None


def how_it_failed(one: Retraining) -> str:
    """At which step a retraining or its promotion broke, and of what."""
    stage = "promotion_failed" if "promotion_failed" in one.stages else "failed"
    return failure_in_words(one, "promotion_failed" if stage == "promotion_failed" else "failed")
