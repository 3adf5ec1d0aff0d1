"""Retrainings in the ledger: each begins under an id, and every stage it reaches is an event."""

import secrets
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.decisions import appended, refuse
from ai_ops.storage.ledger import Event, NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Retraining, Standing, standing_of
from ai_ops.vocabulary.errors import BadInput, RetrainingRefused

Stage = Literal["started", "evaluated", "failed"]

STALLED_AFTER: Final = timedelta(hours=24)
"""A retraining of which nothing was heard for so long does not run any more."""

_SAID_AT_MOST: Final = 500


def start_retraining(
    root: Root,
    feature: AiFeatureSpec,
    *,
    cause: str,
    incident: str | None = None,
    requested_by: str = "",
    run_id: str | None = None,
) -> str:
    """Begin a retraining in the ledger; returns its id.

    Raises ``RetrainingRefused`` while a hold is open, and records that, ``BadInput`` for an
    incident that there is none of.
    """
    now = root.clock.now()
    id = f"{now:%Y-%m-%d}-{(run_id or secrets.token_hex(4))[:8]}"

    def decide(standing: Standing) -> NewEvent:
        if incident is not None and standing.incident(incident) is None:
            known = ", ".join(one.id for one in standing.incidents) or "none"
            raise BadInput(f"incident: no such incident: {incident}; there are: {known}")
        _not_held(feature, standing)
        return NewEvent(
            "retraining",
            feature.name,
            {
                "retraining": id,
                "stage": "started",
                "cause": cause,
                "incident": incident,
                "requested_by": requested_by,
                "run": run_id,
            },
        )

    try:
        appended(root, feature, decide, run_id=run_id)
    except RetrainingRefused as refused:
        _record(root, feature, refused, requested_by or None, run_id)
        raise
    return id


def go_on(root: Root, feature: AiFeatureSpec, *, run_id: str | None = None) -> None:
    """Raise ``RetrainingRefused``, and record it, if a hold was opened since it began."""
    try:
        _not_held(feature, standing_of(root.ledger, feature.name))
    except RetrainingRefused as refused:
        _record(root, feature, refused, None, run_id)
        raise


def record_stage(
    root: Root,
    feature: AiFeatureSpec,
    retraining: str,
    stage: Stage,
    *,
    run_id: str | None = None,
    **said: Any,
) -> None:
    """Record that a retraining reached a stage, with what is ``said`` of it (JSON-ready)."""
    payload = {"retraining": retraining, "stage": stage, **said}
    root.ledger.append(
        [NewEvent("retraining", feature.name, payload)], clock=root.clock, run_id=run_id
    )


def record_failure(
    root: Root, feature: AiFeatureSpec, run_id: str, step: str, error: str
) -> Event | None:
    """Record that the retraining of a run failed, at which step and why, once.

    None when there is nothing to record: the run began no retraining, or the retraining came to
    its evaluation (a candidate that the gate refuses is a result, not a failure).
    """
    found = of_run(standing_of(root.ledger, feature.name), run_id)
    if found is None or not found.stages.keys().isdisjoint({"evaluated", "failed"}):
        return None
    payload = {
        "retraining": found.id,
        "stage": "failed",
        "step": step,
        "error": error[:_SAID_AT_MOST],
        "run": run_id,
    }
    return appended(
        root, feature, lambda _: NewEvent("retraining", feature.name, payload), run_id=run_id
    )


def of_run(standing: Standing, run_id: str) -> Retraining | None:
    """The retraining that a run began, or None."""
    started = (one for one in standing.retrainings if "started" in one.stages)
    return next((one for one in started if one.stages["started"].get("run") == run_id), None)


def running(standing: Standing, as_of: datetime) -> Retraining | None:
    """The retraining that runs at a moment: begun, and neither evaluated, failed nor stalled."""
    for one in reversed(standing.retrainings):
        ended = not one.stages.keys().isdisjoint({"evaluated", "failed"})
        if not ended and as_of - one.at < STALLED_AFTER:
            return one
    return None


def _not_held(feature: AiFeatureSpec, standing: Standing) -> None:
    if standing.holds:
        held = [
            f"held by {h.by} since {h.since:%Y-%m-%d %H:%M}: {h.reason}" for h in standing.holds
        ]
        raise RetrainingRefused(f"a retraining of {feature.name}", held)


def _record(
    root: Root,
    feature: AiFeatureSpec,
    refused: RetrainingRefused,
    by: str | None,
    run_id: str | None,
) -> None:
    refuse(root, feature, "retraining", list(refused.reasons), by=by, run_id=run_id)
