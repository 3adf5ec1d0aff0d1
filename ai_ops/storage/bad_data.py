"""The days of which a person said that their data was bad: nothing is learnt from them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.incident_records import Ended
from ai_ops.storage.standing import Incident, Standing
from ai_ops.vocabulary.windows import Window

OF_DATA: Final = ("drift", "accuracy_drop")
"""The alerts that bad data raises: a cost or a crash is not made by what is in the rows."""


def bad_windows(feature: AiFeatureSpec, standing: Standing, as_of: datetime) -> tuple[Window, ...]:
    """The spans of bad data: from when it began, or may have begun, to the day on which its
    incident was resolved; what is not resolved is bad to this day."""
    found = (
        _window(feature, one, ended, as_of)
        for one in standing.incidents
        if not set(OF_DATA).isdisjoint(one.alerts)
        for ended in one.ended
        if ended.conclusion == "bad_data"
    )
    return tuple(sorted(set(found)))


def days_of(windows: Iterable[Window]) -> list[str]:
    """The ISO dates of the windows' days, each once, in order."""
    return sorted({day for window in windows for day in window.days()})


def _window(feature: AiFeatureSpec, incident: Incident, ended: Ended, as_of: datetime) -> Window:
    first = Window.of_day(incident.since or incident.begin).start
    if incident.since is None and incident.alert == "drift":
        # A window that alerts may hold bad days from its first day on.
        first -= timedelta(days=feature.drift.window_days - 1)
    again = (at for at in incident.reopened if at >= ended.at)
    last = ended.resolved_at or next(again, as_of)
    return Window(first, max(Window.of_day(last.date()).start, first + timedelta(days=1)))
