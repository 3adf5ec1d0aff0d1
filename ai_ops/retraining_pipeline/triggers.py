"""When a retraining is due, and when a promotion: decided from the ledger, by the clock's time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.retrainings import running, unanswered_drift
from ai_ops.storage.standing import Incident, Standing
from ai_ops.vocabulary.alerts import alerts_of
from ai_ops.vocabulary.verdicts import RecordedVerdict

LASTS: Final = 4
"""As many times the wait between two retrainings is a drift left to the last one's answer: alone it
is no sign yet that the version answers worse."""

FRESH: Final = timedelta(days=7)
"""An accuracy verdict that is older says nothing about the version of today."""


PLAUSIBLE: Final = "labels_plausible"
READ: Final = frozenset({"accuracy", PLAUSIBLE})
"""The checks whose verdicts tell whether a retraining is due."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """Why a retraining is due; ``key`` names the occasion, so that it starts one run only."""

    cause: str
    incident: str | None
    key: str


def due_retraining(
    feature: AiFeatureSpec,
    standing: Standing,
    verdicts: Sequence[RecordedVerdict],
    as_of: datetime,
) -> Trigger | None:
    """The retraining that is due at a moment, or None; ``verdicts`` are those on ``READ``.

    Due is one when the newest accuracy verdict is a confirmed gap of the live version, or when a
    person concluded a drift incident as a genuine shift; one at a time, none while a hold is open
    or before the feature was launched; and none while the labels look wrong, or a drift is
    concluded by nobody, for it would learn from them. One that was paused begins anew when the
    drift turned out to be no bad data.
    """
    retraining = feature.retraining
    if not retraining.automated or standing.holds or standing.launched is None:
        return None
    if running(standing, as_of) is not None or labels_look_wrong(verdicts, as_of):
        return None
    if unanswered_drift(standing):
        return None
    # One that was paused made nothing: the next one need not wait for it.
    made = (one.at for one in standing.retrainings if "paused" not in one.stages)
    latest = max(made, default=None)
    if latest is not None and as_of - latest < timedelta(days=retraining.wait_days):
        return None
    return (
        _worse(standing, verdicts, as_of)
        or _unanswered(standing, as_of)
        or _shifted(feature, standing, as_of)
        or _interrupted(standing, as_of)
    )


def labels_look_wrong(verdicts: Sequence[RecordedVerdict], as_of: datetime) -> bool:
    """Whether the newest day whose labels were judged lately had labels that look wrong."""
    judged = (one for one in verdicts if one.item == PLAUSIBLE and one.as_of <= as_of)
    newest = max(judged, key=lambda one: (one.partition or "", one.as_of), default=None)
    if newest is None or newest.verdict.status != "fail":
        return False
    return as_of - newest.as_of <= FRESH


def due_promotion(
    standing: Standing, obstacles: Callable[[str], Sequence[str]], champion: str | None
) -> tuple[str, str] | None:
    """The approved version that is not live yet, and the key of the attempt; None without one.

    The first attempt is always made: what is in the way is then recorded. A further one only when
    ``obstacles`` of the version are gone. A move that was recorded while the registry's alias
    (``champion``) stayed at the version before it is due too, to be completed.
    """
    if standing.moves:
        move = standing.moves[-1]
        if champion != move.version and champion == move.previous:
            return move.version, f"complete-{move.version}-{move.place[0]}"
    for approval in standing.approvals.values():
        version, place = approval.version, approval.place
        used = any(one.version == version and one.place > place for one in standing.moves)
        if not approval.approved or used or standing.launched is None:
            continue
        refused = [
            refusal
            for refusal in standing.refusals
            if (refusal.what, refusal.version) == ("promotion", version) and refusal.place > place
        ]
        if not refused:
            return version, f"promote-{version}-{place[0]}"
        if not obstacles(version):
            return version, f"promote-{version}-{place[0]}-after-{refused[-1].place[0]}"
    return None


def _shifted(feature: AiFeatureSpec, standing: Standing, as_of: datetime) -> Trigger | None:
    """Drift that a person found to be a genuine shift, and that no retraining answered since.

    One that lasts, while the gate found no candidate better, is tried again on newer data.
    """
    again = timedelta(days=LASTS * feature.retraining.wait_days)
    for incident in standing.incidents:
        concluded = incident.concluded_at
        if incident.alert != "drift" or incident.conclusion != "genuine_shift":
            continue
        if incident.state != "concluded" or concluded is None:
            continue
        answered = any(
            one.at >= concluded and "evaluated" in one.stages and as_of - one.at < again
            for one in standing.retrainings
        )
        if not answered:
            # A run that never came as far as the ledger is tried again on the next day.
            key = f"{incident.id}-{as_of.date()}"
            since = f"a genuine shift since {incident.begin}"
            return Trigger(f"drift, {since}: {incident.reason}", incident.id, key)
    return None


def _interrupted(standing: Standing, as_of: datetime) -> Trigger | None:
    """The newest retraining, if a drift paused it that a person found to be nothing, or a shift."""
    newest = standing.retrainings[-1] if standing.retrainings else None
    if newest is None or "paused" not in newest.stages:
        return None
    paused = [standing.incident(str(id)) for id in newest.stages["paused"].get("incidents", ())]
    conclusions = {one.conclusion for one in paused if one is not None}
    if not conclusions or not conclusions <= {"genuine_shift", "false_alarm", "other"}:
        return None
    told = ", ".join(f"{one.id} ({one.conclusion})" for one in paused if one is not None)
    key = f"{newest.id}-again-{as_of.date()}"
    return Trigger(f"{newest.cause}; it was paused by {told}", newest.incident, key)


def _worse(
    standing: Standing, verdicts: Sequence[RecordedVerdict], as_of: datetime
) -> Trigger | None:
    """A confirmed gap of the live version in the newest day that was judged."""
    newest = max(
        (one for one in verdicts if one.item == "accuracy" and one.as_of <= as_of),
        key=lambda one: (one.partition or "", one.as_of),
        default=None,
    )
    if newest is None or newest.verdict.status != "fail" or as_of - newest.as_of > FRESH:
        return None
    version = newest.verdict.observed.get("version")
    if version != standing.live or newest.as_of < standing.moves[-1].at:
        return None
    incident = _accuracy_incident(standing, verdicts)
    if incident is not None and incident.conclusion in ("bad_data", "false_alarm"):
        return None
    return Trigger(
        f"accuracy: {newest.verdict.reason}",
        incident.id if incident else None,
        f"accuracy-{version}-{newest.partition}",
    )


def _unanswered(standing: Standing, as_of: datetime) -> Trigger | None:
    """A confirmed gap of the live version that passed by before anything was tried."""
    for incident in standing.open_incidents:
        if incident.alert != "accuracy_drop" or incident.version != standing.live:
            continue
        asked = incident.conclusion not in ("bad_data", "false_alarm")
        tried = any(one.at >= incident.opened_at for one in standing.retrainings)
        if asked and not tried:
            key = f"{incident.id}-{as_of.date()}"
            return Trigger(f"accuracy: {incident.reason}", incident.id, key)
    return None


def _accuracy_incident(standing: Standing, verdicts: Sequence[RecordedVerdict]) -> Incident | None:
    """The incident that stands for the gap: while it is answered, and after it while what a person
    found to be a false alarm lasts."""
    since = standing.moves[-1].at  # what was said of another version's gap is not said of this
    known = [one for one in verdicts if one.item == "accuracy" and one.window.end > since]
    gap = alerts_of("accuracy", {one.partition or "": one for one in known})[-1]
    for one in reversed(standing.incidents):
        if "accuracy_drop" in one.alerts and one.state != "resolved":
            return one
        if (one.alert, one.conclusion) == ("accuracy_drop", "false_alarm") and one.concluded_at:
            return one if gap.raised_at <= one.concluded_at else None
    return None
