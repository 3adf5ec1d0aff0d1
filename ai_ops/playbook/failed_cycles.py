"""Retrainings that came to nothing: the incident of one, and what several in a row ask for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.playbook.ways_back import Beside, newest_beside, way_back
from ai_ops.storage.retraining_failures import failure_in_words
from ai_ops.storage.retrainings import STALLED_AFTER, last_heard
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident, Retraining, Standing
from ai_ops.vocabulary.words import AlertKind

RAISED: Final[Mapping[str, str]] = {"warning": "critical", "critical": "emergency"}
"""The severity that an incident is raised to when more than one retraining came to nothing."""

MORE_THAN: Final = 1
"""So many retrainings in a row may come to nothing before the model counts as stale."""

RETRAINING: Final = "retraining"
"""The item of an incident that a retraining opened, or a promotion that broke."""


STALE: Final = "severity_raised"
"""The step by which an incident is raised."""


@dataclass(frozen=True, slots=True)
class Raise:
    """An incident whose severity is due to be raised, and why."""

    incident: str
    severity: str
    reason: str
    step: str = STALE


def newest_failure(
    standing: Standing, before: Sequence[Incident], as_of: datetime
) -> tuple[str, str] | None:
    """The day and words of the newest retraining, if it failed, its promotion broke or it was
    never heard of again, and no incident answered that."""
    newest = max(standing.retrainings, key=last_heard, default=None)
    if newest is None or not _broke(newest, standing, as_of):
        return None
    own, at = [one for one in before if one.item == RETRAINING], last_heard(newest)
    if at <= standing.moves[-1].at or any(at <= (one.resolved_at or as_of) for one in own):
        return None
    return at.date().isoformat(), _words(newest)


def broken_cycles(standing: Standing, as_of: datetime) -> tuple[Retraining, ...]:
    """The newest retrainings, unbroken by one that came to its gate, that broke; oldest first."""
    return _unbroken(standing, as_of, lambda one: _broke(one, standing, as_of))


def empty_cycles(standing: Standing, as_of: datetime) -> tuple[Retraining, ...]:
    """The newest retrainings since the last move of which none made a version that passed its
    gate; oldest first."""

    def empty(one: Retraining) -> bool:
        refused = one.stages.get("evaluated", {}).get("accepted") is False
        return refused or _broke(one, standing, as_of)

    return _unbroken(standing, as_of, empty)


def due_raises(
    feature: str, standing: Standing, as_of: datetime, beside: Beside | None
) -> tuple[Raise, ...]:
    """The incidents whose severity is to be raised: more than one retraining in a row came to
    nothing, so that the model in production is stale. The last good version stays; a rollback is
    proposed where the one before answers at least as well."""
    raises = []
    for incident in standing.open_incidents:
        cycles = cycles_of(incident.alert, incident.item, standing, as_of)
        raised = RAISED.get(incident.severity)
        if STALE in incident.step_names or raised is None or len(cycles) <= MORE_THAN:
            continue
        words = stale_in_words(feature, standing, cycles, beside)
        raises.append(Raise(incident.id, raised, words))
    return tuple(raises)


def raises_due_now(
    root: Root, feature: AiFeatureSpec, standing: Standing, as_of: datetime
) -> tuple[Raise, ...]:
    """The incidents that are raised; evidence of another version is read where one is due only."""
    if not due_raises(feature.name, standing, as_of, None):
        return ()
    return due_raises(feature.name, standing, as_of, newest_beside(root, feature))


def cycles_of(
    alert: AlertKind, item: str, standing: Standing, as_of: datetime
) -> tuple[Retraining, ...]:
    """The retrainings in a row that should have answered an alert and did not."""
    if alert == "pipeline_failure" and item == RETRAINING:
        return broken_cycles(standing, as_of)
    return empty_cycles(standing, as_of) if alert == "accuracy_drop" else ()


def stale_in_words(
    feature: str, standing: Standing, cycles: Sequence[Retraining], beside: Beside | None
) -> str:
    """That retrainings came to nothing, what serves meanwhile, and whether there is a way back."""
    ids = ", ".join(one.id for one in cycles)
    return (
        f"{len(cycles)} retrainings in a row came to nothing ({ids}): the model is stale; version "
        f"{standing.live}, the last good one, stays in production; "
        f"{way_back(feature, standing, beside)}"
    )


def _unbroken(
    standing: Standing, as_of: datetime, came_to_nothing: Callable[[Retraining], bool]
) -> tuple[Retraining, ...]:
    since = standing.moves[-1].at if standing.moves else None
    found: list[Retraining] = []
    for one in reversed(standing.retrainings):
        if since is not None and last_heard(one) <= since:
            break
        if came_to_nothing(one):
            found.append(one)
        elif "evaluated" in one.stages:
            break  # (one that is on its way has neither failed nor come to its gate)
    return tuple(reversed(found))


def _broke(one: Retraining, standing: Standing, as_of: datetime) -> bool:
    if failed := one.stages.get("promotion_failed"):
        return str(failed.get("version")) != standing.live
    if not one.stages.keys().isdisjoint({"evaluated", "paused"}):
        return False
    return "failed" in one.stages or as_of - last_heard(one) >= STALLED_AFTER


def _words(one: Retraining) -> str:
    if "promotion_failed" in one.stages:
        version = one.stages["promotion_failed"].get("version")
        broke = failure_in_words(one, "promotion_failed")
        return f"the promotion of version {version} broke at {broke}"
    if "failed" in one.stages:
        return f"retraining {one.id} failed at {failure_in_words(one)}"
    return f"nothing was heard of retraining {one.id} since {last_heard(one):%Y-%m-%d %H:%M}"
