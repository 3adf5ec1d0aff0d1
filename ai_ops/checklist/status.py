"""How an AI feature stands now, gathered from the same reading as its checklists: one page."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.believed import SIGNED
from ai_ops.checklist.machinery import machinery_of
from ai_ops.checklist.overdue import lists_since, overdue_of
from ai_ops.checklist.reading import ITEMS, window_at
from ai_ops.checklist.status_incidents import incidents_of
from ai_ops.checklist.status_items import items_of
from ai_ops.checklist.status_records import (
    FeatureStatus,
    HeldBy,
    ItemStatus,
    Light,
    MachineSign,
    OpenIncident,
    OverdueSignOff,
)
from ai_ops.storage.believed import OPENING, believed
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Cadence, EventKind

STAY: Final = "May it stay live?"
LAUNCH: Final = "May it be launched?"

BELIEVED: Final = frozenset[EventKind]({*OPENING, *SIGNED, "incident_answered"})
"""What ends a hold, an incident or a question on this page only with its signature or evidence."""


def status_of(root: Root, feature: AiFeatureSpec) -> FeatureStatus:
    """How a feature stands by the clock of its root: every item that counts, and all that waits.

    Before its launch the six items of the first list count; after it (of a model that others launch
    always) all fourteen, each list from its first week or month of which a day was monitored.
    """
    as_of, mode = root.clock.now(), root.ledger.mode()
    standing, _ = believed(root, feature, kinds=BELIEVED)
    in_use = standing.launched is not None or not feature.trained_here
    question = STAY if in_use else LAUNCH
    begins = Window.of_day(feature.monitoring.start).start
    if as_of <= begins:
        return FeatureStatus(
            feature=feature.name,
            title=feature.title,
            as_of=as_of,
            mode=mode,
            question=question,
            light="amber",
            answer=f"Nobody can say: it is monitored from {begins:%Y-%m-%d} on",
            version=standing.live,
            live_since=_live_since(standing),
        )
    counted = _counted(feature, as_of, in_use=in_use)
    items = tuple(
        one
        for cadence in counted
        for one in items_of(root, feature, cadence, as_of, standing.open_incidents)
    )
    incidents = tuple(incidents_of(root, feature, standing, as_of))
    machinery = tuple(_silent(root, feature, as_of))
    overdue = tuple(_overdue(root, feature, standing, as_of))
    light, answer = _judged(items, incidents, overdue, machinery)
    return FeatureStatus(
        feature=feature.name,
        title=feature.title,
        as_of=as_of,
        mode=mode,
        question=question,
        light=light,
        answer=answer,
        version=standing.live,
        live_since=_live_since(standing),
        items=items,
        not_due=tuple(_not_due(counted, in_use=in_use)),
        incidents=incidents,
        holds=tuple(_holds(feature, standing)),
        overdue=overdue,
        machinery=machinery,
    )


def _judged(
    items: Sequence[ItemStatus],
    incidents: Sequence[OpenIncident],
    overdue: Sequence[OverdueSignOff],
    machinery: Sequence[MachineSign],
) -> tuple[Light, str]:
    """The light, and the answer in words: what speaks against it, the worst first."""
    failing = [one.title for one in items if one.status == "fail"]
    unseen = [one.title for one in items if one.status == "no_evidence"]
    left = [one.id for one in incidents if one.under_performing_since]
    late = [question for one in incidents for question in one.questions if question.overdue]
    dead = [one.source for one in machinery if one.state == "dead"]
    against = [f"{plural(len(failing), 'item')} failing" if failing else ""]
    against += [f"under-performing by incident {id}" for id in left]
    lacking = [f"evidence of {plural(len(unseen), 'item')} missing" if unseen else ""]
    lacking += [f"{plural(len(late), 'question')} overdue" if late else ""]
    lacking += [f"{plural(len(overdue), 'sign-off')} overdue" if overdue else ""]
    more = f" and {len(dead) - 1} more" if len(dead) > 1 else ""
    lacking += [f"no sign of life from {dead[0]}{more}" if dead else ""]
    bad, missing = [[one for one in said if one] for said in (against, lacking)]
    if bad:
        return "red", f"No: {'; '.join([*bad, *missing])}"
    if missing or not items:
        return "amber", f"Nobody can say: {'; '.join(missing) or 'no item counts yet'}"
    excused = sum(one.status == "waived" for one in items)
    told = f"{plural(len(items) - excused, 'item')} passing" + (
        f", {plural(excused, 'item')} excused by a person" if excused else ""
    )
    return "green", f"Yes: {told}"


def _counted(feature: AiFeatureSpec, as_of: datetime, *, in_use: bool) -> list[Cadence]:
    """The lists that count: the first alone until the launch, the others from their first window
    of which a day was monitored."""
    counted: list[Cadence] = ["pre_launch"]
    if not in_use:
        return counted
    begins = Window.of_day(feature.monitoring.start).start
    later: tuple[Cadence, ...] = ("weekly", "monthly")
    return counted + [one for one in later if window_at(one, as_of).end > begins]


def _not_due(counted: Sequence[Cadence], *, in_use: bool) -> Iterator[str]:
    why = "no day was monitored of the last one that is over" if in_use else "it is not launched"
    for cadence in ITEMS:
        if cadence not in counted:
            yield f"The {cadence} list does not count yet: {why}."


def _holds(feature: AiFeatureSpec, standing: Standing) -> Iterator[HeldBy]:
    command = f"ai-ops release {feature.name} --reason WHY"
    for one in standing.holds:
        yield HeldBy(one.by, one.reason, one.since, command)


def _overdue(
    root: Root, feature: AiFeatureSpec, standing: Standing, as_of: datetime
) -> Iterator[OverdueSignOff]:
    titles = {item.id: item.title for items in ITEMS.values() for item in items}
    for one in overdue_of(feature, standing, as_of, known_since=lists_since(root)):
        command = f"ai-ops sign-off {feature.name} {one.item} --by {one.owner}"
        yield OverdueSignOff(
            one.item,
            titles[one.item],
            one.cadence,
            one.partition,
            one.owner,
            one.days,
            one.words,
            command,
        )


def _silent(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Iterator[MachineSign]:
    """What of the machinery gave no sign of life in time, or never; a replay has none."""
    for one in machinery_of(root, feature, as_of):
        if one.state in ("dead", "never"):
            yield MachineSign(one.source, one.state, one.last_at, one.words)


def _live_since(standing: Standing) -> datetime | None:
    return standing.moves[-1].at if standing.moves else None
