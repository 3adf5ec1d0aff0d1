"""Which incident answers an alert: the one that is about its days and columns, or that a person
concluded when it was to be seen.

Whoever opens incidents and whoever judges whether somebody looked asks the same functions.
"""

from collections.abc import Mapping

from ai_ops.storage.incident_records import About, Incident
from ai_ops.vocabulary.alerts import Alert, column_alerts_of, is_well
from ai_ops.vocabulary.verdicts import RecordedVerdict
from ai_ops.vocabulary.words import AlertKind


def names(about: About, run: Alert) -> bool:
    """Whether what an incident is about is the alert's check, and one of its columns."""
    if about.item != run.item:
        return False
    return not about.columns or not run.columns or not set(about.columns).isdisjoint(run.columns)


def is_about(run: Alert, incident: Incident) -> bool:
    """Whether an incident is about these failing days."""
    return any(names(one, run) and run.begin <= one.begin <= run.last for one in incident.about)


def was_seen(run: Alert, incident: Incident, kind: AlertKind) -> bool:
    """Whether the alert, one of this ``kind``, was to be seen when a person concluded an incident.

    An incident of another kind that it joined speaks only for the checks that joined it.
    """
    if incident.alert != kind and run.item not in {one.item for one in incident.about}:
        return False
    return any(run.raised_at <= one.at for one in incident.ended)


def goes_on(run: Alert, incident: Incident) -> bool:
    """Whether the alert is a column of a genuine shift and came before that was resolved: that it
    comes and goes meanwhile is no other matter."""
    if not any(names(one, run) and one.columns for one in incident.about):
        return False
    return any(
        one.conclusion == "genuine_shift"
        and (one.resolved_at is None or run.raised_at <= one.resolved_at)
        for one in incident.ended
    )


def concluded_for(run: Alert, incident: Incident, kind: AlertKind) -> bool:
    """Whether what a person concluded of an incident answers an alert of this ``kind``."""
    if kind not in incident.alerts or not (incident.concluded_by or incident.earlier):
        return False
    if incident.concluded_by and (is_about(run, incident) or goes_on(run, incident)):
        return True
    return was_seen(run, incident, kind)


def is_over(incident: Incident, verdicts: Mapping[str, RecordedVerdict]) -> bool:
    """Whether one check's verdicts by day say at last that an incident that was concluded is over.

    The newest passes, or fails only by columns that the incident is not about and that began
    after its conclusion: those are another incident's.
    """
    newest = max(verdicts.items(), key=lambda pair: pair[0], default=None)
    if newest is None or newest[1].verdict.status == "pass":
        return newest is not None
    day, latest = newest
    own = incident.columns_of(latest.item)
    if incident.concluded_at is None or latest.verdict.status != "fail":
        return False
    if not own and any(one.item == latest.item for one in incident.about):
        return False
    if own and not is_well(latest, own):
        return False
    lasting = [run for run in column_alerts_of(latest.item, verdicts) if run.last == day]
    return all(run.columns and run.raised_at > incident.concluded_at for run in lasting)
