"""Retrainings in the ledger: each begins under an id, and every stage it reaches is an event."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.believed import believed
from ai_ops.storage.decisions import appended, refuse
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident, Retraining, Standing, standing_of
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.errors import BadInput, RetrainingRefused

Stage = Literal["started", "resumed", "paused", "evaluated", "failed", "promotion_failed"]

AUTOMATED: Final = "ai_ops"
"""Who asks for a retraining when no person does."""

STALLED_AFTER: Final = timedelta(hours=24)
"""A retraining of which nothing was heard for so long does not run any more."""


def start_retraining(
    root: Root,
    feature: AiFeatureSpec,
    *,
    cause: str,
    incident: str | None = None,
    requested_by: str = "",
    run_id: str | None = None,
    made_with: Mapping[str, str] | None = None,
) -> str:
    """Begin a retraining in the ledger; returns its id.

    ``made_with`` are the digests of what it is made with: environment, trainer, declaration.
    Raises ``RetrainingRefused`` while a hold is open (an automated one: while a drift is concluded
    by nobody, too), and records that, ``BadInput`` for an incident that there is none of.
    """
    id = new_id(root.clock.now(), run_id)

    def decide(standing: Standing) -> NewEvent:
        standing, _ = believed(root, feature)
        if incident is not None and standing.incident(incident) is None:
            known = ", ".join(one.id for one in standing.incidents) or "none"
            raise BadInput(f"incident: no such incident: {incident}; there are: {known}")
        _not_held(feature, standing)
        if requested_by == AUTOMATED and (why := unanswered_drift(standing)):
            raise RetrainingRefused(f"a retraining of {feature.name}", why)
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
                **({"made_with": dict(made_with)} if made_with else {}),
            },
        )

    try:
        appended(root, feature, decide, run_id=run_id)
    except RetrainingRefused as refused:
        _record(root, feature, refused, requested_by or None, run_id)
        raise
    return id


def go_on(
    root: Root,
    feature: AiFeatureSpec,
    *,
    run_id: str | None = None,
    parent: str | None = None,
    made_with: Mapping[str, str] | None = None,
) -> str | None:
    """Raise ``RetrainingRefused``, and record it, if a hold was opened since it began, or an
    automated one is to be paused (``pause_if_due``).

    ``parent`` is the failed run from whose failure this one goes on: its retraining is this one's
    (see ``resume_retraining``), and its id is returned.
    """
    if parent is not None and run_id is not None:
        return resume_retraining(root, feature, parent, run_id, made_with)
    _refused_if_held(root, feature, run_id)
    pause_if_due(root, feature, run_id)
    return None


def pause_if_due(root: Root, feature: AiFeatureSpec, run_id: str | None) -> None:
    """Stop an automated retraining between two of its steps while a drift is concluded by nobody.

    Recorded as paused, which is no failure: what it would learn from may be broken. A genuine shift
    begins another one, on fresher data. One that a person asked for goes on.
    """
    standing, _ = believed(root, feature)
    found = of_run(standing, run_id) if run_id else None
    why = unanswered_drift(standing)
    if found is None or not why or not is_automated(found):
        return
    if "paused" not in found.stages:
        incidents = [one.id for one in standing.incidents if awaits_conclusion(one)]
        record_stage(
            root, feature, found.id, "paused", run_id=run_id, incidents=incidents, reason=why[0]
        )
    raise RetrainingRefused(f"going on with retraining {found.id}", why)


def is_automated(retraining: Retraining) -> bool:
    """Whether no person asked for it."""
    return retraining.requested_by == AUTOMATED


def awaits_conclusion(incident: Incident) -> bool:
    """Whether it is a drift of which no person has said yet what it is."""
    return incident.alert == "drift" and incident.state == "open"


def unanswered_drift(standing: Standing) -> list[str]:
    """Why nothing is retrained by itself now, in words; empty when nothing forbids it."""
    return [
        f"incident {one.id} (drift) is concluded by nobody: a retraining might learn from bad "
        "data; answer it: ai-ops incidents conclude"
        for one in standing.incidents
        if awaits_conclusion(one)
    ]


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


def resume_retraining(
    root: Root,
    feature: AiFeatureSpec,
    parent: str,
    run_id: str,
    made_with: Mapping[str, str] | None = None,
) -> str | None:
    """Let the retraining of a run that failed go on in another run; returns its id.

    None when the parent began none, or it came to its evaluation: then there is nothing to go on
    with. Raises ``RetrainingRefused``, and records that, while a hold is open or when another
    retraining began since: the newest training set is then not its own.
    """
    found = of_run(standing_of(root.ledger, feature.name), parent)
    if found is None or "evaluated" in found.stages:
        return None
    id = found.id
    if current_run(found) == run_id:
        _refused_if_held(root, feature, run_id)
        return id

    def decide(standing: Standing) -> NewEvent:
        standing, _ = believed(root, feature)
        _not_held(feature, standing)
        if is_automated(found) and (why := unanswered_drift(standing)):
            raise RetrainingRefused(f"going on with retraining {id}", why)
        if (newest := standing.retrainings[-1]).id != id:
            reason = f"retraining {newest.id} began since: the newest training set is its own"
            raise RetrainingRefused(f"going on with retraining {id}", [reason])
        made = {"made_with": dict(made_with)} if made_with else {}
        return NewEvent("retraining", feature.name, {**_resumed(newest, run_id), **made})

    try:
        appended(root, feature, decide, run_id=run_id)
    except RetrainingRefused as refused:
        _record(root, feature, refused, None, run_id)
        raise
    return id


def _resumed(retraining: Retraining, run_id: str) -> dict[str, Any]:
    before = retraining.stages.get("resumed", {})
    return {
        "retraining": retraining.id,
        "stage": "resumed",
        "run": run_id,
        "runs": sorted(runs_of(retraining)),
        "after": retraining.stages.get("failed", {}).get("step"),
        "failures": before.get("failures", 0) + 1,
    }


def of_run(standing: Standing, run_id: str) -> Retraining | None:
    """The retraining that a run began, or went on with, or failed to begin; None without one."""
    found = (one for one in reversed(standing.retrainings) if run_id in runs_of(one))
    return next(found, None)


def runs_of(retraining: Retraining) -> frozenset[str]:
    """The runs of a retraining: the one that began it, and those that went on after a failure."""
    stages = retraining.stages
    runs = {stages.get(name, {}).get("run") for name in ("started", "resumed", "failed")}
    runs.update(stages.get("resumed", {}).get("runs", ()))
    return frozenset(str(run) for run in runs if run)


def current_run(retraining: Retraining) -> str | None:
    """The run that went on with a retraining last, or else the one that began it."""
    for name in ("resumed", "started", "failed"):
        if name in retraining.stages:
            run = retraining.stages[name].get("run")
            return str(run) if run else None
    return None


def of_version(standing: Standing, version: str) -> Retraining | None:
    """The retraining that made a version, or None."""
    for one in reversed(standing.retrainings):
        stages = (one.stages.get("evaluated", {}), one.stages.get("promotion_failed", {}))
        if any(str(stage.get("version")) == version for stage in stages):
            return one
    return None


def running(standing: Standing, as_of: datetime) -> Retraining | None:
    """The retraining that runs at a moment: begun, and neither evaluated, paused, failed nor
    stalled."""
    ends = {"evaluated", "paused", "failed", "promotion_failed"}
    for one in reversed(standing.retrainings):
        if one.stages.keys().isdisjoint(ends) and as_of - last_heard(one) < STALLED_AFTER:
            return one
    return None


def last_heard(retraining: Retraining) -> datetime:
    """When a retraining reached the last of its stages."""
    told = (utc(stage["at"]) for stage in retraining.stages.values() if "at" in stage)
    return max(told, default=retraining.at)


def new_id(now: datetime, run_id: str | None) -> str:
    """The id of a retraining that begins now, told from others by its run."""
    return f"{now:%Y-%m-%d}-{(run_id or secrets.token_hex(4))[:8]}"


def _refused_if_held(root: Root, feature: AiFeatureSpec, run_id: str | None) -> None:
    try:
        _not_held(feature, believed(root, feature)[0])
    except RetrainingRefused as refused:
        _record(root, feature, refused, None, run_id)
        raise


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
