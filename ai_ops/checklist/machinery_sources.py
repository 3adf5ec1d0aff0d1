"""The machinery of a feature: what must be at work so that its lists may be believed.

Each source says within which time it gives a sign, and which items are blind without it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.applying import is_judged, is_made

PATIENCE: Final = timedelta(minutes=15)
"""What ticks every few seconds is not called dead before that."""

TICKS: Final = 10
"""So many ticks of a sensor in a row may fail to come."""

LATE: Final = timedelta(hours=2)
"""How long after its time a schedule may tick."""

ARRIVAL: Final = timedelta(hours=36)
"""A day is judged at six of the next one: just before, the last judged day ended 30 hours ago."""

LABELS: Final = timedelta(days=8)
"""People who label do not work every day; a week without any label is a silence."""

LOG: Final = ("logging_ready", "logs_written", "log_audited")
COSTS: Final = ("cost_tracked", "cost_trend_checked", "cost_opportunities_reviewed")
WEEKLY: Final = ("drift_reviewed", "cost_trend_checked", "retraining_verified", "logs_written")
MONTHLY: Final = (
    "accuracy_on_held_out",
    "thresholds_reviewed",
    "log_audited",
    "cost_opportunities_reviewed",
)
REHEARSED: Final = ("logging_ready", "registry_ready", "drift_ready", "cost_tracked")
"""Before a launch; of the six, a load test and a drill are run by a person."""
EVERY: Final = (*REHEARSED, *WEEKLY, *MONTHLY)

Applies = Callable[[AiFeatureSpec], bool]


def _always(_: AiFeatureSpec) -> bool:
    return True


def _logged_here(feature: AiFeatureSpec) -> bool:
    return feature.source is None


def _watched_writers(feature: AiFeatureSpec) -> bool:
    return feature.source is None and is_judged("writers_alive", feature)


def _versioned(feature: AiFeatureSpec) -> bool:
    return is_made("model_versions", feature)


def _retrained(feature: AiFeatureSpec) -> bool:
    return is_made("training_set", feature)


def _evaluated(feature: AiFeatureSpec) -> bool:
    return is_made("version_evaluation", feature)


def _labelled(feature: AiFeatureSpec) -> bool:
    return is_made("ground_truth", feature)


@dataclass(frozen=True, slots=True)
class Source:
    """One part of the machinery: within which time it gives a sign, which items are blind without
    it, what a person does about it (``{feature}`` stands for the feature's name).

    What is ``ticking`` gives one every few seconds. ``check`` is whose verdicts tell of an arrival,
    where no process gives a sign.
    """

    name: str
    limit: timedelta
    items: tuple[str, ...]
    mend: str
    applies: Applies = _always
    ticking: bool = False
    check: str | None = None


def _daemon(name: str) -> Source:
    mend = "start Dagster's daemon: dagster-daemon run, or ai-ops ui"
    return Source(f"daemon:{name}", timedelta(0), EVERY, mend, ticking=True)


def _sensor(
    name: str, items: tuple[str, ...], applies: Applies = _always, seconds: float = 5
) -> Source:
    mend = f"start it: dagster sensor start {{feature}}__{name}, or under Automation in Dagster"
    limit = TICKS * timedelta(seconds=seconds)
    return Source(f"sensor:{name}", limit, items, mend, applies, ticking=True)


def _schedule(job: str, days: int, items: tuple[str, ...]) -> Source:
    name = f"{{feature}}__{job}_schedule"
    mend = f"start it: dagster schedule start {name}, or under Automation in Dagster"
    return Source(f"schedule:{job}", timedelta(days=days) + LATE, items, mend)


MACHINERY: Final = (
    _daemon("sensor"),
    _daemon("scheduler"),
    _daemon("queued_run_coordinator"),
    _sensor("cadences", EVERY),
    _sensor("incidents", ("drift_ready", *WEEKLY[:3], "accuracy_on_held_out")),
    _sensor("notifications", ("drift_ready", *WEEKLY[:3]), seconds=30),
    _sensor("new_segments", LOG, _logged_here),
    _sensor("silent_writers", LOG, _watched_writers, seconds=10),
    _sensor("fresh_sample", ("retraining_verified",), _evaluated),
    _sensor("retraining", ("retraining_verified",), _retrained),
    _sensor("retraining_failed", ("retraining_verified",), _versioned),
    _sensor("promotion", ("retraining_verified",), _versioned),
    _sensor("registry_watch", ("registry_ready", "logs_written"), _versioned),
    _schedule("versions", 1, ("registry_ready", "drift_ready", "drift_reviewed")),
    _schedule("daily", 1, EVERY),
    _schedule("weekly", 7, ("cost_trend_checked",)),
    _schedule("weekly_list", 7, WEEKLY),
    _schedule("monthly", 31, MONTHLY),
    _schedule("monthly_list", 31, MONTHLY),
    Source(
        "segment_arrival",
        ARRIVAL,
        LOG,
        "see who writes the log: ai-ops writers {feature}",
        check="log_written",
    ),
    Source(
        "label_arrival",
        LABELS,
        ("retraining_verified", "accuracy_on_held_out"),
        "see where ground_truth.labels of {feature} come from",
        _labelled,
        check="labels_arrived",
    ),
    Source(
        "price_table",
        ARRIVAL,
        COSTS,
        "declare the missing prices below costs of {feature}",
        check="cost_known",
    ),
)
"""All that a feature can have, by the names under which the signs stand."""


def sources_of(feature: AiFeatureSpec, patience: timedelta = PATIENCE) -> tuple[Source, ...]:
    """The machinery that a feature has; what ticks every few seconds may be silent for
    ``patience``, and labels for as long as they take to become known."""
    own = [source for source in MACHINERY if source.applies(feature)]
    return tuple(_within(source, feature, patience) for source in own)


def _within(source: Source, feature: AiFeatureSpec, patience: timedelta) -> Source:
    if source.ticking:
        return replace(source, limit=max(source.limit, patience))
    if source.name == "label_arrival":
        known = timedelta(hours=feature.ground_truth.mature_after_hours)
        return replace(source, limit=source.limit + known)
    return source
