"""Failures of retrainings in the ledger: at which step, of what, and the likely cause."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.decisions import appended
from ai_ops.storage.ledger import Event, NewEvent
from ai_ops.storage.retrainings import current_run, new_id, of_run, of_version
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Retraining, standing_of
from ai_ops.vocabulary.failures import SAID_AT_MOST, LikelyCause, Part, without_secrets


@dataclass(frozen=True, slots=True)
class Failure:
    """Where a run of a retraining failed and of what: ``step`` is the op, ``part`` its step as
    people name it."""

    step: str
    error: str
    part: Part = "no step"
    cause: LikelyCause | None = None

    def as_data(self, run_id: str) -> dict[str, Any]:
        """What the ledger keeps of it."""
        cause = {"likely_cause": asdict(self.cause)} if self.cause else {}
        error = without_secrets(self.error)[:SAID_AT_MOST]
        return {"step": self.step, "part": self.part, "error": error, "run": run_id, **cause}


@dataclass(frozen=True, slots=True)
class Asked:
    """Why a retraining was asked for, by the config of its run."""

    cause: str = ""
    incident: str | None = None
    requested_by: str = ""


def record_failure(
    root: Root,
    feature: AiFeatureSpec,
    run_id: str,
    failure: Failure,
    asked: Asked | None = None,
) -> Event | None:
    """Record that the retraining of a run failed, at which step and why, once.

    None when there is nothing to record: the retraining came to its evaluation (a candidate that
    the gate refuses is a result, not a failure), or the run began none. With ``asked`` such a run
    is recorded as a retraining that failed before it began: nobody else would ever tell of it.
    """
    standing = standing_of(root.ledger, feature.name)
    found = of_run(standing, run_id)
    if found is None and asked is None:
        return None
    if found is not None and (
        not found.stages.keys().isdisjoint({"evaluated", "failed", "paused"})
        or current_run(found) != run_id
    ):
        return None
    began = {} if found else asdict(asked or Asked())
    payload = {
        "retraining": found.id if found else new_id(root.clock.now(), run_id),
        "stage": "failed",
        **began,
        **failure.as_data(run_id),
    }
    return appended(
        root, feature, lambda _: NewEvent("retraining", feature.name, payload), run_id=run_id
    )


def record_promotion_failure(
    root: Root, feature: AiFeatureSpec, version: str, run_id: str, failure: Failure
) -> Event | None:
    """Record that the promotion of a version broke, once a run; a refusal is recorded by the door.

    It belongs to the retraining that made the version; one that none made has its own line.
    """
    made = of_version(standing_of(root.ledger, feature.name), version)
    if made and made.stages.get("promotion_failed", {}).get("run") == run_id:
        return None
    payload = {
        "retraining": made.id if made else f"version-{version}",
        "stage": "promotion_failed",
        "version": version,
        **failure.as_data(run_id),
    }
    return appended(
        root, feature, lambda _: NewEvent("retraining", feature.name, payload), run_id=run_id
    )


def failure_in_words(
    retraining: Retraining, stage: Literal["failed", "promotion_failed"] = "failed"
) -> str:
    """How a retraining failed: at which step, of what, and the likely cause where one was read."""
    failed = retraining.stages[stage]
    step = str(failed.get("step", "an unknown step"))
    part = failed.get("part", "no step")
    where = step if part in ("no step", step) else f"{part} ({step})"
    words = f"{where}: {failed.get('error', 'no reason is known')}"
    if known := failed.get("likely_cause"):
        words += f"; likely cause: {LikelyCause(**known).told}"
    return words
