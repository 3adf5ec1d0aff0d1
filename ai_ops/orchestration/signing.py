"""How the machinery gives its signs of life: each tick its own, and what Dagster knows besides."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorState, SensorInstigatorData

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.root import Root
from ai_ops.storage.signs_of_life import AWAKE, FAILED, KNOWN, STOPPED, last_sign, sign

DAEMONS: Final = ("SENSOR", "SCHEDULER", "QUEUED_RUN_COORDINATOR")
"""The threads of Dagster's daemon without which nothing is judged."""

LOOKED: Final = "look"
"""The sign of whoever looked at Dagster last: one of all sensors does, every half minute."""

SLEPT: Final = timedelta(minutes=5)
"""When nobody looked for longer than this, nobody was at work."""

OF_DAGSTER: Final = "sensor:retraining_failed"
"""The sensor that Dagster itself ticks: its code is called when a run failed, and not before."""


@contextmanager
def at_work(root: Root, feature: AiFeatureSpec, source: str) -> Iterator[None]:
    """Give a source's sign of life after what it does; where that raises, say that it failed.

    Of the error its kind is kept: its words may quote rows.
    """
    try:
        yield
    except Exception as error:
        sign(root, feature.name, FAILED + source, type(error).__name__)
        raise
    sign(root, feature.name, source)


def look_at_dagster(
    instance: Callable[[], dg.DagsterInstance], root: Root, feature: AiFeatureSpec
) -> None:
    """Note what Dagster knows of its daemon, of what is stopped, and of sensors that run no code
    of their own. It tells nobody, and its records are not readable without it."""
    before = last_sign(root.ledger, feature.name, LOOKED)
    if not sign(root, feature.name, LOOKED):
        return
    if before is not None and root.clock.now() - before > SLEPT:
        sign(root, feature.name, AWAKE)
    try:
        _note_heartbeats(instance(), root, feature)
        _note_instigators(instance(), root, feature)
    except Exception as error:  # a look that fails must not cost the tick what it is for
        sign(root, feature.name, f"{FAILED}daemon:sensor", type(error).__name__)


def _note_heartbeats(instance: dg.DagsterInstance, root: Root, feature: AiFeatureSpec) -> None:
    beats = instance.get_daemon_heartbeats()
    for name in DAEMONS:
        if beat := beats.get(name):
            sign(root, feature.name, f"daemon:{name.lower()}", at=_moment(beat.timestamp))


def _note_instigators(instance: dg.DagsterInstance, root: Root, feature: AiFeatureSpec) -> None:
    own = [
        (source, state)
        for state in instance.all_instigator_state()
        if (source := _source_of(state, feature))
    ]
    running = {source for source, state in own if state.is_running}
    for source, state in own:
        # One of a code location that is gone may lie there stopped beside the one that runs.
        sign(root, feature.name, (KNOWN if source in running else STOPPED) + source)
        data = state.instigator_data
        ticked = data.last_tick_timestamp if isinstance(data, SensorInstigatorData) else None
        if source == OF_DAGSTER and source in running and ticked:
            sign(root, feature.name, source, at=_moment(ticked))


def _source_of(state: InstigatorState, feature: AiFeatureSpec) -> str | None:
    """The name of a sensor or schedule of the feature in the machinery; None for another's."""
    name, own = state.instigator_name, f"{feature.name}__"
    if not name.startswith(own):
        return None
    name = name.removeprefix(own)
    if state.instigator_type is InstigatorType.SCHEDULE:
        return f"schedule:{name.removesuffix('_schedule')}"
    return f"sensor:{name}"


def _moment(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
