"""How a feature stands by what was really decided: a row that nobody signed opens no way.

Whoever can write to the ledger's database can append a row to the chain. What such a row says
counts where it stops something (a hold, a rejection, an alert); where it opens a way it counts with
the signature of a person who might decide it then, handed in once and in time, or, where a machine
decides, with its evidence.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.answered import is_over
from ai_ops.storage.decision_checks import LIFE, verified_again
from ai_ops.storage.decision_fits import overtaken
from ai_ops.storage.ledger import Event
from ai_ops.storage.root import Root
from ai_ops.storage.standing import FOLDED, Incident, Place, Standing, further
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.errors import DecisionRefused
from ai_ops.vocabulary.words import EventKind

OPENING: Final = frozenset[EventKind](
    {
        "gate_freeze",
        "gate_amendment",
        "release",
        "incident_concluded",
        "incident_resolved",
        "incident_joined",
    }
)
"""What can open a way to production: it sets the criteria, or ends what forbids a promotion, or
says of an alert that an incident answers it."""

MACHINE: Final = "ai_ops"
"""Who resolved an incident, when no person did."""

RETRAINING: Final = "retraining"
"""What an incident of a failed retraining is about: no check, but the next one that ends."""

SAME_CAUSE: Final = frozenset({("accuracy_drop", "drift"), ("drift", "accuracy_drop")})
"""An alert of the first kind may join an incident of the second: the same people conclude both."""

OF_WRITERS: Final = ("volume_steady", "feed_alive")
"""What fails where nobody writes the log, and joins the incident of that."""


@dataclass(frozen=True, slots=True)
class Void:
    """A decision in the ledger that opens nothing, and why not; ``about`` names its incident."""

    kind: EventKind
    by: str
    about: str | None
    place: Place
    reason: str

    @property
    def words(self) -> str:
        """The decision, where it stands, and what is wrong with it."""
        about = f" of {self.about}" if self.about else ""
        return f"the {self.kind}{about} in block {self.place[0]} does not hold: {self.reason}"


def believed(
    root: Root,
    feature: AiFeatureSpec,
    *,
    kinds: Collection[EventKind] = OPENING,
    before: Place | None = None,
) -> tuple[Standing, tuple[Void, ...]]:
    """How the feature stands (``before`` a place of the ledger) without the decisions of these
    kinds that do not hold, and those decisions."""
    standing, void = Standing(), []
    for event in root.ledger.events(feature.name, kinds=FOLDED):
        place = event.block_seq, event.idx
        if before is not None and place >= before:
            break
        if event.kind in kinds and (wrong := _wrong(root, feature, event, standing)):
            said = event.payload
            about = said.get("incident")
            void.append(Void(event.kind, str(said.get("by")), about, place, wrong))
            continue
        standing = further(standing, event)
    return standing, tuple(void)


def _wrong(root: Root, feature: AiFeatureSpec, event: Event, standing: Standing) -> str | None:
    """Why a decision does not hold on what was so before it, or None when it does."""
    if event.kind == "incident_resolved":
        incident = standing.incident(str(event.payload.get("incident")))
        if incident is None or incident.concluded_at is None:
            return "nobody had concluded what it was"
        if event.payload.get("by") == MACHINE:
            return _unbacked(root, feature, incident, event, standing)
    if event.kind == "incident_joined":
        # Of a machine: it holds where a person is still to say what the incident is.
        return None if may_join(event, standing) else "no incident waits that it could join"
    try:
        decision = verified_again(root, feature, event, standing)
    except DecisionRefused as refused:
        return str(refused)
    if decision.nonce in standing.nonces:
        return "its signature stands in the ledger before"
    if not event.as_of - LIFE <= decision.at <= event.as_of:
        return f"it was signed on {decision.at:%Y-%m-%d}: a signature holds for {LIFE.days} days"
    return overtaken(decision.kind, decision.content, decision.at, standing)


def may_join(event: Event, standing: Standing) -> bool:
    """Whether the alert of a joining could be of the same cause as its incident, which waits for a
    person: else the conclusion of one owner would answer the alert of another."""
    said = event.payload
    incident = standing.incident(str(said.get("incident")))
    if incident is None or incident.state != "open":
        return False
    if said.get("alert") == incident.alert or (said.get("alert"), incident.alert) in SAME_CAUSE:
        return True
    return incident.item == "writers_alive" and said.get("item") in OF_WRITERS


def _unbacked(
    root: Root, feature: AiFeatureSpec, incident: Incident, event: Event, standing: Standing
) -> str | None:
    """Why a machine's resolution does not hold: bad data forbids until what alerted is well, on
    evidence that came after the conclusion. Of any other conclusion nothing hangs on it."""
    if incident.conclusion != "bad_data" or _is_mended(root, feature, incident, event, standing):
        return None
    since = f"{incident.concluded_at:%Y-%m-%d %H:%M}"
    return f"no evidence since {since} says that {incident.item} is well"


def _is_mended(
    root: Root, feature: AiFeatureSpec, incident: Incident, event: Event, standing: Standing
) -> bool:
    since = incident.concluded_at or event.as_of
    ended = [one.stages["evaluated"] for one in standing.retrainings if "evaluated" in one.stages]
    if incident.item == RETRAINING and any(utc(one["at"]) > since for one in ended):
        return True
    known = root.ledger.verdicts(feature.name, items=(incident.item,), as_of=event.as_of)
    moved = standing.moves[-1].at if standing.moves else None
    own = [one for one in known if moved is None or one.window.end > moved]
    last = max(own or known, key=lambda one: (one.window.start, one.as_of), default=None)
    if last is None or last.as_of <= since:
        return False
    days = {one.partition: one for one in own if one.partition}
    return last.verdict.status == "pass" or is_over(incident, days)
